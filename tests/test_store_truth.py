"""What the reader says the load was."""

from __future__ import annotations

import numpy as np

from engine.domain import HOUR, Flag, Observations, Series
from engine.store import Reader, Writer

START = 1_790_000_000 - 1_790_000_000 % HOUR


def _load(area: str, hours: list[int], values: list[float], flag: Flag = Flag.PLAIN, lag_h: int = 2) -> Observations:
    valid = START + HOUR * np.array(hours, np.int64)
    flags = np.full(len(hours), flag, np.uint8)
    return Observations(Series("load", area, "test"), valid, valid + lag_h * HOUR, np.array(values, np.float64), flags)


def test_an_area_without_load_of_its_own_has_the_sum_of_its_parts(writer: Writer) -> None:
    writer.put([_load("DK1", [0, 1, 2, 3], [10, 20, 30, 40]), _load("DK2", [1, 2, 4], [1, 2, 4])])
    writer.put([_load("DK1", [1, 2], [21, 31], Flag.SETTLED, lag_h=300), _load("DK2", [2], [3], Flag.SETTLED, lag_h=300)])
    reader = Reader(writer.path)
    truth = reader.truth("DK", START, START + 10 * HOUR)
    reader.close()
    hours = {name: ((times - START) // HOUR).tolist() for name, (times, _) in truth.items()}
    assert hours == {"provisional": [1, 2], "newest": [1, 2], "settled": [2], "settlement": []}
    values = {name: value.tolist() for name, (_, value) in truth.items()}
    assert values == {"provisional": [21, 32], "newest": [22, 34], "settled": [34], "settlement": []}


def test_settlement_is_gross_consumption_less_what_businesses_use_of_their_own(writer: Writer, reader: Reader) -> None:
    for quantity, dk1, dk2 in (("settlement", 100.0, 50.0), ("self_consumption", 7.0, 2.0)):
        for area, value in (("DK1", dk1), ("DK2", dk2)):
            series = Series(quantity, area, "energidataservice")
            valid = START + HOUR * np.arange(3)
            for version in (0, 1):  # revised by an MWh
                known = valid + (9 + 30 * version) * 24 * HOUR
                writer.put([Observations(series, valid, known, np.full(3, value + version), np.zeros(3, np.uint8))])
    writer.put([_load("DK1", [0, 1], [90, 90]), _load("DK2", [0, 1], [45, 45])])
    truth = {area: reader.truth(area, START, START + 2 * HOUR)["settlement"] for area in ("DK", "DK1", "DK2")}
    assert {area: values.tolist() for area, (_, values) in truth.items()} == {"DK": [141, 141], "DK1": [93, 93], "DK2": [48, 48]}
    assert reader.truth("1081", START, START + 2 * HOUR, "public")["settlement"][0].size == 0


def test_nothing_known_is_an_empty_truth(writer: Writer) -> None:
    writer.put([_load("DK1", [0], [10])])
    reader = Reader(writer.path)
    lengths = {area: len(reader.truth(area, START, START + HOUR)["newest"][0]) for area in ("DK", "DK1", "DK2")}
    reader.close()
    assert lengths == {"DK": 0, "DK1": 1, "DK2": 0}


def test_an_hour_of_load_of_the_whole_does_not_hide_its_parts(writer: Writer) -> None:
    writer.put([_load("DK", [0], [100]), _load("DK1", [0], [10]), _load("DK2", [0], [1])])
    reader = Reader(writer.path)
    _, values = reader.truth("DK", START, START + HOUR)["newest"]
    reader.close()
    assert values.tolist() == [11]


def test_the_age_of_a_series_is_its_lag_and_for_a_forecast_the_time_since_it_came(writer: Writer) -> None:
    now = START + 5 * HOUR
    valid = START + HOUR * np.arange(48, dtype=np.int64)
    known = np.full(48, START + 2 * HOUR)
    temperature = Observations(Series("temperature", "DK1", "test"), valid, known, np.ones(48), np.zeros(48, np.uint8))
    writer.put([_load("DK1", [0, 1, 2], [1, 2, 3]), temperature])
    reader = Reader(writer.path)
    ages = {state.quantity: state.age_s(now) / HOUR for state in reader.series()}
    reader.close()
    assert ages == {"load": 3, "temperature": 3}
