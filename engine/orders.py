"""Which function carries out each decision of people, and who does: a command, or the engine that runs."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping
from typing import Any

from engine import access, decisions, kit_import, peaks, recovery, roles, settings, tables
from engine.clock import Clock
from engine.config import Config, Outside
from engine.lineup import Lineup
from engine.lock import AlreadyRuns, exclusive
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
        "/v1/backups/noted": lambda _: recovery.note(writer, reader, clock.now()),
        "/v1/kits/import": lambda words: kit_import.order(config, writer, reader, words, clock.now()),
    }


def decide(
    config: Config, path: str, words: Mapping[str, Any], clock: Clock, timeout_s: float = access.TIMEOUT_S
) -> dict[str, object]:
    """Carry out a decision (see `by_path`), here or by the engine that runs; returns what was recorded."""
    reader = Reader(config.database)
    try:
        with exclusive(config.data_dir):
            writer = Writer(config.database, reader.simulated)
            try:
                return by_path(config, writer, reader, Lineup(config, writer, reader), clock)[path](words)
            finally:
                writer.close()
    except AlreadyRuns as held:
        return to_engine(reader, held, path, words, timeout_s)
    finally:
        reader.close()


def set_setting(outside: Outside, name: str, value: str | None) -> None:
    """Change a setting (see `settings.change`), here or by the engine that runs."""
    try:
        with exclusive(outside.folder()):
            settings.change(outside, name, value)
    except AlreadyRuns as held:
        reader = Reader(outside.config().database)
        try:
            to_engine(reader, held, "/v1/settings/change", {"who": access.user(), "name": name, "value": value})
        finally:
            reader.close()


def to_engine(
    reader: Reader, held: AlreadyRuns, path: str, words: Mapping[str, Any], timeout_s: float = access.TIMEOUT_S
) -> dict[str, object]:
    """What the engine that holds the folder makes of an order."""
    engine = reader.engine()
    if engine is None:  # a command that writes, such as an import
        raise held
    endpoint = access.Endpoint(engine.url, access.read(reader.path.parent), timeout_s=timeout_s)
    answer: dict[str, object] = endpoint.post(path, words)
    return answer
