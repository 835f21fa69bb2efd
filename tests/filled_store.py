"""Fills a database with weeks of plausible load, weather, issues and scores, for tests and pictures of the app."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from engine import clock, geography
from engine.adaptation import Adaptation
from engine.calibration import Calibration
from engine.domain import (
    DAY,
    HOUR,
    LEAD_BUCKETS,
    LEVELS,
    WEATHER,
    Consumer,
    Draft,
    Flag,
    FloatArray,
    IntArray,
    JobRun,
    Observations,
    QuantileForecast,
    Reason,
    Score,
    Series,
    Tier,
)
from engine.geography import Kind
from engine.store import ScoreRow, Writer, codec
from engine.store.roster import BundleState, DayLoss, RoleChange

#: Tuesday evening in November.
NOW = clock.parse_utc("2026-11-24T17:20:00Z")
MEAN_MWH = {"DK1": 2600.0, "DK2": 1500.0}
#: Hours between the start of an hour and its publication.
LAG_H = 2
_NORMAL = {0.05: -1.645, 0.1: -1.282, 0.2: -0.842, 0.25: -0.674, 0.3: -0.524, 0.4: -0.253, 0.5: 0.0}
_DEVIATIONS = np.array([_NORMAL[p] if p <= 0.5 else -_NORMAL[round(1 - p, 2)] for p in LEVELS])


def load_mwh(area: str, times: IntArray) -> FloatArray:
    """A Danish-looking load: two peaks a working day, quiet nights and weekends, and a slow wander."""
    if area == "DK":
        parts: FloatArray = load_mwh("DK1", times) + load_mwh("DK2", times)
        return parts
    day, hour = clock.local_day_hour(times)
    weekend = (day + 3) % 7 >= 5
    morning, evening = np.exp(-(((hour - 9) / 3.2) ** 2)), np.exp(-(((hour - 17.6) / 2.4) ** 2))
    shape = 0.80 + np.where(weekend, 0.16, 0.26) * morning + np.where(weekend, 0.26, 0.30) * evening
    wander = 0.03 * np.sin(times / (9.1 * DAY)) + 0.012 * np.sin(times / (0.37 * DAY))
    return MEAN_MWH[area] * (shape + wander)


#: Days between a day and the publication of its metered load, and by how many that varies.
METERED_LAG_D, METERED_JITTER_D = 11, 2
MUNICIPALITIES = ("851", "101", "825", "751", "330")
#: A brewery of the user's own, which takes half a megawatt.
OWN = Consumer("DK1-bryggeri")
_REGION_MWH = {"household": 340.0, "business": 520.0, "public": 75.0}


def metered_consumers(municipalities: Iterable[str] = MUNICIPALITIES) -> tuple[Consumer, ...]:
    """All types of the regions, households of municipalities, and an own series."""
    regions = [Consumer(r, each) for r in geography.of_kind(Kind.REGION, NOW) for each in geography.REGION_TYPES]
    return (*regions, *(Consumer(code, "household") for code in municipalities), OWN)


def metered_mwh(of: Consumer, times: IntArray) -> FloatArray:
    """Load of a consumer that is measured late, or of a sum of such: households have high evenings, business flat weekends."""
    if parts := geography.addends(of, NOW):
        total: FloatArray = np.sum([metered_mwh(part, times) for part in parts], axis=0)
        return total
    shape = load_mwh("DK1", times) / MEAN_MWH["DK1"]
    power = {"household": 1.5, "public": 0.8}.get(of.consumer_type, 0.6)
    if of == OWN:
        return np.asarray(0.42 * shape**2.2)
    share = geography.AREAS[of.area].population / 1_300_000 if geography.kind(of.area) is Kind.MUNICIPALITY else 1.0
    size = _REGION_MWH[of.consumer_type] * (1 + 0.25 * np.sin(int(of.area))) * max(share, 0.0014)
    return np.asarray(size * shape**power)


def metered(of: Consumer, now: int, days: int, lag_d: int = METERED_LAG_D, stalled_d: int = 0) -> Observations:
    """Load of whole Danish days, each published in the morning so many days later, nothing since `stalled_d` days ago."""
    today = clock.local(now).date()
    batches = []
    for back in range(days, 0, -1):
        day = today - dt.timedelta(days=back)
        jitter = (day.toordinal() * 7) % (METERED_JITTER_D + 1)
        known = clock.local_time(day + dt.timedelta(days=lag_d - 1 + jitter), 7)
        if known <= now - stalled_d * DAY:
            times = clock.local_hours(day)
            batches.append((times, np.full(len(times), known)))
    times, known_at = (np.concatenate(column) for column in zip(*batches, strict=True))
    chance = np.random.default_rng(len(of.area) + ord(of.consumer_type[0]))
    values = metered_mwh(of, times) * (1 + 0.035 * chance.standard_normal(len(times)))
    series = Series("load", of.area, "metered", of.consumer_type)
    return Observations(series, times, known_at, np.round(values, 6), np.zeros(len(times), np.uint8))


def bridging(of: Consumer, issue_time: int, newest: int) -> QuantileForecast:
    """An issue from the hour after the newest truth, at most 38 days back, to 48 hours ahead; the later the wider."""
    first = max(newest + HOUR, clock.floor_hour(issue_time) - 38 * DAY)
    times = np.arange(first, issue_time + 48 * HOUR + 1, HOUR, dtype=np.int64)
    middle = metered_mwh(of, times) * (1 + 0.02 * np.sin(times / (1.7 * DAY)))
    wide = 0.03 * np.sqrt(1 + (times - newest) / DAY)
    quantiles = middle[:, None] * np.maximum(0.0, 1 + wide[:, None] * _DEVIATIONS[None, :])
    known = {"newest_load": clock.iso(newest)}
    return QuantileForecast(
        *(of.area, of.consumer_type, issue_time, times, LEVELS, codec.quantise(quantiles, 0.0)),
        *(Tier.POOLED, Reason.NONE, "all-series-2026-06", known),
    )


def add_metered(
    writer: Writer,
    now: int = NOW,
    consumers: Iterable[Consumer] | None = None,
    days: int = 70,
    stalled_d: int = 0,
    issue_age_s: int = 20 * 60,
    issued: bool = True,
) -> None:
    """Consumers that are measured late, and the sums of them, each with an issue that bridges what nobody has measured."""
    stored = tuple(metered_consumers() if consumers is None else consumers)
    batches = [metered(of, now, days, stalled_d=stalled_d) for of in stored]
    writer.put(batches)
    newest = int(batches[0].valid_time[-1])
    everyone = [of for of in geography.known_consumers(stored, now) if of.area not in MEAN_MWH and of != ("DK", "total")]
    if issued:
        writer.put_forecasts([bridging(of, now - issue_age_s, newest) for of in everyone], now)
    learned = dataclasses.replace(Adaptation.start(3), days=64, learned_to=int(clock.local_day_hour(np.array([newest]))[0][0]))
    inside = np.array([[0.52, 0.83, 0.91], [0.46, 0.77, 0.88]])
    writer.put_adaptations({(OWN, "all-series-2026-06"): dataclasses.replace(learned, inside=inside)})
    for of in stored:
        if of.area in ("1082", OWN.area):  # scores of all take long to make and tell no more
            writer.put_scores(list(metered_scores(of, newest)))


def metered_scores(of: Consumer, newest: int, days: int = 30) -> Iterable[ScoreRow]:
    """Scores of every hour of so many days up to the newest, of the bridge and of two days ahead."""
    times = np.arange(newest - days * DAY, newest, HOUR, dtype=np.int64)
    chance = np.random.default_rng(ord(of.area[-1]))
    for bucket in range(5):
        for t, load in zip(times.tolist(), metered_mwh(of, times).tolist(), strict=True):
            miss, naive = (abs(size * load * chance.standard_normal()) for size in (0.06 + 0.004 * bucket, 0.11))
            score = Score(
                *(1, load, miss, miss, miss**2, 1, miss / load, (miss / load) ** 2, miss / 3, 0.7 * miss),
                *(int(miss < 0.05 * load), int(miss < 0.09 * load), int(miss < 0.12 * load), 0.2 * load, 1, naive, miss),
            )
            yield ScoreRow(of.area, of.consumer_type, "provisional", t, bucket, score)


def _noise(times: IntArray, seed: int, size: float) -> FloatArray:
    """The same noise for the same hour, whoever asks."""
    numbers = np.array([np.random.default_rng((seed, int(t) // HOUR)).standard_normal() for t in times])
    return size * numbers


def forecast(area: str, issue_time: int, tier: Tier = Tier.FULL, reason: Reason = Reason.NONE, **more: bool) -> QuantileForecast:
    """An issue of 168 hours and the bridge before them."""
    first = clock.floor_hour(issue_time) - (LAG_H - 1) * HOUR
    times = np.arange(first, issue_time + 168 * HOUR + 1, HOUR, dtype=np.int64)
    lead = np.maximum(1, (times - issue_time) / HOUR)
    deviation = 0.011 * np.minimum(2.6, 1 + lead / 60) * load_mwh(area, times)
    middle = load_mwh(area, times) * (1 + 0.006 * np.sin(times / (0.8 * DAY)))
    return QuantileForecast(
        area=area,
        consumer_type="total",
        issue_time=issue_time,
        valid_time=times,
        levels=LEVELS,
        quantiles=np.round(middle[:, None] + deviation[:, None] * _DEVIATIONS[None, :]),
        tier=tier,
        reason=reason,
        model_id="dk-2026.1",
        **more,
    )


def observations(area: str, times: IntArray, simulated: bool = False) -> list[Observations]:
    """Load as first published, and settled where it is older than 15 days."""
    first = load_mwh(area, times) * (1 + _noise(times, len(area) + ord(area[-1]), 0.011))
    old = times < times[-1] - 15 * DAY
    series = Series("load", area, "test")

    def batch(of: IntArray, values: FloatArray, lag_s: int, flag: Flag) -> Observations:
        return Observations(series, of, of + lag_s, np.round(values, 1), np.full(len(of), flag, np.uint8), simulated)

    settled = first[old] * (1 + _noise(times[old], 7, 0.004))
    return [batch(times, first, LAG_H * HOUR, Flag.PLAIN), batch(times[old], settled, 15 * DAY, Flag.SETTLED)]


def weather(area: str, now: int, age_s: int, simulated: bool = False) -> Iterable[Observations]:
    """Weather of a week back and a week ahead, fetched `age_s` ago."""
    times = np.arange(clock.floor_hour(now) - 7 * DAY, now + 7 * DAY, HOUR, dtype=np.int64)
    flags = np.zeros(len(times), np.uint8)
    for quantity in WEATHER:
        known = np.full(len(times), now - age_s)
        yield Observations(Series(quantity, area, "test"), times, known, np.full(len(times), 5.0), flags, simulated)


def scores(area: str, now: int, days: int) -> Iterable[ScoreRow]:
    """Scores of every hour and lead bucket, worse with lead time, settled where the hour is older than 15 days."""
    times = np.arange(clock.floor_hour(now) - days * DAY, now - 3 * HOUR, HOUR, dtype=np.int64)
    load = load_mwh(area, times)
    chance = np.random.default_rng(ord(area[-1]))
    _day, hour = clock.local_day_hour(times)
    for truth, sure in (("provisional", 1.0), ("settled", 1.06)):
        for bucket in range(len(LEAD_BUCKETS)):
            wide = (0.007 + 0.0021 * bucket) * sure * (1 + 0.35 * np.sin((hour - 6) / 24 * 2 * np.pi))
            error = load * wide * chance.standard_normal(len(times)) * 1.25
            naive = load * 0.042 * chance.standard_normal(len(times))
            inside = np.abs(error) / (load * wide * 1.25)
            for i, t in enumerate(times.tolist()):
                if truth == "settled" and t > now - 15 * DAY:
                    continue
                miss = abs(float(error[i]))
                yield ScoreRow(
                    area,
                    "total",
                    truth,
                    t,
                    bucket,
                    Score(
                        n=1,
                        observed=float(load[i]),
                        error=float(error[i]),
                        abs_error=miss,
                        sq_error=miss**2,
                        rel_n=1,
                        abs_rel=miss / float(load[i]),
                        sq_rel=(miss / float(load[i])) ** 2,
                        pinball=miss / 3,
                        crps=0.7 * miss,
                        in50=int(inside[i] < 0.66),
                        in80=int(inside[i] < 1.26),
                        in90=int(inside[i] < 1.62),
                        width80=2.5 * miss,
                        ref_n=1,
                        ref_abs_error=abs(float(naive[i])),
                        ref_model_abs_error=miss,
                    ),
                    kept_promises(float(error[i]), float(load[i] * wide[i])) if truth == "provisional" else (),
                )


def kept_promises(error: float, deviation: float) -> tuple[float, ...]:
    """`reliability.SUMS` of one forecast with an error, that promised a deviation a fifth smaller than errors have."""
    below = -error <= deviation * 1.04 * np.array(_DEVIATIONS)
    return (1.0, *below.astype(float).tolist(), abs(error), 0.8 * deviation)


@functools.cache
def calibration(area: str, now: int, hours: int = 400) -> Calibration:
    """What so many hours have taught: bands a tenth too narrow far ahead, load that answers to wind more than the model says."""
    times = clock.floor_hour(now) - 3 * HOUR - HOUR * np.arange(hours, 0, -1, dtype=np.int64)
    load, wind = load_mwh(area, times), np.sin(times / (0.7 * DAY))
    truth = load * (1 + 0.006 * wind + _noise(times, ord(area[-1]), 0.011))
    experts, responses = (
        ("model", "heads", "trees_l1", "trees_l2", "seasonal_naive"),
        ("wind_speed_anomaly", "wind_chill_anomaly"),
    )
    learned: Calibration | None = None
    for i, t in enumerate(times.tolist()):
        middle = load[i] * np.array([1.0, 1.002, 0.999, 1.01, 1.03])
        inputs = np.array([[wind[i], np.cos(t / DAY)]])
        draft = Draft(experts, middle[None, :], responses, inputs, np.zeros((1, 2)))
        if area == "DK":
            draft = Draft((), np.zeros((1, 0)), (), np.zeros((1, 0)), np.zeros((1, 2)))
        learned = learned or Calibration.start(draft)
        issues = [
            dataclasses.replace(
                forecast(area, t - lead * HOUR),
                valid_time=np.array([t]),
                quantiles=load[i] * (1 + width * _DEVIATIONS[None, :]),
                draft=draft,
            )
            for lead, width in ((3, 0.011), (24, 0.0125), (100, 0.0085))
        ]
        learned = learned.learn(t, float(truth[i]), issues, t + 2 * HOUR)
    assert learned is not None
    return learned


def tso_forecast(area: str, now: int) -> Iterable[Observations]:
    """The grid operator's forecast of each of the last days, fetched at nine the day before, and of tomorrow."""
    for back in range(14, -2, -1):
        day = clock.local(now).date() - dt.timedelta(days=back)
        known = clock.local_time(day - dt.timedelta(days=1), 9)
        times = clock.local_hours(day)
        values = np.round(load_mwh(area, times) * (1.012 + _noise(times, 3, 0.016)))
        series = Series("load_forecast", area, "entsoe")
        if known <= now:
            yield Observations(series, times, np.full(len(times), known), values, np.zeros(len(times), np.uint8))


def models(writer: Writer, now: int, days: int = 140, better_by: float = 0.05) -> None:
    """Bundles of three tiers; of the full tier a champion that was promoted, one before it, and a challenger tried for so many days."""
    end = clock.parse_utc("2024-06-30T22:00Z")
    writer.roster.put_bundles(
        [
            BundleState("price-areas-full-2024-06", Tier.FULL, end, "shipped", signed_by="program"),
            BundleState("price-areas-full-2025-12", Tier.FULL, end + 550 * DAY, "own", signed_by="own"),
            BundleState("price-areas-full-2026-06", Tier.FULL, end + 730 * DAY, "own", signed_by="own"),
            BundleState("price-areas-late-2024-06", Tier.LATE, end, "shipped", signed_by="program"),
            BundleState("price-areas-no-weather-2024-06", Tier.NO_WEATHER, end, "shipped", signed_by="program"),
        ]
    )
    first, champion, challenger = (f"price-areas-full-{month}" for month in ("2024-06", "2025-12", "2026-06"))
    for i, (age, act, from_id, to_id, who, reason) in enumerate(
        (
            (320, "challenge", "", champion, "engine", f"It is newer than {first}, and nobody has decided about it."),
            (170, "promote", first, champion, "kmj", "4,1 % lavere WQL over 150 døgn."),
            (days + 16, "challenge", "", challenger, "engine", f"It is newer than {champion}, and nobody has decided about it."),
        )
    ):
        writer.roster.put_change(RoleChange(now - age * DAY, Tier.FULL, act, from_id, to_id, who, reason), seen=i)
    chance = np.random.default_rng(5)
    today = int(clock.local_day_hour(np.array([now], np.int64))[0][0])
    losses = []
    for day in range(today - 15 - days, today - 15):
        wql = 2.1 * (1 + 0.2 * chance.standard_normal())
        other = wql * (1 - better_by) + 0.2 * chance.standard_normal()
        losses.append(DayLoss(day, 2304, 1.3 * wql, 1.3 * other, wql, other))
    writer.roster.put_losses(champion, challenger, losses)


def fill(
    folder: Path,
    now: int = NOW,
    days: int = 42,
    simulated: bool = False,
    issue_age_s: int = 20 * 60,
    tier: Tier = Tier.FULL,
    reason: Reason = Reason.NONE,
    gap_h: tuple[int, int] | None = None,
    ex_post: bool = False,
    learned: bool = True,
    tso: bool = True,
    late: bool = False,
    stalled_d: int = 0,
    bridged: bool = True,
) -> Path:
    """Fill a data folder as it would stand at `now`; `gap_h` leaves out load from so many hours to so many hours ago.

    `learned` and `tso` are whether there are calibrations, and the grid operator's forecasts; `late` whether there are consumers
    that are measured late, which `stalled_d` days ago stopped coming, `bridged` whether they have issues.
    """
    writer = Writer(folder / "lastvagt.sqlite", simulated=simulated)
    times = np.arange(clock.floor_hour(now) - days * DAY, now - LAG_H * HOUR, HOUR, dtype=np.int64)
    if gap_h is not None:
        times = times[(times < now - gap_h[0] * HOUR) | (times > now - gap_h[1] * HOUR)]
    for area in MEAN_MWH:
        writer.put([*observations(area, times, simulated), *weather(area, now, 2 * HOUR + 900, simulated)], now=now)
    for issue_time in range(now - issue_age_s - 4 * DAY, now - issue_age_s + 1, 6 * HOUR):
        issues = [forecast(area, issue_time, tier, reason, simulated=simulated, ex_post=ex_post) for area in ("DK", "DK1", "DK2")]
        writer.put_forecasts(issues, issue_time)
    for area in ("DK", "DK1", "DK2"):
        writer.put_scores(list(scores(area, now, days)))
    if learned:
        issued = now - issue_age_s
        writer.put_forecasts(
            [], issued, {(area, "total", "dk-2026.1"): calibration(area, issued) for area in ("DK", "DK1", "DK2")}
        )
    if tso:
        for area in MEAN_MWH:
            for batch in tso_forecast(area, now):
                writer.put([dataclasses.replace(batch, simulated=simulated)])
    if late:
        add_metered(writer, now, stalled_d=stalled_d, issued=bridged)
    models(writer, now)
    writer.put_job_run(JobRun("ingest", now - 1200, now - 1190, "ok"))
    writer.put_job_run(JobRun("forecast", now - 1180, now - 1179, "ok"))
    writer.close()
    return folder
