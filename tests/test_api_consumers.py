"""What the HTTP endpoint and the command line tell about consumers other than the price areas."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jsonschema
import numpy as np
import pytest
from consumer_store import MUNICIPALITIES, NOW, OWN, PRICE_AREAS, REGIONS, STORED, SUMS, fill, mwh
from test_api import Client, get

from engine import api, clock, health, metrics, openapi, tables
from engine.__main__ import main
from engine.domain import DAY, HOUR, Consumer, Observations, Series
from engine.http_server import HttpServer
from engine.store import Reader, Writer

EVERYBODY = [*STORED, *SUMS]
LATE = [*REGIONS, *MUNICIPALITIES, *OWN]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    fill(folder / "lastvagt.sqlite")
    return folder


@pytest.fixture(scope="module")
def reader(folder: Path) -> Iterator[Reader]:
    reader = Reader(folder / "lastvagt.sqlite")
    yield reader
    reader.close()


@pytest.fixture(scope="module")
def client(reader: Reader) -> Iterator[Client]:
    server = HttpServer(api.create(reader, clock.SimulatedClock(NOW)), "127.0.0.1", 0, posts=openapi.ORDERS)
    server.start()
    with Client(f"http://localhost:{server.port}") as client:
        yield client
    server.stop()


def told(client: Client, address: str) -> dict[str, Any]:
    """An answer that keeps the contract."""
    answer: dict[str, Any] = get(client, address)
    path = openapi.DOCUMENT["paths"][address.partition("?")[0]]
    jsonschema.validate(answer, path["get"]["responses"]["200"]["content"]["application/json"]["schema"])
    return answer


def url(path: str, of: Consumer, more: str = "") -> str:
    return f"/v1/{path}?area={quote(of.area, safe='')}&consumer_type={quote(of.consumer_type, safe='')}{more}"


@pytest.mark.parametrize("of", EVERYBODY)
def test_every_route_takes_every_consumer(client: Client, of: Consumer) -> None:
    forecast = told(client, url("forecast", of))
    assert (forecast["area"], forecast["consumer_type"]) == of
    assert [row["p50"] for row in forecast["rows"]] == pytest.approx([mwh(of)] * len(forecast["rows"]), abs=0.1)
    span = f"&start={clock.iso(NOW - 20 * DAY)}&end={clock.iso(NOW)}"
    values = {row["value"] for row in told(client, url("observations", of, span))["rows"]}
    assert values == {mwh(of)}
    provisional = told(client, url("observations", of, span + "&truth=provisional"))["rows"]
    assert {row["value"] for row in provisional} == {mwh(of)}
    buckets = told(client, url("scores", of, "&by=lead_bucket"))["rows"]
    assert [row["group"] for row in buckets] == ["13-24" if of in (*PRICE_AREAS, Consumer("DK")) else "bridge"]
    issues = told(client, url("issues", of, "&limit=1"))["rows"]
    assert [(row["area"], row["consumer_type"], row["issue_time"]) for row in issues] == [(*of, "2026-10-26T12:00:00Z")]
    assert told(client, url("calibration", of))["rows"] == []
    table = client.get(url("forecast", of, "&format=csv"))
    first = next(csv.DictReader(io.StringIO(table.text, newline="")))
    assert (first["area"], first["consumer_type"]) == of


@pytest.mark.parametrize("of", LATE)
def test_a_late_forecast_tells_its_bridge_from_what_is_ahead(client: Client, of: Consumer) -> None:
    lag_h, _ = STORED[of]
    answer = told(client, url("forecast", of))
    assert answer["newest_load"] == clock.iso(NOW - lag_h * HOUR)
    parts = [row["part"] for row in answer["rows"]]
    assert parts == ["bridge"] * lag_h + ["ahead"] * 48
    assert all((row["lead_time_h"] <= 0) == (row["part"] == "bridge") for row in answer["rows"])


def test_consumers_have_their_measure(client: Client) -> None:
    measures = {of: told(client, url("forecast", of))["measure"] for of in (*PRICE_AREAS, *LATE, *SUMS)}
    assert {measures[of] for of in PRICE_AREAS} == {"gross"}
    assert {measures[of] for of in REGIONS} == {"category"}
    assert {measures[of] for of in MUNICIPALITIES} == {"households"}
    assert {measures[of] for of in OWN} == {"own"}


@pytest.mark.parametrize("area", sorted({of.area for of in EVERYBODY} | {"1081", "751", "DK9"}))
def test_an_area_and_a_type_are_answered_where_they_belong_together(client: Client, area: str) -> None:
    for consumer_type in sorted({of.consumer_type for of in EVERYBODY} | {"dk36-A"}):
        of = Consumer(area, consumer_type)
        answer = client.get(url("scores", of))
        assert answer.status_code == (200 if of in EVERYBODY else 404)
        assert len(answer.content) < 4000


@pytest.mark.parametrize("path", ["forecast", "observations", "scores", "issues", "calibration", "quarantine"])
@pytest.mark.parametrize(
    "of",
    [Consumer("DK9"), Consumer("851", "steel"), Consumer("1081", "household"), Consumer("Ærø"), Consumer("%00"), Consumer("a/b")],
)
def test_what_does_not_exist_is_a_404_with_a_remedy(client: Client, path: str, of: Consumer) -> None:
    answer = get(client, url(path, of), 404)
    assert answer["detail"]
    assert answer["remedy"]


@pytest.mark.parametrize("word", ["", "x" * 65, "a\nb", "a\x00"])
def test_a_name_that_cannot_be_one_breaks_the_contract(client: Client, word: str) -> None:
    for query in (f"area={quote(word)}", f"area=DK1&consumer_type={quote(word)}"):
        answer = get(client, f"/v1/forecast?{query}", 400)
        assert "64" in answer["remedy"]


def test_lists_may_be_of_an_area_with_all_its_types_or_of_a_type_everywhere(client: Client) -> None:
    types = {row["consumer_type"] for row in told(client, "/v1/issues?area=1084&limit=10000")["rows"]}
    assert types == {"total", "household", "business", "public"}
    areas = {row["area"] for row in told(client, "/v1/issues?consumer_type=household&limit=10000")["rows"]}
    assert areas == {"DK2", "1084", "1085", "851", "101"}
    (odd,) = told(client, "/v1/quarantine?area=851")["rows"]
    assert (odd["consumer_type"], odd["value"]) == ("household", 9e6)
    assert told(client, "/v1/quarantine?area=101")["rows"] == []


def test_tables_of_consumers_are_served_in_both_forms(client: Client) -> None:
    for path, rows in (("areas", len(EVERYBODY)), ("lags", len(STORED)), ("hierarchy", None)):
        answer = told(client, f"/v1/{path}")
        assert rows in (None, len(answer["rows"]))
        lines = list(csv.DictReader(io.StringIO(client.get(f"/v1/{path}?format=csv").text, newline="")))
        assert len(lines) == len(answer["rows"])
    first = json.loads(next(csv.DictReader(io.StringIO(client.get("/v1/areas?format=csv").text, newline="")))["sum_of"])
    assert first == [{"area": "DK1", "consumer_type": "total"}, {"area": "DK2", "consumer_type": "total"}]


def test_health_and_metrics_do_not_grow_with_the_consumers(client: Client) -> None:
    health = told(client, "/health")
    assert [area["area"] for area in health["areas"]] == ["DK", "DK1", "DK2"]
    assert health["others"] == {
        "consumers": len(EVERYBODY) - 3,
        "forecast": len(EVERYBODY) - 3,
        "oldest_issue": "2026-10-26T12:00:00Z",
        "newest_issue": "2026-10-26T12:00:00Z",
    }
    datasets = {source["source"]: source for source in health["sources"]}
    assert {name: of["series"] for name, of in datasets.items()} == {
        "energidataservice": 2,
        "ConsumptionConsumerCategoryHour": 6,
        "PrivateConsumptionHeatingHour": 2,
        "file": 2,
    }
    assert {of["freshness"] for of in datasets.values()} == {"fresh"}
    assert datasets["file"]["age_s"] == 30 * HOUR
    text = client.get("/metrics").text
    assert "household" not in text
    assert 'lastvagt_dataset_series{quantity="load",source="PrivateConsumptionHeatingHour"} 2.0' in text
    assert 'lastvagt_dataset_lag_seconds{quantity="load",source="ConsumptionConsumerCategoryHour"} 864000.0' in text
    assert 'lastvagt_source_lag_seconds{quantity="load",area="DK1",source="energidataservice"} 7200.0' in text


def test_health_and_metrics_are_as_small_with_many_consumers(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "many.sqlite")
    sizes = []
    for count in range(400):
        valid_time = np.arange(NOW - 2 * DAY, NOW - DAY, HOUR, dtype=np.int64)
        series = Series("load", f"DK1-feeder {count}", "file")
        writer.put([Observations(series, valid_time, valid_time, np.ones(24), np.zeros(24, np.uint8))])
        if count in (9, 399):
            with contextlib.closing(Reader(writer.path)) as many:
                sizes.append((len(json.dumps(health.state(many, NOW))), metrics.text(many, NOW).count("\n")))
    writer.close()
    (few, lines), (more, more_lines) = sizes
    assert more <= few + 4, "only the counts have another digit"
    assert more_lines == lines


def test_export_holds_everybody(reader: Reader) -> None:
    names: list[str] = []
    found: dict[str, set[tuple[Any, ...]]] = {}
    for name, table in tables.export(reader, NOW - 40 * DAY, NOW + DAY):
        if name not in found:
            names.append(name)
        assert names[-1] == name, "a file is written from beginning to end"
        found.setdefault(name, set()).add((table.head["area"], table.head["consumer_type"]))
    assert found == {"observations_load": set(STORED), "forecasts": set(EVERYBODY), "scores_by_day": set(EVERYBODY)}


def call(capsys: pytest.CaptureFixture[str], folder: Path, *words: str) -> tuple[int, str, str]:
    code = main([*words, "--data-dir", str(folder)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_command_line_lists_and_takes_consumers(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, folder, "areas")
    assert code == 0
    assert "Capital Region of Denmark · Households" in out
    code, out, _ = call(capsys, folder, "areas", "--hierarchy")
    assert "grid losses" in out
    code, out, _ = call(capsys, folder, "areas", "--lags")
    assert out.count("ConsumptionConsumerCategoryHour") == len(REGIONS)
    code, out, _ = call(capsys, folder, "status")
    assert "Besides the price areas 15 consumers, of which 15 are forecast" in out
    code, out, _ = call(capsys, folder, "areas", "--format", "json")
    assert len(json.loads(out)["rows"]) == len(EVERYBODY)
    for of in (Consumer("1084", "household"), Consumer("851", "household"), *OWN):
        code, out, _ = call(capsys, folder, "forecast", "--area", of.area, "--type", of.consumer_type)
        assert code == 0
        assert out.startswith(f"{of.area} {of.consumer_type}, issued")
        assert "bridge" in out
        words = ("--area", of.area, "--consumer-type", of.consumer_type, "--from", "2026-10-01", "--to", "2026-10-02")
        code, out, _ = call(capsys, folder, "observations", *words, "--format", "csv")
        assert (code, out.count("\n")) == (0, 25)
        code, out, _ = call(capsys, folder, "scores", "--area", of.area, "--type", of.consumer_type)
        assert "bridge" in out
        assert "no data" in out, "one hour has no reference"
    code, _, err = call(capsys, folder, "forecast", "--area", "aalborg")
    assert code == 4
    assert "851 (Aalborg)" in err
