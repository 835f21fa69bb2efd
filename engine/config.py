"""Every setting of the program, from a TOML file and LASTVAGT_* environment variables; an unknown key is an error."""

from __future__ import annotations

import dataclasses
import os
import tomllib
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import platformdirs

from engine.domain import Expected
from engine.limits import Limits

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
    open_meteo_api_key: Annotated[str, "Key of a paid Open-Meteo plan; empty for the keyless, non-commercial service."] = (
        dataclasses.field(default="", repr=False)
    )
    entsoe_url: Annotated[str, "Base URL of the ENTSO-E Transparency Platform's interface."] = "https://web-api.tp.entsoe.eu"
    entsoe_token: Annotated[
        str,
        "Security token of the ENTSO-E Transparency Platform; with it the grid operator's own load forecast is kept each hour.",
    ] = dataclasses.field(default="", repr=False)
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
    peak_limits: Annotated[
        str, "Loads in MWh an hour that should not be exceeded, by area and consumer type: DK1=3400, DK2=2300, 851/household=120."
    ] = ""
    peak_alarm_percent: Annotated[
        int, "Probability, 1 to 100 percent, of exceeding a peak limit within two days from which on there is an alarm."
    ] = 20
    log_level: Annotated[str, "DEBUG, INFO, WARNING or ERROR."] = "INFO"

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.data_dir / "lastvagt.sqlite"

    @property
    def is_remote(self) -> bool:
        """Whether the endpoint is open to other machines."""
        return self.host not in LOOPBACK

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
    def load(path: Path | None = None, environment: Mapping[str, str] | None = None, **overrides: object) -> Config:
        """Settings from a TOML file (optional), then LASTVAGT_NAME variables, then keyword overrides that are not None."""
        environment = os.environ if environment is None else environment
        raw: dict[str, tuple[object, str]] = {}
        if path is not None:
            try:
                document = tomllib.loads(path.read_text(encoding="utf-8"))
            except FileNotFoundError as error:
                raise Expected(f"There is no settings file {path}.", "Check the path given with --config.") from error
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                raise Expected(f"{path} is not valid TOML: {error}.", "Correct that line.") from error
            raw.update({name: (value, str(path)) for name, value in document.items()})
        for variable, text in environment.items():
            if variable.startswith("LASTVAGT_"):
                raw[variable.removeprefix("LASTVAGT_").lower()] = (text, f"environment variable {variable}")
        raw.update({name: (value, "the command line") for name, value in overrides.items() if value is not None})
        known = {f.name: f for f in dataclasses.fields(Config)}
        values: dict[str, object] = {}
        for name, (value, where) in raw.items():
            if name not in known:
                raise Expected(f"Unknown setting '{name}' in {where}.", f"Known settings: {', '.join(known)}.")
            values[name] = _convert(name, value, known[name].default, where)
        config = Config(**values)  # type: ignore[arg-type]
        if config.simulated and "data_dir" not in values:
            config = dataclasses.replace(config, data_dir=config.data_dir / "simulated")
        if config.is_remote and not (config.tls_certificate and config.tls_key and config.names):
            raise Expected(
                f"The HTTP endpoint may not listen on '{config.host}' as it is.",
                "Use 127.0.0.1, or set tls_certificate, tls_key and public_names too, and make tokens: lastvagt-engine token new.",
            )
        return config


def _convert(name: str, value: object, default: object, where: str) -> object:
    told = "What is given" if name.endswith(("_token", "_key")) else f"'{value}'"
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
        if number < 0 or (name == "port" and number > 65535) or (name == "peak_alarm_percent" and not 1 <= number <= 100):
            raise wrong
        return number
    if isinstance(default, Path):
        return Path(str(value)).expanduser()
    if not isinstance(value, str):
        raise wrong
    if name == "log_level" and value not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise wrong
    value = value.strip()
    if name == "peak_limits":
        try:
            Limits.parse(value)
        except Expected as error:
            raise Expected(f"{error.problem} It stands in '{name}' in {where}.", error.remedy) from error
    if name.endswith("_url"):
        if not _is_base_url(value):
            raise wrong
        value = value.rstrip("/")
    return value


def _is_base_url(text: str) -> bool:
    """Whether paths can be hung on it: http(s)://host, perhaps with a port and a path."""
    try:
        parts = urlsplit(text)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # a port beyond 65535, a torn IPv6 address
        return False
    return whole and not parts.query and not parts.fragment and not any(c.isspace() for c in text)
