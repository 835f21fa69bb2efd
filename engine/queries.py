"""What may be asked and ordered: the words of a query or a body, checked against the contract of the HTTP endpoint."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from engine import clock, openapi
from engine.answers import Schema
from engine.domain import Expected


class BadQuery(Expected):
    """A query that breaks the contract."""


class Senseless(Expected):
    """A query whose words are valid and make no sense together."""


def parse_query(path: str, pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Parameters of a path and a query by name, defaults filled in, None where absent; raises `BadQuery`."""
    known = {p["name"]: p for p in openapi.DOCUMENT["paths"][path]["get"]["parameters"]}
    values: dict[str, Any] = {name: p["schema"].get("default") for name, p in known.items()}
    seen: set[str] = set()
    for name, text in pairs:
        if name not in known:
            listed = ", ".join(known) or "none"
            raise BadQuery(f"Unknown parameter '{name[:40]}'.", f"Parameters of {path}: {listed}.")
        if name in seen:
            raise BadQuery(f"Parameter '{name}' is given twice.", "Give it once.")
        seen.add(name)
        values[name] = _value(name, text, known[name]["schema"])
    for name, parameter in known.items():
        if parameter["required"] and name not in seen:
            raise BadQuery(f"Parameter '{name}' is missing.", parameter["description"])
    return values


def parse_body(path: str, body: bytes) -> dict[str, Any]:
    """Words of a decision by name, defaults filled in, None where absent; raises `BadQuery`."""
    schema = openapi.DOCUMENT["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadQuery("The body is no JSON.", "Send one JSON object.") from error
    if not isinstance(given, dict):
        raise BadQuery("The body is no JSON object.", "Send one JSON object.")
    known: Mapping[str, Schema] = schema["properties"]
    unknown = [name for name in given if name not in known]
    if unknown:
        raise BadQuery(f"Unknown word '{unknown[0][:40]}'.", f"Words of {path}: {', '.join(known)}.")
    missing = [name for name in schema["required"] if name not in given]
    if missing:
        raise BadQuery(f"'{missing[0]}' is missing.", f"{path} needs {', '.join(schema['required'])}.")
    values: dict[str, Any] = {name: of.get("default") for name, of in known.items()}
    for name, value in given.items():
        accepted = known[name].get("anyOf", [known[name]])
        if value is not None or {"type": "null"} not in accepted:
            _check_word(name, value, accepted[0])
        values[name] = value
    return values


def _check_word(name: str, value: object, schema: Schema) -> None:
    """Refuse a word of a body that its schema does not allow."""
    kind = schema["type"]
    if kind == "string":
        if not isinstance(value, str):
            raise BadQuery(f"'{name}' is no text.", "Send it in quotes.")
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            raise BadQuery(f"'{name}' is too short or too long.", f"It may have {schema['maxLength']} characters.")
        _value(name, value, schema)
    elif kind == "boolean":
        if not isinstance(value, bool):
            raise BadQuery(f"'{name}' is neither true nor false.", "Send true or false without quotes.")
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise BadQuery(f"'{name}' is no number.", "Send it without quotes.")
    elif kind == "integer" and value % 1:
        raise BadQuery(f"'{name}' is no whole number.", "Send one.")
    elif not schema.get("minimum", -math.inf) <= value <= schema.get("maximum", math.inf):
        raise BadQuery(f"'{name}' is too small or too large.", f"It may go from {schema['minimum']} to {schema['maximum']}.")


def _value(name: str, text: str, schema: Schema) -> str | int | float:
    if "enum" in schema and text not in schema["enum"]:
        raise BadQuery(f"'{text[:40]}' is no {name}.", f"Choose one of {', '.join(schema['enum'])}.")
    if "pattern" in schema and not re.fullmatch(schema["pattern"].strip("^$"), text):
        like = f", for example {schema['examples'][0]}" if "examples" in schema else ""
        raise BadQuery(f"'{text[:40]}' is no {name}.", f"It must match {schema['pattern']}{like}.")
    if schema["type"] == "number":
        return _decimal(name, text, schema)
    if schema["type"] != "integer":
        return text
    if not re.fullmatch("[0-9]{1,9}", text) or not schema["minimum"] <= int(text) <= schema["maximum"]:
        raise BadQuery(f"'{text[:40]}' is no {name}.", f"Give a whole number from {schema['minimum']} to {schema['maximum']}.")
    return int(text)


def _decimal(name: str, text: str, schema: Schema) -> float:
    number = float(text) if re.fullmatch(r"-?[0-9]{1,9}(\.[0-9]{1,40})?(e[+-]?[0-9]{1,3})?", text, re.IGNORECASE) else math.nan
    if not schema["minimum"] <= number <= schema["maximum"]:
        raise BadQuery(f"'{text[:40]}' is no {name}.", f"Give a number from {schema['minimum']:g} to {schema['maximum']:g}.")
    return number


def moment(query: Mapping[str, Any], name: str) -> int | None:
    """A moment that a query names, None where it names none; raises `Senseless`."""
    if query[name] is None:
        return None
    try:
        return clock.parse_utc(query[name])
    except Expected as error:
        raise Senseless(error.problem, error.remedy) from error
