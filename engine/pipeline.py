"""The story of the program, one function a job: fetch and keep what is new, forecast, score what came true, keep house.

Every job keeps its own `JobRun`; a fault of the world (`Expected`) is told there and as an event, and never leaves the job.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import itertools
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from engine import (
    bridge,
    clock,
    contest,
    demotion,
    drift,
    features,
    geography,
    issuing,
    lag,
    mending,
    pace,
    peaks,
    plausibility,
    pooled,
    published,
    shadow,
    sources,
    verification,
    whole_days,
)
from engine.calibration import Calibration
from engine.clock import Clock
from engine.config import Config
from engine.contest import Verdict
from engine.domain import (
    DAY,
    HOUR,
    INPUTS,
    Consumer,
    Expected,
    History,
    JobRun,
    Observations,
    QuantileForecast,
)
from engine.drift import Stand
from engine.forecaster import Forecaster
from engine.geography import Measure
from engine.lineup import Duel, Lineup
from engine.store import TRUTHS, Archive, PutResult, Reader, Writer
from engine.store.kits import USUAL_OF, Arrival, on_plan
from engine.store.reader import SeriesState, Target
from engine.store.refusals import Refused

log = logging.getLogger("lastvagt")

#: Every so many runs of maintenance, which is one a day, everything is looked at.
_EXAMINED_EVERY = 7
#: How long one ingest goes on with spans: other sources are due again after a quarter of an hour.
_SPANS_S = 600
#: A series this far behind the others of its source has ended: an area that was merged, a grid company that is no more.
_ENDED_S = 60 * DAY
#: Whose drift is an event. Others are many and noisy: an alarm a year of each would be one a day; the view of monitoring shows theirs.
WATCHED = (Measure.GROSS, Measure.OWN)

Progress = Callable[[float], None]
Put = Callable[[Sequence[QuantileForecast], int, Mapping[Target, Calibration]], int]
_Step = TypeVar("_Step")


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
    """Run a job: whatever happens, its run is kept; Expected ends it quietly, anything else goes on to the caller.

    One that is called off leaves none: it is done anew.
    """
    story, kept, started = _Story(), list[JobRun](), now()
    status = "ok"
    try:
        yield story, kept
    except Expected as problem:
        story.trouble(problem)
    except pace.CalledOff:
        status = ""
        raise
    except BaseException as bug:
        status = "bug"
        story.troubles.append(Expected(f"{type(bug).__name__}: {bug}", "See the log; this is a fault of the program."))
        raise
    finally:
        if status:
            if story.troubles and status == "ok":
                status = "expected"
            problems = " ".join(t.problem for t in story.troubles)
            remedies = " ".join(dict.fromkeys(t.remedy for t in story.troubles))
            kept.append(JobRun(name, started, now(), status, problems, remedies, story.detail))
            with suppress(Refused):  # the log tells of the run, and whoever watches the disk of the refusal
                writer.put_job_run(kept[0])


def ingest(
    writer: Writer, reader: Reader, live: Sequence[sources.LiveSource], transport: sources.Transport, time: Clock
) -> JobRun:
    """Ask each source for what is new and keep it; one that fails does not stop the others, and is an open event until it answers.

    Spans that a source would like to have come after all else, in turn with those of other sources, for ten minutes at most: the
    next run goes on with them.
    """
    with _job(writer, "ingest", time.now) as (story, kept):
        states, counts, failed = reader.series(), dict[str, PutResult](), set[str]()

        def take(source: sources.LiveSource, request: sources.Request) -> None:
            try:
                result = _take(writer, reader, source, request, transport, time)
                if source.dataset not in counts:
                    writer.close_event("source", source.dataset, time.now())
                counts[source.dataset] = counts.get(source.dataset, PutResult()) + result
            except Refused:  # is no trouble of the source
                raise
            except Expected as problem:
                failed.add(source.dataset)
                story.trouble(problem)
                writer.open_event("source", source.dataset, problem.problem, problem.remedy, time.now())

        spans = []
        for source in live:
            wanted = source.requests(time.now(), newest_of(states, source))
            spans.append([(source, request) for request in wanted if request.span and not _answered(writer, request, time.now())])
            for request in (r for r in wanted if not r.span):
                if source.dataset not in failed:
                    take(source, request)
        end = time.now() + _SPANS_S
        for source, request in _in_turn(spans):
            if source.dataset not in failed and time.now() < end:
                take(source, request)
        story.detail |= {dataset: result.counts() for dataset, result in counts.items()}
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
    """Newest hour that every series of a source reaches which has not ended; None when the store has none of them."""
    newest = [s.newest_valid for s in states if s.source == source.source and s.quantity in source.quantities]
    return min((t for t in newest if t > max(newest) - _ENDED_S), default=None)


def _in_turn(plans: Sequence[Sequence[_Step]]) -> list[_Step]:
    """The first of each plan, then the second of each, and so on: one source waits for its turn while others are asked."""
    return [step for steps in itertools.zip_longest(*plans) for step in steps if step is not None]


def _answered(writer: Writer, request: sources.Request, now: int, since: int | None = None) -> bool:
    """Whether an answer still holds that came before, or came at least at `since`; none came from a clock that was set back."""
    came, _ = writer.fetch_limit(_memory(request))
    return (request.good_since if since is None else min(since, request.good_since)) <= came <= now


def _memory(request: sources.Request) -> str:
    """Under which name it is remembered when a span was answered; no dataset has a space in its name."""
    return f"{request.dataset} {request.span}"


def _take(
    writer: Writer,
    reader: Reader,
    source: sources.Source,
    request: sources.Request,
    transport: sources.Transport,
    time: Clock,
) -> PutResult:
    """Ask a source and keep its answer. A span nobody asked for before may hold what became known long ago."""
    if request.span and not writer.fetch_limit(_memory(request))[0]:
        request = dataclasses.replace(request, backfill=True, lag_s=lag.after_day_s(reader, request.dataset.rpartition("/")[2]))
    body = sources.fetch(request, transport, writer, time)
    trouble = None
    try:
        batches = source.parse(request, body, time.now())
    except sources.PartlyRead as partly:
        batches, trouble = partly.batches, partly
    result = keep(writer, reader, batches, time.now())
    if request.span:
        writer.set_fetch_limit(_memory(request), time.now(), 0.0)
    if trouble is not None:
        raise trouble
    return result


def keep(writer: Writer, reader: Reader, batches: Sequence[Observations], now: int, kit: Arrival | None = None) -> PutResult:
    """Keep what is plausible, set the rest aside with its reason; all in one transaction, with the record of a kit they came in."""
    batches = [batch for batch in batches if len(batch)]
    pasts = _pasts(reader, [batch for batch in batches if batch.series.quantity == "load"], now)
    accepted, rejected = [], []
    for batch in batches:
        series = batch.series
        past = pasts.get((series.source, plausibility.lookback_s(series))) if series.quantity == "load" else None
        good, bad, reasons = plausibility.check(batch, past)
        accepted.append(good)
        if len(bad):
            rejected.append((bad, reasons))
    return writer.put(accepted, rejected, now, kit)


def _pasts(reader: Reader, loads: Sequence[Observations], now: int) -> dict[tuple[str, int], History]:
    """What is known around batches of load, by source and how far back it counts: one question for all series that come together."""
    together: dict[tuple[str, int], list[Observations]] = {}
    for batch in loads:
        together.setdefault((batch.series.source, plausibility.lookback_s(batch.series)), []).append(batch)
    pasts = {}
    for (source, back_s), group in together.items():
        start = min(int(batch.valid_time.min()) for batch in group) - back_s
        hours = (max(int(batch.valid_time.max()) for batch in group) - start) // HOUR + 1
        places = {batch.series.area for batch in group}
        archive = reader.archive(start, start + hours * HOUR, places, sources=[source], quantities=["load"])
        pasts[source, back_s] = archive.as_of(now, start, hours)
    return pasts


def import_file(
    writer: Writer,
    reader: Reader,
    path: Path,
    file_format: str,
    known_after_s: int | None,
    now: int,
    progress: Progress | None = None,
) -> JobRun:
    """Keep the values of a file; importing it again changes nothing.

    An area or consumer type that the program does not know is a series of the user's own, forecast like any other; one that looks
    like a slip of the pen is asked about.
    """
    with _job(writer, "import", lambda: now) as (story, kept):
        total, meant = PutResult(), dict[str, str | None]()
        try:
            for batches in sources.read_file(path, file_format, known_after_s, now, progress):
                total += keep(writer, reader, batches, now)
                meant |= {batch.series.area: geography.meant_by(batch.series.area) for batch in batches}
                meant |= {batch.series.consumer_type: geography.meant_type(batch.series.consumer_type) for batch in batches}
        finally:
            story.detail |= {"file": path.name, **total.counts()}
            slips = [f"'{name}' (did you mean {guess}?)" for name, guess in meant.items() if guess not in (None, name)]
            if slips:
                story.detail["perhaps mistyped"] = ", ".join(slips)
                log.warning(
                    "%s has names that may be mistyped: %s. They are kept as series of their own. Where you meant another, correct "
                    "the file and import it again.",
                    path.name,
                    ", ".join(slips),
                )
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
    """Fetch the hours of [start, end) from every source that reaches back, a slice at a time; what is stored stays.

    Spans that were answered when nothing more could change, or within a day, are passed over: a run that was killed goes on.
    """
    with _job(writer, "backfill", time.now) as (story, kept):
        began = time.now()
        plan = _in_turn([[(source, r) for r in source.history_requests(start, end)] for source in past])
        for done, (source, request) in enumerate(plan):
            try:
                if not (request.span and _answered(writer, request, time.now(), began - DAY)):
                    result = _take(writer, reader, source, request, transport, time)
                    story.detail[source.dataset] = result.new + int(str(story.detail.get(source.dataset, 0)))
            except Expected as problem:
                story.trouble(problem)
            if progress:
                progress((done + 1) / len(plan))
    return kept[0]


def forecast(
    writer: Writer,
    reader: Reader,
    forecaster: Forecaster,
    issue_time: int,
    now: int,
    duels: Sequence[Duel] = (),
    put: Put | None = None,
    late: str = "",
) -> JobRun:
    """Issue forecasts of every area from what was known at `issue_time`, best tier each area's inputs allow, and publish them.

    The challengers of `duels` issue too, in shadow. `put` keeps the issues, else the writer does. `late` is why they come late.
    """
    with _job(writer, "forecast", lambda: now) as (story, kept):
        start, hours = features.window(issue_time)
        end = start + hours * HOUR
        archive = reader.archive(start, end, geography.PRICE_AREAS, issue_time, quantities=INPUTS, newest_only=True)
        learned = issuing.lessons(reader, forecaster, issue_time)
        issues = issuing.make_issues(archive, forecaster, issue_time, reader.calibrations() | learned)
        (put or writer.put_forecasts)(issues, now, learned)
        peaks.watch(writer, reader, now)
        story.detail |= {"issue_time": clock.iso(issue_time), "tiers": {f.area: f.tier.value for f in issues}}
        story.detail |= {"late": late} if late else {}
        if issues and duels:
            made = {duel.challenger.model_id: _shadow(writer, reader, archive, duel, issues, now) for duel in duels}
            story.detail["shadow_issues"] = made
        missing = [area for area in geography.PRICE_AREAS if area not in {f.area for f in issues}]
        if missing:
            raise Expected(
                f"No forecast could be made for {', '.join(missing)}.", "Import load of these areas, or wait for the next fetch."
            )
        # Between two kits weather runs out and load grows old, as everybody there knows; a kit that is missed is a trouble of its own.
        planned = reader.offline() and on_plan(reader.kits.imported(USUAL_OF), now)
        for issue in issues:
            if issue.reason and not planned:
                writer.open_event(
                    "tier", issue.area, issue.reason.sentence, f"The tier '{issue.tier.value}' is used meanwhile.", now
                )
            else:
                writer.close_event("tier", issue.area, now)
    return kept[0]


def forecast_late(writer: Writer, reader: Reader, forecaster: Forecaster, issue_time: int, now: int) -> JobRun:
    """Issue forecasts of every consumer whose load comes late, from what was known at `issue_time`, beside the price areas' own.

    Those that are many are issued once a day, at `bridge.ISSUE_HOUR`; one without any issue of the last day at once.
    """
    with _job(writer, "forecast_late", lambda: now) as (story, kept):
        known = bridge.leaves(reader.consumers(issue_time), issue_time)
        due = [c for c in known if geography.measure(c) not in geography.ISSUED_DAILY or _due_today(reader, c, issue_time)]
        areas = [issue for area in geography.PRICE_AREAS if (issue := reader.forecast(area, issue_time)) is not None]
        start, hours = pooled.window(issue_time)
        places = {c.area for c in due}.union(geography.PRICE_AREAS)
        archive = reader.archive(start, start + hours * HOUR, places, issue_time, quantities=pooled.INPUTS, newest_only=True)
        learned = reader.adaptations(geography.known_consumers(due, issue_time))
        issues = bridge.make_issues(archive, forecaster, issue_time, due, learned, areas)
        writer.put_forecasts(issues, now)
        peaks.watch(writer, reader, now)
        tiers = collections.Counter(issue.tier.value for issue in issues)
        story.detail |= {"issue_time": clock.iso(issue_time), "issues": dict(tiers)}
        short = len(due) - sum(Consumer(issue.area, issue.consumer_type) in due for issue in issues)
        if short:
            story.detail["too short a history"] = short
    return kept[0]


def _due_today(reader: Reader, of: Consumer, issue_time: int) -> bool:
    newest = reader.issues(of.area, end=issue_time + 1, limit=1, consumer_type=of.consumer_type)
    return not newest or clock.local(issue_time).hour == bridge.ISSUE_HOUR or issue_time - newest[0].issue_time > DAY


def adapt(writer: Writer, reader: Reader, forecaster: Forecaster, now: int) -> JobRun | None:
    """Let late series learn from days whose load has become known; None where there is nothing new, or nobody to learn it.

    At most `bridge.LEARN_AT_ONCE_D` days at once: a store that begins with a year of load learns it bit by bit.
    """
    if forecaster.pooled is None:
        return None
    leaves = set(bridge.leaves(reader.consumers(now), now))
    spans = {c: span for c, span in reader.load_spans().items() if c in leaves}
    days = bridge.days_to_learn(spans, reader.learned_to(forecaster.pooled.model_id), now)
    if not days:
        return None
    with _job(writer, "adapt", lambda: now) as (story, kept):
        places = {c.area for mine in days.values() for c in mine}.union(geography.PRICE_AREAS)
        start, end = bridge.span_to_learn(days)
        archive = reader.archive(start, end, places, now, quantities=pooled.INPUTS)
        learned = bridge.learn(archive, forecaster, days, reader.adaptations(), now)
        writer.put_adaptations(learned)
        first, last = (str(clock.EPOCH + dt.timedelta(days=day)) for day in (min(days), max(days)))
        story.detail |= {"first": first, "last": last, "consumers": len(learned)}
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


def compare(
    writer: Writer,
    reader: Reader,
    duels: Sequence[Duel],
    now: int,
    settled_after_days: int,
    lineup: Lineup | None = None,
    switch_back_percent: int = 0,
) -> JobRun:
    """Hold challengers against their champions on days whose truth has settled, and propose what enough days say.

    With `lineup`, champions are held against the load a week before too: one that is worse by over `switch_back_percent` goes.
    """
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
        if lineup is not None:
            story.detail |= {"champions": demotion.watch(writer, reader, lineup, switch_back_percent, now)}
    return kept[0]


def score(writer: Writer, reader: Reader, now: int, settled_after_days: int) -> JobRun:
    """Score every issue against hours whose truth has arrived: first published, settled, and settled between market players.

    An hour is scored once against each; against settlement again when a later version differs by over a per-mille. What has settled
    is looked for by the first run of each Danish day, which looks at days as a whole too. Adjustments are scored beside them, once.
    """
    with _job(writer, "score", lambda: now) as (story, kept):
        runs = reader.job_runs("score", limit=1)
        first_of_day = not runs or clock.local(runs[0].started_at).date() != clock.local(now).date()
        due = {of: verification.unscored(reader, of, now, settled_after_days, first_of_day) for of in reader.consumers(now)}
        for truth in TRUTHS:
            loads = {of: truths[truth] for of, truths in due.items() if truth in truths}
            rows = verification.score(reader, truth, loads)
            writer.put_scores(rows, renew=truth == "settlement")
            if rows:
                story.detail[truth] = len({(row.area, row.consumer_type, row.valid_time) for row in rows})
        adjusted = published.score(reader, now)
        writer.decisions.put_scores(adjusted)
        if adjusted:
            story.detail["adjusted"] = len(adjusted)
        watched = [of for of in due if geography.measure(of) in WATCHED]
        if first_of_day:
            whole_days.watch(writer, reader, now)
        watch_drift(writer, reader, [of for of in watched if first_of_day or _ends_day(due[of].get("provisional", {}))], now)
    return kept[0]


def _ends_day(hours: Iterable[int]) -> bool:
    """Whether the last hour of a Danish day is among these: only a whole day changes how errors are judged."""
    return any(clock.local(hour).hour == 23 for hour in hours)


def watch_drift(writer: Writer, reader: Reader, watched: Sequence[Consumer], now: int) -> None:
    """Keep an open event for each consumer whose errors have left what is usual, until they are back."""
    for of in watched:
        course, subject = drift.read(reader, of, now), of.area if of.consumer_type == "total" else "/".join(of)
        if course.stand is Stand.DRIFT:
            trouble = drift.trouble(course, subject, now)
            writer.open_event("drift", subject, trouble.problem, trouble.remedy, now)
        else:
            writer.close_event("drift", subject, now)


def maintain(writer: Writer, config: Config, now: int) -> JobRun:
    """Apply retention, checkpoint the database, and once a week see whether everything is as it was written."""
    with _job(writer, "maintenance", lambda: now) as (story, kept):
        thin_after = config.thin_forecasts_after_days
        if thin_after:
            story.detail["thinned"] = writer.thin_forecasts(now - thin_after * DAY)
        pace.step()
        story.detail |= writer.prune(now, config.keep_forecasts_days, issuing.LEARN_BACK_S // DAY, thin_after)
        story.detail["database_bytes"] = config.database.stat().st_size
        with closing(Reader(config.database)) as reader:
            if not any("examined" in run.detail for run in reader.job_runs("maintenance", limit=_EXAMINED_EVERY - 1)):
                story.detail["examined"] = mending.examine(writer, reader, config, now)
    return kept[0]
