"""The orders of operators: adjusting a forecast, taking that back, and judging values that were set aside; and tables of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from engine import adjusting, clock, consumers
from engine.adjusting import Act, Adjustment, Refused, State
from engine.domain import Expected
from engine.roles import Pointless
from engine.store import Reader, Writer
from engine.store.decisions import ACCEPT, SetAside, Worth
from engine.tables import Missing, Table

ADJUSTMENT_COLUMNS = (
    *("adjustment_id", "area", "consumer_type", "act", "amount", "valid_start", "valid_end", "made_at", "expires_at"),
    *("who", "reason", "state", "withdrawn_at", "withdrawn_by", "withdrawn_for", "scored_hours", "value_added"),
)
Words = Mapping[str, Any]


def adjustments(reader: Reader, now: int, limit: int = 100) -> Table:
    """Adjustments, newest first, each with how things stand with it and what it was worth: MWh of absolute error saved.

    The head tells the same of all adjustments of each operator.
    """
    worth = reader.decisions.worth()
    rows = [
        tuple(_record(made, now, worth.get(made.adjustment_id, Worth())).values())
        for made in reader.decisions.adjustments(limit=limit)
    ]
    operators = [
        {"who": who, "scored_hours": its.hours, "value_added": round(its.value_added, 3)}
        for who, its in reader.decisions.worth_by_operator().items()
    ]
    head = {"simulated": reader.simulated, "operators": operators}
    return Table(head, ADJUSTMENT_COLUMNS, rows, {"value_added": "MWh"})


def adjust(writer: Writer, reader: Reader, words: Words, now: int) -> dict[str, object]:
    """Add to or multiply the forecast of a consumer; returns the adjustment as it is recorded. Raises `Refused` or `Missing`."""
    of = consumers.find(reader, words["area"], words.get("consumer_type") or "total", now)
    issue = reader.forecast(of.area, now, of.consumer_type)
    if issue is None:
        raise Missing("There is no forecast to adjust.", "Wait for the first issue; /v1/areas tells the newest.")
    start, end = _moment(words["valid_start"]), _moment(words["valid_end"])
    expires_at = _moment(words["expires_at"]) if words.get("expires_at") else end
    wanted = Adjustment(
        *(0, of, Act(words["act"]), float(words["amount"]), start, end, now, expires_at),
        *(words.get("who") or "somebody", words["reason"].strip()),
    )
    adjusting.check(wanted, now, float(issue.median.mean()))
    return _told(_record(writer.decisions.put_adjustment(wanted), now, Worth()))


def withdraw(writer: Writer, reader: Reader, words: Words, now: int) -> dict[str, object]:
    """Take an adjustment back for all hours to come; returns it. Raises `Missing`, or `Pointless` where it is over."""
    number = int(words["adjustment_id"])
    made = reader.decisions.adjustment(number)
    if made is None:
        raise Missing(
            f"There is no adjustment {number}.", "/v1/adjustments and `lastvagt-engine adjust list` tell which there are."
        )
    if (state := made.state(now)) is not State.ACTIVE:
        raise Pointless(f"Adjustment {number} is {state} already.", "There is nothing to do.")
    writer.decisions.withdraw(number, now, words.get("who") or "somebody", (words.get("reason") or "").strip())
    back = reader.decisions.adjustment(number)
    assert back is not None
    return _told(_record(back, now, reader.decisions.worth().get(number, Worth())))


def judge(writer: Writer, reader: Reader, verdict: str, words: Words, now: int) -> dict[str, object]:
    """Accept or reject a value that was set aside; returns it. Raises `Missing`, `Pointless` where it is decided, or `Refused`."""
    number = int(words["quarantine_id"])
    one = reader.decisions.set_aside(number)
    if one is None:
        raise Missing(f"No value was set aside as number {number}.", "/v1/quarantine and `lastvagt-engine quarantine` list them.")
    if one.verdict:
        raise Pointless(f"Somebody decided already: {one.verdict}, by {one.who}.", "There is nothing to do.")
    if verdict == ACCEPT and (one.value is None or not math.isfinite(one.value)):
        raise Refused("There is no number to accept.", "Reject it; the source may send the hour again.")
    writer.decisions.judge(number, verdict, words.get("who") or "somebody", now)
    judged = reader.decisions.set_aside(number)
    assert judged is not None
    return set_aside(judged)


def quarantine(reader: Reader, area: str | None = None, consumer_type: str | None = None, limit: int = 100) -> Table:
    """Values that were set aside as implausible, newest first, each with the reason, and the verdict where there is one."""
    rows = [tuple(set_aside(one).values()) for one in reader.decisions.quarantine(limit, area, consumer_type)]
    columns = (
        *("quarantine_id", "area", "consumer_type", "quantity", "source", "valid_time", "value", "reason"),
        *("verdict", "decided_at", "who"),
    )
    return Table({"simulated": reader.simulated}, columns, rows)


def set_aside(one: SetAside) -> dict[str, object]:
    """A value that was set aside, as a record."""
    return {
        "quarantine_id": one.quarantine_id,
        "area": one.consumer.area,
        "consumer_type": one.consumer.consumer_type,
        "quantity": one.quantity,
        "source": one.source,
        "valid_time": clock.iso(one.valid_time),
        "value": one.value,
        "reason": one.reason,
        "verdict": one.verdict,
        "decided_at": None if one.decided_at is None else clock.iso(one.decided_at),
        "who": one.who,
    }


def _record(made: Adjustment, now: int, worth: Worth) -> dict[str, object]:
    """An adjustment under the names of `ADJUSTMENT_COLUMNS`."""
    return {
        "adjustment_id": made.adjustment_id,
        "area": made.consumer.area,
        "consumer_type": made.consumer.consumer_type,
        "act": made.act.value,
        "amount": made.amount,
        "valid_start": clock.iso(made.valid_start),
        "valid_end": clock.iso(made.valid_end),
        "made_at": clock.iso(made.made_at),
        "expires_at": clock.iso(made.expires_at),
        "who": made.who,
        "reason": made.reason,
        "state": made.state(now).value,
        "withdrawn_at": None if made.withdrawn_at is None else clock.iso(made.withdrawn_at),
        "withdrawn_by": made.withdrawn_by,
        "withdrawn_for": made.withdrawn_for,
        "scored_hours": worth.hours,
        "value_added": round(worth.value_added, 3),
    }


def _told(record: dict[str, object]) -> dict[str, object]:
    """A record as JSON has it: None where there is no number."""
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in record.items()}


def _moment(text: str) -> int:
    try:
        return clock.parse_utc(text)
    except Expected as error:
        raise Refused(error.problem, error.remedy) from error
