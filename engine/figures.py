"""Figures of a backtest's report: Plotly figures as plain dictionaries, whose colours are variables of the page's style."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from engine import geography

Figure = dict[str, Any]

#: Style variables of areas, in order.
COLOURS = ("--a0", "--a1", "--a2", "--a3", "--a4", "--a5")
_INK, _SOFT, _LINE = "var(--ink)", "var(--soft)", "var(--line)"


def _colour(place: int, fill: bool = False) -> str:
    return f"var({COLOURS[place % len(COLOURS)]}{'f' if fill else ''})"


def _spans(count: int, gap: float) -> list[tuple[float, float]]:
    """Shares of an axis that `count` panels take."""
    width = (1 - gap * (count - 1)) / count
    return [(i * (width + gap), i * (width + gap) + width) for i in range(count)]


class _Panels:
    """A figure of rows and columns of panels, the first at the top left."""

    def __init__(self, rows: int, columns: int, height: int, row_gap: float = 0.1, column_gap: float = 0.08) -> None:
        self.columns = columns
        self.data: list[dict[str, Any]] = []
        self.layout: dict[str, Any] = {
            "height": height,
            "margin": {"l": 56, "r": 12, "t": 44, "b": 44},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"color": _INK, "size": 12, "family": "system-ui, sans-serif"},
            "hoverlabel": {"bgcolor": "var(--page)", "bordercolor": _LINE, "font": {"color": _INK}},
            "legend": {"orientation": "h", "x": 0, "y": 1, "yref": "container", "yanchor": "top", "font": {"size": 12}},
            "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": _LINE, "activecolor": _INK},
            "annotations": [],
            "shapes": [],
        }
        self._legend: set[str] = set()
        for row, (bottom, top) in enumerate(reversed(_spans(rows, row_gap))):
            for column, (left, right) in enumerate(_spans(columns, column_gap)):
                number = self._number(row, column)
                axis = {
                    "gridcolor": _LINE,
                    "zeroline": False,
                    "linecolor": _LINE,
                    "automargin": False,
                    "tickfont": {"color": _SOFT},
                }
                self.layout[f"xaxis{number}"] = axis | {"domain": [left, right], "anchor": f"y{number}", "showgrid": False}
                self.layout[f"yaxis{number}"] = axis | {"domain": [bottom, top], "anchor": f"x{number}"}

    def _number(self, row: int, column: int) -> str:
        place = row * self.columns + column + 1
        return "" if place == 1 else str(place)

    def axes(self, row: int, column: int, x: Mapping[str, Any] | None = None, y: Mapping[str, Any] | None = None) -> None:
        """Set properties of a panel's axes."""
        number = self._number(row, column)
        self.layout[f"xaxis{number}"] |= x or {}
        self.layout[f"yaxis{number}"] |= y or {}

    def title(self, row: int, column: int, text: str) -> None:
        """Words over a panel."""
        number = self._number(row, column)
        x, y = self.layout[f"xaxis{number}"]["domain"][0], self.layout[f"yaxis{number}"]["domain"][1]
        self.layout["annotations"].append(
            {"text": text, "x": x, "y": y, "xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom",
             "showarrow": False, "font": {"color": _INK, "size": 13}}
        )  # fmt: skip

    def add(self, row: int, column: int, name: str, **trace: Any) -> None:
        """Put a trace into a panel; the first of each name is in the legend, and a click there hides all of that name."""
        number = self._number(row, column)
        shown = trace.pop("showlegend", True) and name not in self._legend
        if shown:
            self._legend.add(name)
        self.data.append(
            {
                "type": "scatter",
                "name": name,
                "legendgroup": name,
                "showlegend": shown,
                "xaxis": f"x{number}",
                "yaxis": f"y{number}",
            }
            | trace
        )

    def level(self, row: int, column: int, y: float) -> None:
        """A dashed line across a panel at a nominal value."""
        number = self._number(row, column)
        self.layout["shapes"].append(
            {"type": "line", "xref": f"x{number} domain", "yref": f"y{number}", "x0": 0, "x1": 1, "y0": y, "y1": y,
             "line": {"color": _INK, "width": 1, "dash": "dash"}}
        )  # fmt: skip

    def done(self, **layout: Any) -> Figure:
        """The figure."""
        return {"data": self.data, "layout": self.layout | layout}


#: What was found by area. Plotly reads tags in any text, so whoever calls escapes the codes.
Areas = Mapping[str, Mapping[str, Any]]


def over_time(areas: Areas) -> Figure:
    """WAPE, of the reference too, and coverage over the last 28 days."""
    panels = _Panels(3, 1, 640, row_gap=0.08)
    drawn = ((0, "wape", "solid"), (0, "reference_wape", "dot"), (1, "coverage_80", "solid"), (2, "coverage_90", "solid"))
    for place, (area, found) in enumerate(areas.items()):
        rolling = found["rolling_28_days"]
        for row, key, dash in drawn:
            panels.add(
                row, 0, area, x=rolling["day"], y=rolling[key], mode="lines",
                line={"color": _colour(place), "width": 1.8 if dash == "solid" else 1.3, "dash": dash},
                hovertemplate=f"{area} {_WORDS[key]} %{{y:.1f}} %<extra></extra>",
            )  # fmt: skip
    panels.title(0, 0, "WAPE of the last 28 days, %; dotted: seasonal_naive")
    panels.axes(0, 0, x={"matches": "x3", "showticklabels": False}, y={"rangemode": "tozero"})
    for row, nominal in ((1, 80), (2, 90)):
        panels.title(row, 0, f"Inside the {nominal} % interval, last 28 days, % of hours")
        panels.level(row, 0, nominal)
    panels.axes(1, 0, x={"matches": "x3", "showticklabels": False})
    return panels.done(hovermode="x unified")


_WORDS = {
    "wape": "WAPE",
    "reference_wape": "WAPE of seasonal_naive",
    "coverage_80": "80 % holds",
    "coverage_90": "90 % holds",
}


def by_month_and_hour(areas: Areas) -> Figure:
    """WAPE, coverage and interval width by month and by local hour."""
    panels = _Panels(3, 2, 680)
    rows = (
        ("wape", "WAPE, %"),
        ("coverage_80", "Inside the 80 % interval, %"),
        ("width_80", "Width of the 80 % interval, % of load"),
    )
    for row, (key, title) in enumerate(rows):
        for column, (group, words) in enumerate((("by_month", "by month"), ("by_hour", "by local hour"))):
            panels.title(row, column, f"{title}, {words}")
            for place, (area, found) in enumerate(areas.items()):
                labels = (
                    [f"{dt.date.fromisoformat(f'{month}-01'):%b %Y}" for month in found[group]]
                    if column == 0
                    else [int(h) for h in found[group]]
                )
                panels.add(
                    row, column, area, x=labels,
                    y=[figures[key] for figures in found[group].values()], mode="lines+markers",
                    line={"color": _colour(place), "width": 1.8}, marker={"size": 5},
                    hovertemplate=f"{area} %{{y:.1f}} %<extra></extra>",
                )  # fmt: skip
            panels.axes(
                row,
                column,
                x={"type": "category", "nticks": 7, "tickangle": 0} if column == 0 else {"dtick": 3},
                y={} if row == 1 else {"rangemode": "tozero"},
            )
        if key == "coverage_80":
            panels.level(row, 0, 80)
            panels.level(row, 1, 80)
    return panels.done(hovermode="x unified")


def by_lead_and_day(areas: Areas) -> Figure:
    """WAPE by lead time, weekday and day type."""
    panels = _Panels(1, 3, 300, column_gap=0.06)
    for place, (area, found) in enumerate(areas.items()):
        colour = _colour(place)
        most = max(figures["n"] for figures in found["by_lead_h"].values())
        lead = {h: figures for h, figures in found["by_lead_h"].items() if figures["n"] > most / 10}  # a 25th hour is no group
        panels.add(
            0, 0, area, x=[int(h) for h in lead], y=[figures["wape"] for figures in lead.values()], mode="lines+markers",
            line={"color": colour, "width": 1.8}, marker={"size": 5}, hovertemplate=f"{area} %{{y:.2f}} %<extra></extra>",
        )  # fmt: skip
        for column, group, names in (
            (1, "by_weekday", [name[:3] for name in found["by_weekday"]]),
            (2, "by_day_type", ["Working", "Saturday", "Sunday", "Holiday", "Bridge"]),
        ):
            panels.add(
                0, column, area, type="bar", x=names, y=[figures["wape"] for figures in found[group].values()],
                marker={"color": colour}, customdata=[figures["n"] for figures in found[group].values()],
                hovertemplate=f"{area} %{{y:.2f}} % of %{{customdata:,}} hours<extra></extra>",
            )  # fmt: skip
    for column, title in enumerate(("lead time, h", "weekday", "day type")):
        panels.title(0, column, f"WAPE, %, by {title}")
        panels.axes(0, column, x={"dtick": 6} if column == 0 else {}, y={"rangemode": "tozero"})
    return panels.done(hovermode="x unified", bargap=0.25, bargroupgap=0.08)


def reliability(areas: Areas) -> Figure:
    """Share of hours under each level against the level, with the band a calibrated forecast would stay in."""
    columns = min(len(areas), 3)
    rows = -(-len(areas) // columns)
    panels = _Panels(rows, columns, 330 * rows, row_gap=0.26 / rows)
    for place, (area, found) in enumerate(areas.items()):
        row, column = divmod(place, columns)
        table, colour = found["reliability"], _colour(place)
        percent = {name: [None if v is None else 100 * v for v in values] for name, values in table.items()}
        panels.title(row, column, geography.name(area, "en"))
        if None not in percent["low"]:
            panels.add(
                row, column, "band", showlegend=False, x=percent["level"] + percent["level"][::-1], y=percent["high"] + percent["low"][::-1],
                mode="lines", line={"width": 0}, fill="toself", fillcolor="var(--band)", hoverinfo="skip",
            )  # fmt: skip
        panels.add(row, column, "nominal", showlegend=False, x=[0, 100], y=[0, 100], mode="lines",
                   line={"color": _SOFT, "width": 1, "dash": "dash"}, hoverinfo="skip")  # fmt: skip
        panels.add(row, column, area, showlegend=False, x=percent["level"], y=percent["observed"], mode="lines+markers",
                   line={"color": colour, "width": 1.8}, marker={"size": 6},
                   hovertemplate="level P%{x:.0f}: %{y:.1f} % of hours below<extra></extra>")  # fmt: skip
        ends = {"range": [0, 100], "dtick": 20}
        panels.axes(row, column, x=ends | {"title": {"text": "level, %", "font": {"size": 12, "color": _SOFT}}}, y=ends)
    return panels.done()


def pit(areas: Areas) -> Figure:
    """How often the truth fell between neighbouring levels, against how often it should."""
    columns = min(len(areas), 3)
    rows = -(-len(areas) // columns)
    panels = _Panels(rows, columns, 260 * rows, row_gap=0.26 / rows)
    for place, (area, found) in enumerate(areas.items()):
        row, column = divmod(place, columns)
        edges, density = found["pit"]["edges"], found["pit"]["density"]
        spans = list(itertools.pairwise(edges))
        panels.title(row, column, geography.name(area, "en"))
        panels.add(
            row, column, area, showlegend=False, type="bar", x=[50 * (low + high) for low, high in spans], y=density,
            width=[100 * (high - low) for low, high in spans], marker={"color": _colour(place, fill=True), "line": {"color": _colour(place), "width": 1}},
            customdata=[[100 * low, 100 * high, 100 * d * (high - low)] for (low, high), d in zip(spans, density, strict=True)],
            hovertemplate="P%{customdata[0]:.0f} to P%{customdata[1]:.0f}: %{customdata[2]:.1f} % of hours<extra></extra>",
        )  # fmt: skip
        panels.level(row, column, 1)
        panels.axes(
            row, column, x={"range": [0, 100], "dtick": 20, "title": {"text": "level, %", "font": {"size": 12, "color": _SOFT}}}
        )
    return panels.done()


def holidays(areas: Areas, names: Mapping[str, str]) -> Figure:
    """WAPE of each special day, whose words are `names` by day, beside that of all other days."""
    days = list(names)
    panels = _Panels(1, 1, 90 + 22 * len(days))
    for place, (area, found) in enumerate(areas.items()):
        by_day = {row["day"]: row for row in found["holidays"]}
        rows = [by_day[day] for day in days if day in by_day]
        panels.add(
            0, 0, area, x=[row["wape"] for row in rows], y=[names[row["day"]] for row in rows], mode="markers",
            marker={"color": _colour(place), "size": 9}, customdata=[[row["bias"], row["reference_mae"], row["mae"]] for row in rows],
            hovertemplate=f"{area} WAPE %{{x:.1f}} %, bias %{{customdata[0]:+,.0f}} MWh, MAE %{{customdata[2]:,.0f}} MWh (seasonal_naive %{{customdata[1]:,.0f}})<extra></extra>",
        )  # fmt: skip
        if (usual := found["by_holiday"]["other"]["wape"]) is not None:
            panels.layout["shapes"].append(
                {"type": "line", "yref": "paper", "x0": usual, "x1": usual, "y0": 0, "y1": 1,
                 "line": {"color": _colour(place), "width": 1, "dash": "dot"}}
            )  # fmt: skip
    panels.axes(0, 0, x={"rangemode": "tozero", "showgrid": True, "title": {"text": "WAPE, %; dotted: all other days", "font": {"size": 12, "color": _SOFT}}},
                y={"autorange": "reversed", "automargin": True, "categoryorder": "array", "categoryarray": list(names.values())})  # fmt: skip
    return panels.done()


def confidence_sequences(areas: Areas, rival: str) -> Figure:
    """The mean difference to a rival so far, with bounds that hold on all days together."""
    names: Sequence[str] = [area for area, found in areas.items() if rival in found["comparisons"]]
    columns = min(len(names), 3)
    rows = -(-len(names) // columns)
    panels = _Panels(rows, columns, 290 * rows, row_gap=0.26 / rows)
    settled = [0.0]  # bounds of the first weeks would dwarf all later ones
    for place, area in enumerate(names):
        row, column = divmod(place, columns)
        path = areas[area]["comparisons"][rival]["absolute_error"]["confidence_sequence"]
        known = [i for i, low in enumerate(path["lower"]) if low is not None]
        day, mean, low, high = ([path[name][i] for i in known] for name in ("day", "mean", "lower", "upper"))
        settled += [bound for i in range(len(day) // 4, len(day)) for bound in (low[i], high[i])]
        panels.title(row, column, geography.name(area, "en"))
        panels.add(row, column, "bounds", showlegend=False, x=day + day[::-1], y=high + low[::-1], mode="lines", line={"width": 0},
                   fill="toself", fillcolor=_colour(place, fill=True), hoverinfo="skip")  # fmt: skip
        panels.add(row, column, area, showlegend=False, x=day, y=mean, mode="lines", line={"color": _colour(place), "width": 1.8},
                   hovertemplate="%{x|%-d %b %Y}: %{y:+.1f} %<extra></extra>")  # fmt: skip
        panels.level(row, column, 0)
    margin = 0.1 * (max(settled) - min(settled))
    for place in range(len(names)):
        y = {"range": [min(settled) - margin, max(settled) + margin]} if margin else {}
        panels.axes(*divmod(place, columns), x={"nticks": 4}, y=y | {"ticksuffix": " %"})
    return panels.done()
