"""The HTTP endpoint: answers from the database as JSON, CSV and Prometheus text, and orders, as `openapi.DOCUMENT` says."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine import __version__, clock, consumers, decisions, geography, older_service, openapi, quality, roles, settings, tables
from engine.adjusting import Refused
from engine.calibration import DAY_AHEAD, SHARES
from engine.domain import DAY, HOUR, USUAL_AGE_S, Consumer, Expected, Freshness, Tier, freshness
from engine.geography import Measure
from engine.http_server import bearer, problem
from engine.store import Reader
from engine.store.reader import SeriesState
from engine.store.replica import Copies
from engine.tables import Table
from engine.tokens import Holder, Right, Tokens

Query = dict[str, Any]

#: What an answer spans when the query names no start or end.
_DEFAULT_SPAN_S = 7 * DAY
#: Age that the newest metered load of a region, municipality or industry usually reaches: it is published 9 to 15 days late.
_METERED_AGE_S = 12 * DAY
JOBS = ("ingest", "forecast", "score", "compare", "maintenance")


class Senseless(Expected):
    """A query whose words are valid and make no sense together."""


class Unauthorized(Expected):
    """An order without the engine's token."""


class Forbidden(Expected):
    """An order by somebody whose token may only read."""


class Closed(Expected):
    """Something only a running engine can do."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What only a running engine can do: `carry_out(path, words)` an order of whoever knows the token, and `answer(path, query)`
    a question that needs its models. Both return what is sent as JSON, or raise Expected."""

    token: str = field(repr=False)
    carry_out: Callable[[str, Mapping[str, Any]], object]
    answer: Callable[[str, Mapping[str, Any]], object]


def moment(query: Mapping[str, Any], name: str) -> int | None:
    """A moment that a query names, None where it names none; raises `Senseless`."""
    if query[name] is None:
        return None
    try:
        return clock.parse_utc(query[name])
    except Expected as error:
        raise Senseless(error.problem, error.remedy) from error


def _span(query: Query) -> tuple[int | None, int | None]:
    start, end = moment(query, "start"), moment(query, "end")
    if start is not None and end is not None and start > end:
        raise Senseless("The span ends before it starts.", "Swap start and end.")
    return start, end


def health(reader: Reader, now: int) -> dict[str, object]:
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
    recent = {code: reader.scores(code, "all", now - _DEFAULT_SPAN_S, now).get(0) for code in geography.PRICE_AREAS}
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
    successes = {job: next((r for r in reader.job_runs(job) if r.status == "ok"), None) for job in JOBS}
    gauge(
        "job_last_success_timestamp_seconds",
        "When a job last did its work.",
        [({"job": job}, run.finished_at) for job, run in successes.items() if run is not None],
    )
    return "\n".join(lines) + "\n"


def _escape(label: str) -> str:
    return label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


class _Api:
    """Routes over one reader. Two threads read, so that a long answer does not hold up a short one."""

    def __init__(self, reader: Reader, time: clock.Clock, desk: Desk | None, tokens: Tokens | None) -> None:
        self._reader = reader
        self._desk = desk
        self._tokens = tokens
        self._copies = Copies(reader.path)
        self._clock = time
        self._pool = ThreadPoolExecutor(2, "api")

    def routes(self) -> list[Route]:
        return [
            Route("/health", self._plain("/health", lambda _: _json(health(self._reader, self._clock.now())))),
            Route("/metrics", self._plain("/metrics", self._metrics)),
            Route("/openapi.json", self._plain("/openapi.json", lambda _: _json(openapi.DOCUMENT))),
            Route("/v1/areas", self._table("/v1/areas", lambda _: consumers.areas(self._reader, self._clock.now()))),
            Route("/v1/hierarchy", self._table("/v1/hierarchy", lambda _: consumers.hierarchy(self._reader, self._clock.now()))),
            Route("/v1/lags", self._table("/v1/lags", lambda _: consumers.lags(self._reader, self._clock.now()))),
            Route("/v1/forecast", self._table("/v1/forecast", self._forecast)),
            Route("/v1/observations", self._table("/v1/observations", self._observations)),
            Route("/v1/scores", self._table("/v1/scores", self._scores)),
            Route("/v1/issues", self._table("/v1/issues", self._issues)),
            Route("/v1/calibration", self._table("/v1/calibration", self._calibration)),
            Route("/v1/reliability", self._table("/v1/reliability", self._reliability)),
            Route("/v1/quarantine", self._table("/v1/quarantine", self._quarantine)),
            Route("/v1/adjustments", self._table("/v1/adjustments", self._adjustments)),
            Route("/v1/peaks", self._table("/v1/peaks", lambda _: tables.peaks(self._reader, self._clock.now()))),
            Route("/v1/models", self._table("/v1/models", lambda _: tables.models(self._reader))),
            Route(
                "/v1/models/changes", self._table("/v1/models/changes", lambda q: tables.role_changes(self._reader, q["limit"]))
            ),
            *(Route(path, self._order(path), methods=["POST"]) for path in openapi.ORDERS),
            *(Route(path, self._plain(path, functools.partial(self._question, path))) for path in openapi.QUESTIONS),
            *(Route(path, self._plain(path, answer)) for path, answer in self._older_service().items()),
            Route("/v1/access", self._endpoint(self._access)),
            Route("/v1/replica", self._endpoint(self._replica)),
            Route("/v1/storage", self._plain("/v1/storage", lambda _: _json(tables.storage(self._reader)))),
            Route("/v1/jobs", self._table("/v1/jobs", lambda q: tables.jobs(self._reader, q["job"], q["limit"]))),
        ]

    def _older_service(self) -> dict[str, Callable[[Query], Response]]:
        reader, now = self._reader, self._clock.now
        return {
            "/api/v1/health": lambda _: _json(older_service.health()),
            "/api/v1/area_values": lambda _: _json(older_service.area_values()),
            "/api/v1/consumer_type_values": lambda _: _json(older_service.consumer_type_values(reader, now())),
            "/api/v1/predictions/{area}/{consumer_type}": lambda q: _json(
                older_service.predictions(reader, q["area"], q["consumer_type"], now())
            ),
            "/api/v1/monitoring/metrics": lambda _: _json(older_service.monitoring_metrics(reader, now())),
            "/api/v1/monitoring/values/{area}/{consumer_type}": lambda q: _json(
                older_service.monitoring_values(reader, q["area"], q["consumer_type"], now())
            ),
        }

    def _consumer(self, query: Query) -> Consumer:
        return consumers.find(self._reader, query["area"], query["consumer_type"], self._clock.now())

    def _wanted(self, query: Query) -> tuple[str | None, str | None]:
        """Area and consumer type of a list that may be of all."""
        wanted = query["area"], query["consumer_type"]
        consumers.require(self._reader, *wanted, self._clock.now())
        return wanted

    def _metrics(self, _: Query) -> Response:
        text = metrics(self._reader, self._clock.now())
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    def _forecast(self, query: Query) -> Table:
        as_of, untouched = moment(query, "as_of"), query["untouched"] == "true"
        return tables.forecast(self._reader, self._consumer(query), self._clock.now(), as_of, untouched)

    def _observations(self, query: Query) -> Table:
        start, end, as_of, now = *_span(query), moment(query, "as_of"), self._clock.now()
        if start is None:
            start = (now if end is None else end) - _DEFAULT_SPAN_S
        if end is None:
            end = max(now, start) + _DEFAULT_SPAN_S
        if end - start > openapi.MAX_ROWS * HOUR:
            raise Senseless(f"The span has more than {openapi.MAX_ROWS} hours.", "Ask in slices, or use lastvagt-engine export.")
        if query["truth"] != "newest" and (query["quantity"] != "load" or as_of is not None):
            raise Senseless("Versions of the truth are kept of the load, and not as of a moment.", "Leave out truth or as_of.")
        return tables.observations(self._reader, self._consumer(query), query["quantity"], start, end, as_of, query["truth"])

    def _scores(self, query: Query) -> Table:
        return tables.scores(self._reader, self._consumer(query), query["by"], query["truth"], *_span(query))

    def _issues(self, query: Query) -> Table:
        start, end = _span(query)
        return tables.issues(self._reader, *self._wanted(query), start, end, query["limit"])

    def _calibration(self, query: Query) -> Table:
        return tables.calibration(self._reader, *self._wanted(query))

    def _reliability(self, query: Query) -> Table:
        return quality.reliability(self._reader, self._consumer(query), self._clock.now(), *_span(query))

    def _quarantine(self, query: Query) -> Table:
        return decisions.quarantine(self._reader, *self._wanted(query), query["limit"])

    def _adjustments(self, query: Query) -> Table:
        return decisions.adjustments(self._reader, self._clock.now(), query["limit"])

    def _plain(self, path: str, answer: Callable[[Query], Response]) -> Callable[[Request], Any]:
        def build(request: Request) -> Response:
            return answer(openapi.parse_query(path, [*request.path_params.items(), *request.query_params.multi_items()]))

        return self._endpoint(build)

    def _table(self, path: str, answer: Callable[[Query], Table]) -> Callable[[Request], Any]:
        def build(request: Request) -> Response:
            query = openapi.parse_query(path, request.query_params.multi_items())
            table = answer(query)
            accept = request.headers.get("accept", "")
            form = query["format"] or ("csv" if "text/csv" in accept and "application/json" not in accept else "json")
            render = _csv if form == "csv" else lambda of: _json(of.document())
            response = render(table)
            if "age_s" in table.head:  # which grows every second: what has not changed otherwise is unchanged
                ageless = {name: value for name, value in table.head.items() if name != "age_s"}
                response.headers["etag"] = _etag(render(dataclasses.replace(table, head=ageless)))
            return response

        return self._endpoint(build)

    def _question(self, path: str, query: Query) -> Response:
        if self._desk is None:
            raise Closed("Only a running engine can answer this.", "Start it: lastvagt-engine run.")
        return _json(self._desk.answer(path, query))

    def _holder(self, request: Request) -> Holder | None:
        """Who asks, by the token that came with it; nobody where it is none of ours."""
        given = bearer(request.headers.raw)
        # Compared in constant time, so that answers do not tell how much of a guess was right.
        if self._desk is not None and hmac.compare_digest(given.encode(), self._desk.token.encode()):
            return Holder("", Right.OPERATOR, 0)
        return self._tokens.holder(given) if self._tokens is not None else None

    def _access(self, request: Request) -> Response:
        openapi.parse_query("/v1/access", request.query_params.multi_items())
        holder = self._holder(request)
        orders = self._desk is not None and holder is not None and holder.right is Right.OPERATOR
        return _json({"name": holder.name if holder else "", "orders": orders, "simulated": self._reader.simulated})

    def _replica(self, request: Request) -> Response:
        openapi.parse_query("/v1/replica", request.query_params.multi_items())
        etag = self._copies.etag()
        if etag in request.headers.get("if-none-match", ""):
            return Response(None, headers={"etag": etag})
        etag, packed = self._copies.newest(self._clock.now())
        return Response(packed, headers={"etag": etag, "content-encoding": "gzip"}, media_type="application/vnd.sqlite3")

    def _order(self, path: str) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            holder = self._holder(request)
            if self._desk is None or holder is None:
                raise Unauthorized(
                    "This needs a token.", "Send Authorization: Bearer and what engine.token holds, or a token of your own."
                )
            if holder.right is Right.READER:
                raise Forbidden(
                    f"The token of {holder.name} may only read.", "lastvagt-engine token new --operator makes one that may order."
                )
            words = openapi.parse_body(path, await request.body())
            if holder.name and "who" in words:
                words["who"] = f"{words['who'] or ''} ({holder.name})".strip()
            if any(isinstance(word, str) and not word.isprintable() for word in words.values()):
                raise Senseless("A text has characters that cannot be printed.", "Leave out line breaks and control characters.")
            carry_out = self._desk.carry_out
            answer = await asyncio.get_running_loop().run_in_executor(self._pool, carry_out, path, words)
            response = _json(answer)
            response.headers.update({"cache-control": "no-store", "x-content-type-options": "nosniff"})
            return response

        return endpoint

    def _endpoint(self, build: Callable[[Request], Response]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            response = await asyncio.get_running_loop().run_in_executor(self._pool, build, request)
            response.headers.update({"cache-control": "no-cache", "x-content-type-options": "nosniff", "vary": "Accept"})
            etag = response.headers.setdefault("etag", _etag(response))
            given = [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]
            if etag in given or "*" in given:
                return Response(None, 304, {"etag": etag, "cache-control": "no-cache", "vary": "Accept"})
            return response

        return endpoint


def _etag(response: Response) -> str:
    """From the bytes: SQLite's data_version means nothing outside the connection that read it."""
    return f'W/"{hashlib.sha256(bytes(response.body)).hexdigest()[:32]}"'


def _csv(table: Table) -> Response:
    return Response(table.csv(), media_type="text/csv; charset=utf-8; header=present")


def _json(document: object) -> Response:
    return Response(json.dumps(document, allow_nan=False, ensure_ascii=False), media_type="application/json")


def _refuse(status: int, title: str, headers: dict[str, str] | None = None) -> Callable[[Request, Exception], Response]:
    def handle(request: Request, error: Exception) -> Response:  # noqa: ARG001
        assert isinstance(error, Expected)
        return problem(status, title, error.problem, error.remedy, headers)

    return handle


def _http_error(request: Request, error: Exception) -> Response:  # noqa: ARG001
    assert isinstance(error, HTTPException)
    return problem(
        error.status_code, error.detail, error.detail, "/openapi.json lists what is served.", dict(error.headers or {})
    )


def _bug(request: Request, error: Exception) -> Response:  # noqa: ARG001
    return problem(500, "Internal error", "The program made a mistake; its log tells more.", "Report it with the log.")


def create(reader: Reader, time: clock.Clock, desk: Desk | None = None, tokens: Tokens | None = None) -> Starlette:
    """The ASGI app; `http_server.HttpServer` guards and serves it. Without a desk it only reads."""
    app = Starlette(
        routes=_Api(reader, time, desk, tokens).routes(),
        middleware=[Middleware(GZipMiddleware, minimum_size=1000, compresslevel=6)],
        exception_handlers={
            openapi.BadQuery: _refuse(400, "Bad query"),
            tables.Missing: _refuse(404, "Not found"),
            Senseless: _refuse(422, "Senseless query"),
            Refused: _refuse(422, "Senseless decision"),
            Unauthorized: _refuse(401, "No valid token", {"www-authenticate": "Bearer"}),
            Forbidden: _refuse(403, "Not with this token"),
            roles.Unknown: _refuse(404, "No such bundle"),
            roles.Pointless: _refuse(409, "Nothing to change"),
            settings.Invalid: _refuse(422, "No such setting or value"),
            settings.Overruled: _refuse(409, "Overruled"),
            Closed: _refuse(503, "No engine"),
            Expected: _refuse(503, "Cannot answer now"),
            HTTPException: _http_error,
            Exception: _bug,
        },
    )
    app.router.redirect_slashes = False
    return app
