"""What is planned when, of jobs and of questions to sources."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine import plan
from engine.clock import parse_utc
from engine.domain import DAY, HOUR
from engine.plan import MINUTE, Rhythm, planned

START = parse_utc("2026-10-24T21:00Z")
EVERY = st.sampled_from([15 * MINUTE, HOUR, 6 * HOUR, DAY])
TIMES = st.integers(0, 4_000_000_000)


def test_the_plan_counts_from_its_offset() -> None:
    assert planned(START + 59 * MINUTE, HOUR, 5 * MINUTE) == START + 5 * MINUTE
    assert planned(START + 4 * MINUTE, HOUR, 5 * MINUTE) == START - 55 * MINUTE


@given(EVERY, st.integers(0, DAY), TIMES)
def test_what_was_done_is_due_again_at_the_next_time_and_not_before(every_s: int, offset_s: int, now: int) -> None:
    rhythm = Rhythm(every_s, offset_s % every_s)
    then = rhythm.next_time(now)
    assert then is not None
    assert now < then <= now + every_s
    assert not rhythm.is_due(now, then - 1)
    assert rhythm.is_due(now, then)


def test_a_clock_that_was_set_back_makes_everything_due() -> None:
    assert Rhythm(HOUR).is_due(START + DAY, START)
    assert plan.next_question(HOUR, START + DAY, None, START) == START
    assert plan.next_question(HOUR, START + DAY, START, START) == START


def test_what_only_follows_has_no_time_of_its_own() -> None:
    assert plan.JOBS["adapt"].next_time(START) is None


@given(EVERY, TIMES, st.integers(0, 3 * DAY), st.integers(0, 3 * DAY))
def test_a_source_that_fails_is_asked_after_a_minute_to_an_hour(every_s: int, since: int, failing_s: int, later: int) -> None:
    last = since + failing_s
    wait = plan.next_question(every_s, last, since, last + later) - last
    assert MINUTE <= wait <= min(every_s, HOUR)
    assert wait >= min(failing_s, every_s, HOUR)


def test_a_source_that_was_never_asked_is_asked_now() -> None:
    assert plan.next_question(6 * HOUR, -1, None, START) == START
    assert plan.next_question(6 * HOUR, START - MINUTE, None, START) == START + 3 * HOUR + 5 * MINUTE
