"""How tables look in a terminal: columns under their names, and a head line that says what they hold."""

from __future__ import annotations

import contextlib
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence

from engine import clock
from engine.tables import Table


@contextlib.contextmanager
def progress(text: str) -> Iterator[Callable[[float], None] | None]:
    """A bar on standard error where a person looks at it."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(text, total=1.0)
        yield lambda share: bar.update(task, completed=share)


def tell(table: Table, form: str, show: Callable[[Table], None]) -> int:
    """Print a table as JSON, as CSV, or as `show` does it for people; returns the exit code."""
    if form == "json":
        print(json.dumps(table.document(), indent=2))
    elif form == "csv":
        sys.stdout.write(table.csv())
    else:
        show(table)
    return 0


def grid(names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Rows under the names of their columns; numbers to the right."""
    columns = [_cells(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in names]
    cells = [list(names), *(list(line) for line in zip(*columns, strict=True))]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    right = [bool(rows) and isinstance(value, int | float) for value in (rows[0] if rows else names)]
    for line in cells:
        text = [c.rjust(w) if r else c.ljust(w) for c, w, r in zip(line, widths, right, strict=True)]
        print("  ".join(text).rstrip())
    print()


def _cells(column: Sequence[object]) -> list[str]:
    """A column as text, its floats with as many decimals as their size needs."""
    floats = [v for v in column if isinstance(v, float) and math.isfinite(v)]
    decimals = 0 if all(v == round(v) for v in floats) else 1 if max(map(abs, floats)) >= 10 else 2
    return [_cell(v, decimals) for v in column]


def _cell(value: object, decimals: int) -> str:
    if not isinstance(value, float):
        return "" if value is None else str(value)
    return f"{value:.{decimals}f}" if math.isfinite(value) else "no data"


def _age(seconds: int) -> str:
    """The two largest units: 12 min, 2 h 20 min, 3 d 4 h."""
    minutes = max(0, seconds) // 60
    parts = [(minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "min")]
    first = next((i for i, (count, _) in enumerate(parts) if count), 2)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count) or "0 min"


def _marks(table: Table) -> str:
    return "".join(f", {name.upper()}" for name in ("simulated", "ex_post") if table.head.get(name))


def _whose(head: Mapping[str, object]) -> str:
    """The area, and the consumer type where that is not all of it."""
    return str(head["area"]) if head["consumer_type"] == "total" else f"{head['area']} {head['consumer_type']}"


def areas(table: Table) -> None:
    """Consumers, price areas first."""
    shown = ("area", "consumer_type", "name_en", "measure", "newest_load", "lag_h", "newest_issue")
    at = [table.columns.index(name) for name in shown]
    grid(shown, [tuple(row[i] for i in at) for row in table.rows])
    print("Loads add up exactly within one measure, and never across two.")


def hierarchy(table: Table) -> None:
    """Whose loads add up to whose; below them why others do not."""
    records = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    names = ("area", "consumer_type", "part_area", "part_consumer_type", "measure", "part_measure", "adds_up")
    grid(names, [tuple(record[name] for name in names) for record in records])
    for reason in dict.fromkeys(str(record["reason"]) for record in records if record["reason"]):
        print(reason)


def lags(table: Table) -> None:
    """How late loads are."""
    if table.rows:
        grid(table.columns, table.rows)
    else:
        print("No load is stored.")


def observations(table: Table) -> None:
    """Values by Danish time."""
    head = table.head
    print(f"{_whose(head)}, {head['quantity']}, truth {head['truth']}{_marks(table)}; {table.units['value']}, Danish time")
    grid(("hour", "value"), [(f"{clock.local(clock.parse_utc(str(t))):%a %d %b %H:%M}", value) for t, value in table.rows])


def forecast(table: Table, hours: int | None = None) -> None:
    """An issue: how old it is, and its hours in Danish time (None: all)."""
    head = table.head
    issued = f"issued {head['issue_time']}, {_age(int(str(head['age_s'])))} old ({head['freshness']})"
    print(f"{_whose(head)}, {issued}, tier {head['tier']}, model {head['model_id']}{_marks(table)}; MWh, Danish time")
    if head["untouched"]:
        print("As the model made it, without what operators changed.")
    if head["adjustments"]:
        print(f"Published with adjustments {head['adjustments']}; --untouched shows what the model says.")
    shown = ("p05", "p10", "p25", "p50", "p75", "p90", "p95", *(("adjustment",) if head["adjustments"] else ()))
    at = [table.columns.index(name) for name in shown]
    rows = [(f"{clock.local(clock.parse_utc(str(row[0]))):%a %d %b %H:%M}", row[1], *(row[i] for i in at)) for row in table.rows]
    grid(("hour", "part", *shown), rows[:hours])


def explanation(table: Table) -> None:
    """What each hour is made of: columns add up to the published median."""
    head = table.head
    made = f"issued {head['issue_time']}, tier {head['tier']}, model {head['model_id']}"
    print(f"{_whose(head)}, {made}{_marks(table)}; MWh, Danish time")
    _hours(table)
    if head["remade"] is False:
        print("The model, asked again, says something else: its inputs have changed since. The difference is in 'learned'.")


def changes(table: Table) -> None:
    """What moved each hour: columns add up from the median before to the published one."""
    head, before = table.head, table.head["before"]
    assert isinstance(before, dict)
    print(f"{_whose(head)}, issued {head['issue_time']}, before {before['issue_time']}{_marks(table)}; MWh, Danish time")
    for name in ("newest_load", "newest_weather", "model_id"):
        print(f"{name}: {before[name]} -> {head[name]}")
    _hours(table)


def _hours(table: Table) -> None:
    """Rows by Danish hour, without columns that say nothing."""
    rows = [(f"{clock.local(clock.parse_utc(str(row[0]))):%a %d %b %H:%M}", *row[1:]) for row in table.rows]
    told = [i for i in range(len(table.columns)) if any(row[i] == row[i] for row in rows)]  # NaN is not itself
    grid(["hour" if i == 0 else table.columns[i] for i in told], [tuple(row[i] for i in told) for row in rows])


def calibration(table: Table) -> None:
    """What each area and model learned: things below each other, groups of lead hours beside each other."""
    records = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    of = ("area", "consumer_type", "model_id", "learned_at")
    for identity in dict.fromkeys(tuple(r[name] for name in of) for r in records):
        mine = [r for r in records if tuple(r[name] for name in of) == identity]
        hours = {f"{r['first_lead_h']}..{r['last_lead_h']} h": r["hours"] for r in mine}
        things: dict[tuple[str, ...], list[str]] = {}
        for r in mine:
            nominal = "" if r["nominal"] is None else f"{r['nominal']:g}"
            things.setdefault((str(r["kind"]), str(r["name"]), nominal, str(r["unit"])), []).append(f"{r['value']:10.2f}")
        print(
            f"{_whose(mine[0])}, model {mine[0]['model_id']}, learned until {mine[0]['learned_at']}{_marks(table)}; by hours ahead"
        )
        lines = [("hours learned", "", "", "", *(f"{n:10d}" for n in hours.values())), *((*key, *v) for key, v in things.items())]
        grid(("what", "of", "nominal", "unit", *(f"{lead:>10}" for lead in hours)), lines)
    if not records:
        print("Nothing is learned yet: the first hours that come true after an issue teach.")


def scores(table: Table) -> None:
    """Scores by group."""
    print(f"{_whose(table.head)}, against {table.head['truth']} load, reference {table.head['reference']}{_marks(table)}")
    names = ("group", "n", "mae", "bias", "wape", "wql", "skill", "coverage_50", "coverage_80", "coverage_90")
    at = [table.columns.index(name) for name in names]
    grid(names, [tuple(row[i] for i in at) for row in table.rows])


def against_tso(table: Table) -> None:
    """Our errors beside the grid operator's."""
    head = table.head
    print(f"{head['area']}, hours of {head['days']} days, both as known at {head['issue']}{_marks(table)}; MWh")
    if not table.rows:
        print("The operator's forecast was not stored before any of them; it needs an ENTSO-E token and a day.")
        return
    grid(table.columns, table.rows)
    low, high = float(str(head["skill_low_95"])), float(str(head["skill_high_95"]))
    interval = "no interval under 14 days" if math.isnan(low) else f"95 % interval {low:+.3f} to {high:+.3f}"
    print(f"Skill against the operator (1 - MAE / MAE): {float(str(head['skill'])):+.3f}, {interval}.")


def models(table: Table) -> None:
    """Bundles with their roles; below them what there is to say about some."""
    shown = ("model_id", "tier", "role", "since", "trained_to", "origin", "signed_by")
    records = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    if not records:
        print("No bundle is known.")
        return
    grid(shown, [tuple(record[name] for name in shown) for record in records])
    for record in records:
        for name in ("problem", "evidence"):
            if record[name]:
                print(record[name])


def role_changes(table: Table) -> None:
    """Who decided what."""
    if table.rows:
        grid(table.columns, [tuple(word or "none" if 3 <= i <= 4 else word for i, word in enumerate(row)) for row in table.rows])
    else:
        print("Nobody has changed a role.")


def adjustment(record: Mapping[str, object]) -> str:
    """What an adjustment does, of whom and when."""
    amount = float(str(record["amount"]))
    what = f"{amount:+g} MWh an hour" if record["act"] == "add" else f"times {amount:g}"
    return f"{_whose(record)} {what} from {record['valid_start']} to {record['valid_end']}"


def adjustments(table: Table) -> None:
    """What operators changed, and below it what that was worth."""
    records = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    if not records:
        print("Nobody has adjusted a forecast.")
        return
    shown = ("state", "who", "scored_hours", "value_added", "reason")
    rows = [(record["adjustment_id"], adjustment(record), *(record[name] for name in shown)) for record in records]
    grid(("id", "what", *shown), rows)
    operators = table.head["operators"]
    assert isinstance(operators, list)
    for each in operators:
        print(f"{each['who']}: {each['value_added']:+.1f} MWh of absolute error saved over {each['scored_hours']} hours.")


def quarantine(table: Table) -> None:
    """Values set aside, with their reasons."""
    if table.rows:
        grid(table.columns, table.rows)
    else:
        print("No value was set aside.")
