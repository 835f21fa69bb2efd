"""The view of settings: what each is, explained, and what can be changed where it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.preferences import Preferences
from app.present.scale import UNITS
from app.translations import Language
from engine.config import NOT_IN_FOLDER, Place, convert
from engine.domain import Expected

#: The sections with the settings in them; what is in none stands under `program`.
_SECTIONS: Mapping[str, tuple[str, ...]] = {
    "window": (),
    "areas": ("fetch_settlement", "fetch_regions", "fetch_municipalities", "fetch_industries", "fetch_grid_areas"),
    "sources": (
        *(
            "network",
            "entsoe_token",
            "open_meteo_api_key",
            "weather_every_h",
            "contact",
            "energi_data_service_url",
            "mirror",
            "entsoe_url",
        ),
        *("open_meteo_url", "open_meteo_previous_runs_url", "open_meteo_archive_url"),
    ),
    "limits": ("peak_limits", "peak_alarm_percent"),
    "retention": ("keep_forecasts_days", "thin_forecasts_after_days", "backfill_days", "settled_after_days"),
    "backups": ("keep_backups", "backup_dir", "disk_low_mb"),
    "models": ("switch_back_percent", "model_dir"),
    "updates": ("update_url", "update_check_hours", "update_apply"),
    "program": ("data_dir", "simulated", "host", "port", "tls_certificate", "tls_key", "public_names", "log_level"),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One setting. `value` is what its editor holds: text, or yes or no of a switch; of a secret nothing.

    `hint` stands in an empty editor, `state` below it; `calls` tells that the state needs a look. `can_reset`: it was changed here.
    """

    name: str
    label: str
    help: str
    kind: str
    value: str | bool
    entries: tuple[tuple[str, str], ...]
    hint: str
    state: str
    calls: bool
    open: bool
    can_reset: bool
    low: int = 0
    high: int = 0


@dataclass(frozen=True, slots=True)
class Section:
    """Fields that belong together, and what they are about."""

    name: str
    title: str
    about: str
    fields: tuple[Field, ...]


def settings_view(
    settings: Sequence[Mapping[str, Any]], likes: Preferences, themes: Sequence[str], runs: bool, language: Language
) -> tuple[Section, ...]:
    """Every section; `settings` are as the engine lists them (none: not known yet), open for changes where an engine runs."""
    by_name = {each["name"]: each for each in settings}
    placed = {name for names in _SECTIONS.values() for name in names}
    sections = []
    for section, names in _SECTIONS.items():
        more = [name for name in by_name if name not in placed] if section == "program" else []
        fields = [_field(by_name[name], runs, language) for name in (*names, *more) if name in by_name]
        if section == "window":
            fields = _window(likes, themes, language)
        title, about = language.text(f"settings.{section}"), language.text(f"settings.{section}_about")
        sections.append(Section(section, title, about, tuple(fields)))
    return tuple(sections)


def wrong(field: Field, value: str, language: Language) -> str:
    """What is wrong with a value that is being written; empty where nothing is."""
    try:
        convert(field.name, value, "")
    except Expected as error:
        if field.name == "peak_limits":
            return language.text("settings.wrong_limits")
        if field.kind in ("number", "address", "folder"):
            bounds = {"low": language.number(field.low), "high": language.number(field.high)} if field.kind == "number" else {}
            return language.text(f"settings.wrong_{field.kind}", **bounds)
        return error.problem
    return ""


def _window(likes: Preferences, themes: Sequence[str], language: Language) -> list[Field]:
    """How the user likes the window."""
    text = language.text
    languages = {"": "settings.by_system", "da": "language.da", "en": "language.en"}
    inspector = {"": "settings.by_room", "shown": "settings.shown", "hidden": "settings.hidden"}
    return [
        _like("language", likes.language, {code: text(key) for code, key in languages.items()}, language),
        _like(
            "theme", likes.theme, {"": text("settings.by_system")} | {name: text(f"theme.{name}") for name in themes}, language
        ),
        _like("unit", likes.unit, {"": text("settings.by_size")} | {unit: unit for unit in UNITS}, language),
        _like("inspector", likes.inspector, {value: text(key) for value, key in inspector.items()}, language),
        _like("weather", likes.weather, {}, language),
        _like("naive", likes.naive, {}, language),
    ]


def _like(name: str, value: str | bool, names: Mapping[str, str], language: Language) -> Field:
    """A preference of the window: one of the names, or a switch."""
    return Field(
        name=name,
        label=language.text(f"settings.{name}"),
        help=language.text(f"settings.{name}_help"),
        kind="like",
        value=value,
        entries=tuple((value, words if words == value else words[0].upper() + words[1:]) for value, words in names.items()),
        hint="",
        state="",
        calls=False,
        open=True,
        can_reset=False,
    )


def _field(setting: Mapping[str, Any], runs: bool, language: Language) -> Field:
    name, kind, value = setting["name"], setting["kind"], setting["value"]
    secret = kind == "secret"
    return Field(
        name=name,
        label=language.text(f"setting.{name}"),
        help=language.text(f"setting.{name}_help"),
        kind=kind,
        value=value if isinstance(value, bool) else str(value),
        entries=tuple((choice, choice) for choice in setting["choices"]),
        hint=language.text("settings.new_secret") if secret else str(setting["default"]) if kind != "switch" else "",
        state=_state(setting, language),
        calls=setting["waits"] or setting["kept"] == "locked",
        open=runs and not setting["closed"],
        can_reset=setting["place"] == Place.FOLDER,
        low=setting["low"] or 0,
        high=setting["high"] or 0,
    )


def _state(setting: Mapping[str, Any], language: Language) -> str:
    """Where the value comes from, and when a change counts."""
    text, place = language.text, setting["place"]
    if setting["name"] in NOT_IN_FOLDER:
        return text("settings.fixed")
    if place == Place.REQUIRED:
        return text("settings.required", where=setting["where"])
    if place not in (Place.BUILT_IN, Place.SITE, Place.FOLDER):
        # Of a sentence of the engine only the name of a variable is shown.
        where = text(f"settings.place_{place}", where=setting["where"].removeprefix("environment variable "))
        return text("settings.outside", where=where)
    if setting["waits"]:
        return text("settings.waits")
    if setting["kind"] == "secret" and place != Place.SITE:
        return text(f"settings.kept_{setting['kept']}") if setting["kept"] else text("settings.not_set")
    parts = [text("settings.by_site", where=setting["where"]) if place == Place.SITE else text("settings.built_in")]
    if place == Place.FOLDER:
        parts = [text("settings.changed", default=_written(setting["default"], language))]
    return ". ".join([*parts, *([] if setting["live"] else [text("settings.restart")])])


def _written(value: object, language: Language) -> str:
    if isinstance(value, bool):
        return language.text("settings.is_on" if value else "settings.off")
    return str(value) or language.text("settings.empty")
