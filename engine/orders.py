"""Which function carries out each decision of people, whether it came over HTTP or from the command line."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping
from typing import Any

from engine import decisions, peaks, roles, tables, unpacking
from engine.clock import Clock
from engine.config import Config
from engine.lineup import Lineup
from engine.store import Reader, Writer
from engine.store.decisions import ACCEPT, REJECT

log = logging.getLogger(__name__)

#: Carries out an order: its words in, what was recorded out; raises Expected where it is refused.
Order = Callable[[Mapping[str, Any]], dict[str, object]]


def by_path(config: Config, writer: Writer, reader: Reader, lineup: Lineup, clock: Clock) -> dict[str, Order]:
    """Every decision that needs no running engine, by the path it is sent to."""

    def change_roles(act: str, words: Mapping[str, Any]) -> dict[str, object]:
        change = lineup.decide(act, words, clock.now())
        log.info("%s: %s %s instead of %s.", change.who, change.act, change.to_id or "none", change.from_id or "none")
        return tables.role_change(change)

    def judge(verdict: str, words: Mapping[str, Any]) -> dict[str, object]:
        return decisions.judge(writer, reader, verdict, words, clock.now())

    def adjust(decide: Callable[..., dict[str, object]], words: Mapping[str, Any]) -> dict[str, object]:
        now = clock.now()
        recorded = decide(writer, reader, words, now)
        peaks.watch(writer, reader, now)  # what is published has changed
        return recorded

    return {
        **{f"/v1/models/{act}": functools.partial(change_roles, act) for act in roles.ACTS},
        **{f"/v1/quarantine/{verdict}": functools.partial(judge, verdict) for verdict in (ACCEPT, REJECT)},
        "/v1/adjustments/make": functools.partial(adjust, decisions.adjust),
        "/v1/adjustments/withdraw": functools.partial(adjust, decisions.withdraw),
        "/v1/kits/import": lambda words: unpacking.order(config, writer, reader, words, clock.now()),
    }
