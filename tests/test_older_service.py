"""The routes of the older service, held against answers in the shapes of its own schemas (app-api/api/schemas)."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from consumer_store import NOW, fill
from test_api import Client, get

from engine import api, clock, older_service
from engine.domain import DAY, HOUR
from engine.http_server import HttpServer
from engine.store import Reader, Writer

#: Its pydantic models: the fields of each answer and what they hold.
HEALTH = {"name": str, "api_version": str}
VALUES = {"values": int}
PREDICTIONS = {"datetime_utc": int, "energy_consumption": float, "preds_datetime_utc": int, "preds_energy_consumption": float}
METRICS = {"datetime_utc": int, "mape": float}
MONITORING = {
    "y_monitoring_datetime_utc": int,
    "y_monitoring_energy_consumption": float,
    "predictions_monitoring_datetime_utc": int,
    "predictions_monitoring_energy_consumptionc": float,
}
DE35 = Path(__file__).parents[2] / "shared/data/ConsumptionDE35Hour_2022-12-21_2023-01-24.csv.gz"


def serve(path: Path) -> Iterator[Client]:
    reader = Reader(path)
    server = HttpServer(api.create(reader, clock.SimulatedClock(NOW)), "127.0.0.1", 0)
    server.start()
    with Client(f"http://localhost:{server.port}") as client:
        yield client
    server.stop()
    reader.close()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    yield from serve(fill(tmp_path_factory.mktemp("store") / "lastvagt.sqlite"))


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Client]:
    Writer(tmp_path / "empty.sqlite").close()
    yield from serve(tmp_path / "empty.sqlite")


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("health", HEALTH),
        ("consumer_type_values", VALUES),
        ("area_values", VALUES),
        ("predictions/2/0", PREDICTIONS),
        ("predictions/2/121", PREDICTIONS),
        ("monitoring/metrics", METRICS),
        ("monitoring/values/0/0", MONITORING),
        ("monitoring/values/2/111", MONITORING),
    ],
)
def test_answers_have_the_shape_of_the_older_service(client: Client, path: str, shape: dict[str, type]) -> None:
    answer: dict[str, Any] = get(client, f"/api/v1/{path}")
    assert answer.keys() == shape.keys()
    for name, kind in shape.items():
        values = answer[name] if isinstance(answer[name], list) else [answer[name]]
        assert values
        assert all(isinstance(value, kind) for value in values)
        assert len(values) in (1, 3, 7) or len(values) >= 24


def test_values_list_what_has_an_answer(client: Client, empty: Client) -> None:
    assert get(client, "/api/v1/area_values") == {"values": [0, 1, 2]}
    assert get(client, "/api/v1/consumer_type_values") == {"values": [0, 111, 112, 119, 121, 122, 123]}
    assert get(empty, "/api/v1/consumer_type_values") == {"values": [0]}


def test_predictions_go_on_where_a_week_of_load_ends(client: Client) -> None:
    for code, newest, mwh in ((0, NOW - 2 * HOUR, 1500.0), (121, NOW - 240 * HOUR, 600.0)):
        answer = get(client, f"/api/v1/predictions/2/{code}")
        hours = answer["datetime_utc"]
        assert hours == list(range(newest // HOUR - 167, newest // HOUR + 1))
        assert set(answer["energy_consumption"]) == {1000 * mwh}
        ahead = answer["preds_datetime_utc"]
        assert ahead[0] == hours[-1] + 1
        assert ahead == list(range(ahead[0], ahead[-1] + 1))
        assert ahead[-1] >= NOW // HOUR + 48
        assert answer["preds_energy_consumption"] == pytest.approx([1000 * mwh] * len(ahead), rel=1e-3)


def test_monitoring_compares_30_days_with_what_was_said_a_day_before(client: Client) -> None:
    answer = get(client, "/api/v1/monitoring/values/2/112")
    assert len(answer["y_monitoring_datetime_utc"]) == 20 * 24 + 1
    said = answer["predictions_monitoring_datetime_utc"]
    assert said == list(range(said[0], said[0] + 21 * 24))
    assert said[-1] == (NOW + DAY) // HOUR
    metrics = get(client, "/api/v1/monitoring/metrics")
    assert metrics["datetime_utc"] == sorted(set(metrics["datetime_utc"]))
    assert max(metrics["datetime_utc"]) == NOW // HOUR - 2
    assert all(0 <= error < 0.01 for error in metrics["mape"])


@pytest.mark.parametrize("route", ["predictions", "monitoring/values"])
@pytest.mark.parametrize(
    ("codes", "reason"),
    [
        ("3/0", "no area 3"),
        ("1/999", "nothing that is published today"),
        ("1/421", "trade, service and public"),
        ("1/555", "no such code"),
        ("1/121", "is a sum, and nothing is stored of North Denmark Region · Households"),
        ("0/121", "is a sum, and nothing is stored of North Denmark Region · Households"),
    ],
)
def test_what_does_not_exist_is_a_404_with_the_reason(client: Client, route: str, codes: str, reason: str) -> None:
    answer = get(client, f"/api/v1/{route}/{codes}", 404)
    assert reason in answer["detail"]
    assert answer["remedy"]


def test_without_regions_the_answer_tells_how_to_switch_them_on(empty: Client) -> None:
    answer = get(empty, "/api/v1/predictions/1/121", 404)
    assert answer["detail"] == "Nothing is stored of Western Denmark (DK1) · Households."
    assert "LASTVAGT_FETCH_REGIONS=true" in answer["remedy"]
    assert get(empty, "/api/v1/predictions/1/0", 404)["detail"] == "No data found for the given area and consumer type: 1, 0"
    assert get(empty, "/api/v1/monitoring/values/1/0", 404)["remedy"]
    assert get(empty, "/api/v1/monitoring/metrics") == {"datetime_utc": [], "mape": []}


@pytest.mark.parametrize("codes", ["DK1/0", "1/household", "-1/0", "1/1000", "1/0?area=1", "1.0/0", "1/0/2"])
def test_codes_are_small_numbers(client: Client, codes: str) -> None:
    response = client.get(f"/api/v1/predictions/{codes}")
    assert response.status_code == (404 if codes.endswith("/2") else 400)
    assert response.json()["remedy"]


@pytest.mark.skipif(not DE35.exists(), reason="the DE35 data are not beside this project")
def test_every_code_that_was_published_is_answered_or_explained() -> None:
    with gzip.open(DE35, "rt", encoding="utf-8") as file:
        published = {int(row["ConsumerType_DE35"]) for row in csv.DictReader(file)}
    assert published == (older_service.TYPES.keys() | older_service.GONE.keys()) - {0}
    assert len(published) == 38
