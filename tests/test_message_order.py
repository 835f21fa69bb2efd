import contextlib
import dataclasses
import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import histories
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from engine import features
from engine.domain import DAY, HOUR, Flag, Observations, Series
from engine.store import Reader, Writer

NOW = 1_760_000_400 // HOUR * HOUR
DAYS = 9
#: What a message tells: hours, and how far each is from its usual load.
MESSAGES = st.lists(st.tuples(st.integers(0, DAYS * 24 - 1), st.integers(-3, 3)), min_size=1, max_size=8)
SERIES = Series("load", "DK1", "file")


class Post(RuleBasedStateMachine):
    """Messages that reach one store whole and in their order, and another split, doubled and in any order within their moment.

    Both begin as copies of one that holds the usual load.
    """

    usual: Path
    folders: Iterator[Path]
    examples = 0

    def __init__(self) -> None:
        super().__init__()
        Post.examples += 1
        folder = next(self.folders)
        folder.mkdir()
        self.writers = [Writer(Path(shutil.copy(self.usual, folder / name))) for name in ("plain", "odd")]
        for writer in self.writers:
            writer._db.execute("PRAGMA synchronous=OFF")  # what a power cut leaves is proved elsewhere
        self.readers = [Reader(writer.path) for writer in self.writers]
        self.moment = NOW
        self.sent: list[Observations] = []

    @rule(message=MESSAGES, chance=st.randoms(use_true_random=False), twice=st.booleans())
    def send(self, message, chance, twice) -> None:
        """Revisions of some hours, all at once."""
        self.moment += 60
        by_hour = dict(message)
        hours = NOW - DAYS * DAY + HOUR * np.array(sorted(by_hour), np.int64)
        value = histories.load_at(hours) + [by_hour[hour] for hour in sorted(by_hour)]
        whole = told(hours, value, self.moment)
        self.writers[0].put([whole], now=self.moment)
        rows = list(range(len(hours))) * (1 + twice)
        chance.shuffle(rows)
        cut = chance.randint(0, len(rows))
        for part in (rows[:cut], rows[cut:]):
            self.writers[1].put([told(hours[part], value[part], self.moment)], now=self.moment)
        self.sent.append(whole)

    @precondition(lambda self: self.sent)
    @rule()
    def repeat(self) -> None:
        """The last message comes again, half a minute later."""
        later = np.full(len(self.sent[-1]), self.moment + 30, np.int64)
        self.writers[1].put([dataclasses.replace(self.sent[-1], available_at=later)], now=self.moment + 30)

    def teardown(self) -> None:
        """Both know the same, and make the same features of it."""
        start, hours = features.window(self.moment)
        known = [reader.archive(start, start + hours * HOUR) for reader in self.readers]
        plain, odd = (archive.versions["load", "DK1", "total"] for archive in known)
        for name in ("valid_time", "available_at", "value", "flags"):
            np.testing.assert_array_equal(getattr(plain, name), getattr(odd, name))
        made = [
            features.build(archive.as_of(self.moment, start, hours), "DK1", self.moment + HOUR * np.arange(1, 25))
            for archive in known
        ]
        np.testing.assert_array_equal(made[0].values, made[1].values)
        for each in (*self.readers, *self.writers):
            each.close()


def told(hours: np.ndarray, value: np.ndarray, moment: int) -> Observations:
    return Observations(SERIES, hours, np.full(len(hours), moment, np.int64), value, np.full(len(hours), Flag.PLAIN, np.uint8))


def post(folder: Path, examples: int) -> int:
    Post.usual = folder / "usual"
    hours = NOW - DAYS * DAY + HOUR * np.arange(DAYS * 24, dtype=np.int64)
    with contextlib.closing(Writer(Post.usual)) as writer:
        writer.put([told(hours, histories.load_at(hours), NOW)], now=NOW)
    Post.folders, Post.examples = (folder / str(n) for n in itertools.count()), 0
    run_state_machine_as_test(
        Post,
        settings=settings(
            max_examples=examples,
            stateful_step_count=6,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    return Post.examples


def test_messages_split_doubled_and_shuffled_leave_the_same_store(tmp_path: Path) -> None:
    assert post(tmp_path, 8) >= 8


@pytest.mark.long
@pytest.mark.gate("E5", "Messages split, doubled and shuffled", target="2,000 sequences: identical table and identical features")
def test_two_thousand_sequences_of_messages_leave_the_same_store(tmp_path: Path, gate: Callable[[str], None]) -> None:
    examples = post(tmp_path, 2000)
    gate(f"{examples:,} sequences of up to 6 messages: every table and every matrix of features the same")
    assert examples >= 2000
