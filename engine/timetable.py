"""What every job did last and when it is due next, and when every source is asked: the plan beside what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass

from engine import clock, plan
from engine.domain import HOUR, JobRun
from engine.store import Reader

#: Runs of a job that are read: how long it usually takes.
_RUNS = 20


@dataclass(frozen=True, slots=True)
class JobState:
    """A job with its newest runs, newest first, when it is due next, None where it only follows another, and whether it can be told to
    run."""

    job: str
    rhythm: plan.Rhythm
    runs: tuple[JobRun, ...]
    next_time: int | None
    runnable: bool

    @property
    def usual_s(self) -> int | None:
        """Seconds that half of its newest runs took at most; None before the first."""
        took = sorted(run.finished_at - run.started_at for run in self.runs if run.status != "missed")
        return took[len(took) // 2] if took else None


@dataclass(frozen=True, slots=True)
class SourceState:
    """When a dataset was asked last, None before the first time, and when it is asked next."""

    dataset: str
    every_s: int
    last_asked: int | None
    next_time: int


def jobs(reader: Reader, now: int) -> tuple[JobState, ...]:
    """Every job of the plan, in its order, and after them the look for updates where that is made; where no source is asked, the job
    that asks them never runs."""
    idle = plan.ASKS if reader.offline() else ""
    states = [
        JobState(
            job,
            rhythm,
            tuple(reader.job_runs(job, _RUNS)),
            None if job == idle else rhythm.next_time(now),
            job in plan.RUNNABLE and job != idle,
        )
        for job, rhythm in plan.JOBS.items()
    ]
    runs = tuple(reader.job_runs(plan.UPDATE, _RUNS))
    rhythm = plan.Rhythm(int(str(runs[0].detail["every_h"])) * HOUR) if runs else plan.Rhythm(0)
    if runs and now - runs[0].started_at < 2 * rhythm.every_s:
        states.append(JobState(plan.UPDATE, rhythm, runs, runs[0].started_at + rhythm.every_s, False))
    return tuple(states)


def document(reader: Reader, now: int, sources: Iterable[SourceState], told: Set[str]) -> dict[str, object]:
    """The same for JSON; a job that was told to run is due now."""
    return {
        "now": clock.iso(now),
        "simulated": reader.simulated,
        "jobs": [
            {
                "job": state.job,
                "every_s": state.rhythm.every_s,
                "after": state.rhythm.after,
                "last_started": clock.iso(state.runs[0].started_at) if state.runs else None,
                "last_status": state.runs[0].status if state.runs else "",
                "usual_s": state.usual_s,
                "next_time": clock.iso(now) if state.job in told else _iso(state.next_time),
                "can_be_run": state.runnable,
            }
            for state in jobs(reader, now)
        ],
        "sources": [
            {
                "dataset": source.dataset,
                "every_s": source.every_s,
                "last_asked": _iso(source.last_asked),
                "next_time": clock.iso(source.next_time),
            }
            for source in sources
        ],
    }


def _iso(moment: int | None) -> str | None:
    return None if moment is None else clock.iso(moment)
