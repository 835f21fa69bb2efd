"""Where values come from: one file per provider, each a pure `parse`, and one shared `fetch`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.clock import Clock
from engine.config import Config
from engine.domain import Expected, Observations
from engine.sources import energi_data_service, entsoe, metered, open_meteo
from engine.sources.fetch import HttpTransport, Request, Transport, fetch
from engine.sources.file_import import read_file
from engine.sources.metered import PartlyRead
from engine.sources.simulated import SimulatedUpstream

__all__ = [
    "HistorySource",
    "LiveSource",
    "PartlyRead",
    "Request",
    "Source",
    "Transport",
    "fetch",
    "history",
    "live",
    "read_file",
    "transport",
]


class Source(Protocol):
    """One dataset of one provider."""

    @property
    def dataset(self) -> str:
        """Key of its limit and name on screen, e.g. energidataservice/GenerationProdTypeExchange."""
        ...

    def parse(self, request: Request, body: bytes, now: int) -> list[Observations]:
        """The values of an answer that arrived at `now`; pure. Raises Expected, naming what is wrong, and nothing else.

        `PartlyRead` is the one that has values all the same.
        """
        ...


class LiveSource(Source, Protocol):
    """A dataset that is asked again and again."""

    @property
    def source(self) -> str:
        """The source of the series its values are kept in."""
        ...

    @property
    def quantities(self) -> Sequence[str]:
        """What it brings."""
        ...

    @property
    def every_s(self) -> int:
        """Seconds between two questions."""
        ...

    def requests(self, now: int, newest_valid: int | None) -> list[Request]:
        """What to ask now, one request per time slice: recent days again, so that revisions arrive, and whatever is missing
        since `newest_valid` (newest hour in the store; None for an empty store: the last `config.backfill_days`). Empty where
        nothing can be new. Requests that name their span are a wish list, most urgent first, of which few may be asked now."""
        ...


class HistorySource(Source, Protocol):
    """A dataset that reaches back."""

    def history_requests(self, start: int, end: int) -> list[Request]:
        """What to ask for the hours of [start, end), one request per time slice; empty where the provider has none."""
        ...


def live(config: Config) -> list[LiveSource]:
    """Load as published, weather as forecast now, the day-ahead wind, solar, prices and (with a token) load of the grid, and what
    of metered consumption the settings ask for; nothing where they keep us off the network."""
    if config.is_offline:
        return []
    found: list[LiveSource] = [
        energi_data_service.GenerationProdTypeExchange(config),
        open_meteo.Forecast(config),
        energi_data_service.ForecastsHour(config),
        energi_data_service.DayAheadPrices(config),
    ]
    if config.entsoe_token or config.simulated:
        found.append(entsoe.DayAheadLoadForecast(config))
    return [*found, *_metered(config)]


def history(config: Config) -> list[HistorySource]:
    """Load, weather as it was forecast, reanalysis for the years without stored forecasts, day-ahead values and metered ones.

    Raises Expected where the settings keep us off the network."""
    if config.is_offline:
        raise Expected("No network by settings: no source is asked.", "Import a kit or a file, or set network = true.")
    return [
        energi_data_service.GenerationProdTypeExchange(config),
        open_meteo.PreviousRuns(config),
        open_meteo.Reanalysis(config),
        energi_data_service.ForecastsHour(config),
        energi_data_service.Elspotprices(config),
        energi_data_service.DayAheadPrices(config),
        *_metered(config),
    ]


def _metered(config: Config) -> list[metered.ProductionConsumptionSettlement | metered.Metered]:
    chosen = (
        (config.fetch_settlement, metered.ProductionConsumptionSettlement),
        (config.fetch_regions, metered.ConsumptionConsumerCategoryHour),
        (config.fetch_municipalities, metered.PrivateConsumptionHeatingHour),
        (config.fetch_industries, metered.ConsumptionDK3619IndustryHour),
        (config.fetch_grid_areas, metered.ConsumptionGridAreaHour),
    )
    return [make(config) for wanted, make in chosen if wanted]


def transport(config: Config, clock: Clock) -> Transport:
    """The network, or the simulated upstream where the settings say so."""
    return SimulatedUpstream(clock) if config.simulated else HttpTransport(config.contact)
