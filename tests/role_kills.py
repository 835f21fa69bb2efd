"""Kills an engine that switches its champion to and fro, and looks who serves when it starts again; prints JSON.

python tests/role_kills.py FOLDER KILLS SEED KEYS

A life is a child, forked from a process that has imported everything and started no thread: the real `Service` on simulated sources
in a folder with two bundles. It says who serves and makes the issue of the next hour, then carries out orders to promote the one and
to go back to the other as fast as it can. A quarter of the kills come at any moment of its life, the others once it switches.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import bundles

from engine import issuing, site
from engine.clock import SimulatedClock, parse_utc
from engine.config import Config
from engine.domain import HOUR, Tier
from engine.service import Service
from engine.store import Reader

_START = parse_utc("2026-10-24T21:00Z")
_OLD, _NEW = "old", "new"
#: Longest time from the start, and from the first switch, to a kill.
_LIFE_S, _SWITCHING_S = 0.5, 0.1


def live(config: Config, now: int, to_parent: int) -> None:
    """Be an engine until somebody kills it."""

    def say(*words: Any) -> None:
        os.write(to_parent, json.dumps(words).encode() + b"\n")

    with Service(config, SimulatedClock(now)) as service:
        service.tick(now)
        issues = [service._reader.forecast(area, now) for area in ("DK1", "DK2")]
        made = [issue.model_id for issue in issues if issue is not None and issue.issue_time == now]
        serving = [bundle for bundle in service._lineup.settle(now).forecaster.bundles if bundle.tier is Tier.FULL]
        say("serves", serving[0].model_id if serving else "", made)
        if not is_new(config):
            say(service._carry_out("/v1/models/promote", {"model_id": _NEW, "who": "me"})["act"])
        while True:
            say(service._carry_out("/v1/models/rollback", {"tier": "full", "who": "me"})["act"])
            say(service._carry_out("/v1/models/promote", {"model_id": _NEW, "who": "me"})["act"])


def is_new(config: Config) -> bool:
    """Whether the newest switch that is stored was to the new bundle."""
    return acts(config)[-1:] == ["promote"]


def acts(config: Config) -> list[str]:
    """The switches that are stored, oldest first."""
    with contextlib.closing(Reader(config.database)) as reader:
        return [change.act for change in reader.roster.changes() if change.act != "challenge"]


def life(config: Config, now: int, chance: random.Random, kill: bool = True) -> list[list[Any]]:
    """Start an engine, kill it, and return what it had said; without `kill` it is killed once it has said who serves."""
    heard, to_parent = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(heard)
            live(config, now, to_parent)
        finally:
            os._exit(1)  # nothing of the parent's may run here
    os.close(to_parent)
    with os.fdopen(heard, "rb") as pipe:
        said = b""
        if kill and chance.random() < 0.25:
            time.sleep(chance.uniform(0, _LIFE_S))
        else:
            said = pipe.readline() + (pipe.readline() if kill else b"")
            time.sleep(chance.uniform(0, _SWITCHING_S) if kill else 0)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        said += pipe.read()
    if not os.WIFSIGNALED(status):
        raise RuntimeError("The engine ended before it was killed.")
    return [json.loads(line) for line in said.splitlines(keepends=True) if line.endswith(b"\n")]


def main(folder: Path, kills: int, seed: int) -> dict[str, object]:
    config = Config(
        data_dir=folder / "data", model_dir=folder / "shipped", simulated=True, port=0, backfill_days=30, fetch_settlement=False
    )
    bundles.copy(config.model_dir, _OLD)
    bundles.copy(config.own_model_dir, _NEW, "2026-02-01T00:00:00Z")
    chance, began = random.Random(seed), time.monotonic()
    life(config, _START, chance, kill=False)
    wrong, lost, issues, looks = list[object](), list[object](), 0, 0
    for number in range(1, kills + 2):
        before, expected = acts(config), _NEW if is_new(config) else _OLD
        said = life(config, _START + number * HOUR, chance, kill=number <= kills)
        looks += len(said[:1])
        issues += sum(len(words[2]) for words in said[:1])
        if said and said[0] != ["serves", expected, [expected] * 2]:
            wrong.append([number, expected, said[0]])
        stored, told = acts(config), [words[0] for words in said[1:]]
        made = stored[len(before) :]
        if stored[: len(before)] != before or made[: len(told)] != told or len(made) > len(told) + 1:
            lost.append([number, before[-1:], told, made])
    return {
        "kills": kills,
        "switches": len(acts(config)),
        "looks": looks,
        "issues": issues,
        "wrong": wrong,
        "lost": lost,
        "seconds": round(time.monotonic() - began, 1),
    }


if __name__ == "__main__":
    site.SHIPPED_MODELS = Path(sys.argv[4])
    issuing.first_lessons = lambda *_: {}  # takes seconds, and has no part in this
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
