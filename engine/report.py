"""Self-contained HTML pages: a backtest's scores, and the newest forecasts of a store with how earlier ones turned out."""

from __future__ import annotations

import datetime as dt
import functools
import html
import importlib.util
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine import clock, figures, geography, published
from engine.domain import HOUR, LEAD_BUCKETS, LEVELS, MEDIAN, Consumer, Expected, FloatArray, QuantileForecast
from engine.evaluation import LEAK_ADVICE
from engine.store import FOREVER, Reader

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2329; --soft: #5b6670; --line: #d5dade; --page: #ffffff; --blue: #1f5f99; --warn: #9a3b00;
  --band: rgba(91,102,112,.16); --a0: #1f5f99; --a1: #c05a00; --a2: #2e7d4f; --a3: #7d4fa3; --a4: #a8324a; --a5: #5b6670;
  --a0f: rgba(31,95,153,.18); --a1f: rgba(192,90,0,.18); --a2f: rgba(46,125,79,.18); --a3f: rgba(125,79,163,.18); --a4f: rgba(168,50,74,.18); --a5f: rgba(91,102,112,.18); }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #9aa5af; --line: #3a434b; --page: #16191c; --blue: #6fb1ec; --warn: #ffab70;
  --band: rgba(154,165,175,.2); --a0: #6fb1ec; --a1: #f0a04b; --a2: #77c794; --a3: #bd96e0; --a4: #ee8195; --a5: #9aa5af;
  --a0f: rgba(111,177,236,.22); --a1f: rgba(240,160,75,.22); --a2f: rgba(119,199,148,.22); --a3f: rgba(189,150,224,.22); --a4f: rgba(238,129,149,.22); --a5f: rgba(154,165,175,.22); } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .4rem; } p { margin: .3rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .4rem 0 1rem; }
th, td { text-align: right; padding: .15rem .55rem; border-bottom: 1px solid var(--line); } th { color: var(--soft); font-weight: 500; }
th, td { white-space: nowrap; } th:first-child, td:first-child { text-align: left; padding-left: 0; }
.mark { display: inline-block; border: 2px solid var(--warn); color: var(--warn); font-weight: 600; padding: .1rem .6rem; margin: .4rem .4rem .4rem 0; }
.soft { color: var(--soft); } .alarm { border-left: 4px solid var(--warn); padding: .2rem .8rem; margin: .8rem 0; }
h3 { font-size: 1rem; margin: 1.2rem 0 .2rem; } .wide { overflow-x: auto; } summary { cursor: pointer; font-weight: 600; margin: .5rem 0; }
.days { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(26rem, 100%), 1fr)); gap: 1rem 2rem; } .days h3 { margin: .4rem 0 0; }
svg { width: 100%; height: auto; } svg text { fill: var(--soft); font-size: 12px; }
"""
#: Figures of a backtest table: key, heading, decimals.
_FIGURES = (
    ("n", "hours", 0),
    ("wape", "WAPE %", 2),
    ("mae", "MAE MWh", 1),
    ("rmse", "RMSE MWh", 1),
    ("bias", "bias MWh", 1),
    ("skill", "skill", 3),
    ("wql", "WQL %", 2),
    ("coverage_50", "50 % holds", 1),
    ("coverage_80", "80 % holds", 1),
    ("coverage_90", "90 % holds", 1),
    ("width_80", "width 80 %", 1),
)


def _page(title: str, marks: Sequence[str], body: Sequence[str], head: str = "") -> str:
    labels = "".join(f'<span class="mark">{html.escape(mark)}</span>' for mark in marks)
    head = f"{head}<title>{html.escape(title)}</title><style>{_STYLE}</style>"
    start = f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">{head}'
    return f"{start}<h1>{html.escape(title)}</h1>{labels}{''.join(body)}</html>\n"


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    lines = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{lines}</table>"


def _step(span: float) -> int:
    """Distance in MWh between at most five round values of an axis."""
    return next(s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 100_000) if span / s < 5)


def _number(value: object, decimals: int) -> str:
    return f"{value:,.{decimals}f}" if isinstance(value, int | float) and np.isfinite(value) else "no data"


def _figures(label: str, rows: Mapping[str, Mapping[str, Any]]) -> str:
    cells = [[name, *(_number(row[key], decimals) for key, _, decimals in _FIGURES)] for name, row in rows.items()]
    return _table([label, *(heading for _, heading, _ in _FIGURES)], cells)


@functools.cache
def plotly_script() -> str:
    """The text of plotly.js, which ships in the Python package; the package itself is slow to import and not needed."""
    spec = importlib.util.find_spec("plotly")
    places = spec.submodule_search_locations if spec else None
    script = Path(places[0], "package_data", "plotly.min.js") if places else None
    if script is None or not script.is_file():
        raise Expected("A page with figures needs plotly, which is not installed.", 'Install it: pip install "lastvagt[report]"')
    return script.read_text(encoding="utf-8")


#: Draws the figures in the colours of the style, again when the reader's colour scheme changes.
_DRAW = """
const buttons = [["toImage", "zoom2d", "pan2d", "resetScale2d"]];  // named, for one of the usual ones sends the data away
const figures = JSON.parse(document.getElementById("figures").textContent);
function draw() {
  const style = getComputedStyle(document.documentElement);
  const paint = figure => JSON.parse(JSON.stringify(figure).replace(/var\\((--\\w+)\\)/g, (_, name) => style.getPropertyValue(name).trim()));
  for (const [id, figure] of Object.entries(figures)) {
    const { data, layout } = paint(figure);
    Plotly.react(id, data, layout, { responsive: true, displaylogo: false, modeBarButtons: buttons });
  }
}
draw();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
"""
#: Nothing is fetched: the page works without a network, and a reader can be sure of it.
_OFFLINE = (
    '<meta http-equiv="Content-Security-Policy" '
    "content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:; form-action 'none'; base-uri 'none'\">"
)


def backtest_page(report: Mapping[str, Any]) -> str:
    """The page of what `evaluation.report` tells: interactive figures, stories of the worst days, and all scores as tables."""
    script, areas, drawn = plotly_script(), report["areas"], dict[str, figures.Figure]()
    escaped = {html.escape(area): found for area, found in areas.items()}

    def figure(name: str, made: figures.Figure) -> str:
        drawn[name] = made
        return f'<div id="{name}" style="height:{made["layout"]["height"]}px"></div>'

    body = [*_opening(report), *_comparisons(report, escaped, figure)]
    if any(found["rolling_28_days"]["day"] for found in areas.values()):
        body += ["<h2>Over time</h2>", figure("over_time", figures.over_time(escaped))]
    body += [
        "<h2>By month, hour and day</h2>",
        figure("by_month_and_hour", figures.by_month_and_hour(escaped)),
        figure("by_lead_and_day", figures.by_lead_and_day(escaped)),
        "<h2>Are the intervals right?</h2>",
        "<p>Share of hours with a load below each level. A calibrated forecast lies on the dashed line; with days that depend on each "
        "other as these do, chance keeps it inside the grey band 95 times of 100.</p>",
        figure("reliability", figures.reliability(escaped)),
        "<p>Probability integral transform: how often the load fell between neighbouring levels, over how often it should (dashed: 1). "
        "High ends mean intervals too narrow, a slope means a bias.</p>",
        figure("pit", figures.pit(escaped)),
        *_holidays(escaped, figure),
        *_worst_days(areas),
        "<h2>All scores</h2>",
    ]
    groups = (("month", "by_month"), ("day type", "by_day_type"), ("weekday", "by_weekday"), ("local hour", "by_hour"), ("lead time, h", "by_lead_h"))  # fmt: skip
    for area, found in areas.items():
        tables = "".join(_figures(title, found[key]) for title, key in groups)
        tables += _figures("holiday", {_day_name(row): row for row in found["holidays"]}) if found["holidays"] else ""
        body.append(
            f"<details><summary>{html.escape(geography.name(area, 'en'))}</summary><div class='wide'>{tables}</div></details>"
        )
    data = json.dumps(drawn).replace("<", "\\u003c")
    body.append("<noscript><p class='alarm'>The figures need JavaScript; the tables hold the same numbers.</p></noscript>")
    body.append(f'<script>{script}</script><script type="application/json" id="figures">{data}</script><script>{_DRAW}</script>')
    return _page(f"Backtest {report['from']} to {report['to']}", _marks(report), body, _OFFLINE)


def _marks(report: Mapping[str, Any]) -> list[str]:
    marks = {
        "SIMULATED DATA": report["simulated"],
        "EX POST": report["ex_post"],
        "IN SAMPLE: a model was trained on days it is tested on": report["in_sample"],
        "LEAK ALARM": report["leak_alarm"],
    }
    return [mark for mark, given in marks.items() if given]


def _opening(report: Mapping[str, Any]) -> list[str]:
    areas = report["areas"]
    knowledge = (
        "<b>Ex post:</b> inputs were used that nobody could have known at the time, such as weather as it turned out; "
        "real forecasts are less accurate."
        if report["ex_post"]
        else "<b>Ex ante:</b> every input was known at the moment of issue."
    )
    body = [
        f"<p>{knowledge} Issued {html.escape(report['issue'])}; every hour of each Danish day; "
        f"models {html.escape(', '.join(report['models']))}.</p>"
    ]
    for area, found in areas.items():
        if found["leak_alarm"]:
            body.append(
                f"<p class='alarm'><b>Leak alarm for {html.escape(area)}:</b> the autocorrelation of its errors at one hour is only "
                f"{_number(found['error_autocorrelation_1h'], 2)}. {html.escape(LEAK_ADVICE)}</p>"
            )
    heads = ("area", "hours", "WAPE %", "skill (95 % interval)", "WQL %", "80 % holds", "90 % holds", "width 80 %", "bias MWh", "error lag 1 h")  # fmt: skip
    rows = []
    for area, found in areas.items():
        interval = found["skill_interval_95"]
        rows.append(
            [
                geography.name(area, "en"), _number(found["n"], 0), _number(found["wape"], 2),
                _number(found["skill"], 3) + (f" ({interval[0]:.2f} to {interval[1]:.2f})" if interval else ""),
                *(_number(found[key], 2 if key == "wql" else 1) for key in ("wql", "coverage_80", "coverage_90", "width_80", "bias")),
                _number(found["error_autocorrelation_1h"], 2),
            ]
        )  # fmt: skip
    body.append(f"<div class='wide'>{_table(heads, rows)}</div>")
    body.append(
        "<p class='soft'>WAPE: sum of absolute errors over sum of load. Skill: 1 - MAE / MAE of seasonal_naive, the latest same weekday hour "
        "known at issue time; its interval is a 7-day block bootstrap. WQL: weighted quantile loss of the nine deciles. Error lag 1 h: "
        "autocorrelation of the error at one hour; about 0.9 is honest, 0.5 would be a leak.</p>"
    )
    return body


def _comparisons(report: Mapping[str, Any], escaped: figures.Areas, figure: Callable[[str, figures.Figure], str]) -> list[str]:
    areas = report["areas"]
    rivals = list(dict.fromkeys(rival for found in areas.values() for rival in found["comparisons"]))
    body = ["<h2>Against other forecasts</h2>"]
    for place, rival in enumerate(reversed(rivals)):
        if rival != "seasonal_naive":
            body.append(f"<h3>{html.escape(rival)}</h3>")
            if report["against"]["in_sample"]:
                body.append("<p class='alarm'>In sample: this other forecast was trained on days it is tested on.</p>")
            if report["against"]["ex_post"] != report["ex_post"]:
                body.append(
                    "<p class='alarm'>No fair race: only one of the two used inputs nobody could have known at the time.</p>"
                )
        else:
            body.append(
                "<h3>seasonal_naive</h3><p class='soft'>It names one value, so its weighted quantile loss is its absolute error.</p>"
            )
        rows = []
        for area, found in areas.items():
            for words, result in zip(("absolute error", "WQL"), found["comparisons"].get(rival, {}).values(), strict=False):
                low, high = result["relative_interval_95"] or (np.nan, np.nan)
                rows.append(
                    [
                        f"{geography.name(area, 'en')}, {words}", _number(result["mean_difference"], 2), _signed(result["relative_difference"]),
                        f"{low:+.1f} to {high:+.1f}" if np.isfinite(low) else "no data", _number(result["diebold_mariano"], 2),
                        "< 0.001" if (p := result["p_value"]) is not None and p < 0.001 else _number(p, 3), _number(result["days_won"], 0),
                        {True: "better", False: "worse", None: "no claim"}[result["better"]],
                    ]
                )  # fmt: skip
        body += [
            f"<p>{html.escape(area)}: {html.escape(found['comparisons'][rival]['absolute_error']['sentence'])}</p>"
            for area, found in areas.items()
            if rival in found["comparisons"]
        ]
        heads = ("daily loss", "difference MWh", "in %", "95 % interval", "Diebold-Mariano", "p", "days won %", "finding")
        body.append(f"<details><summary>The tests</summary><div class='wide'>{_table(heads, rows)}</div></details>")
        paths = [
            path["confidence_sequence"]["lower"]
            for found in areas.values()
            if (path := found["comparisons"].get(rival, {}).get("absolute_error"))
        ]
        if place == 0 and any(bound is not None for path in paths for bound in path):
            body.append(
                "<p class='soft'>Mean difference of the absolute error so far, % of the other's; below 0 is better. The shade is a 95 % confidence "
                "sequence: a claim may be made on the first day it leaves 0, however often one looked.</p>"
            )
            body.append(figure("confidence_sequences", figures.confidence_sequences(escaped, rival)))
    return body


def _signed(value: float | None, decimals: int = 1) -> str:
    return "no data" if value is None else f"{value:+,.{decimals}f}"


_DAY_NAMES = {"new_year": "New Year's Day", "may_1": "Labour Day", "new_years_eve": "New Year's Eve"}


def _day_name(row: Mapping[str, Any]) -> str:
    """A day in words: Sat 24 Dec 2022, Christmas Eve."""
    date = dt.date.fromisoformat(row["day"])
    special = _DAY_NAMES.get(row["special_day"], row["special_day"].replace("_", " ").title())
    if not special and row["day_type"] == "bridge_day":
        special = "bridge day"
    return f"{date:%a} {date.day} {date:%b %Y}" + (f", {special}" if special else "")


def _holidays(escaped: figures.Areas, figure: Callable[[str, figures.Figure], str]) -> list[str]:
    names = {row["day"]: _day_name(row) for found in escaped.values() for row in found["holidays"]}
    if not names:
        return []
    names = {day: names[day] for day in sorted(names)}
    ratios = []
    for area, found in escaped.items():
        special, other = (found["by_holiday"][key]["wape"] for key in ("holiday_or_bridge", "other"))
        if special and other:
            ratios.append(f"{area} {special:.2f} % against {other:.2f} %, {special / other:.2f} times")
    return [
        "<h2>Holidays one by one</h2>",
        f"<p>WAPE on holidays and bridge days against other days: {'; '.join(ratios)}.</p>",
        figure("holidays", figures.holidays(escaped, names)),
    ]


def _worst_days(areas: Mapping[str, Mapping[str, Any]]) -> list[str]:
    body = [
        "<h2>The worst days</h2>",
        "<p class='soft'>By WAPE of the day. MWh by Danish hour: observed load black or white, median and 80 % interval coloured, "
        "seasonal_naive dotted.</p>",
    ]
    for place, (area, found) in enumerate(areas.items()):
        days = "".join(
            f"<div><h3>{html.escape(_day_name(day))}: WAPE {_number(day['wape'], 1)} %</h3>{_day_chart(day, place)}<p>{_story(day)}</p></div>"
            for day in found["worst_days"]
        )
        opened = " open" if place == 0 else ""
        body.append(
            f"<details{opened}><summary>{html.escape(geography.name(area, 'en'))}</summary><div class='days'>{days}</div></details>"
        )
    return body


def _story(day: Mapping[str, Any]) -> str:
    """What was special about a bad day, in sentences."""
    share = 100 * abs(day["bias"]) / float(np.mean(day["observed"]))
    way = "high" if day["bias"] > 0 else "low"
    if (day["level_share"] or 0) >= 0.5:
        told = [f"{share:.1f} % too {way} through the day: an error of level."]
    else:
        told = [f"On the mean only {share:.1f} % too {way}: an error of shape."]
    told.append(f"Worst at {day['worst_hour']:02d}:00, {_signed(day['worst_error'], 0)} MWh.")
    if day["temperature"] is not None:
        anomaly = day["temperature_anomaly"]
        than = (
            "" if anomaly is None else f", {abs(anomaly):.1f} {'warmer' if anomaly > 0 else 'colder'} than the four weeks before"
        )
        told.append(f"{day['temperature']:.1f} °C{than}.")
    if day["load_over_reference"] is not None:
        over = day["load_over_reference"]
        told.append(
            f"Load {abs(over):.1f} % {'over' if over > 0 else 'under'} seasonal_naive, whose MAE was {_number(day['reference_mae'], 0)} "
            f"MWh against {_number(day['mae'], 0)}."
        )
    told.append(f"The 80 % interval held {_number(day['coverage_80'], 0)} % of the hours.")
    kind = day["day_type"].replace("_", " ")
    told.append(f"{kind.capitalize()}, tier {html.escape(day['tier'])}.")
    return " ".join(told)


def _day_chart(day: Mapping[str, Any], place: int, width: int = 480, height: int = 170) -> str:
    """Observed load, median, 80 % interval and reference of one day, as SVG."""
    series = {name: np.array(day[name], np.float64) for name in ("observed", "reference", "p10", "p50", "p90")}
    known = np.concatenate(list(series.values()))
    low, high = float(np.nanmin(known)), float(np.nanmax(known))
    left, bottom = 44, height - 20
    x = left + np.arange(len(series["observed"])) / max(len(series["observed"]) - 1, 1) * (width - left - 8)
    step = _step(high - low)

    def points(values: FloatArray, at: FloatArray = x) -> str:
        y = bottom - (values - low) / max(high - low, 1.0) * (bottom - 8)
        return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(at, y, strict=True) if np.isfinite(b))

    shapes = []
    for value in np.arange(np.ceil(low / step) * step, high, step):
        y = bottom - (value - low) / max(high - low, 1.0) * (bottom - 8)
        shapes.append(f'<line x1="{left}" x2="{width - 8}" y1="{y:.1f}" y2="{y:.1f}" stroke="var(--line)"/>')
        shapes.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{value:,.0f}</text>')
    shapes += [
        f'<text x="{x[i]:.1f}" y="{height - 4}" text-anchor="middle">{hour:02d}</text>'
        for i, hour in enumerate(day["local_hour"])
        if hour % 6 == 0
    ]
    band = points(np.concatenate([series["p90"], series["p10"][::-1]]), np.concatenate([x, x[::-1]]))
    shapes.append(f'<polygon points="{band}" fill="var({figures.COLOURS[place % len(figures.COLOURS)]}f)"/>')
    for name, colour, dash in (
        ("reference", "--soft", "2 3"),
        ("p50", figures.COLOURS[place % len(figures.COLOURS)], ""),
        ("observed", "--ink", ""),
    ):
        shapes.append(
            f'<polyline points="{points(series[name])}" fill="none" stroke="var({colour})" stroke-width="1.8" stroke-dasharray="{dash}"/>'
        )
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{day["day"]} in MWh">{"".join(shapes)}</svg>'


def overview_page(reader: Reader) -> str:
    """The newest forecast of every area as published, the week before it, and how earlier issues turned out."""
    body = []
    for area in geography.PRICE_AREAS:
        found = published.read(reader, Consumer(area), FOREVER)
        body.append(f"<h2>{html.escape(geography.name(area, 'en'))}</h2>")
        if found is None:
            body.append("<p>No forecast has been made.</p>")
            continue
        forecast = found.forecast
        reason = f" ({html.escape(forecast.reason.sentence)})" if forecast.reason else ""
        body.append(
            f"<p>Issued {clock.local(forecast.issue_time):%A %d %B %Y %H:%M} Danish time, tier {forecast.tier.value}{reason}, "
            f"model {html.escape(forecast.model_id)}. Bands hold 50, 80 and 90 %.</p>"
        )
        body.append(_chart(reader, forecast))
        scores = reader.scores(area, by="lead_bucket")
        rows = [
            [
                f"{LEAD_BUCKETS[bucket][0]}-{LEAD_BUCKETS[bucket][1]} h", f"{s.n:,}", _number(s.mae, 1), _number(s.wape, 2), _number(s.skill, 3),
                _number(s.coverage_80, 1), _number(s.coverage_90, 1),
            ]
            for bucket, s in scores.items()
        ]  # fmt: skip
        names = ("lead time", "pairs", "MAE MWh", "WAPE %", "skill", "80 % holds", "90 % holds")
        body.append(_table(names, rows) if rows else "<p>No hour has come true yet.</p>")
    return _page("Lastvagt", ["SIMULATED DATA"] if reader.simulated else [], body)


def _chart(reader: Reader, forecast: QuantileForecast, width: int = 960, height: int = 260) -> str:
    """Observed load of the week before and the fan of the forecast, as SVG."""
    start, end = forecast.issue_time - 7 * 24 * HOUR, int(forecast.valid_time[-1]) + HOUR
    times, observed = reader.truth(forecast.area, start, end, forecast.consumer_type)["newest"]
    low = min(float(forecast.quantiles.min()), float(observed.min(initial=np.inf)))
    high = max(float(forecast.quantiles.max()), float(observed.max(initial=0)))
    left, bottom = 52, height - 24

    def x(t: FloatArray) -> FloatArray:
        return left + (t - start) / (end - start) * (width - left - 8)

    def y(load: FloatArray) -> FloatArray:
        return bottom - (load - low) / max(high - low, 1.0) * (bottom - 10)

    def points(at: FloatArray, load: FloatArray) -> str:
        return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x(at), y(load), strict=True))

    hours = forecast.valid_time.astype(np.float64)
    shapes = []
    for share in (0.9, 0.8, 0.5):
        lower, upper = (forecast.quantiles[:, LEVELS.index(round(level, 2))] for level in ((1 - share) / 2, (1 + share) / 2))
        around = points(np.concatenate([hours, hours[::-1]]), np.concatenate([lower, upper[::-1]]))
        shapes.append(f'<polygon points="{around}" fill="var(--blue)" fill-opacity="0.18"/>')
    shapes.append(
        f'<polyline points="{points(hours, forecast.quantiles[:, MEDIAN])}" fill="none" stroke="var(--blue)" stroke-width="1.6"/>'
    )
    gaps = np.flatnonzero(np.diff(times) != HOUR) + 1
    for part, load in zip(np.split(times.astype(np.float64), gaps), np.split(observed, gaps), strict=True):
        shapes.append(f'<polyline points="{points(part, load)}" fill="none" stroke="var(--ink)" stroke-width="1.2"/>')
    now = float(x(np.array([float(forecast.issue_time)]))[0])
    shapes.append(f'<line x1="{now:.1f}" x2="{now:.1f}" y1="6" y2="{bottom}" stroke="var(--soft)" stroke-dasharray="3 3"/>')
    step = _step(high - low)
    for value in np.arange(np.ceil(low / step) * step, high, step):
        at = float(y(np.array([value]))[0])
        shapes.append(f'<text x="{left - 6}" y="{at + 4:.1f}" text-anchor="end">{value:,.0f}</text>')
    day = clock.local(start).date()
    while (midnight := clock.local_midnight(day)) < end:
        if midnight >= start:
            at = float(x(np.array([float(midnight)]))[0])
            shapes.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="6" y2="{bottom}" stroke="var(--line)"/>')
            shapes.append(f'<text x="{at + 3:.1f}" y="{height - 8}">{day:%a} {day.day}</text>')
        day += dt.timedelta(days=1)
    label = f"Load of {forecast.area} in MWh: last week and forecast"
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{label}">{"".join(shapes)}</svg><p class="soft">MWh per hour</p>'
