"""The settings as a person sees them: each with its value, where that comes from, and what becomes of a change."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine import vault
from engine.config import (
    CHOICES,
    NOT_IN_FOLDER,
    SETTINGS_FILE,
    Config,
    Given,
    Outside,
    Place,
    bounds,
    convert,
    is_secret,
)
from engine.domain import Expected

#: Settings that a running engine takes over at once; every other counts from its next start.
LIVE = frozenset(
    {
        *("network", "energi_data_service_url", "mirror", "entsoe_url", "entsoe_token", "contact"),
        *("open_meteo_url", "open_meteo_previous_runs_url", "open_meteo_archive_url", "open_meteo_api_key", "weather_every_h"),
        *("fetch_settlement", "fetch_regions", "fetch_municipalities", "fetch_industries", "fetch_grid_areas"),
        *("backfill_days", "settled_after_days", "keep_forecasts_days", "thin_forecasts_after_days"),
        *("backup_dir", "keep_backups", "disk_low_mb"),
        *("peak_limits", "peak_alarm_percent", "switch_back_percent", "log_level"),
        *("update_url", "update_check_hours", "update_apply"),
    }
)


class Invalid(Expected):
    """A value that a setting cannot have, or a setting that there is not."""


class Overruled(Expected):
    """A change that something outside the data folder would overrule."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `value` is what the settings say, empty for a secret; `kept` is where a secret is kept: keyring, file or nowhere.

    `default` is what holds without a change: the site's, or the one built in. `closed` says why it cannot be changed here, if so. `waits`: the engine that runs has another value until it starts again.
    """

    name: str
    kind: str  # switch, number, choice, folder, address, secret or text
    value: object
    default: object
    place: Place
    where: str
    help: str
    low: int | None
    high: int | None
    choices: tuple[str, ...]
    kept: str
    closed: str
    live: bool
    waits: bool

    def document(self) -> dict[str, object]:
        """For JSON."""
        plain = {name: str(value) if isinstance(value, Path) else value for name, value in dataclasses.asdict(self).items()}
        return plain | {"choices": list(self.choices), "place": self.place.value}


def listed(outside: Outside, running: Config | None = None) -> tuple[Setting, ...]:
    """Every setting in the order of the fields, as the next start would find it; beside what an engine runs with."""
    beneath, overruling, folder = outside.beneath(), outside.given(), outside.folder()
    given = beneath | outside.inside() | overruling
    config = Config.of(given)
    return tuple(
        _setting(name, config, running, beneath.get(name), given.get(name), overruling.get(name), folder)
        for name in (f.name for f in dataclasses.fields(Config))
    )


def _setting(
    name: str,
    config: Config,
    running: Config | None,
    beneath: Given | None,
    given: Given | None,
    overruling: Given | None,
    folder: Path,
) -> Setting:
    value, secret = getattr(config, name), is_secret(name)
    default = Config.default_of(name) if beneath is None or secret else beneath.value
    number = isinstance(default, int) and not isinstance(default, bool)
    low, high = bounds(name) if number else (None, None)
    return Setting(
        name=name,
        kind=_kind(name, default),
        value="" if secret else value,
        default=default,
        place=Place.BUILT_IN if given is None else given.place,
        where="" if given is None else given.where,
        help=Config.help_of(name),
        low=low,
        high=high,
        choices=CHOICES.get(name, ()),
        kept=_kept(name, given, folder) if secret else "",
        closed=_closed(name, overruling),
        live=name in LIVE,
        waits=running is not None and getattr(running, name) != value,
    )


def _kind(name: str, default: object) -> str:
    if isinstance(default, bool):
        return "switch"
    if isinstance(default, int):
        return "number"
    if isinstance(default, Path):
        return "folder"
    if is_secret(name):
        return "secret"
    return "choice" if name in CHOICES else "address" if name.endswith("_url") else "text"


def _kept(name: str, given: Given | None, folder: Path) -> str:
    """Where a secret is kept; `locked` where the keyring has it and does not give it."""
    if given is None or given.place is not Place.FOLDER:
        return "" if given is None or not given.value else given.place.value
    stored = _stored(vault.file(folder)) | _stored(folder / SETTINGS_FILE)
    if stored.get(name) != vault.IN_KEYRING:
        return "file"
    return "keyring" if given.value else "locked"


def _closed(name: str, overruling: Given | None) -> str:
    if name in NOT_IN_FOLDER:
        return "It is given where the engine is started."
    if overruling is None:
        return ""
    if overruling.place is Place.REQUIRED:
        return f"It is set by the site, in {overruling.where}."
    return f"It is given by {overruling.where}, which overrules what stands in the data folder."


def change(outside: Outside, name: str, value: str | None) -> Config:
    """Change a setting in the data folder, with None back to what it is without; returns all settings after it.

    Raises `Invalid` or `Overruled`, and then nothing has changed; or Expected where it cannot be written.
    """
    if name not in {f.name for f in dataclasses.fields(Config)}:
        raise Invalid(f"There is no setting '{name}'.", "lastvagt-engine settings lists them.")
    overruling = outside.given()
    if closed := _closed(name, overruling.get(name)):
        required = name in overruling and overruling[name].place is Place.REQUIRED
        remedy = "Ask who looks after this machine." if required else "Change it there."
        raise Overruled(f"'{name}' cannot be changed here. {closed}", remedy)
    folder, before = outside.folder(), outside.inside()
    after = {each: given for each, given in before.items() if each != name}
    if value is not None:
        try:
            converted = convert(name, value, "the change")
        except Expected as wrong:
            raise Invalid(wrong.problem, wrong.remedy) from wrong
        after[name] = Given(converted, Place.FOLDER, str(folder / SETTINGS_FILE))
    try:
        config = Config.of(outside.beneath() | after | overruling)
    except Expected as wrong:
        raise Invalid(wrong.problem, wrong.remedy) from wrong
    try:
        _store(folder, name, None if value is None else getattr(config, name))
    except OSError as error:
        raise Expected(f"The settings cannot be written: {error.strerror}.", "Check the data folder and its disk.") from error
    return config


def _store(folder: Path, name: str, value: object) -> None:
    """Write a value, None for none; a secret goes where secrets are kept, and nothing of it stays where it was."""
    settings, secrets = _stored(folder / SETTINGS_FILE), _stored(vault.file(folder))
    if vault.IN_KEYRING in (settings.pop(name, None), secrets.pop(name, None)):
        vault.forget(folder, name)
    if is_secret(name) and value:
        secrets[name] = vault.keep(folder, name, str(value))
    elif value is not None and not is_secret(name):
        settings[name] = value
    folder.mkdir(parents=True, exist_ok=True)
    vault.write(vault.file(folder), secrets)
    vault.write(folder / SETTINGS_FILE, {each: str(v) if isinstance(v, Path) else v for each, v in settings.items()})


def _stored(path: Path) -> dict[str, object]:
    return vault.read(path) if path.exists() else {}


def adopted(running: Config, new: Config) -> Config:
    """What an engine runs with after a change: of the new settings those it takes over at once."""
    live: Mapping[str, object] = {name: getattr(new, name) for name in LIVE}
    return dataclasses.replace(running, **live)  # type: ignore[arg-type]
