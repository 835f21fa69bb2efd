"""The HTTP endpoint: answers from the database as JSON, CSV and Prometheus text, and orders, as `openapi.DOCUMENT` says."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
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

from engine import (
    clock,
    consumers,
    decisions,
    health,
    kit,
    metrics,
    older_service,
    openapi,
    quality,
    queries,
    roles,
    settings,
    tables,
)
from engine.adjusting import Refused
from engine.domain import DAY, HOUR, Consumer, Expected
from engine.http_server import bearer, problem
from engine.store import Reader
from engine.store.backups import NoBackup
from engine.store.replica import Copies
from engine.tables import Table
from engine.tokens import Holder, Right, Tokens

Query = dict[str, Any]

#: What an answer spans when the query names no start or end.
_DEFAULT_SPAN_S = 7 * DAY


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


def _span(query: Query) -> tuple[int | None, int | None]:
    start, end = queries.moment(query, "start"), queries.moment(query, "end")
    if start is not None and end is not None and start > end:
        raise queries.Senseless("The span ends before it starts.", "Swap start and end.")
    return start, end


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
            Route("/health", self._plain("/health", lambda _: _json(health.state(self._reader, self._clock.now())))),
            Route("/metrics", self._plain("/metrics", self._metrics)),
            Route("/openapi.json", self._plain("/openapi.json", lambda _: _json(openapi.DOCUMENT))),
            Route("/v1/areas", self._table("/v1/areas", lambda _: consumers.areas(self._reader, self._clock.now()))),
            Route("/v1/hierarchy", self._table("/v1/hierarchy", lambda _: consumers.hierarchy(self._reader, self._clock.now()))),
            Route("/v1/lags", self._table("/v1/lags", lambda _: consumers.lags(self._reader, self._clock.now()))),
            Route("/v1/forecast", self._table("/v1/forecast", self._forecast)),
            Route("/v1/observations", self._table("/v1/observations", self._observations)),
            Route("/v1/scores", self._table("/v1/scores", self._scores)),
            Route("/v1/issues", self._table("/v1/issues", self._issues)),
            Route("/v1/plan/issues", self._table("/v1/plan/issues", self._planned)),
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
        text = metrics.text(self._reader, self._clock.now())
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    def _forecast(self, query: Query) -> Table:
        as_of, untouched = queries.moment(query, "as_of"), query["untouched"] == "true"
        return tables.forecast(self._reader, self._consumer(query), self._clock.now(), as_of, untouched)

    def _observations(self, query: Query) -> Table:
        start, end, as_of, now = *_span(query), queries.moment(query, "as_of"), self._clock.now()
        if start is None:
            start = (now if end is None else end) - _DEFAULT_SPAN_S
        if end is None:
            end = max(now, start) + _DEFAULT_SPAN_S
        if end - start > openapi.MAX_ROWS * HOUR:
            raise queries.Senseless(
                f"The span has more than {openapi.MAX_ROWS} hours.", "Ask in slices, or use lastvagt-engine export."
            )
        if query["truth"] != "newest" and (query["quantity"] != "load" or as_of is not None):
            raise queries.Senseless(
                "Versions of the truth are kept of the load, and not as of a moment.", "Leave out truth or as_of."
            )
        return tables.observations(self._reader, self._consumer(query), query["quantity"], start, end, as_of, query["truth"])

    def _scores(self, query: Query) -> Table:
        return tables.scores(self._reader, self._consumer(query), query["by"], query["truth"], *_span(query))

    def _issues(self, query: Query) -> Table:
        start, end = _span(query)
        return tables.issues(self._reader, *self._wanted(query), start, end, query["limit"])

    def _planned(self, query: Query) -> Table:
        return tables.planned(self._reader, self._clock.now(), *_span(query), query["outcome"], query["limit"])

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
            return answer(queries.parse_query(path, [*request.path_params.items(), *request.query_params.multi_items()]))

        return self._endpoint(build)

    def _table(self, path: str, answer: Callable[[Query], Table]) -> Callable[[Request], Any]:
        def build(request: Request) -> Response:
            query = queries.parse_query(path, request.query_params.multi_items())
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
        return holder_of(bearer(request.headers.raw), self._desk, self._tokens)

    def _access(self, request: Request) -> Response:
        queries.parse_query("/v1/access", request.query_params.multi_items())
        holder = self._holder(request)
        orders = self._desk is not None and holder is not None and holder.right is Right.OPERATOR
        return _json({"name": holder.name if holder else "", "orders": orders, "simulated": self._reader.simulated})

    def _replica(self, request: Request) -> Response:
        queries.parse_query("/v1/replica", request.query_params.multi_items())
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
            words = queries.parse_body(path, await request.body())
            if holder.name and "who" in words:
                words["who"] = f"{words['who'] or ''} ({holder.name})".strip()
            if any(isinstance(word, str) and not word.isprintable() for word in words.values()):
                raise queries.Senseless(
                    "A text has characters that cannot be printed.", "Leave out line breaks and control characters."
                )
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


def holder_of(given: str, desk: Desk | None, tokens: Tokens | None) -> Holder | None:
    """Whose token it is: the engine's own, or one that was made for somebody."""
    # Compared in constant time, so that answers do not tell how much of a guess was right.
    if desk is not None and hmac.compare_digest(given.encode(), desk.token.encode()):
        return Holder("", Right.OPERATOR, 0)
    return tokens.holder(given) if tokens is not None else None


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
            queries.BadQuery: _refuse(400, "Bad query"),
            tables.Missing: _refuse(404, "Not found"),
            queries.Senseless: _refuse(422, "Senseless query"),
            Refused: _refuse(422, "Senseless decision"),
            Unauthorized: _refuse(401, "No valid token", {"www-authenticate": "Bearer"}),
            Forbidden: _refuse(403, "Not with this token"),
            NoBackup: _refuse(404, "No such backup"),
            roles.Unknown: _refuse(404, "No such bundle"),
            roles.Pointless: _refuse(409, "Nothing to change"),
            settings.Invalid: _refuse(422, "No such setting or value"),
            settings.Overruled: _refuse(409, "Overruled"),
            kit.Refused: _refuse(422, "Kit refused"),
            Closed: _refuse(503, "No engine"),
            Expected: _refuse(503, "Cannot answer now"),
            HTTPException: _http_error,
            Exception: _bug,
        },
    )
    app.router.redirect_slashes = False
    return app
