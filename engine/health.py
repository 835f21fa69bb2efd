"""Whether the engine does its work, for people and programs that watch over it: the answers of /health and /metrics."""

from __future__ import annotations

from collections.abc import Sequence

from engine import __version__, clock, geography, plan, tables
from engine.calibration import DAY_AHEAD, SHARES
from engine.domain import DAY, HOUR, USUAL_AGE_S, Consumer, Freshness, Tier, freshness
from engine.geography import Measure
from engine.store import Reader
from engine.store.reader import SeriesState

#: How far back scores are told of.
_SCORED_S = 7 * DAY
#: Age that the newest metered load of a region, municipality or industry usually reaches: it is published 9 to 15 days late.
_METERED_AGE_S = 12 * DAY


def state(reader: Reader, now: int) -> dict[str, object]:
    """Whether forecasts are current and why not: the answer of /health. Its size does not grow with the consumers."""
    areas, events = [], reader.events()
    for code in geography.PRICE_AREAS:
        for issue in reader.issues(code, limit=1, consumer_type="total"):
            age_s = now - issue.issue_time
            areas.append(
                {
                    "area": code,
                    "issue_time": clock.iso(issue.issue_time),
                    "tier": issue.tier.value,
                    "reason": str(issue.reason),
                    "model_id": issue.model_id,
                    "age_s": age_s,
                    "freshness": freshness(age_s, HOUR).value,
                }
            )
    troubles = [event for event in events if event.code != "proposal"]
    current = all(area["freshness"] == Freshness.FRESH and area["tier"] == Tier.FULL for area in areas)
    return {
        "status": "starting" if not areas else "ok" if current and not troubles else "degraded",
        "version": __version__,
        "now": clock.iso(now),
        "simulated": reader.simulated,
        "offline": reader.offline(),
        "areas": areas,
        "others": _others(reader, now),
        "sources": [_dataset(states, now) for states in _datasets(reader).values()],
        "events": [
            {"code": e.code, "subject": e.subject, "problem": e.problem, "remedy": e.remedy, "since": clock.iso(e.since)}
            for e in events
        ],
    }


def _others(reader: Reader, now: int) -> dict[str, object]:
    """How many consumers there are besides the price areas, and how current their issues are."""
    others = [of for of in reader.consumers(now) if geography.measure(of) is not Measure.GROSS]
    heads = [head for of in others for head in reader.issues(of.area, limit=1, consumer_type=of.consumer_type)]
    times = [head.issue_time for head in heads]
    return {
        "consumers": len(others),
        "forecast": len(heads),
        "oldest_issue": clock.iso(min(times)) if times else None,
        "newest_issue": clock.iso(max(times)) if times else None,
    }


def _datasets(reader: Reader) -> dict[tuple[str, str], list[SeriesState]]:
    """The series of each quantity and source."""
    found: dict[tuple[str, str], list[SeriesState]] = {}
    for state in reader.series():
        found.setdefault((state.quantity, state.source), []).append(state)
    return found


def _dataset(states: Sequence[SeriesState], now: int) -> dict[str, object]:
    """The series of one quantity and source in one line, judged by the one that is furthest behind."""
    behind = max(states, key=lambda state: state.age_s(now))
    age_s = behind.age_s(now)
    gross = geography.measure(Consumer(behind.area, behind.consumer_type)) is Measure.GROSS
    usual_s = USUAL_AGE_S[behind.quantity] if gross or behind.quantity != "load" else _METERED_AGE_S
    return {
        "quantity": behind.quantity,
        "source": behind.source,
        "series": len(states),
        "oldest_valid": clock.iso(behind.newest_valid),
        "newest_valid": clock.iso(max(state.newest_valid for state in states)),
        "newest_available": clock.iso(max(state.newest_available for state in states)),
        "age_s": age_s,
        "freshness": freshness(age_s, usual_s).value,
    }


def metrics(reader: Reader, now: int) -> str:
    """The same for Prometheus, with the scores of the last seven days."""
    lines: list[str] = []

    def gauge(name: str, text: str, samples: list[tuple[dict[str, str], float]]) -> None:
        lines.append(f"# HELP lastvagt_{name} {text}")
        lines.append(f"# TYPE lastvagt_{name} gauge")
        for labels, value in samples:
            inside = ",".join(f'{key}="{_escape(word)}"' for key, word in labels.items())
            lines.append(f"lastvagt_{name}{{{inside}}} {float(value)!r}" if inside else f"lastvagt_{name} {float(value)!r}")

    gauge("up", "1 while the engine answers.", [({"version": __version__}, 1)])
    gauge("simulated", "1 where the data are simulated.", [({}, reader.simulated)])
    gauge("offline", "1 where the settings keep the engine off the network, so that data come by kit.", [({}, reader.offline())])
    gauge("database_bytes", "Size of the database file.", [({}, reader.size_bytes())])
    gauge("open_events", "Troubles that last.", [({}, len(reader.events()))])
    heads = [issue for code in geography.PRICE_AREAS for issue in reader.issues(code, limit=1, consumer_type="total")]
    gauge(
        "forecast_issue_age_seconds",
        "Age of the newest issue.",
        [({"area": head.area, "tier": head.tier.value}, now - head.issue_time) for head in heads],
    )
    datasets = _datasets(reader)
    gauge(
        "source_lag_seconds",
        "Age of the newest value of a price area's source.",
        [
            ({"quantity": s.quantity, "area": s.area, "source": s.source}, s.age_s(now))
            for states in datasets.values()
            for s in states
            if s.area in geography.PRICE_AREAS and s.consumer_type == "total"
        ],
    )
    gauge(
        "dataset_lag_seconds",
        "Age of the newest value of the series of a dataset that is furthest behind.",
        [({"quantity": q, "source": source}, max(s.age_s(now) for s in states)) for (q, source), states in datasets.items()],
    )
    gauge(
        "dataset_series",
        "Series of a dataset.",
        [({"quantity": quantity, "source": source}, len(states)) for (quantity, source), states in datasets.items()],
    )
    recent = {code: reader.scores(code, "all", now - _SCORED_S, now).get(0) for code in geography.PRICE_AREAS}
    for name, unit in (("wape", "percent"), ("skill", "ratio"), ("coverage_80", "percent"), ("coverage_90", "percent")):
        gauge(
            f"score_{name}_{unit}",
            f"{name} of the last 7 days against first published load.",
            [({"area": code}, getattr(score, name)) for code, score in recent.items() if score is not None],
        )
    peaks = tables.peaks(reader, now)
    risks = [risk for row in peaks.rows if (risk := dict(zip(peaks.columns, row, strict=True)))["probability"] is not None]
    gauge(
        "peak_exceedance_percent",
        "Probability of exceeding the peak limit in the most probable hour of a span.",
        [
            ({key: str(risk[key]) for key in ("area", "consumer_type", "within_h")}, float(str(risk["probability"])))
            for risk in risks
        ],
    )
    learned = [
        (head.area, lessons[target][1])
        for head in heads
        if (target := (head.area, head.consumer_type, head.model_id))
        in (lessons := reader.lessons(Consumer(head.area, head.consumer_type)))
    ]
    gauge(
        "calibration_coverage_percent",
        "Share of recent hours inside the central band, forecast a day ahead.",
        [
            ({"area": code, "share": f"{100 * share:.0f}"}, 100 * inside)
            for code, calibration in learned
            for share, inside in zip(SHARES, calibration.coverage[DAY_AHEAD], strict=True)
            if calibration.hours[DAY_AHEAD]
        ],
    )
    gauge(
        "calibration_weight_ratio",
        "Weight of an expert in the median a day ahead.",
        [
            ({"area": code, "expert": expert}, weight)
            for code, calibration in learned
            for expert, weight in zip(calibration.experts, calibration.weights[DAY_AHEAD], strict=True)
        ],
    )
    successes = {job: next((r for r in reader.job_runs(job) if r.status == "ok"), None) for job in plan.JOBS}
    gauge(
        "job_last_success_timestamp_seconds",
        "When a job last did its work.",
        [({"job": job}, run.finished_at) for job, run in successes.items() if run is not None],
    )
    return "\n".join(lines) + "\n"


def _escape(label: str) -> str:
    return label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
