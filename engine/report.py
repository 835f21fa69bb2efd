"""Self-contained HTML pages: a backtest's scores, and the newest forecasts of a store with how earlier ones turned out."""

from __future__ import annotations

import datetime as dt
import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine import clock, geography
from engine.domain import HOUR, LEAD_BUCKETS, LEVELS, MEDIAN, FloatArray, QuantileForecast
from engine.store import Reader

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2329; --soft: #5b6670; --line: #d5dade; --page: #ffffff; --blue: #1f5f99; --warn: #9a3b00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #9aa5af; --line: #3a434b; --page: #16191c; --blue: #6fb1ec; --warn: #ffab70; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .4rem; } p { margin: .3rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .4rem 0 1rem; }
th, td { text-align: right; padding: .15rem .7rem; border-bottom: 1px solid var(--line); } th { color: var(--soft); font-weight: 500; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
.mark { display: inline-block; border: 2px solid var(--warn); color: var(--warn); font-weight: 600; padding: .1rem .6rem; margin: .4rem .4rem .4rem 0; }
.soft { color: var(--soft); } svg { width: 100%; height: auto; } svg text { fill: var(--soft); font-size: 12px; }
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


def _page(title: str, marks: Sequence[str], body: Sequence[str]) -> str:
    labels = "".join(f'<span class="mark">{html.escape(mark)}</span>' for mark in marks)
    head = f"<title>{html.escape(title)}</title><style>{_STYLE}</style>"
    start = f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">{head}'
    return f"{start}<h1>{html.escape(title)}</h1>{labels}{''.join(body)}</html>\n"


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    lines = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{lines}</table>"


def _number(value: object, decimals: int) -> str:
    return f"{value:,.{decimals}f}" if isinstance(value, int | float) and np.isfinite(value) else "no data"


def _figures(label: str, rows: Mapping[str, Mapping[str, Any]]) -> str:
    cells = [[name, *(_number(row[key], decimals) for key, _, decimals in _FIGURES)] for name, row in rows.items()]
    return _table([label, *(heading for _, heading, _ in _FIGURES)], cells)


def backtest_page(report: Mapping[str, Any]) -> str:
    """The page of what `replay.backtest` found."""
    marks = ["SIMULATED DATA"] if report["simulated"] else []
    if report["ex_post"]:
        marks.append("EX POST: inputs were used that nobody could have known at the time")
    if report["in_sample"]:
        marks.append("IN SAMPLE: a model was trained on days it is tested on")
    body = [
        f"<p>Issued {html.escape(report['issue'])}; every hour of each Danish day; models {html.escape(', '.join(report['models']))}.</p>",
        "<p class='soft'>Skill is 1 - MAE / MAE of seasonal_naive, the latest same weekday hour known at issue time.</p>",
        _figures("area", report["areas"]),
    ]
    for area, found in report["areas"].items():
        body.append(f"<h2>{html.escape(geography.name(area, 'en'))}</h2>")
        interval = found["skill_interval_95"]
        span = f"{interval[0]:.3f} to {interval[1]:.3f}" if interval else "no data"
        lag = _number(found["error_autocorrelation_1h"], 2)
        body.append(
            f"<p>95 % interval of the skill (7-day block bootstrap): {span}. Days won: {_number(found['days_won'], 0)} %. "
        )
        body.append(f"Error autocorrelation at one hour: {lag} (about 0.9 is honest, 0.5 would be a leak).</p>")
        for title, key in (
            ("month", "by_month"),
            ("day", "by_holiday"),
            ("local hour", "by_hour"),
            ("lead time, h", "by_lead_h"),
        ):
            body.append(_figures(title, found[key]))
    return _page(f"Backtest {report['from']} to {report['to']}", marks, body)


def overview_page(reader: Reader) -> str:
    """The newest forecast of every area, the week before it, and how earlier issues turned out."""
    body = []
    for area in geography.AREAS:
        forecast = reader.forecast(area)
        body.append(f"<h2>{html.escape(geography.name(area, 'en'))}</h2>")
        if forecast is None:
            body.append("<p>No forecast has been made.</p>")
            continue
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
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 100_000) if (high - low) / s < 5)
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
