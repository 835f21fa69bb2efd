"""The shapes of what the HTTP endpoint answers, as JSON schemas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.adjusting import Act, State
from engine.config import Place
from engine.consumers import MEANINGS
from engine.contest import Verdict
from engine.domain import FIGURES, LEVELS, UNITS, Cause, Freshness, Part, Tier
from engine.drift import Stand
from engine.geography import Kind, Measure
from engine.ledger import Outcome
from engine.plan import RUNNABLE
from engine.quality import SHARES
from engine.roles import ACTS
from engine.store import TRUTHS
from engine.store.decisions import ACCEPT, REJECT
from engine.store.scorebook import GROUPINGS
from engine.tables import SCORED_AGAINST

Schema = dict[str, Any]

TIME: Schema = {
    "type": "string",
    "pattern": r"^(19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2}))?$",
    "examples": ["2026-10-25T01:00Z", "2026-10-25"],
}
_INSTANT: Schema = {"type": "string", "format": "date-time", "description": "UTC"}
NAME: Schema = {"type": "string"}
_INTEGER: Schema = {"type": "integer"}
_NUMBER: Schema = {"type": ["number", "null"], "description": "null where there are no data"}


def enum(values: Iterable[str]) -> Schema:
    return {"type": "string", "enum": list(values)}


def maybe(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def record(properties: Mapping[str, Schema]) -> Schema:
    return {"type": "object", "properties": dict(properties), "required": list(properties), "additionalProperties": False}


def _table(head: Mapping[str, Schema], row: Mapping[str, Schema]) -> Schema:
    units = {"type": "object", "additionalProperties": NAME, "description": "unit of each column that has one"}
    return record({**head, "units": units, "rows": {"type": "array", "items": record(row)}})


_SIMULATED = {"simulated": {"type": "boolean", "description": "made from simulated data"}}
_EX_POST = {"ex_post": {"type": "boolean", "description": "uses values nobody could have known at the time"}}
_MARKS = _SIMULATED | _EX_POST
#: Names of users' own areas and types may hold anything that can be printed.
_WORD = r"^[^\x00-\x1f\x7f-\x9f]{1,64}$"
AREA: Schema = {"type": "string", "pattern": _WORD, "examples": ["DK1", "1081", "851"]}
TYPE: Schema = {"type": "string", "pattern": _WORD, "examples": ["household"]}
_CONSUMER: dict[str, Schema] = {"area": NAME, "consumer_type": NAME}
_CONSUMERS: Schema = {"type": "array", "items": record(_CONSUMER)}
_MEASURE = enum(Measure) | {"description": "; ".join(f"{each}: {MEANINGS[each]}" for each in Measure)}
_TIER = enum(Tier)
OUTCOME = enum(Outcome)
_STATUS = enum(("ok", "expected", "bug", "missed"))
_FRESHNESS = enum(Freshness)
_AGE: Schema = {
    "age_s": {"type": "integer", "description": "seconds since the issue, when this was answered; alone it changes no ETag"},
    "freshness": _FRESHNESS,
}
_ISSUE = {"issue_time": _INSTANT, "tier": _TIER, "reason": NAME, "model_id": NAME}


ACCESS = record(
    {
        "name": NAME | {"description": "of the token; empty without one, and of the engine's own"},
        "orders": {"type": "boolean", "description": "whether it may give orders"},
        **_SIMULATED,
    }
)
AREAS = _table(
    _SIMULATED,
    {
        **_CONSUMER,
        "name_da": NAME,
        "name_en": NAME,
        "kind": enum(Kind),
        "parent": maybe(NAME),
        "price_area": NAME,
        "measure": _MEASURE,
        "sum_of": _CONSUMERS | {"description": "whose loads add up to this one exactly; empty where its own is measured"},
        "adds_up_to": _CONSUMERS | {"description": "whose sum this one is a part of"},
        "since": maybe(_INSTANT),
        "until": maybe(_INSTANT),
        "newest_load": maybe(_INSTANT),
        "lag_h": {"type": ["integer", "null"], "description": "whole hours from the newest load to now"},
        "newest_issue": maybe(_INSTANT),
    },
)
HIERARCHY = _table(
    _SIMULATED,
    {
        **_CONSUMER,
        "part_area": NAME,
        "part_consumer_type": NAME,
        "measure": _MEASURE,
        "part_measure": _MEASURE,
        "adds_up": {"type": "boolean", "description": "whether the part is one of those that sum up to the whole exactly"},
        "reason": {"type": "string", "description": "why not"},
    },
)
LAGS = _table(
    _SIMULATED,
    {
        **_CONSUMER,
        "source": NAME,
        "newest_valid": _INSTANT,
        "lag_h": {"type": "integer", "description": "whole hours from the newest hour to now"},
        "usual_lag_h": {"type": ["integer", "null"], "description": "what nine days in ten keep to; null before seven days"},
        "stalled_since": maybe(_INSTANT),
        "holes": {"type": "integer", "description": "hours missing from the last 60 days up to the newest"},
        "nominal": {"type": "boolean", "description": "no arrivals were seen: the publisher's nominal lag stands in"},
    },
)
FORECAST = _table(
    {
        **_CONSUMER,
        "measure": _MEASURE,
        "newest_load": maybe(_INSTANT)
        | {"description": "the newest hour known when it was made; null for the sum of price areas"},
        **_ISSUE,
        **_MARKS,
        "untouched": {"type": "boolean", "description": "whether it is the model's alone, whatever operators decided"},
        "adjustments": {"type": "array", "items": _INTEGER, "description": "of operators, which it is published with, as made"},
        **_AGE,
    },
    {
        "valid_time": _INSTANT,
        "part": enum(("bridge", "ahead")) | {"description": "bridge: the hour had begun, and nobody had published it yet"},
        "lead_time_h": {"type": "number"},
    }
    | {f"p{round(100 * level):02d}": _NUMBER for level in LEVELS}
    | {"adjustment": {"type": "number", "description": "what adjustments added to the median"}},
)
_INPUTS = {"newest_load": maybe(_INSTANT), "newest_weather": maybe(_INSTANT)}
_MADE = {"issue_time": _INSTANT, "tier": _TIER, "model_id": NAME}
EXPLANATION = _table(
    {
        **_CONSUMER,
        **_MADE,
        **_MARKS,
        **_INPUTS,
        "remade": {"type": ["boolean", "null"], "description": "whether its model, asked again, says the same; null: not known"},
    },
    {"valid_time": _INSTANT, **dict.fromkeys(Part, _NUMBER), "published": _NUMBER},
)
CHANGES = _table(
    {**_CONSUMER, **_MADE, **_MARKS, **_INPUTS, "before": record({**_MADE, **_INPUTS})},
    {"valid_time": _INSTANT, "before": _NUMBER, **dict.fromkeys(Cause, _NUMBER), "published": _NUMBER},
)
WHAT_IF = _table(
    {
        **_CONSUMER,
        **_MADE,
        **_MARKS,
        "official": {"type": "boolean", "const": False},
        "answers_to": {"type": "array", "items": enum(Part), "description": "of what can be changed, what its models know"},
    },
    {"valid_time": _INSTANT, "published": _NUMBER} | {f"p{round(100 * level):02d}": _NUMBER for level in LEVELS},
)
OBSERVATIONS = _table(
    {
        **_CONSUMER,
        "quantity": enum(UNITS),
        "truth": enum(TRUTHS),
        "as_of": maybe(_INSTANT),
        **_MARKS,
    },
    {"valid_time": _INSTANT, "value": _NUMBER},
)
SCORE_TABLE = _table(
    {
        **_CONSUMER,
        "by": enum(GROUPINGS),
        "truth": enum(SCORED_AGAINST),
        "reference": NAME,
        "start": maybe(_INSTANT),
        "end": maybe(_INSTANT),
        **_MARKS,
    },
    {"group": NAME, "n": _INTEGER} | dict.fromkeys(FIGURES, _NUMBER),
)
ISSUES = _table(
    _SIMULATED,
    {
        **_CONSUMER,
        **_ISSUE,
        "created_at": _INSTANT,
        "valid_start": _INSTANT,
        "hours": _INTEGER,
        **_EX_POST,
    },
)
PLANNED_ISSUES = _table(
    {"job": NAME, "areas": NAME | {"description": "of each of which an issue is made every hour"}, **_SIMULATED},
    {
        "issue_time": _INSTANT | {"description": "the hour, UTC"},
        "outcome": OUTCOME | {"description": "late: five minutes or more after its hour"},
        "made_at": maybe(_INSTANT),
        "reason": NAME | {"description": "why it came late or never, where that is known"},
    },
)
CALIBRATION = _table(
    _SIMULATED,
    {
        **_CONSUMER,
        "model_id": NAME,
        "learned_at": _INSTANT,
        "first_lead_h": _INTEGER,
        "last_lead_h": _INTEGER,
        "hours": {"type": "integer", "description": "hours that came true and were learned from"},
        "kind": enum(("weight", "response", "level", "width", "coverage")),
        "name": {"type": "string", "description": "expert, input, or share of the band in percent"},
        "nominal": _NUMBER,
        "value": _NUMBER,
        "unit": enum(("%", "% per sd", "factor")),
    },
)
SET_ASIDE: dict[str, Schema] = {
    "quarantine_id": _INTEGER,
    **_CONSUMER,
    "quantity": enum(UNITS),
    "source": NAME,
    "valid_time": _INSTANT,
    "value": _NUMBER,
    "reason": NAME,
    "verdict": enum((ACCEPT, REJECT, "")) | {"description": "empty while nobody has decided"},
    "decided_at": maybe(_INSTANT),
    "who": NAME,
}
QUARANTINE = _table(_SIMULATED, SET_ASIDE)
_WORTH = {
    "scored_hours": _INTEGER,
    "value_added": _NUMBER | {"description": "absolute error saved over the scored hours; negative where it did harm"},
}
ADJUSTMENT: dict[str, Schema] = {
    "adjustment_id": _INTEGER,
    **_CONSUMER,
    "act": enum(Act),
    "amount": {"type": "number", "description": "MWh an hour, or a factor"},
    "valid_start": _INSTANT,
    "valid_end": _INSTANT | {"description": "exclusive"},
    "made_at": _INSTANT,
    "expires_at": _INSTANT,
    "who": NAME,
    "reason": NAME,
    "state": enum(State),
    "withdrawn_at": maybe(_INSTANT),
    "withdrawn_by": NAME,
    "withdrawn_for": NAME,
    **_WORTH,
}
ADJUSTMENTS = _table(
    _SIMULATED | {"operators": {"type": "array", "items": record({"who": NAME, **_WORTH})}},
    ADJUSTMENT,
)
RELIABILITY = _table(
    {
        **_CONSUMER,
        "truth": enum(("provisional",)),
        "start": maybe(_INSTANT),
        "end": maybe(_INSTANT),
        "drift": enum(Stand)
        | {
            "description": "how errors of seven days, day ahead or of a late load in the bridge, stand against those usual before"
        },
        "judged_to": maybe({"type": "string", "format": "date", "description": "newest Danish day that was judged"}),
        **_SIMULATED,
    },
    {
        "first_lead_h": _INTEGER,
        "last_lead_h": _INTEGER,
        "days": _INTEGER,
        "n": _INTEGER,
        "mae": _NUMBER,
        "expected_mae": {"type": "number", "description": "what the forecasts expected of themselves"},
    }
    | dict.fromkeys(SHARES, _NUMBER | {"description": "share of load at or below the level"}),
)
PEAKS = _table(
    {"alarm_percent": {"type": "integer", "description": "probability from which on there is an alarm"}, **_SIMULATED},
    {
        **_CONSUMER,
        "within_h": {"type": "integer", "description": "hours ahead that were looked at"},
        "issue_time": _INSTANT,
        "peak_time": _INSTANT,
        **dict.fromkeys(("p50", "p10", "p90"), _NUMBER),
        "limit": {"type": ["number", "null"], "description": "null where none is set"},
        "probability": {"type": ["number", "null"], "description": "of exceeding the limit in the most probable hour"},
        "probable_at": maybe(_INSTANT),
    },
)
JOBS = _table(
    _SIMULATED,
    {
        "job": NAME,
        "started_at": _INSTANT,
        "finished_at": _INSTANT,
        "status": _STATUS,
        "problem": NAME,
        "remedy": NAME,
        "detail": {"type": "object"},
    },
)
PLAN = record(
    {
        "now": _INSTANT,
        **_SIMULATED,
        "jobs": {
            "type": "array",
            "items": record(
                {
                    "job": NAME,
                    "every_s": {"type": "integer", "description": "0 where it only follows another job"},
                    "after": {"type": "string", "description": "the job it follows too, if any"},
                    "last_started": maybe(_INSTANT),
                    "last_status": enum(("ok", "expected", "bug", "missed", "")),
                    "usual_s": {"type": ["integer", "null"], "description": "seconds that half of its runs take at most"},
                    "next_time": maybe(_INSTANT),
                    "can_be_run": {"type": "boolean"},
                }
            ),
        },
        "sources": {
            "type": "array",
            "items": record(
                {"dataset": NAME, "every_s": _INTEGER, "last_asked": maybe(_INSTANT), "next_time": _INSTANT},
            ),
        },
    }
)
_VALUE: Schema = {"type": ["string", "integer", "boolean"]}
SETTING = record(
    {
        "name": NAME,
        "kind": enum(("switch", "number", "choice", "folder", "address", "secret", "text")),
        "value": _VALUE | {"description": "as the settings say; empty for a secret"},
        "default": _VALUE,
        "place": enum(Place) | {"description": "where the value comes from"},
        "where": NAME,
        "help": NAME,
        "low": {"type": ["integer", "null"]},
        "high": {"type": ["integer", "null"]},
        "choices": {"type": "array", "items": NAME},
        "kept": {
            "type": "string",
            "description": "where a secret is kept: keyring, file, or outside; locked; empty where none is set",
        },
        "closed": {"type": "string", "description": "why it cannot be changed here"},
        "live": {"type": "boolean", "description": "a change counts at once, else from the next start on"},
        "waits": {"type": "boolean", "description": "the running engine has another value until it starts again"},
    }
)
SETTINGS = record({"folder": NAME, "settings": {"type": "array", "items": SETTING}})
SUPPORT = record({"text": NAME})
KIT = record(
    {
        **dict.fromkeys(("file", "digest", "signed_by", "program", "who"), NAME),
        **dict.fromkeys(("since", "until", "imported_at"), _INSTANT),
        "again": {"type": "boolean", "description": "it had been imported before, and nothing changed"},
        "brought": {"type": "object", "description": "counts of values, and what came beside them"},
        "troubles": {"type": "array", "items": NAME, "description": "what of it was not taken, and what to do"},
    }
)
NOTED = record({"noted": _INTEGER})
_BACKUP = {"name": NAME, "made_at": _INSTANT}
BACKUPS = record(
    {
        "now": _INSTANT,
        "folder": NAME,
        "backups": {
            "type": "array",
            "items": record({**_BACKUP, "size_bytes": _INTEGER, "issues": _INTEGER, "newest_issue": maybe(_INSTANT)}),
        },
    }
)
LOSS = record(
    {
        **_BACKUP,
        "issues": {"type": "integer", "description": "that the backup has not"},
        "first_issue": maybe(_INSTANT),
        "last_issue": maybe(_INSTANT),
        "values": _INTEGER,
        "decisions": {"type": "integer", "description": "of people: adjustments, verdicts, changes of roles"},
    }
)
TOLD = record({"job": enum(RUNNABLE), "told_at": _INSTANT})
STORAGE = record(
    {
        **_SIMULATED,
        "database_bytes": _INTEGER,
        "unused_bytes": {"type": "integer", "description": "of these bytes, free for what comes next"},
        "log_bytes": {"type": "integer", "description": "of the write-ahead log beside the file"},
        "free_bytes": {"type": "integer", "description": "left on the disk"},
        "growth_bytes_a_day": _NUMBER,
        "issues": _INTEGER,
        "oldest_issue": maybe(_INSTANT),
    }
)
ROLE_CHANGE = {
    "changed_at": _INSTANT,
    "tier": _TIER,
    "act": enum(ACTS),
    "from_id": NAME,
    "to_id": NAME,
    "who": NAME,
    "reason": NAME,
}
ROLE_CHANGES = _table(_SIMULATED, ROLE_CHANGE)
MODELS = _table(
    _SIMULATED,
    {
        "model_id": NAME,
        "tier": _TIER,
        "role": enum(("champion", "stand_in", "challenger", "waiting", "")),
        "since": maybe(_INSTANT),
        "trained_to": maybe(_INSTANT),
        "origin": enum(("shipped", "own", "")),
        "signed_by": {"type": "string", "description": "name of the key that signed it"},
        "problem": NAME,
        "against": NAME,
        "days": _INTEGER,
        **dict.fromkeys(("wape", "wape_against", "wql", "wql_against", "difference", "low", "high"), _NUMBER),
        "verdict": enum((*Verdict, "")),
        "evidence": NAME,
    },
)
HEALTH = record(
    {
        "status": enum(("ok", "degraded", "starting", "safe_mode")),
        "version": NAME,
        "now": _INSTANT,
        **_SIMULATED,
        "offline": {
            "type": "boolean",
            "description": "kept off the network by the settings: no source is asked, data come by kit",
        },
        "backups": maybe(record({"count": _INTEGER, "newest": maybe(_INSTANT), "size_bytes": _INTEGER}))
        | {"description": "null where no engine has looked"},
        "exposed": maybe(
            NAME | {"description": "where other machines reach the engine, with a token; null where only programs on its own do"}
        ),
        "newest_kit": maybe(
            _INSTANT | {"description": "until when imported kits tell what had become known; null before the first"}
        ),
        "next_kit": maybe(
            _INSTANT | {"description": "when the next one is made if they come as they usually do; null before the third"}
        ),
        "areas": {"type": "array", "items": record({"area": NAME, **_ISSUE, "age_s": _INTEGER, "freshness": _FRESHNESS})},
        "others": record(
            {
                "consumers": _INTEGER,
                "forecast": {"type": "integer", "description": "how many of them have an issue"},
                "oldest_issue": maybe(_INSTANT),
                "newest_issue": maybe(_INSTANT),
            }
        )
        | {"description": "every consumer but the price areas; `oldest_issue` is the newest one of whoever is furthest behind"},
        "sources": {
            "type": "array",
            "items": record(
                {
                    "quantity": enum(UNITS),
                    "source": NAME,
                    "series": {"type": "integer", "description": "how many series it has"},
                    "oldest_valid": _INSTANT,
                    "newest_valid": _INSTANT,
                    "newest_available": _INSTANT,
                    "age_s": {"type": "integer", "description": "of the newest value of the series furthest behind"},
                    "freshness": _FRESHNESS,
                }
            ),
        },
        "events": {
            "type": "array",
            "items": record({"code": NAME, "subject": NAME, "problem": NAME, "remedy": NAME, "since": _INSTANT}),
        },
    }
)
_HOURS: Schema = {"type": "array", "items": _INTEGER, "description": "hours since 1970-01-01T00:00Z, each the start of its hour"}
_KWH: Schema = {"type": "array", "items": {"type": "number"}, "description": "kWh"}
OLDER_VALUES = record({"values": {"type": "array", "items": _INTEGER}})
OLDER_HEALTH = record({"name": NAME, "api_version": NAME})
OLDER_PREDICTIONS = record(
    {"datetime_utc": _HOURS, "energy_consumption": _KWH, "preds_datetime_utc": _HOURS, "preds_energy_consumption": _KWH}
)
OLDER_MONITORING = record(
    {
        "y_monitoring_datetime_utc": _HOURS,
        "y_monitoring_energy_consumption": _KWH,
        "predictions_monitoring_datetime_utc": _HOURS,
        "predictions_monitoring_energy_consumptionc": _KWH,
    }
)
OLDER_METRICS = record(
    {
        "datetime_utc": _HOURS,
        "mape": {"type": "array", "items": {"type": "number"}, "description": "a fraction: 0.05 means 5 %"},
    }
)
PROBLEM: Schema = {
    "type": "object",
    "properties": {"type": NAME, "title": NAME, "status": _INTEGER, "detail": NAME, "remedy": NAME},
    "required": ["type", "title", "status", "detail", "remedy"],
}
