"""The story of the program, one function a job: fetch and keep what is new, forecast, score what came true, keep house.

Every job keeps its own `JobRun`; a fault of the world (`Expected`) is told there and as an event, and never leaves the job.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from engine import clock, contest, features, geography, issuing, lag, plausibility, shadow, sources, verification
from engine.clock import Clock
from engine.config import Config
from engine.contest import Verdict
from engine.domain import (
    DAY,
    HOUR,
    INPUTS,
    Expected,
    JobRun,
    Observations,
    QuantileForecast,
)
from engine.forecaster import Forecaster
from engine.lineup import Duel
from engine.store import TRUTHS, Archive, PutResult, Reader, Writer
from engine.store.reader import SeriesState

log = logging.getLogger("lastvagt")


Progress = Callable[[float], None]


class _Story:
    """What a job has to tell while it runs."""

    def __init__(self) -> None:
        self.detail: dict[str, object] = {}
        self.troubles: list[Expected] = []

    def trouble(self, problem: Expected) -> None:
        self.troubles.append(problem)
        log.warning("%s %s", problem.problem, problem.remedy)


@contextmanager
def _job(writer: Writer, name: str, now: Callable[[], int]) -> Iterator[tuple[_Story, list[JobRun]]]:
    """Run a job: whatever happens, its run is kept; Expected ends it quietly, anything else goes on to the caller."""
    story, kept, started = _Story(), list[JobRun](), now()
    status = "ok"
    try:
        yield story, kept
    except Expected as problem:
        story.trouble(problem)
    except BaseException as bug:
        status = "bug"
        story.troubles.append(Expected(f"{type(bug).__name__}: {bug}", "See the log; this is a fault of the program."))
        raise
    finally:
        if story.troubles and status == "ok":
            status = "expected"
        problems = " ".join(t.problem for t in story.troubles)
        remedies = " ".join(dict.fromkeys(t.remedy for t in story.troubles))
        kept.append(JobRun(name, started, now(), status, problems, remedies, story.detail))
        writer.put_job_run(kept[0])


def ingest(
    writer: Writer, reader: Reader, live: Sequence[sources.LiveSource], transport: sources.Transport, time: Clock
) -> JobRun:
    """Ask each source for what is new and keep it; one that fails does not stop the others, and is an open event until it answers."""
    with _job(writer, "ingest", time.now) as (story, kept):
        states = reader.series()
        for source in live:
            try:
                newest = newest_of(states, source)
                requests = source.requests(time.now(), newest)
                if requests:
                    story.detail[source.dataset] = _take(writer, reader, source, requests, transport, time)
                    writer.close_event("source", source.dataset, time.now())
            except Expected as problem:
                story.trouble(problem)
                writer.open_event("source", source.dataset, problem.problem, problem.remedy, time.now())
    return kept[0]


def watch_lag(writer: Writer, reader: Reader, now: int) -> None:
    """Keep an open event for each source whose load stands still, unless it is one already that the source fails."""
    failing = {part for event in reader.events() if event.code == "source" for part in event.subject.split("/")}
    troubles = lag.standing_still(lag.measure(reader, now))
    for source, trouble in troubles.items():
        if source not in failing:
            writer.open_event("stalled", source, trouble.problem, trouble.remedy, now)
    for event in reader.events():
        if event.code == "stalled" and event.subject not in troubles:
            writer.close_event("stalled", event.subject, now)


def newest_of(states: Sequence[SeriesState], source: sources.LiveSource) -> int | None:
    """Newest hour that every series of a source reaches; None when the store has none of them."""
    provider = source.dataset.partition("/")[0]
    newest = [s.newest_valid for s in states if s.source == provider and s.quantity in source.quantities]
    return min(newest) if newest else None


def _take(
    writer: Writer,
    reader: Reader,
    source: sources.Source,
    requests: Sequence[sources.Request],
    transport: sources.Transport,
    time: Clock,
) -> Mapping[str, int]:
    total = PutResult()
    for request in requests:
        body = sources.fetch(request, transport, writer, time)
        total += keep(writer, reader, source.parse(request, body, time.now()), time.now())
    return total.counts()


def keep(writer: Writer, reader: Reader, batches: Sequence[Observations], now: int) -> PutResult:
    """Keep what is plausible, set the rest aside with its reason; all in one transaction."""
    accepted, rejected = [], []
    for batch in batches:
        if not len(batch):
            continue
        start = int(batch.valid_time.min()) - plausibility.LOOKBACK_DAYS * DAY
        hours = (int(batch.valid_time.max()) - start) // HOUR + 1
        recent = None
        if batch.series.quantity == "load":
            archive = reader.archive(
                start, start + hours * HOUR, [batch.series.area], sources=[batch.series.source], quantities=["load"]
            )
            recent = archive.as_of(now, start, hours)
        good, bad, reasons = plausibility.check(batch, recent)
        accepted.append(good)
        if len(bad):
            rejected.append((bad, reasons))
    return writer.put(accepted, rejected, now)


def import_file(
    writer: Writer,
    reader: Reader,
    path: Path,
    file_format: str,
    known_after_s: int | None,
    now: int,
    progress: Progress | None = None,
) -> JobRun:
    """Keep the values of a file; importing it again changes nothing."""
    with _job(writer, "import", lambda: now) as (story, kept):
        total, areas = PutResult(), dict[str, str | None]()
        try:
            for batches in sources.read_file(path, file_format, known_after_s, now, progress):
                total += keep(writer, reader, batches, now)
                areas |= {batch.series.area: geography.meant_by(batch.series.area) for batch in batches}
        finally:
            story.detail |= {"file": path.name, **total.counts()}
            typos = [f"'{area}' (did you mean {meant}?)" for area, meant in areas.items() if meant not in (None, area)]
            if typos:
                story.detail["unknown areas"] = ", ".join(typos)
                log.warning("%s names areas that are kept but that nothing forecasts: %s.", path.name, ", ".join(typos))
    return kept[0]


def backfill(
    writer: Writer,
    reader: Reader,
    past: Sequence[sources.HistorySource],
    transport: sources.Transport,
    time: Clock,
    start: int,
    end: int,
    progress: Progress | None = None,
) -> JobRun:
    """Fetch the hours of [start, end) from every source that reaches back, a slice at a time; what is stored stays."""
    with _job(writer, "backfill", time.now) as (story, kept):
        plan = [(source, request) for source in past for request in source.history_requests(start, end)]
        for done, (source, request) in enumerate(plan):
            try:
                counts = _take(writer, reader, source, [request], transport, time)
                story.detail[source.dataset] = counts["new"] + int(str(story.detail.get(source.dataset, 0)))
            except Expected as problem:
                story.trouble(problem)
            if progress:
                progress((done + 1) / len(plan))
    return kept[0]


def forecast(
    writer: Writer, reader: Reader, forecaster: Forecaster, issue_time: int, now: int, duels: Sequence[Duel] = ()
) -> JobRun:
    """Issue forecasts of every area from what was known at `issue_time`, best tier each area's inputs allow, and publish them.

    The challengers of `duels` issue too, in shadow.
    """
    with _job(writer, "forecast", lambda: now) as (story, kept):
        start, hours = features.window(issue_time)
        archive = reader.archive(start, start + hours * HOUR, known_until=issue_time, quantities=INPUTS, newest_only=True)
        learned = issuing.lessons(reader, forecaster, issue_time)
        issues = issuing.make_issues(archive, forecaster, issue_time, reader.calibrations() | learned)
        writer.put_forecasts(issues, now, learned)
        story.detail |= {"issue_time": clock.iso(issue_time), "tiers": {f.area: f.tier.value for f in issues}}
        if issues and duels:
            made = {duel.challenger.model_id: _shadow(writer, reader, archive, duel, issues, now) for duel in duels}
            story.detail["shadow_issues"] = made
        missing = [area for area in geography.PRICE_AREAS if area not in {f.area for f in issues}]
        if missing:
            raise Expected(
                f"No forecast could be made for {', '.join(missing)}.", "Import load of these areas, or wait for the next fetch."
            )
        for issue in issues:
            if issue.reason:
                writer.open_event(
                    "tier", issue.area, issue.reason.sentence, f"The tier '{issue.tier.value}' is used meanwhile.", now
                )
            else:
                writer.close_event("tier", issue.area, now)
    return kept[0]


def _shadow(writer: Writer, reader: Reader, archive: Archive, duel: Duel, issues: Sequence[QuantileForecast], now: int) -> int:
    """Let a duel issue in shadow; whatever happens there, what was published stays as it is."""
    challenger = duel.challenger.model_id
    try:
        made = shadow.issue(writer, reader, archive, duel, issues, now)
        writer.close_event("challenger", challenger, now)
        return made
    except Expected as problem:
        log.warning("%s %s", problem.problem, problem.remedy)
        trouble = problem
    except Exception:
        log.exception("The challenger %s failed.", challenger)
        trouble = Expected(f"The challenger {challenger} fails by a fault of the program.", "Send engine.log to the authors.")
    with suppress(Expected):  # a database that cannot be written is told by what is published
        writer.open_event("challenger", challenger, trouble.problem, trouble.remedy, now)
    return 0


def compare(writer: Writer, reader: Reader, duels: Sequence[Duel], now: int, settled_after_days: int) -> JobRun:
    """Hold challengers against their champions on days whose truth has settled, and propose what enough days say."""
    with _job(writer, "compare", lambda: now) as (story, kept):
        proposals: dict[str, Expected] = {}
        for duel in duels:
            champion, challenger = duel.champion.model_id, duel.challenger.model_id
            days = shadow.compare(reader, duel, now, settled_after_days)
            writer.roster.put_losses(champion, challenger, days)
            found = contest.evidence(champion, challenger, reader.roster.losses(champion, challenger))
            story.detail[challenger] = {"days": len(days), "verdict": found.verdict.value}
            tier = duel.challenger.tier.value
            act = {Verdict.PROMOTE: f"promote {challenger}", Verdict.DROP: f"challenge none --tier {tier}"}.get(found.verdict)
            if act:
                remedy = f"Decide in the view of models, or: lastvagt-engine models {act} --reason ..."
                proposals[tier] = Expected(found.sentence(), remedy)
        for event in reader.events():
            if event.code == "proposal" and event.subject not in proposals:
                writer.close_event("proposal", event.subject, now)
        for subject, proposal in proposals.items():
            writer.open_event("proposal", subject, proposal.problem, proposal.remedy, now)
    return kept[0]


def score(writer: Writer, reader: Reader, now: int, settled_after_days: int) -> JobRun:
    """Score every issue against hours whose truth has arrived: first published, settled, and settled between market players.

    An hour is scored once against each. Against settlement it is scored again when a later version differs by over a per-mille.
    """
    with _job(writer, "score", lambda: now) as (story, kept):
        runs = reader.job_runs("score", limit=1)
        look_far = not runs or clock.local(runs[0].started_at).date() != clock.local(now).date()  # the first of a day
        due = {of: verification.unscored(reader, of, now, settled_after_days, look_far) for of in reader.consumers(now)}
        for truth in TRUTHS:
            loads = {of: truths[truth] for of, truths in due.items() if truth in truths}
            rows = verification.score(reader, truth, loads)
            writer.put_scores(rows, renew=truth == "settlement")
            if rows:
                story.detail[truth] = len({(row.area, row.consumer_type, row.valid_time) for row in rows})
    return kept[0]


def maintain(writer: Writer, config: Config, now: int) -> JobRun:
    """Apply retention and checkpoint the database."""
    with _job(writer, "maintenance", lambda: now) as (story, kept):
        story.detail |= writer.prune(now, config.keep_forecasts_days, issuing.LEARN_BACK_S // DAY)
    return kept[0]
