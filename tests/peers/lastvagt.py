"""Lastvagt itself: its backtest over the days of the exercise, from the store and the bundles that the next two arguments name."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import exercise
import numpy as np

from engine import clock, replay
from engine.domain import HOUR, LEVELS
from engine.forecaster import Forecaster
from engine.store import Reader

LEAVES = ("DK1", "DK2")


def main() -> None:
    with np.load(sys.argv[1]) as given:
        last, hours = given["last"], given["hours"]
    store, models = Path(sys.argv[3]), Path(sys.argv[4])
    first_day, last_day = (clock.local(int(hour)).date() for hour in (last[0], last[-1]))
    began = time.process_time()
    found = replay.collect(Reader(store), Forecaster(models, store.parent), first_day, last_day, (*LEAVES, "DK"))
    if not any(tier == "full" for tiers in found.tiers.values() for tier in tiers.values()):
        sys.exit("No bundle fits this engine; run make bench-accuracy.")
    seconds = time.process_time() - began
    asked = np.concatenate([np.arange(end - (n - 1) * HOUR, end + HOUR, HOUR) for end, n in zip(last, hours, strict=True)])
    answers = {}
    for area, pairs in found.pairs.items():
        answers[area] = np.full((len(asked), len(LEVELS)), np.nan)
        answers[area][np.searchsorted(asked, pairs.valid_time)] = pairs.quantiles
    np.savez(sys.argv[2], levels=np.array(LEVELS), **answers)
    manifests = [path for path in models.glob("*/manifest.json") if path.parent.name in found.models]
    training_s = sum(json.loads(path.read_text())["seconds"] for path in manifests)
    exercise.tell(training_s, seconds / len(last) / len(LEAVES), ("lastvagt", "onnxruntime"))


if __name__ == "__main__":
    main()
