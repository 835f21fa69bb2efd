"""What Prometheus asks: is the engine at work, how current and how good are its forecasts, and what does it take of the machine.

Names keep Prometheus' conventions (base units, ratios from 0 to 1); energy is in megawatt hours, as everywhere here."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine import __version__, geography, health, ledger, plan, published, tables
from engine.adjusting import Published
from engine.calibration import DAY_AHEAD, SHARES
from engine.clock import floor_hour
from engine.domain import DAY, HOUR, LEAD_BUCKETS, LEVELS, Consumer, Freshness
from engine.store import Reader
from engine.store.reader import ForecastIssue

#: How far back scores are told of.
_SCORED_S = 7 * DAY
#: How far back the newest measured hour is looked for.
_MEASURED_S = 3 * DAY
#: Levels that are told: the median and the edges of the bands of 80 and 90 %.
_TOLD_LEVELS = (0.05, 0.1, 0.5, 0.9, 0.95)
#: Troubles that are told even while there are none, so that a graph has a line and an alert something to look at.
_TROUBLES = ("clock_ahead", "source", "stalled", "tier", "kit", "drift", "peak", "job", "model", "guesses")
#: Planned jobs that run whenever they are due; the others wait for something besides the time.
_TIMED = ("forecast", "score", "maintenance")
_PROCESS = Path("/proc/self")

Sample = tuple[Mapping[str, str], float]


@dataclass(frozen=True, slots=True)
class Family:
    """A metric: its samples differ by label."""

    name: str
    help: str
    samples: Sequence[Sample]
    kind: str = "gauge"

    def lines(self) -> Iterator[str]:
        """As Prometheus reads it."""
        yield f"# HELP {self.name} {self.help}"
        yield f"# TYPE {self.name} {self.kind}"
        for labels, value in self.samples:
            inside = ",".join(f'{key}="{_escape(word)}"' for key, word in labels.items())
            yield f"{self.name}{{{inside}}} {float(value)!r}" if inside else f"{self.name} {float(value)!r}"


def text(reader: Reader, now: int) -> str:
    """All metrics. Their number does not grow with the consumers."""
    heads = [
        issue for code in geography.PRICE_AREAS for issue in reader.issues(code, end=now + 1, limit=1, consumer_type="total")
    ]
    families = (
        *_engine(reader),
        *_issues(reader, heads, now),
        *_loads(reader, now),
        *_sources(reader, now),
        *_scores(reader, now),
        *_peaks(reader, now),
        *_learned(reader, heads),
        *_jobs(reader, now),
        *_process(),
    )
    return "".join(f"{line}\n" for family in families for line in family.lines())


def _engine(reader: Reader) -> Iterator[Family]:
    yield Family("lastvagt_build_info", "Version of the engine that answers.", [({"version": __version__}, 1)])
    yield Family("lastvagt_simulated", "1 where the data are simulated.", [({}, reader.simulated)])
    yield Family(
        "lastvagt_offline", "1 where settings keep the engine off the network: data come by kit.", [({}, reader.offline())]
    )
    newest = reader.kits.newest()
    kits: list[Sample] = [] if newest is None else [({}, newest)]
    yield Family("lastvagt_newest_kit_timestamp_seconds", "Until when imported kits tell what had become known.", kits)
    space = reader.space()
    yield Family("lastvagt_database_bytes", "Size of the database file.", [({}, space.database_bytes)])
    yield Family("lastvagt_database_log_bytes", "Size of the write-ahead log of the database.", [({}, space.log_bytes)])
    yield Family("lastvagt_disk_free_bytes", "Free space on the disk of the database.", [({}, space.free_bytes)])
    engine = reader.engine()
    beats: list[Sample] = [] if engine is None else [({}, engine.heartbeat)]
    yield Family("lastvagt_heartbeat_timestamp_seconds", "When the engine last wrote that it lives.", beats)
    troubles = Counter(dict.fromkeys(_TROUBLES, 0)) + Counter(
        event.code for event in reader.events() if event.code not in plan.VERSIONS
    )
    counted = {code: troubles[code] for code in (*_TROUBLES, *sorted(set(troubles) - set(_TROUBLES)))}
    newer: list[Sample] = [({"version": e.subject, "stand": e.code}, 1) for e in reader.events() if e.code in plan.VERSIONS]
    yield Family("lastvagt_newer_version_info", "A newer version of the program that was heard of, and how it stands.", newer)
    yield Family("lastvagt_open_events", "Troubles that last, by kind.", [({"code": c}, n) for c, n in counted.items()])


def _issues(reader: Reader, heads: Sequence[ForecastIssue], now: int) -> Iterator[Family]:
    yield Family(
        "lastvagt_forecast_issue_age_seconds",
        "Age of the newest issue.",
        [({"area": head.area, "tier": head.tier.value}, now - head.issue_time) for head in heads],
    )
    yield Family(
        "lastvagt_forecast_delay_seconds",
        "How long after its issue time the newest issue was made.",
        [({"area": head.area}, head.created_at - head.issue_time) for head in heads],
    )
    planned = ledger.planned_issues(reader, now - DAY + 1, now)
    counts = Counter(issue.outcome for issue in planned)
    yield Family(
        "lastvagt_planned_issues_last_day",
        "Hours of the last 24 whose hourly issue was made on time, late, or not at all.",
        [({"outcome": outcome}, counts[outcome]) for outcome in ledger.Outcome],
    )
    others = health.others(reader, now)
    yield Family(
        "lastvagt_consumers",
        "Consumers besides the price areas, and those that have a forecast.",
        [({"state": "known"}, float(str(others["consumers"]))), ({"state": "forecast"}, float(str(others["forecast"])))],
    )


def _loads(reader: Reader, now: int) -> Iterator[Family]:
    """The newest measured hour beside what was forecast of it a day ahead, and the forecast of the hour that runs."""
    measured, hours, ahead, running = [], [], [], []
    for code in geography.PRICE_AREAS:
        of = Consumer(code)
        times, loads = reader.truth(code, now - _MEASURED_S, now)["provisional"]
        if len(times):
            hour = int(times[-1])
            measured.append(({"area": code}, float(loads[-1])))
            hours.append(({"area": code}, float(hour)))
            before = published.read(reader, of, hour, issued_by=hour - DAY)
            ahead += _levels(before, hour)
        running += _levels(published.read(reader, of, now), floor_hour(now))
    yield Family("lastvagt_load_megawatthours", "Load of the newest measured hour.", measured)
    yield Family("lastvagt_load_hour_timestamp_seconds", "Start of the newest measured hour.", hours)
    yield Family(
        "lastvagt_load_forecast_megawatthours", "Forecast of the newest measured hour, made at least a day before it.", ahead
    )
    yield Family("lastvagt_forecast_megawatthours", "Newest forecast of the hour that runs.", running)


def _levels(of: Published | None, hour: int) -> list[Sample]:
    if of is None or not of.forecast.covers(hour):
        return []
    row = of.forecast.quantiles[(hour - int(of.forecast.valid_time[0])) // HOUR]
    area = of.forecast.area
    return [({"area": area, "level": f"{level:g}"}, float(row[LEVELS.index(level)])) for level in _TOLD_LEVELS]


def _sources(reader: Reader, now: int) -> Iterator[Family]:
    datasets = health.datasets(reader)
    yield Family(
        "lastvagt_source_lag_seconds",
        "Age of the newest value of a price area's source.",
        [
            ({"quantity": s.quantity, "area": s.area, "source": s.source}, s.age_s(now))
            for states in datasets.values()
            for s in states
            if s.area in geography.PRICE_AREAS and s.consumer_type == "total"
        ],
    )
    yield Family(
        "lastvagt_dataset_lag_seconds",
        "Age of the newest value of the series of a dataset that is furthest behind.",
        [({"quantity": q, "source": source}, max(s.age_s(now) for s in states)) for (q, source), states in datasets.items()],
    )
    yield Family(
        "lastvagt_dataset_stale",
        "1 where that age is more than what is usual for the dataset.",
        [
            ({"quantity": q, "source": source}, health.judged(states, now)[1] is not Freshness.FRESH)
            for (q, source), states in datasets.items()
        ],
    )
    yield Family(
        "lastvagt_dataset_series",
        "Series of a dataset.",
        [({"quantity": quantity, "source": source}, len(states)) for (quantity, source), states in datasets.items()],
    )


def _scores(reader: Reader, now: int) -> Iterator[Family]:
    """Scores of the last seven days against first published load, by lead time, and over all lead times from an hour on."""
    found = []
    for code in geography.PRICE_AREAS:
        span = (now - _SCORED_S, now)
        found += [({"area": code, "lead_hours": "all"}, score) for score in reader.scores(code, "all", *span).values()]
        for bucket, score in reader.scores(code, "lead_bucket", *span).items():
            first, last = LEAD_BUCKETS[bucket]
            found.append(({"area": code, "lead_hours": f"{first}-{last}"}, score))
    for name, what, attribute, per in (
        ("mae_megawatthours", "Mean absolute error", "mae", 1),
        ("bias_megawatthours", "Mean error, positive where the forecast was too high,", "bias", 1),
        ("wape_ratio", "Sum of absolute errors over sum of load", "wape", 100),
        ("wql_ratio", "Twice the mean pinball loss of the deciles over the load", "wql", 100),
        ("skill_ratio", "1 less the mean absolute error over that of seasonal_naive", "skill", 1),
    ):
        samples = [(labels, getattr(score, attribute) / per) for labels, score in found]
        yield Family(f"lastvagt_score_{name}", f"{what} of the last 7 days against first published load.", samples)
    yield Family(
        "lastvagt_score_coverage_ratio",
        "Share of the last 7 days' loads inside the central band that should hold `share` of them.",
        [
            (labels | {"share": f"{share:g}"}, getattr(score, f"coverage_{100 * share:.0f}") / 100)
            for labels, score in found
            for share in SHARES
        ],
    )
    yield Family(
        "lastvagt_score_pairs",
        "Pairs of an hour and an issue that these scores are over.",
        [(labels, score.n) for labels, score in found],
    )


def _peaks(reader: Reader, now: int) -> Iterator[Family]:
    peaks = tables.peaks(reader, now)
    risks = [risk for row in peaks.rows if (risk := dict(zip(peaks.columns, row, strict=True)))["probability"] is not None]
    yield Family(
        "lastvagt_peak_exceedance_ratio",
        "Probability of exceeding the peak limit in the most probable hour of a span.",
        [
            ({key: str(risk[key]) for key in ("area", "consumer_type", "within_h")}, float(str(risk["probability"])) / 100)
            for risk in risks
        ],
    )


def _learned(reader: Reader, heads: Sequence[ForecastIssue]) -> Iterator[Family]:
    learned = [
        (head.area, lessons[target][1])
        for head in heads
        if (target := (head.area, head.consumer_type, head.model_id))
        in (lessons := reader.lessons(Consumer(head.area, head.consumer_type)))
    ]
    yield Family(
        "lastvagt_calibration_coverage_ratio",
        "Share of recent hours inside the central band, forecast a day ahead.",
        [
            ({"area": code, "share": f"{share:g}"}, inside)
            for code, calibration in learned
            for share, inside in zip(SHARES, calibration.coverage[DAY_AHEAD], strict=True)
            if calibration.hours[DAY_AHEAD]
        ],
    )
    yield Family(
        "lastvagt_calibration_weight_ratio",
        "Weight of an expert in the median a day ahead.",
        [
            ({"area": code, "expert": expert}, weight)
            for code, calibration in learned
            for expert, weight in zip(calibration.experts, calibration.weights[DAY_AHEAD], strict=True)
        ],
    )


def _jobs(reader: Reader, now: int) -> Iterator[Family]:
    newest = {job: runs[0] for job in plan.JOBS if (runs := reader.job_runs(job, 1))}
    successes = {job: run for job in plan.JOBS if (run := next((r for r in reader.job_runs(job) if r.status == "ok"), None))}
    yield Family(
        "lastvagt_job_last_success_timestamp_seconds",
        "When a job last did its work.",
        [({"job": job}, run.finished_at) for job, run in successes.items()],
    )
    yield Family(
        "lastvagt_job_last_duration_seconds",
        "How long the newest run of a job took that did its work.",
        [({"job": job}, run.finished_at - run.started_at) for job, run in successes.items()],
    )
    yield Family(
        "lastvagt_job_overdue_seconds",
        "How long a job has been due that has not run since.",
        [
            ({"job": job}, max(0, now - due))
            for job in _TIMED
            if job in newest and (due := plan.JOBS[job].next_time(newest[job].started_at)) is not None
        ],
    )
    yield Family(
        "lastvagt_job_runs_last_day",
        "Runs of a job in the last 24 hours by how they ended; `expected` is a fault of the world, `bug` one of the program.",
        [({"job": job, "status": status}, count) for (job, status), count in reader.job_counts(now - DAY).items()],
    )


def _process() -> Iterator[Family]:
    """What the process takes, under the names every client library uses; memory and files where the system tells them."""
    yield Family(
        "process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", [({}, time.process_time())], "counter"
    )
    if not _PROCESS.exists():
        return
    resident = int((_PROCESS / "statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    yield Family("process_resident_memory_bytes", "Resident memory size in bytes.", [({}, resident)])
    yield Family("process_open_fds", "Number of open file descriptors.", [({}, len(list((_PROCESS / "fd").iterdir())))])


def _escape(label: str) -> str:
    return label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
