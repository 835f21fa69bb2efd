"""ENTSO-E Transparency Platform: how the grid operator's own load forecast is asked for and read from its XML."""

from __future__ import annotations

import datetime as dt
import math
import xml.etree.ElementTree as ET
from collections.abc import Mapping

import numpy as np

from engine.clock import floor_hour, iso, local, local_midnight, parse_utc
from engine.config import Config
from engine.domain import DAY, HOUR, Expected, Flag, FloatArray, Observations, Series
from engine.sources.fetch import Manners, Request, excerpt

#: Energy Identification Codes of the bidding zones.
ZONES: Mapping[str, str] = {"DK1": "10YDK-1--------W", "DK2": "10YDK-2--------M"}
#: 400 requests a minute are allowed; who asks more is banned for ten minutes.
_MANNERS = Manners(turn_s=5, ban_s=610, ends_with=b"_MarketDocument>", no_data=b"No matching data found")
_STEPS_S: Mapping[str, int] = {"PT15M": 900, "PT30M": 1800, "PT60M": 3600}
_QUARTER_S = 900
#: All positions are given, or only those whose value differs from that of the one before.
_CURVES = ("A01", "A03")
_MAX_BYTES = 2_000_000
_MAX_PERIODS = 200
#: Periods may begin and end this far from now; they come as whole days, whatever was asked for.
_NEAR_S = 5 * DAY


class DayAheadLoadForecast:
    """The transmission system operator's day-ahead load forecast, MWh per hour, as it stands now.

    The platform overwrites it until shortly before delivery, so its archive is better than what anybody knew the day before. This
    source therefore never asks for the past: what it sees is kept as known now, a change as a revision, and hours that have begun
    are no forecast any more.
    """

    dataset = "entsoe/DayAheadLoadForecast"
    source = "entsoe"
    every_s = HOUR
    quantities = ("load_forecast",)

    def __init__(self, config: Config) -> None:
        self._url = f"{config.entsoe_url}/api"
        self._token = config.entsoe_token
        self._simulated = config.simulated

    def requests(self, now: int, newest_valid: int | None) -> list[Request]:  # noqa: ARG002 - what was missed is lost
        end = local_midnight(local(now).date() + dt.timedelta(days=2))
        return [
            Request(
                self.dataset,
                self._url,
                {
                    "securityToken": self._token,
                    "documentType": "A65",
                    "processType": "A01",
                    "outBiddingZone_Domain": zone,
                    "periodStart": _stamp(floor_hour(now) + HOUR),
                    "periodEnd": _stamp(end),
                },
                expects_data=False,
                manners=_MANNERS,
            )
            for zone in ZONES.values()
        ]

    def parse(self, request: Request, body: bytes, now: int) -> list[Observations]:
        zone = request.params.get("outBiddingZone_Domain", "")
        document = self._document(request, body)
        if document is None:
            return []
        by_hour: dict[int, list[float]] = {}
        for t, mw in self._quarters(document, zone, now).items():
            by_hour.setdefault(floor_hour(t), []).append(mw)
        whole = sorted(t for t, values in by_hour.items() if t >= now and len(values) == HOUR // _QUARTER_S)
        if not whole:
            return []
        area = next(area for area, code in ZONES.items() if code == zone)
        valid_time = np.array(whole, np.int64)
        value = np.array([round(math.fsum(by_hour[t]) * _QUARTER_S / HOUR, 6) for t in whole], np.float64)
        flags = np.full(len(whole), Flag.PLAIN, np.uint8)
        series = Series("load_forecast", area, self.source)
        return [Observations(series, valid_time, np.full(len(whole), now, np.int64), value, flags, self._simulated)]

    def _document(self, request: Request, body: bytes) -> ET.Element | None:
        """The answer's root; None where it says that there are no data."""
        if len(body) > _MAX_BYTES:
            raise self._drift("the answer is too large")
        try:
            text = body.decode("utf-8-sig")
            # Only a document type can define entities, which expand without bounds or read files.
            if "<!DOCTYPE" in text or "<!ENTITY" in text:
                raise self._drift("the answer defines a document type, which it never needs")
            root = ET.fromstring(text)
        except (ET.ParseError, ValueError, LookupError) as error:
            raise self._drift("the answer is not XML") from error
        for element in root.iter():  # the namespace changes with each edition of the schema
            element.tag = element.tag.rpartition("}")[2]
        kind = root.tag
        if kind == "Acknowledgement_MarketDocument":
            # The code 999 alone is not enough: it also stands for refusals.
            if _text(root, "Reason/code") == "999" and "no matching data" in _text(root, "Reason/text").casefold():
                return None
            raise Expected(
                f"{self.dataset}: the provider sends no data but: {excerpt(request, body)}.",
                "It is asked again at the next turn.",
            )
        if (kind, _text(root, "type"), _text(root, "process.processType")) != ("GL_MarketDocument", "A65", "A01"):
            raise self._drift("the answer is no day-ahead load forecast (A65, A01)")
        return root

    def _quarters(self, document: ET.Element, zone: str, now: int) -> dict[int, float]:
        """MW by quarter of an hour. Where periods overlap, the finer one counts, then the later in the document."""
        periods = []
        for series in document.iterfind("TimeSeries"):
            if _text(series, "outBiddingZone_Domain.mRID") != zone or zone not in ZONES.values():
                raise self._drift("the answer is for another bidding zone")
            if _text(series, "quantity_Measure_Unit.name") != "MAW":
                raise self._drift("the unit is not MW")
            if (curve := _text(series, "curveType")) not in _CURVES:
                raise self._drift(f"the curve type '{curve[:20]}' is unknown")
            periods += [(period, curve == "A03") for period in series.iterfind("Period")]
        if not periods:
            raise self._drift("the answer holds no period")
        if len(periods) > _MAX_PERIODS:
            raise self._drift("the answer has too many periods")
        found: list[tuple[int, int, FloatArray]] = []
        for period, carries_on in periods:
            step = _STEPS_S.get(_text(period, "resolution"), 0)
            if not step:
                raise self._drift(f"the resolution '{_text(period, 'resolution')[:20]}' is unknown")
            start, end = (self._time(_text(period, f"timeInterval/{name}")) for name in ("start", "end"))
            if start % step or (end - start) % step or not now - _NEAR_S < start < end < now + _NEAR_S:
                raise self._drift("a period has no sensible start and end")
            found.append((step, start, self._values(period, (end - start) // step, carries_on)))
        quarters: dict[int, float] = {}
        for step, start, values in sorted(found, key=lambda period: -period[0]):
            for i in np.flatnonzero(np.isfinite(values)).tolist():
                quarters |= dict.fromkeys(range(start + i * step, start + (i + 1) * step, _QUARTER_S), float(values[i]))
        return quarters

    def _values(self, period: ET.Element, count: int, carries_on: bool) -> FloatArray:
        """The values of a period, NaN where there is none. A03 leaves out a position whose value is that of the one before."""
        values = np.full(count, math.nan)
        for point in period.iterfind("Point"):
            try:
                position, quantity = int(_text(point, "position")), float(_text(point, "quantity"))
            except ValueError as error:
                raise self._drift("a point has no number") from error
            if not 1 <= position <= count or not math.isfinite(quantity):
                raise self._drift("a point lies outside its period or is no finite number")
            if np.isfinite(values[position - 1]) and values[position - 1] != quantity:
                raise self._drift("a point stands twice with different values")
            values[position - 1] = quantity
        if not np.isfinite(values).any():
            raise self._drift("a period holds no point")
        if carries_on:
            given = np.where(np.isfinite(values), np.arange(count), 0)
            values = values[np.maximum.accumulate(given)]
        return values

    def _time(self, text: str) -> int:
        try:
            return parse_utc(text)
        except (Expected, OverflowError) as error:
            raise self._drift(f"'{text[:30]}' is not a time") from error

    def _drift(self, what: str) -> Expected:
        return Expected(
            f"{self.dataset}: {what}.",
            "The provider changed its answer; look for a newer Lastvagt. Nothing of this answer was stored.",
        )


def _stamp(t: int) -> str:
    """A time as the interface wants it: UTC as 202610242200."""
    return iso(t)[:16].translate({ord(c): None for c in "-T:"})


def _text(element: ET.Element, path: str) -> str:
    return (element.findtext(path) or "").strip()
