import numpy as np
import pytest

from engine import geography
from engine.clock import SimulatedClock, iso, local_day_hour, parse_utc
from engine.config import Config
from engine.domain import DAY, HOUR, Consumer
from engine.sources.metered import ConsumptionConsumerCategoryHour, PrivateConsumptionHeatingHour, ProductionConsumptionSettlement
from engine.sources.meters import FREEZE, METERED, MUNICIPALITIES, Meters
from engine.sources.simulated import SimulatedUpstream
from engine.sources.world import Noise, World

WORLD = World(1)
METERS = Meters(WORLD, Noise(1))
CONFIG = Config(simulated=True)
YEAR = np.arange(parse_utc("2025-01-01"), parse_utc("2026-01-01"), HOUR)
TYPES = ("household", "business", "public")


def fetched(source, now, start, end):
    upstream = SimulatedUpstream(SimulatedClock(now))
    found = {}
    for request in source.history_requests(parse_utc(start), parse_utc(end)):
        for batch in source.parse(request, upstream.send(request, 1.0).body, now):
            key = Consumer(batch.series.area, batch.series.consumer_type)
            found.setdefault(batch.series.quantity, {}).setdefault(key, {}).update(
                zip(batch.valid_time.tolist(), batch.value.tolist(), strict=True)
            )
    return found


@pytest.mark.parametrize("area", ["DK1", "DK2"])
def test_regions_and_types_add_up_to_what_meters_see_of_a_price_area(area):
    loads = METERS.regions(YEAR)
    total = sum(load for (region, _), load in loads.items() if geography.price_area(region) == area)
    np.testing.assert_allclose(total, METERED * WORLD.load(area, YEAR))
    assert all(load.min() > 0 for load in loads.values())


def test_households_peak_in_the_evening_and_business_works_on_weekdays():
    loads = METERS.regions(YEAR)
    day, hour = local_day_hour(YEAR)
    weekend = (day + 3) % 7 >= 5

    def by_hour(kind):
        load = loads[Consumer("1082", kind)]
        return np.array([load[(hour == h) & ~weekend].mean() for h in range(24)])

    assert 17 <= by_hour("household").argmax() <= 19
    assert 8 <= by_hour("business").argmax() <= 13
    business = loads[Consumer("1082", "business")]
    assert business[~weekend].mean() > 1.15 * business[weekend].mean()


def test_municipalities_follow_their_people_and_add_up_to_about_their_region():
    hours = YEAR[:: 24 * 5]
    households, regions = METERS.households(hours), METERS.regions(hours)
    load = dict(zip(MUNICIPALITIES, households, strict=True))
    assert len(load) == 98
    for region in ("1081", "1085"):
        total = sum(load[code] for code in geography.children(region))
        np.testing.assert_allclose(total, regions[Consumer(region, "household")], rtol=0.05)
    aalborg, laeso = (geography.AREAS[code].population for code in ("851", "825"))
    assert load["851"].mean() / load["825"].mean() == pytest.approx(aalborg / laeso, rel=0.05)


def test_the_lag_is_nine_to_fifteen_days_and_varies():
    days = np.arange(parse_utc("2025-01-01T23:00Z"), parse_utc("2025-12-01T23:00Z"), DAY)
    lag = (METERS.published_at(days) - days) // DAY
    assert lag.min() >= 9
    assert lag.max() <= 15
    assert len(set(lag.tolist())) > 3
    assert (np.diff(METERS.published_at(days)) >= 0).all()


def test_nothing_is_published_while_publication_stands_still():
    before, after = (
        fetched(ConsumptionConsumerCategoryHour(CONFIG), now, "2026-08-20", "2026-09-20")
        for now in (FREEZE[0] + HOUR, FREEZE[1] - HOUR)
    )
    assert {of: set(hours) for of, hours in before["load"].items()} == {of: set(hours) for of, hours in after["load"].items()}
    thawed = fetched(ConsumptionConsumerCategoryHour(CONFIG), FREEZE[1] + HOUR, "2026-08-20", "2026-09-20")
    assert len(thawed["load"][Consumer("1081", "public")]) > len(before["load"][Consumer("1081", "public")]) + 10 * 24


def test_two_regions_become_one_with_the_year_2027_and_their_loads_with_them():
    found = fetched(ConsumptionConsumerCategoryHour(CONFIG), parse_utc("2027-03-01"), "2026-12-25", "2027-01-10")["load"]
    for kind in TYPES:
        last, first = max(found[Consumer("1084", kind)]), min(found[Consumer("OST", kind)])
        assert (iso(last), iso(first)) == ("2026-12-31T22:00:00Z", "2026-12-31T23:00:00Z")
        assert max(found[Consumer("1082", kind)]) > first
    hour = parse_utc("2027-01-05T12:00Z")
    total = sum(found[Consumer("OST", kind)][hour] for kind in TYPES)
    assert total == pytest.approx(METERED * WORLD.load("DK2", np.array([hour]))[0], rel=1e-4)


def test_published_loads_are_revised_a_little():
    source, day = PrivateConsumptionHeatingHour(CONFIG), ("2026-05-20", "2026-05-21")
    out = int(METERS.published_at(np.array([parse_utc("2026-05-20T21:00Z")]))[0])
    first, later = (fetched(source, out + wait, *day)["load"][Consumer("101", "household")] for wait in (HOUR, 3 * DAY))
    common = sorted(set(first) & set(later))
    change = np.array([later[t] / first[t] - 1 for t in common])
    assert 0 < np.abs(change).max() < 0.03


def test_settlement_is_load_and_what_businesses_made_themselves():
    found = fetched(ProductionConsumptionSettlement(CONFIG), parse_utc("2026-05-01"), "2026-03-01", "2026-03-03")
    area = Consumer("DK1")
    hours = np.array(sorted(found["settlement"][area]))
    settled, own = (
        np.array([found[quantity][area][t] for t in hours.tolist()]) for quantity in ("settlement", "self_consumption")
    )
    np.testing.assert_allclose(settled - own, WORLD.load("DK1", hours), rtol=1e-6)
    assert (own > 20).all()
