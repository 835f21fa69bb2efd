"""Every setting of the program: from the site, the data folder, a TOML file, LASTVAGT_* environment variables, the command line."""

from __future__ import annotations

import dataclasses
import enum
import logging
import os
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import platformdirs

from engine import site, vault
from engine.domain import Expected
from engine.limits import Limits

log = logging.getLogger(__name__)

#: The file in the data folder that holds what was changed by the programs themselves.
SETTINGS_FILE = "settings.toml"
#: Settings that say where the data folder is, and what kind of data it holds.
NOT_IN_FOLDER = ("data_dir", "simulated")
#: Words that a setting is one of.
CHOICES: Mapping[str, tuple[str, ...]] = {
    "log_level": ("DEBUG", "INFO", "WARNING", "ERROR"),
    "update_apply": ("never", "stage", "apply"),
}
_BOUNDS = {"port": (0, 65535), "peak_alarm_percent": (1, 100), "weather_every_h": (1, 24), "update_check_hours": (1, 8760)}
#: Of all others; three centuries of days.
_LARGEST = 100_000
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Config:
    """All settings, each annotated with the sentence that explains it. `Config.load` reads them."""

    data_dir: Annotated[Path, "Folder of the database, the log and the lock."] = Path(
        platformdirs.user_data_dir("lastvagt", appauthor=False)
    )
    model_dir: Annotated[Path, "Folder that holds the model bundles, one folder each."] = (
        Path(__file__).resolve().parent.parent / "models"
    )
    simulated: Annotated[bool, "Use the built-in simulated upstream instead of the network, in a data folder of its own."] = False
    host: Annotated[str, "Address the HTTP endpoint listens on; any but loopback needs tls_certificate, tls_key and tokens."] = (
        "127.0.0.1"
    )
    port: Annotated[int, "Port of the HTTP endpoint; 0 lets the system choose."] = 8787
    tls_certificate: Annotated[str, "PEM file of the certificate, with its chain, for apps on other machines."] = ""
    tls_key: Annotated[str, "PEM file of the certificate's key."] = ""
    public_names: Annotated[
        str,
        "Names, with commas, by which other machines reach this one, directly or through a proxy; who uses them needs a token.",
    ] = ""
    network: Annotated[bool, "Ask the sources over the network; without, data come by kits and imported files alone."] = True
    energi_data_service_url: Annotated[str, "Base URL of Energi Data Service, or of a mirror."] = (
        "https://api.energidataservice.dk"
    )
    mirror: Annotated[
        bool, "energi_data_service_url is a mirror of your own, which need not be spared: ask without a minute between questions."
    ] = False
    fetch_settlement: Annotated[bool, "Fetch settled consumption of the price areas: 1 MB on disk a year, 1 request a day."] = (
        True
    )
    fetch_regions: Annotated[
        bool, "Fetch households, business and public of the five regions: 4 MB on disk a year, about 4 requests a day."
    ] = False
    fetch_municipalities: Annotated[
        bool,
        "Fetch households of the 98 municipalities: 26 MB on disk a year, about 30 requests a day, each of up to 2 MB, and one for "
        "each day of backfill_days at first.",
    ] = False
    fetch_industries: Annotated[
        bool, "Fetch Danish consumption by industry (33 codes): 9 MB on disk a year, about 4 requests a day."
    ] = False
    fetch_grid_areas: Annotated[
        bool, "Fetch consumption by grid company's area: 0.3 MB on disk a year for each area, about 4 requests a day."
    ] = False
    open_meteo_url: Annotated[
        str,
        "Base URL of the Open-Meteo forecast. The keyless service is for non-commercial use only; "
        "with a key use https://customer-api.open-meteo.com.",
    ] = "https://api.open-meteo.com"
    open_meteo_previous_runs_url: Annotated[str, "Base URL of Open-Meteo's earlier forecasts (weather as it was forecast)."] = (
        "https://previous-runs-api.open-meteo.com"
    )
    open_meteo_archive_url: Annotated[str, "Base URL of Open-Meteo's reanalysis archive (last resort, labelled ex-post)."] = (
        "https://archive-api.open-meteo.com"
    )
    open_meteo_api_key: Annotated[str, "Key of a paid Open-Meteo plan; empty for the keyless, non-commercial service."] = field(
        default="", repr=False
    )
    entsoe_url: Annotated[str, "Base URL of the ENTSO-E Transparency Platform's interface."] = "https://web-api.tp.entsoe.eu"
    entsoe_token: Annotated[
        str,
        "Security token of the ENTSO-E Transparency Platform; with it the grid operator's own load forecast is kept each hour.",
    ] = field(default="", repr=False)
    weather_every_h: Annotated[int, "Hours between two weather fetches; the models upstream renew every 3 to 6 hours."] = 6
    contact: Annotated[str, "Contact added to the User-Agent, so that a provider can reach you."] = ""
    backfill_days: Annotated[int, "Days of load and weather fetched into an empty database."] = 90
    settled_after_days: Annotated[
        int, "Age from which the newest value counts as settled when the publisher marks none final."
    ] = 15
    keep_forecasts_days: Annotated[int, "Days forecast issues are kept; 0 keeps every issue for ever."] = 0
    thin_forecasts_after_days: Annotated[
        int,
        "Days after which of hourly issues one a day is kept, that of ten o'clock Danish time, 0 keeps every issue; with 20 here and "
        "keep_forecasts_days at 180 a year of 118 series takes 430 MB instead of 1.2 GB.",
    ] = 180
    backup_dir: Annotated[
        str, "Folder of the daily backups, best on another disk, of this data folder alone; empty: backups in the data folder."
    ] = ""
    keep_backups: Annotated[
        int, "Days of which a backup is kept, each as large as the database, beside one a week of four weeks; 0 makes none."
    ] = 7
    disk_low_mb: Annotated[int, "Megabytes free on the disk below which that is an alarm, and no backup is made."] = 500
    peak_limits: Annotated[
        str, "Loads in MWh an hour that should not be exceeded, by area and consumer type: DK1=3400, DK2=2300, 851/household=120."
    ] = ""
    peak_alarm_percent: Annotated[
        int, "Probability, 1 to 100 percent, of exceeding a peak limit within two days from which on there is an alarm."
    ] = 20
    switch_back_percent: Annotated[
        int,
        "Percent by which errors of a model that serves must surely be larger than those of the load a week before, over two to four "
        "weeks, for the former model to serve again; 0 leaves that to people.",
    ] = 10
    update_url: Annotated[
        str, "Address of a folder with updates.json, https or file, that tells of newer versions; empty asks nobody."
    ] = ""
    update_check_hours: Annotated[int, "Hours between two questions for a newer version."] = 24
    update_apply: Annotated[
        str,
        "What is done with a newer version by itself: never (it is only told of), stage (it is fetched and tried), or apply (a portable "
        "installation takes it over too).",
    ] = "never"
    log_level: Annotated[str, "DEBUG, INFO, WARNING or ERROR."] = "INFO"

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.data_dir / "lastvagt.sqlite"

    @property
    def backups(self) -> Path:
        """The folder of the backups."""
        return Path(self.backup_dir).expanduser() if self.backup_dir else self.data_dir / "backups"

    @property
    def is_remote(self) -> bool:
        """Whether the endpoint is open to other machines."""
        return self.host not in LOOPBACK

    @property
    def is_offline(self) -> bool:
        """Whether no source is asked, by the settings."""
        return not (self.network or self.simulated)

    @property
    def names(self) -> tuple[str, ...]:
        """Public names, as a sequence."""
        return tuple(name.strip() for name in self.public_names.split(",") if name.strip())

    @property
    def limits(self) -> Limits:
        """What `peak_limits` and `peak_alarm_percent` say."""
        return Limits.parse(self.peak_limits, self.peak_alarm_percent)

    @property
    def own_model_dir(self) -> Path:
        """The bundles trained on the user's own database."""
        return self.data_dir / "models"

    @staticmethod
    def help_of(name: str) -> str:
        """One sentence on a setting."""
        hint = typing.get_type_hints(Config, include_extras=True)[name]
        return str(hint.__metadata__[0])

    @staticmethod
    def default_of(name: str) -> object:
        """The value of a setting that nobody has given."""
        return next(f.default for f in dataclasses.fields(Config) if f.name == name)

    @staticmethod
    def load(path: Path | None = None, environment: Mapping[str, str] | None = None, **words: object) -> Config:
        """Settings as the site has them, then the data folder, a TOML file (optional), LASTVAGT_NAME variables, and keyword arguments
        that are not None; see `Outside`."""
        return Outside(path, os.environ if environment is None else environment, words).config()

    @staticmethod
    def of(given: Mapping[str, Given]) -> Config:
        """Settings from what was given, each checked; raises Expected with the name and the place of the first that is wrong."""
        known = {f.name: f for f in dataclasses.fields(Config)}
        values: dict[str, object] = {}
        for name, of in given.items():
            if name not in known:
                raise Expected(f"Unknown setting '{name}' in {of.where}.", f"Known settings: {', '.join(known)}.")
            values[name] = convert(name, of.value, of.where)
        config = Config(**values)  # type: ignore[arg-type]
        if config.simulated and "data_dir" not in values:
            config = dataclasses.replace(config, data_dir=config.data_dir / "simulated")
        if config.is_remote and not (config.tls_certificate and config.tls_key and config.names):
            raise Expected(
                f"The HTTP endpoint may not listen on '{config.host}' as it is.",
                "Use 127.0.0.1, or set tls_certificate, tls_key and public_names too, and make tokens: lastvagt-engine token new.",
            )
        return config


_SECRETS = frozenset(f.name for f in dataclasses.fields(Config) if not f.repr)


class Place(enum.StrEnum):
    """Where a setting comes from; a later one overrules those before it."""

    BUILT_IN = "built_in"
    SITE = "site"
    FOLDER = "folder"
    FILE = "file"
    ENVIRONMENT = "environment"
    COMMAND_LINE = "command_line"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class Given:
    """A setting as it was given: its value, the place, and that place in words."""

    value: object
    place: Place
    where: str


@dataclass(frozen=True, slots=True)
class Outside:
    """What is set outside the data folder: by the site, in a TOML file, the environment, the command line."""

    path: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, object] = field(default_factory=dict)

    def site(self) -> site.Site | None:
        """The site's file of settings; raises Expected for one that does not count."""
        return site.read(self.environment.get(site.VARIABLE, ""))

    def beneath(self) -> dict[str, Given]:
        """What holds where nothing else is set: the site's defaults."""
        of = self.site()
        return {} if of is None else _of_site(of.default, "default", Place.SITE, of.path)

    def given(self) -> dict[str, Given]:
        """What overrules the data folder; raises Expected for a file that cannot be read."""
        of = self.site()
        return self.said() | ({} if of is None else _of_site(of.required, "required", Place.REQUIRED, of.path))

    def said(self) -> dict[str, Given]:
        """What is set for this start alone."""
        found: dict[str, Given] = {}
        if self.path is not None:
            if not self.path.exists():
                raise Expected(f"There is no settings file {self.path}.", "Check the path given with --config.")
            told = vault.read(self.path)
            found |= {name: Given(_fetched(name, value), Place.FILE, str(self.path)) for name, value in told.items()}
        for variable, text in self.environment.items():
            if variable.startswith("LASTVAGT_") and variable != site.VARIABLE:
                name = variable.removeprefix("LASTVAGT_").lower()
                found[name] = Given(_fetched(name, text), Place.ENVIRONMENT, f"environment variable {variable}")
        said = {name: value for name, value in self.words.items() if value is not None}
        return found | {name: Given(value, Place.COMMAND_LINE, "the command line") for name, value in said.items()}

    def folder(self) -> Path:
        """The data folder."""
        return Config.of({name: of for name, of in (self.beneath() | self.given()).items() if name in NOT_IN_FOLDER}).data_dir

    def inside(self) -> dict[str, Given]:
        """What is set in the data folder, where the programs themselves write it."""
        folder, found = self.folder(), dict[str, Given]()
        for path in (folder / SETTINGS_FILE, vault.file(folder)):
            for name, value in vault.read(path).items() if path.exists() else ():
                if name in NOT_IN_FOLDER:
                    raise Expected(f"'{name}' may not stand in {path}.", "Give it where the engine is started.")
                secret = _recalled(folder, name) if value == vault.IN_KEYRING else value
                found[name] = Given(secret, Place.FOLDER, str(path))
        return found

    def config(self) -> Config:
        """All settings."""
        return Config.of(self.beneath() | self.inside() | self.given())


def bounds(name: str) -> tuple[int, int]:
    """Smallest and largest value of a setting that is a whole number."""
    return _BOUNDS.get(name, (0, _LARGEST))


def is_secret(name: str) -> bool:
    """Whether a setting is never shown."""
    return name in _SECRETS


def _of_site(table: Mapping[str, object], title: str, place: Place, path: Path) -> dict[str, Given]:
    """A table of a site's file, each value checked whether it is overruled or not."""
    found: dict[str, Given] = {}
    for name, value in table.items():
        where = f"[{title}] of {path}"
        if name not in (f.name for f in dataclasses.fields(Config)):
            raise Expected(f"Unknown setting '{name}' in {where}.", "lastvagt-engine settings lists them.")
        if place is Place.REQUIRED and name in NOT_IN_FOLDER:
            raise Expected(
                f"'{name}' may not stand in {where}.", "Put it into [default]: it is chosen where a program is started."
            )
        found[name] = Given(convert(name, _fetched(name, value), where), place, str(path))
    return found


def _fetched(name: str, value: object) -> object:
    """A value as it was given, or the secret in the file that it names; nothing where that cannot be read, for forecasts go on without.

    Not for values from the data folder: who may change settings over HTTP could have any file sent to an address of his own.
    """
    if not (name in _SECRETS and isinstance(value, str) and value.startswith(vault.IN_FILE)):
        return value
    try:
        return vault.fetch(value)
    except Expected as trouble:
        log.warning("%s %s", trouble.problem, trouble.remedy)
        return ""


def _recalled(folder: Path, name: str) -> str:
    """A secret from the keyring; nothing where it gives none, for forecasts go on without."""
    try:
        return vault.recall(folder, name)
    except Expected as trouble:
        log.warning("%s %s", trouble.problem, trouble.remedy)
        return ""


def convert(name: str, value: object, where: str) -> object:
    """A setting's value as its field holds it; raises Expected where it is none, without repeating a secret."""
    default = Config.default_of(name)
    told = "What is given" if is_secret(name) else f"'{value}'"
    wrong = Expected(f"{told} is no valid value of '{name}' in {where}.", f"{Config.help_of(name)} Default: {default}")
    if isinstance(default, bool):
        words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
        if isinstance(value, bool):
            return value
        if str(value).lower() not in words:
            raise wrong
        return words[str(value).lower()]
    if isinstance(default, int):
        try:
            number = int(str(value))
        except ValueError:
            raise wrong from None
        low, high = bounds(name)
        if not low <= number <= high:
            raise wrong
        return number
    if isinstance(default, Path):
        try:
            return Path(str(value)).expanduser()
        except RuntimeError:  # the home of a user that there is not
            raise wrong from None
    if not isinstance(value, str):
        raise wrong
    if name in CHOICES and value not in CHOICES[name]:
        raise wrong
    value = value.strip()
    if name == "peak_limits":
        try:
            Limits.parse(value)
        except Expected as error:
            raise Expected(f"{error.problem} It stands in '{name}' in {where}.", error.remedy) from error
    if name.endswith("_url"):
        if not ((not value or is_fetchable(value)) if name == "update_url" else _is_base_url(value)):
            raise wrong
        value = value.rstrip("/")
    return value


def is_fetchable(url: str) -> bool:
    """Whether files are fetched from an address: https, a folder of this machine, or http of this machine itself."""
    try:
        parts = urlsplit(url)
        if parts.query or parts.fragment or any(c.isspace() for c in url):
            return False
        if parts.scheme == "file":
            return parts.hostname is None and parts.path.startswith("/")
        return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK))
    except ValueError:  # a torn IPv6 address
        return False


def _is_base_url(text: str) -> bool:
    """Whether paths can be hung on it: http(s)://host, perhaps with a port and a path."""
    try:
        parts = urlsplit(text)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # a port beyond 65535, a torn IPv6 address
        return False
    return whole and not parts.query and not parts.fragment and not any(c.isspace() for c in text)
