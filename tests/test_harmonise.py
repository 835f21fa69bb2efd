import numpy as np
import pytest

from engine import clock
from engine.domain import DAY, HOUR, Flag, FloatArray
from engine.store import FOREVER, Archive
from engine.store.archive import Versions
from models import harmonise

START = clock.parse_utc("2024-01-01T00:00Z")
KEY = ("wind_speed", "DK", "total")
HOURS = START + HOUR * np.arange(500 * 24, dtype=np.int64)


def versions(hours: np.ndarray, values: FloatArray, rank: int = 0, known_after_s: int = -9 * DAY) -> Versions:
    n = len(hours)
    return Versions.sort(hours, np.full(n, rank), hours + known_after_s, values, np.full(n, Flag.EX_POST, np.uint8))


def sources(overlap_days: int = 120) -> tuple[Archive, dict[str, Archive], FloatArray]:
    """An open coast that begins late, an inland point that ends `overlap_days` after, and what the coast had."""
    rng = np.random.default_rng(3)
    coast = 6 + 2 * np.sin(HOURS / (2.3 * DAY)) + np.sin(HOURS / (0.7 * DAY))
    inland = 0.5 * coast + 0.3 + rng.normal(0, 0.2, len(HOURS))
    begins, ends = 250 * 24, (250 + overlap_days) * 24
    alone = {
        "coast": Archive({KEY: versions(HOURS[begins:], coast[begins:])}),
        "inland": Archive({KEY: versions(HOURS[:ends], inland[:ends], 1)}),
    }
    both = [alone[name].versions[KEY] for name in alone]
    merged = Versions.sort(
        np.concatenate([v.valid_time for v in both]),
        np.repeat([0, 1], [len(v.valid_time) for v in both]),
        np.concatenate([v.available_at for v in both]),
        np.concatenate([v.value for v in both]),
        np.concatenate([v.flags for v in both]),
    )
    return Archive({KEY: merged, ("load", "DK1", "total"): versions(HOURS, np.ones(len(HOURS)))}), alone, coast


def grid(archive: Archive) -> FloatArray:
    return archive.as_of(FOREVER, START, len(HOURS)).values[KEY]


def test_the_lesser_source_speaks_on_the_scale_of_the_preferred_one() -> None:
    archive, alone, coast = sources()
    made, (link,) = harmonise.harmonise(archive, alone, {KEY: ["coast", "inland"]})
    before, after = (np.abs(grid(a) - coast)[100 : 250 * 24].mean() for a in (archive, made))
    assert before > 2
    assert after < 0.35
    np.testing.assert_array_equal(grid(made)[250 * 24 :], coast[250 * 24 :])
    assert (link.source, link.preferred, link.overlap_h, link.filled_h) == ("inland", "coast", 120 * 24, 250 * 24)
    assert 0.9 < link.correlation_before < link.correlation <= 1
    assert made.versions[("load", "DK1", "total")] is archive.versions[("load", "DK1", "total")]


@pytest.mark.parametrize("order", [["coast", "inland"], ["coast"]])
def test_what_shares_too_little_stays_as_it_is(order: list[str]) -> None:
    archive, alone, _ = sources(overlap_days=30)
    made, links = harmonise.harmonise(archive, alone, {KEY: order} if len(order) > 1 else {})
    assert not links
    np.testing.assert_array_equal(grid(made), grid(archive))


def test_versions_of_an_hour_keep_their_differences_and_when_they_were_known() -> None:
    archive, alone, _ = sources()
    older = alone["inland"].versions[KEY]
    n = len(older.valid_time)
    twice = Versions.sort(
        np.tile(older.valid_time, 2), np.ones(2 * n, np.int64), np.concatenate([older.available_at, older.available_at + DAY]),
        np.concatenate([older.value + 1.5, older.value]), np.tile(older.flags, 2),
    )  # fmt: skip
    made, _ = harmonise.harmonise(archive, alone | {"inland": Archive({KEY: twice})}, {KEY: ["coast", "inland"]})
    early = made.versions[KEY]
    first = early.valid_time == HOURS[500]
    assert np.diff(early.value[first]) == pytest.approx([-1.5])
    assert np.diff(early.available_at[first]) == pytest.approx([DAY])


def test_calibrated_wind_is_never_negative() -> None:
    archive, alone, _ = sources()
    calm = alone["inland"].versions[KEY]
    still = Versions(calm.valid_time, calm.available_at, np.where(calm.valid_time < HOURS[2400], -9.0, calm.value), calm.flags)
    made, _ = harmonise.harmonise(archive, alone | {"inland": Archive({KEY: still})}, {KEY: ["coast", "inland"]})
    assert grid(made).min() >= 0
