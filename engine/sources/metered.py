"""What Danish meters measure, which Energi Data Service publishes nine to fifteen days late: its spans, labels, units and gaps."""

from __future__ import annotations

import abc
import dataclasses
import datetime as dt
import html
import itertools
import re
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from engine import geography
from engine.clock import EPOCH, floor_hour, local, local_day_hour, local_day_time, local_midnight, local_time, parse_utc
from engine.config import Config
from engine.domain import DAY, HOUR, SETTLEMENT, Consumer, Expected, Flag, FloatArray, IntArray, Observations, Series
from engine.geography import Kind
from engine.sources.energi_data_service import AREAS, Dataset
from engine.sources.fetch import Request

#: How long after its Danish day a value is taken to have become known where nobody saw it arrive (published: 9 to 15 days).
NOMINAL_LAG_S = 10 * DAY
_EARLIEST_LAG_S = 9 * DAY
_REPULL_S = 15 * DAY
#: The datasets are renewed once a day, about 08:15; what is still to come is asked for a second time, should that be late.
_RENEWED, _RENEWED_OR_LATE = ((8, 30),), ((8, 30), (14, 30))
#: Ages at which a span that was published is looked at again for revisions.
_LOOK_AGAIN_S = (_REPULL_S, 25 * DAY, 40 * DAY)
_FIRST = parse_utc("2020-12-31T23:00Z")


class PartlyRead(Expected):
    """An answer of which some rows could not be read; `batches` holds the others."""

    def __init__(self, problem: str, remedy: str, batches: list[Observations]) -> None:
        super().__init__(problem, remedy)
        self.batches = batches


class _Late(Dataset):
    """A dataset that is renewed once a day with what is a week or two old, and revised for long."""

    every_s = 15 * 60

    def _ask(self, start: int, end: int, span: str, good_since: int) -> Request:
        """A question whose answer may rightly be empty, for nothing may be published yet, and whole weeks are missing."""
        request = self._request(max(start, self._first), end, backfill=False)
        return dataclasses.replace(request, expects_data=False, span=span, good_since=good_since)

    def _batch(self, series: Series, request: Request, valid_time: IntArray, value: FloatArray, now: int) -> Observations:
        """Values that became known now or, where that was longer ago than anybody looked, after the usual lag."""
        day, _ = local_day_hour(valid_time)
        usual = local_day_time(day, 23) + HOUR + (NOMINAL_LAG_S if request.lag_s is None else request.lag_s)
        known = np.minimum(usual, now) if request.backfill else np.full(len(valid_time), now, np.int64)
        flags = np.where(known < now, Flag.NOMINAL, Flag.PLAIN).astype(np.uint8)
        return Observations(series, valid_time, known, value, flags, self._simulated)


class ProductionConsumptionSettlement(_Late):
    """Settled gross consumption of the price areas and the self-consumption of businesses in it, MWh; revised for two years."""

    quantities = SETTLEMENT
    _half_year_s = 180 * DAY
    _final_s = 2 * 365 * DAY

    def __init__(self, config: Config) -> None:
        columns = ("HourUTC", "PriceArea", "GrossConsumptionMWh", "LocalPowerSelfConMWh")
        super().__init__(config, "ProductionConsumptionSettlement", columns, 2, parse_utc("2004-12-31T23:00Z"))

    def requests(self, now: int, newest_valid: int | None) -> list[Request]:
        """The last half year once a month, the last two weeks once a day."""
        end, renewed = floor_hour(now) + HOUR, _renewed(now, _RENEWED)
        month = local_time(local(renewed).date().replace(day=1), *_RENEWED[0])
        begin = end - max(self._half_year_s, self._backfill_s + _REPULL_S)
        months = self._ask(begin, end, "months", month)
        if newest_valid is None:
            return [months]
        return [months, self._ask(min(end - _REPULL_S, newest_valid), end, "days", renewed)]

    def history_requests(self, start: int, end: int) -> list[Request]:
        start = max(floor_hour(start), self._first)
        spans = [(at, min(at + self._half_year_s, end)) for at in range(start, end, self._half_year_s)]
        return [self._ask(first, last, f"{first} to {last}", last + self._final_s) for first, last in spans]

    def parse(self, request: Request, body: bytes, now: int) -> list[Observations]:
        values: dict[tuple[str, str], dict[int, float]] = {}
        for moment, area, *numbers in self._rows(body):
            hour = self._time(moment, now)
            for quantity, column, number in zip(self.quantities, self._columns[2:], numbers, strict=True):
                if number is not None:
                    values.setdefault((quantity, area), {})[hour] = self._number(column, number)
        batches = []
        for quantity, area in sorted(values):
            hours = sorted(values[quantity, area].items())
            valid_time, value = np.array([t for t, _ in hours], np.int64), np.array([v for _, v in hours], np.float64)
            batches.append(self._batch(Series(quantity, area, self.source), request, valid_time, value, now))
        return batches


class Metered(_Late, abc.ABC):
    """Metered load of many consumers: a time, labels that say who, and a number; asked for by spans of whole Danish days.

    A consumer's rows of one hour, one for each category, are added. A category that any hour of a Danish day has belongs to all
    hours of that day: an hour without it is left out, since its sum would be too small without looking so.
    """

    quantities = ("load",)
    _days = 15
    _filter: Mapping[str, Sequence[str]] = {}
    _mwh = 1e-3  # of one unit as published

    def __init__(self, config: Config, name: str, columns: Sequence[str]) -> None:
        super().__init__(config, name, columns, len(columns) - 1, _FIRST)
        self.source = name

    def requests(self, now: int, newest_valid: int | None) -> list[Request]:
        """Every span since the backfill began or the store ends, what may be new first; of most, an answer holds that came before."""
        begin = now - self._backfill_s - _REPULL_S
        spans = self._spans(max(self._first, begin if newest_valid is None else min(begin, newest_valid)), now + 1)
        newest = -1 if newest_valid is None else newest_valid
        found = []
        for start, end in sorted(spans, key=lambda span: (span[1] > now - _EARLIEST_LAG_S, -span[0])):
            if end > newest + HOUR:
                good_since = _renewed(now, _RENEWED_OR_LATE)
            elif end > now - _REPULL_S:
                good_since = _renewed(now, _RENEWED)
            else:
                good_since = max(end + age for age in _LOOK_AGAIN_S if end + age <= now)
            found.append(self._ask(start, end, str(local(start).date()), good_since))
        return found

    def history_requests(self, start: int, end: int) -> list[Request]:
        spans = self._spans(max(start, self._first), end)
        return [self._ask(first, last, str(local(first).date()), last + _LOOK_AGAIN_S[-1]) for first, last in spans]

    def _spans(self, start: int, end: int) -> list[tuple[int, int]]:
        """The spans, each always the same days, that hold [start, end)."""
        if start >= end:
            return []
        first, last = ((local(t).date() - EPOCH).days // self._days for t in (start, end - 1))
        edges = [local_midnight(EPOCH + dt.timedelta(days=self._days * n)) for n in range(first, last + 2)]
        return list(itertools.pairwise(edges))

    def parse(self, request: Request, body: bytes, now: int) -> list[Observations]:
        consumers: dict[Consumer, list[dict[int, float]]] = {}
        categories: dict[tuple[object, ...], dict[int, float] | None] = {}
        times: dict[object, int] = {}
        strange: list[str] = []
        for moment, *labels, number in self._cells(body):
            category = tuple(labels)
            try:
                new, new_time = category not in categories, moment not in times
            except TypeError:  # a list or an object, which is no key of a dictionary either
                raise self._drift("a time or a label is not a text") from None
            if new:
                categories[category] = self._begin(consumers, category, strange)
            by_hour = categories[category]
            if by_hour is not None and number is not None:
                if new_time:
                    times[moment] = self._time(moment, now)
                by_hour[times[moment]] = self._number(self._columns[-1], number)
        names = ", ".join(f"'{name[:40]}'" for name in dict.fromkeys(strange[:5]))
        if strange and not consumers:
            raise self._drift(f"nothing is known of {names}")
        batches = [
            self._batch(Series("load", area, self.source, kind), request, *self._sum(parts), now)
            for (area, kind), parts in consumers.items()
        ]
        if strange:
            raise PartlyRead(
                f"{self.dataset}: nothing is known of {names}; these rows were left out.",
                "The others are stored. Look for a newer Lastvagt that knows the new names.",
                batches,
            )
        return batches

    def _begin(
        self, consumers: dict[Consumer, list[dict[int, float]]], category: tuple[object, ...], strange: list[str]
    ) -> dict[int, float] | None:
        """Where the values of a category go, None where nowhere; what is unknown of its labels is added to `strange`."""
        if any(isinstance(label, bool) or (isinstance(label, float) and label % 1) for label in category):
            raise self._drift("a label is neither a text nor a whole number")
        try:
            consumer = self._consumer(*("" if label is None else str(label) for label in category))
        except LookupError as unknown:
            strange.append(str(unknown.args[0]))
            return None
        if consumer is None:
            return None
        parts = consumers.setdefault(consumer, [])
        parts.append({})
        return parts[-1]

    @abc.abstractmethod
    def _consumer(self, *labels: str) -> Consumer | None:
        """Whom the labels of a row mean, None where they rightly mean nobody; LookupError, naming it, for an unknown one."""

    def _sum(self, categories: Collection[Mapping[int, float]]) -> tuple[IntArray, FloatArray]:
        """Valid times and MWh of the hours that have all categories of their day."""
        valid_time: IntArray = np.array(sorted(set().union(*categories)), np.int64)
        if not len(valid_time):
            return valid_time, np.empty(0)
        rows = [[category.get(t, np.nan) for t in valid_time.tolist()] for category in categories]
        value: npt.NDArray[np.float64] = np.array(rows, np.float64)
        day, _ = local_day_hour(valid_time)
        _, starts, hours = np.unique(day, return_index=True, return_counts=True)
        known = np.isfinite(value)
        of_its_day = np.repeat(np.logical_or.reduceat(known, starts, axis=1), hours, axis=1)
        whole = (known | ~of_its_day).all(axis=0)
        return valid_time[whole], np.round(self._mwh * np.nansum(value[:, whole], axis=0), 6)


class ConsumptionConsumerCategoryHour(Metered):
    """Households, business and public of the administrative regions."""

    def __init__(self, config: Config) -> None:
        columns = ("TimeUTC", "RegionName", "ConsumerCategory2", "ConsumerCategory3", "ConsumptionkWh")
        super().__init__(config, "ConsumptionConsumerCategoryHour", columns)

    def _consumer(self, *labels: str) -> Consumer | None:
        region, _, category = labels
        if _letters(region).removeprefix("region") not in _REGIONS:
            raise LookupError(region)
        if _letters(category) not in _CATEGORIES:
            raise LookupError(category)
        return Consumer(_REGIONS[_letters(region).removeprefix("region")], _CATEGORIES[_letters(category)])


class PrivateConsumptionHeatingHour(Metered):
    """Households of the municipalities, in rows by kind of dwelling and of heating; a day of them is about 2 MB."""

    _days = 1

    def __init__(self, config: Config) -> None:
        columns = ("TimeUTC", "MunicipalityCode", "HousingCategory", "HeatingCategory", "ConsumptionkWh")
        super().__init__(config, "PrivateConsumptionHeatingHour", columns)

    def _consumer(self, *labels: str) -> Consumer | None:
        code = _number(labels[0]).zfill(3)
        if geography.kind(code) is Kind.MUNICIPALITY:
            return Consumer(code, "household")
        if labels[0] in ("", "-") or code == "411":  # of no municipality; Christiansø belongs to none either
            return None
        raise LookupError(labels[0])


class ConsumptionDK3619IndustryHour(Metered):
    """Denmark by industry, as Statistics Denmark groups it (DK36), in MWh unlike the others."""

    _mwh = 1.0

    def __init__(self, config: Config) -> None:
        super().__init__(config, "ConsumptionDK3619IndustryHour", ("TimeUTC", "DK36Code", "Consumption_MWh"))

    def _consumer(self, *labels: str) -> Consumer | None:
        if not re.fullmatch("[0-9A-Za-z]{1,8}", labels[0]):
            raise LookupError(labels[0])
        return Consumer("DK", f"dk36-{labels[0]}")


class ConsumptionGridAreaHour(Metered):
    """The areas of the grid companies."""

    def __init__(self, config: Config) -> None:
        columns = ("TimeUTC", "PriceArea", "GridArea", "ConsumptionkWh")
        super().__init__(config, "ConsumptionGridAreaHour", columns)

    def _consumer(self, *labels: str) -> Consumer | None:
        price_area, grid_area = labels[0], _number(labels[1])
        if price_area not in AREAS or not grid_area:
            raise LookupError(f"{price_area} {labels[1]}")
        return Consumer(f"{price_area}-{grid_area.zfill(3)}")


#: Names as `_letters` leaves them: as they are, and as they are written without æ and ø.
_REGIONS: Mapping[str, str] = {
    "nordjylland": "1081",
    "midtjylland": "1082",
    "syddanmark": "1083",
    "hovedstaden": "1084",
    "sjlland": "1085",
    "sjaelland": "1085",
    "stdanmark": "OST",
    "oestdanmark": "OST",
    "ostdanmark": "OST",
} | {code: code for code in ("1081", "1082", "1083", "1084", "1085")}
_CATEGORIES: Mapping[str, str] = {
    "privat": "household",
    "erhverv": "business",
    "offentlig": "public",
    "offentlige": "public",
    "offentligeforetagender": "public",
}


def _letters(text: str) -> str:
    """The English letters and digits of a label in lower case: what is left of it however its Danish letters were encoded."""
    return re.sub("[^a-z0-9]", "", html.unescape(text).lower())


def _number(text: str) -> str:
    """A code's digits without leading zeros, empty where it is none; numbers come as texts or not, and with a decimal point."""
    match = re.fullmatch(r"0*(\d{1,4})(\.0)?", text.strip(), re.ASCII)
    return match[1] if match else ""


def _renewed(now: int, times: Sequence[tuple[int, int]]) -> int:
    """The last of these Danish times of the day that has passed."""
    today = local(now).date()
    return max(t for days in (0, 1) for time in times if (t := local_time(today - dt.timedelta(days=days), *time)) <= now)
