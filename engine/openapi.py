"""The contract of the HTTP endpoint: an OpenAPI document that also decides which queries are valid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine import __version__, answers, older_service
from engine.adjusting import FACTORS, Act
from engine.answers import Schema
from engine.domain import LEAD_BUCKETS, MODEL_TIERS, UNITS, Tier
from engine.plan import RUNNABLE
from engine.roles import MODEL_ID
from engine.store import TRUTHS
from engine.store.scorebook import GROUPINGS
from engine.tables import SCORED_AGAINST

#: Most rows one answer holds.
MAX_ROWS = 10_000


def _parameter(name: str, schema: Schema, description: str, required: bool = False, where: str = "query") -> Schema:
    return {"name": name, "in": where, "required": required, "schema": schema, "description": description}


_P_AREA = _parameter("area", answers.AREA, "Code of an area; /v1/areas lists them.", required=True)
_P_TYPE = _parameter("consumer_type", answers.TYPE | {"default": "total"}, "Whose consumption in the area; /v1/areas lists them.")
_P_ONLY_AREA = _parameter("area", answers.AREA, "Only this area.")
_P_ONLY_TYPE = _parameter("consumer_type", answers.TYPE, "Only this consumer type.")
_CODE: Schema = {"type": "integer", "minimum": 0, "maximum": 999}
_P_FORMAT = _parameter("format", answers.enum(("json", "csv")), "Form of the answer; without it the Accept header decides.")
_P_AS_OF = _parameter("as_of", answers.TIME, "Answer from what was known at this moment.")
_P_START = _parameter("start", answers.TIME, "First moment, inclusive.")
_P_END = _parameter("end", answers.TIME, "Last moment, exclusive.")

_P_HOUR = _parameter("valid_time", answers.TIME, "One hour; without it every hour of the issue.")
_P_ISSUE = _parameter("issue_time", answers.TIME, "The newest issue made at or before this moment, else the newest of all.")
_DAY = "(19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}"
_DAYS: Schema = {"type": "string", "pattern": f"^{_DAY}(,{_DAY}){{0,13}}$", "examples": ["2026-12-23,2026-12-24"]}

_OLDER_CODES = (
    _parameter("area", _CODE, ", ".join(f"{n} {area}" for n, area in older_service.AREAS.items()), True, "path"),
    _parameter("consumer_type", _CODE, "Code of DE35, or 0 for everybody; consumer_type_values lists them.", True, "path"),
)


def _p_limit(default: int) -> Schema:
    schema = {"type": "integer", "minimum": 1, "maximum": MAX_ROWS, "default": default}
    return _parameter("limit", schema, "Most rows, newest first.")


def _number(most: float) -> Schema:
    return {"type": "number", "minimum": -most, "maximum": most, "default": 0.0}


def _answer(description: str, media: Mapping[str, Schema], cached: bool) -> Schema:
    answer: Schema = {"description": description, "content": {name: {"schema": schema} for name, schema in media.items()}}
    if cached:
        answer["headers"] = {"ETag": {"description": "send back as If-None-Match", "schema": answers.NAME}}
    return answer


def _operation(
    name: str,
    summary: str,
    media: Mapping[str, Schema],
    parameters: Iterable[Schema] = (),
    errors: Iterable[int] = (400, 403),
    cached: bool = True,
) -> Schema:
    responses: Schema = {"200": _answer(summary, media, cached)}
    if cached:
        responses["304"] = {"description": "unchanged since the given ETag"}
    words = {
        400: "the query breaks this contract",
        401: "a token that this engine does not know, or none from another machine",
        403: "foreign Host, or called by a web page",
        404: "no such consumer, or nothing issued yet",
        405: "only GET and HEAD are served",
        422: "valid words that make no sense together",
        429: "too many wrong tokens from this address",
        503: "the database cannot be read",
    }
    responses |= _problems({status: words[status] for status in (*errors, 401, 405, 429, 503)})
    return {"get": {"operationId": name, "summary": summary, "parameters": list(parameters), "responses": responses}}


def _problems(words: Mapping[int, str]) -> Schema:
    media = {"application/problem+json": {"$ref": "#/components/schemas/Problem"}}
    return {str(status): _answer(text, media, cached=False) for status, text in words.items()}


def _tabular(name: str, summary: str, table: Schema, *parameters: Schema, errors: Iterable[int] = (400, 403, 404, 422)) -> Schema:
    media = {"application/json": table, "text/csv": {"type": "string"}}
    return _operation(name, summary, media, (*parameters, _P_FORMAT), errors)


def _older(name: str, summary: str, answer: Schema, *codes: Schema) -> Schema:
    errors = (400, 403, 404) if codes else (400, 403)
    return _operation(f"older_{name}", f"As the older service: {summary}", {"application/json": answer}, codes, errors)


_BUNDLE: Schema = {"type": "string", "pattern": f"^{MODEL_ID}$", "examples": ["price-areas-full-2026-10-31"]}
_MODEL_TIER = answers.enum(MODEL_TIERS)
_WHO: Schema = {"type": "string", "maxLength": 100, "description": "who decided"}


def _reason(shortest: int) -> Schema:
    return {"type": "string", "minLength": shortest, "maxLength": 500, "description": "why"}


def _decision(act: str, summary: str, properties: Mapping[str, Schema], required: Iterable[str]) -> Schema:
    """An operation that changes roles: JSON in, the change that was recorded out."""
    change = answers.record(answers.ROLE_CHANGE)
    return _order(act, summary, properties, required, change, "The change, as it is recorded.")


def _order(
    act: str, summary: str, properties: Mapping[str, Schema], required: Iterable[str], answer: Schema, told: str
) -> Schema:
    """An operation that changes something: JSON in and out, with the token."""
    words = {
        400: "the body breaks this contract",
        401: "no token, or none that this engine knows",
        403: "a token that may only read, a foreign Host, or called by a web page",
        404: "nothing of that name",
        405: "only POST is served",
        409: "it would change nothing, or cannot be done as things stand",
        411: "the body has no Content-Length",
        413: "the body is too large",
        415: "the body is not application/json",
        422: "words that make no sense or cannot be printed, or a kit that is refused",
        429: "too many wrong tokens from this address",
        503: "the database cannot be read or written",
    }
    body = {
        "type": "object",
        "properties": {**properties, "who": _WHO},
        "required": list(required),
        "additionalProperties": False,
    }
    operation = {
        "operationId": act,
        "summary": summary,
        "security": [{"token": []}],
        "parameters": [],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {"200": _answer(told, {"application/json": answer}, cached=False)} | _problems(words),
    }
    return {"post": operation}


_BACKUP: Schema = {
    "type": "string",
    "pattern": r"^lastvagt-(simulated-)?[0-9]{8}T[0-9]{6}Z\.sqlite$",
    "examples": ["lastvagt-20261128T032700Z.sqlite"],
}
_ID: Schema = {"type": "integer", "minimum": 1, "maximum": 999_999_999}
_ONE_VALUE = ({"quarantine_id": _ID}, ("quarantine_id",))

DOCUMENT: Schema = {
    "openapi": "3.1.0",
    "info": {
        "title": "Lastvagt",
        "version": __version__,
        "description": "Forecasts of Danish electricity consumption. Times are UTC, ISO 8601, and name the start of their hour. "
        "Levels p05 ... p95 are quantiles; p50 is the median. Percentages are percent: 3.8 means 3.8 %. "
        "A consumer is an area and a consumer type, by default all of it (total). Loads add up exactly within one measure and "
        "never across two: /v1/hierarchy tells which. "
        "In CSV the unit is part of the column's name, and what JSON has beside its rows is repeated in each line. "
        "Write + as %2B in a query.",
    },
    "paths": {
        "/health": _operation(
            "health", "Whether the engine works and how current its data are.", {"application/json": answers.HEALTH}, cached=False
        ),
        "/v1/areas": _tabular(
            "areas", "All consumers and what is known of them, price areas first.", answers.AREAS, errors=(400, 403)
        ),
        "/v1/hierarchy": _tabular(
            "hierarchy", "Whose loads add up to whose exactly, and why others do not.", answers.HIERARCHY, errors=(400, 403)
        ),
        "/v1/lags": _tabular(
            "lags",
            "How late each stored load is, and usually is, as measured from its arrivals.",
            answers.LAGS,
            errors=(400, 403),
        ),
        "/v1/forecast": _tabular(
            "forecast",
            "The newest issue of a consumer, published with the adjustments of operators.",
            answers.FORECAST,
            _P_AREA,
            _P_TYPE,
            _P_AS_OF,
            _parameter("untouched", answers.enum(("true", "false")) | {"default": "false"}, "As the model made it."),
        ),
        "/v1/observations": _tabular(
            "observations",
            "Measured or forecast inputs of an area, by default from 7 days ago to 7 days ahead.",
            answers.OBSERVATIONS,
            _P_AREA,
            _P_TYPE,
            _parameter("quantity", answers.enum(UNITS) | {"default": "load"}, "What was measured."),
            _P_START,
            _P_END,
            _P_AS_OF,
            _parameter(
                "truth",
                answers.enum(TRUTHS) | {"default": "newest"},
                "Which version of the load: newest, first published, marked final, or from the settlement of price areas.",
            ),
        ),
        "/v1/scores": _tabular(
            "scores",
            f"How earlier issues turned out; lead buckets bridge, {', '.join(f'{a}-{b}' for a, b in LEAD_BUCKETS[1:])} hours.",
            answers.SCORE_TABLE,
            _P_AREA,
            _P_TYPE,
            _parameter("by", answers.enum(GROUPINGS) | {"default": "all"}, "How hours are grouped; by Danish hour, day, month."),
            _parameter("truth", answers.enum(SCORED_AGAINST) | {"default": "provisional"}, "What forecasts are held against."),
            _P_START,
            _P_END,
        ),
        "/v1/issues": _tabular(
            "issues",
            "Issues made, newest first.",
            answers.ISSUES,
            _P_ONLY_AREA,
            _P_ONLY_TYPE,
            _P_START,
            _P_END,
            _p_limit(168),
        ),
        "/v1/plan/issues": _tabular(
            "planned_issues",
            "What became of each hourly issue that was planned, newest first: made on time, late, or missed, and why; of 28 days.",
            answers.PLANNED_ISSUES,
            _P_START,
            _P_END,
            _parameter("outcome", answers.OUTCOME, "Only those that turned out so."),
            _p_limit(168),
        ),
        "/v1/calibration": _tabular(
            "calibration",
            "What was learned from hours that came true: weights of experts, corrections, widths of bands, recent coverage.",
            answers.CALIBRATION,
            _P_ONLY_AREA,
            _P_ONLY_TYPE,
            errors=(400, 403, 404),
        ),
        "/v1/reliability": _tabular(
            "reliability",
            "How often load stayed at or below each level, errors beside those expected, by lead bucket; and whether errors drift.",
            answers.RELIABILITY,
            _P_AREA,
            _P_TYPE,
            _P_START,
            _P_END,
        ),
        "/v1/quarantine": _tabular(
            "quarantine",
            "Values set aside as implausible, newest first.",
            answers.QUARANTINE,
            _P_ONLY_AREA,
            _P_ONLY_TYPE,
            _p_limit(100),
            errors=(400, 403, 404),
        ),
        "/v1/quarantine/accept": _order(
            "accept",
            "Take a value that was set aside for true, from now on.",
            *_ONE_VALUE,
            answers.record(answers.SET_ASIDE),
            "The value, with the verdict.",
        ),
        "/v1/quarantine/reject": _order(
            "reject",
            "Leave a value aside for good.",
            *_ONE_VALUE,
            answers.record(answers.SET_ASIDE),
            "The value, with the verdict.",
        ),
        "/v1/adjustments": _tabular(
            "adjustments",
            "What operators added to forecasts or multiplied them by, newest first, and what it was worth.",
            answers.ADJUSTMENTS,
            _p_limit(100),
            errors=(400, 403),
        ),
        "/v1/adjustments/make": _order(
            "adjust",
            "Add to the forecast of a consumer, or multiply it, over a span of hours to come.",
            {
                "area": answers.AREA,
                "consumer_type": answers.TYPE | {"default": "total"},
                "act": answers.enum(Act),
                "amount": {
                    "type": "number",
                    "minimum": -20000,
                    "maximum": 20000,
                    "description": f"MWh an hour, at most half of the usual load; or a factor from {FACTORS[0]:g} to {FACTORS[1]:g}",
                },
                "valid_start": answers.TIME,
                "valid_end": answers.TIME,
                "expires_at": answers.TIME | {"description": "by default with the last hour"},
                "reason": _reason(1),
            },
            ("area", "act", "amount", "valid_start", "valid_end", "reason"),
            answers.record(answers.ADJUSTMENT),
            "The adjustment, as it is recorded.",
        ),
        "/v1/adjustments/withdraw": _order(
            "withdraw",
            "Take an adjustment back for all hours that have not begun.",
            {"adjustment_id": _ID, "reason": _reason(0)},
            ("adjustment_id",),
            answers.record(answers.ADJUSTMENT),
            "The adjustment, as it is recorded.",
        ),
        "/v1/peaks": _tabular(
            "peaks",
            "The largest hour ahead of price areas and of everybody with a limit, and how probable it is that one exceeds it.",
            answers.PEAKS,
            errors=(400, 403),
        ),
        "/v1/models": _tabular(
            "models",
            "Model bundles, their roles, and how challengers do against their champions on settled days.",
            answers.MODELS,
            errors=(400, 403),
        ),
        "/v1/models/changes": _tabular(
            "role_changes",
            "Who gave which role to which bundle, newest first.",
            answers.ROLE_CHANGES,
            _p_limit(100),
            errors=(400, 403),
        ),
        "/v1/models/promote": _decision(
            "promote",
            "Make a bundle the champion of its tier.",
            {"model_id": _BUNDLE, "reason": _reason(1)},
            ("model_id", "reason"),
        ),
        "/v1/models/rollback": _decision(
            "rollback", "Bring back the champion before.", {"tier": _MODEL_TIER, "reason": _reason(0)}, ("tier",)
        ),
        "/v1/models/challenge": _decision(
            "challenge",
            "Try a bundle in shadow, or with null none in the tier.",
            {"model_id": answers.maybe(_BUNDLE), "tier": _MODEL_TIER | {"default": Tier.FULL}, "reason": _reason(0)},
            ("model_id",),
        ),
        "/v1/access": _operation(
            "access", "What the token that is sent may do.", {"application/json": answers.ACCESS}, errors=(400, 403)
        ),
        "/v1/replica": _operation(
            "replica",
            "A small SQLite database, gzip-compressed, of what a screen on another machine shows: about the last ten weeks.",
            {"application/vnd.sqlite3": {"type": "string", "format": "binary"}},
            errors=(400, 403),
        ),
        "/v1/explain": _operation(
            "explain",
            "What published medians are made of: a usual hour like them, what groups of inputs add, what was learned, what operators changed; exactly.",
            {"application/json": answers.EXPLANATION},
            (_P_AREA, _P_TYPE, _P_HOUR, _P_ISSUE),
            (400, 403, 404, 422),
        ),
        "/v1/explain/changes": _operation(
            "changes",
            "Why an issue differs from one before it: time, load, weather, model, what was learned, what operators changed; exactly.",
            {"application/json": answers.CHANGES},
            (
                *(_P_AREA, _P_TYPE, _P_HOUR, _P_ISSUE),
                _parameter("before", answers.TIME, "Beside the newest issue made at or before this moment, else the one before."),
            ),
            (400, 403, 404, 422),
        ),
        "/v1/whatif": _operation(
            "whatif",
            "What a forecast would be in other weather, with days taken for other days, with more load: never stored, never official.",
            {"application/json": answers.WHAT_IF},
            (
                *(_P_AREA, _P_TYPE, _P_ISSUE),
                _parameter("temperature_k", _number(20), "Degrees added from the issue on."),
                _parameter("wind_ms", _number(20), "Metres a second added from the issue on."),
                _parameter("free", _DAYS, "Danish days taken for days off."),
                _parameter("working", _DAYS, "Danish days taken for working days."),
                _parameter("extra_mwh", _number(10_000), "MWh added in each hour from start to end."),
                *(_P_START, _P_END),
            ),
            (400, 403, 404, 422),
        ),
        "/v1/jobs": _tabular(
            "jobs",
            "What the engine did, newest first.",
            answers.JOBS,
            _parameter("job", {"type": "string", "pattern": "^[a-z_]{1,32}$"}, "Only this job."),
            _p_limit(100),
            errors=(400, 403),
        ),
        "/v1/jobs/run": _order(
            "run_job",
            "Run a job at once, after the one that runs now.",
            {"job": answers.enum(RUNNABLE)},
            ("job",),
            answers.TOLD,
            "It is taken note of; /v1/jobs tells what becomes of it.",
        ),
        "/v1/settings": _operation(
            "settings", "Every setting, where it comes from, and what it takes.", {"application/json": answers.SETTINGS}
        ),
        "/v1/settings/change": _order(
            "change_setting",
            "Change a setting in the data folder; null takes a change back.",
            {
                "name": {"type": "string", "minLength": 1, "maxLength": 64},
                "value": answers.maybe({"type": "string", "maxLength": 2000}),
            },
            ("name", "value"),
            answers.SETTING,
            "The setting as it is now.",
        ),
        "/v1/support": _order(
            "support",
            "What a person who helps needs to know of this installation, with secrets and names covered.",
            {},
            (),
            answers.SUPPORT,
            "A text to read and to send.",
        ),
        "/v1/kits/import": _order(
            "import_kit",
            "Import a kit: a signed file on the engine's machine that brings data, bundles and updates.",
            {
                "path": {
                    "type": "string",
                    "pattern": r"^.{1,1000}\.kit$",
                    "maxLength": 1000,
                    "description": "where it lies, in full",
                }
            },
            ("path",),
            answers.KIT,
            "What the kit brought.",
        ),
        "/v1/backups": _operation(
            "backups", "The backups there are, newest first.", {"application/json": answers.BACKUPS}, cached=False
        ),
        "/v1/backups/loss": _operation(
            "backup_loss",
            "What putting a backup in the place of the database would lose; nothing is changed.",
            {"application/json": answers.LOSS},
            (_parameter("name", _BACKUP, "Of the backup; without it the newest."),),
            (400, 403, 404),
        ),
        "/v1/backups/restore": _order(
            "restore_backup",
            "Put a backup in the place of the database, which is kept aside; the engine starts again.",
            {"name": _BACKUP},
            ("name",),
            answers.LOSS,
            "What is lost by it; the engine answers again in some seconds.",
        ),
        "/v1/backups/noted": _order(
            "note_recovery",
            "Take note of what was lost when a damaged database gave way to a backup, which ends that event.",
            {},
            (),
            answers.NOTED,
            "How many such events were open.",
        ),
        "/v1/plan": _operation(
            "plan", "When each job ran last and runs next, and when each source is asked.", {"application/json": answers.PLAN}
        ),
        "/v1/storage": _operation(
            "storage", "How much of the disk the database takes, and how it grows.", {"application/json": answers.STORAGE}
        ),
        "/api/v1/health": _older("health", "that it answers.", answers.OLDER_HEALTH),
        "/api/v1/area_values": _older("area_values", "the areas there are.", answers.OLDER_VALUES),
        "/api/v1/consumer_type_values": _older(
            "consumer_type_values", "the types that have an answer today; codes of households share one.", answers.OLDER_VALUES
        ),
        "/api/v1/predictions/{area}/{consumer_type}": _older(
            "predictions", "the newest week of load, and the forecast after it.", answers.OLDER_PREDICTIONS, *_OLDER_CODES
        ),
        "/api/v1/monitoring/metrics": _older(
            "metrics", "by hour of 30 days the mean error over all areas and types.", answers.OLDER_METRICS
        ),
        "/api/v1/monitoring/values/{area}/{consumer_type}": _older(
            "monitoring",
            "30 days of load, and what each day's first issue said of the 24 hours after it.",
            answers.OLDER_MONITORING,
            *_OLDER_CODES,
        ),
        "/openapi.json": _operation("contract", "This document.", {"application/json": {"type": "object"}}),
        "/metrics": _operation("metrics", "Figures for Prometheus.", {"text/plain": {"type": "string"}}, cached=False),
    },
    "components": {
        "schemas": {"Problem": answers.PROBLEM},
        "securitySchemes": {
            "token": {
                "type": "http",
                "scheme": "bearer",
                "description": "What `engine.token` in the data folder holds while the engine runs, or a token of `lastvagt-engine token new`; "
                "to order something, one made with --operator.",
            }
        },
    },
}
#: Paths that change something.
ORDERS = tuple(path for path, operations in DOCUMENT["paths"].items() if "post" in operations)


#: Paths of questions that need the models of a running engine.
QUESTIONS = ("/v1/explain", "/v1/explain/changes", "/v1/whatif", "/v1/plan", "/v1/settings", "/v1/backups", "/v1/backups/loss")
