from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest

from engine import tables
from engine.domain import DAY, HOUR, Consumer, Flag, Observations, Series
from engine.store import Reader, Writer
from engine.tables import Table

START = 1_790_000_000 - 1_790_000_000 % HOUR


def put(writer: Writer, quantity: str, of: Consumer, value: float, hours: int = 48, lag_s: int = 10 * DAY) -> None:
    times = START + HOUR * np.arange(hours, dtype=np.int64)
    series = Series(quantity, of.area, "test", of.consumer_type)
    writer.put([Observations(series, times, times + lag_s, np.full(hours, value), np.full(hours, Flag.NOMINAL, np.uint8))])


@pytest.mark.parametrize(("area", "gross", "settled"), [("DK1", 2700.0, 2600.0), ("DK2", 1550.0, 1500.0), ("DK", 4250.0, 4100.0)])
def test_settlement_is_told_as_published_and_comparable_to_load(
    writer: Writer, reader: Reader, area: str, gross: float, settled: float
) -> None:
    for part, value, own in (("DK1", 2700.0, 100.0), ("DK2", 1550.0, 50.0)):
        put(writer, "settlement", Consumer(part), value)
        put(writer, "self_consumption", Consumer(part), own)
    span = (START, START + 24 * HOUR)
    published = tables.observations(reader, Consumer(area), "settlement", *span)
    assert {value for _, value in published.rows} == {gross}
    assert published.units == {"value": "MWh"}
    comparable = tables.observations(reader, Consumer(area), "load", *span, truth="settlement")
    assert [value for _, value in comparable.rows] == [settled] * 24
    assert tables.observations(reader, Consumer(area), "load", *span, truth="provisional").rows == []


def test_a_sum_is_told_for_hours_that_all_its_parts_have_and_as_it_was_known(writer: Writer, reader: Reader) -> None:
    region = Consumer("1081")
    for kind, hours, lag_s in (("household", 48, DAY), ("business", 48, 3 * DAY), ("public", 30, DAY)):
        put(writer, "load", Consumer("1081", kind), 10.0, hours, lag_s)
    span = (START, START + 48 * HOUR)
    assert [value for _, value in tables.observations(reader, region, "load", *span).rows] == [30.0] * 30
    assert len(tables.observations(reader, region, "load", *span, as_of=START + 3 * DAY + 9 * HOUR).rows) == 10
    assert len(tables.observations(reader, Consumer("1081", "household"), "load", *span, as_of=START + 3 * DAY).rows) == 48


def test_weather_is_that_of_the_area_and_nobodys_sum(writer: Writer, reader: Reader) -> None:
    put(writer, "temperature", Consumer("DK1"), 8.0)
    put(writer, "temperature", Consumer("DK2"), 6.0)
    assert tables.observations(reader, Consumer("DK"), "temperature", START, START + DAY).rows == []
    assert len(tables.observations(reader, Consumer("DK1"), "temperature", START, START + DAY).rows) == 24


def test_a_cell_of_several_consumers_is_json_in_csv() -> None:
    parts = [{"area": "Åbenrå værk", "consumer_type": "stål"}]
    table = Table({"simulated": False}, ("area", "sum_of"), [("DK", parts), ("DK1", [])])
    assert table.document()["rows"] == [{"area": "DK", "sum_of": parts}, {"area": "DK1", "sum_of": []}]
    first, second = csv.DictReader(io.StringIO(table.csv(), newline=""))
    assert json.loads(first["sum_of"]) == parts
    assert "Åbenrå" in first["sum_of"]
    assert second["sum_of"] == "[]"
