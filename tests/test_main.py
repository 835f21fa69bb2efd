from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from engine import clock, replay
from engine.__main__ import main
from engine.config import Config
from engine.lock import exclusive

COMMANDS = (
    *("run", "once", "status", "doctor", "backfill", "import", "forecast", "calibration", "quarantine", "export", "backtest"),
    *("demo", "areas", "observations", "scores", "key"),
)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two simulated days."""
    folder = tmp_path_factory.mktemp("filled")
    config = Config(data_dir=folder, simulated=True, backfill_days=60)
    replay.demo(config, 2, end=clock.parse_utc("2026-10-26T12:00Z"))
    return folder


def call(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_help_teaches_with_examples_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], *([command] for command in COMMANDS)):
        code, out, _ = call(capsys, *words, "--help")
        assert code == 0
        assert "examples:" in out
        assert "exit codes:" in out
    assert call(capsys, "nonsense")[0] == 2
    assert call(capsys, "forecast", "--colour", "red")[0] == 2


def test_help_does_not_wait_for_heavy_imports() -> None:
    program = "import sys\nfrom engine.__main__ import main\nmain(['--help'])\nprint([m for m in ('onnxruntime', 'starlette', 'requests') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")


def test_forecast_in_three_forms(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("forecast", "--area", "DK1", "--data-dir", filled)
    code, out, _ = call(capsys, *words)
    assert code == 0
    assert re.search(r"DK1, issued 2026-10-26T12:00:00Z, [0-9]+ \w+( [0-9]+ \w+)? old \((fresh|late|stale)\), tier", out)
    assert "SIMULATED" in out
    document = json.loads(call(capsys, *words, "--format", "json")[1])
    assert document["simulated"] is True
    assert document["age_s"] > 0
    rows = list(csv.DictReader(call(capsys, *words, "--format", "csv")[1].splitlines()))
    assert [row["valid_time"] for row in rows] == [row["valid_time"] for row in document["rows"]]
    assert float(rows[0]["p50_mwh"]) == document["rows"][0]["p50"]
    earlier = json.loads(call(capsys, *words, "--as-of", "2026-10-26T03:59Z", "--format", "json")[1])
    assert earlier["issue_time"] == "2026-10-26T03:00:00Z"


def test_status_tells_what_is_stored(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(call(capsys, "status", "--json", "--data-dir", filled)[1])
    assert {area["area"] for area in document["areas"]} == {"DK", "DK1", "DK2"}
    assert document["engine"] is None
    assert document["status"] == "stopped", "however good the data are, nobody renews them"
    assert document["simulated"] is True
    code, out, _ = call(capsys, "status", "--data-dir", filled)
    assert code == 0
    assert "No engine runs here." in out
    assert out.startswith("stopped")
    code, out, problem = call(capsys, "status", "--check", "--data-dir", filled)
    assert (code, out) == (4, "")
    assert problem.startswith("No engine is at work here.")


def test_calibration_and_quarantine_are_told(filled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "calibration", "--area", "DK1", "--data-dir", filled)
    assert code == 0
    assert "DK1, model " in out
    assert "SIMULATED" in out
    assert re.search(r"^coverage +80 +80 +% +[0-9]+\.[0-9]{2}", out, re.MULTILINE)
    document = json.loads(call(capsys, "calibration", "--format", "json", "--data-dir", filled)[1])
    assert {row["area"] for row in document["rows"]} == {"DK", "DK1", "DK2"}
    file, folder = tmp_path / "load.csv", tmp_path / "data"
    file.write_text("valid_time,area,quantity,value\n2024-01-01T00:00Z,DK1,load,2500\n2024-01-01T01:00Z,DK1,load,-9", "utf-8")
    call(capsys, "import", file, "--data-dir", folder)
    assert "-9" in call(capsys, "quarantine", "--data-dir", folder)[1]
    assert call(capsys, "quarantine", "--area", "DK2", "--data-dir", folder)[1].strip() == "No value was set aside."
    assert "Nothing is learned yet" in call(capsys, "calibration", "--data-dir", folder)[1]
    assert call(capsys, "quarantine", "--area", "DK9", "--data-dir", folder)[0] == 4


def test_export_writes_what_is_stored_with_marks(filled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--data-dir", filled, "--from", "2026-10-25", "--to", "2026-10-26", "--out", tmp_path)
    written = json.loads(call(capsys, "export", *words, "--json")[1])
    assert {Path(name).name for name in written} >= {"observations_load.csv", "forecasts.csv", "scores_by_day.csv"}
    for name, count in written.items():
        rows = list(csv.DictReader(Path(name).read_text(encoding="utf-8").splitlines()))
        assert len(rows) == count
        assert all(row["simulated"] == "true" and row["ex_post"] in ("true", "false") for row in rows)
    loads = list(csv.DictReader((tmp_path / "observations_load.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["area"] for row in loads].count("DK1") == 24
    issues = list(csv.DictReader((tmp_path / "forecasts.csv").read_text(encoding="utf-8").splitlines()))
    assert len({(row["area"], row["issue_time"]) for row in issues}) == 3 * 24
    assert all(row["tier"] and row["model_id"] for row in issues)


def test_export_in_every_form_says_the_same(filled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def read(form: str, name: str) -> str:
        words = ("--data-dir", filled, "--from", "2026-10-25", "--to", "2026-10-25T06:00Z", "--out", tmp_path / form)
        assert call(capsys, "export", *words, "--format", form)[0] == 0
        return (tmp_path / form / name).read_text(encoding="utf-8-sig")

    plain = list(csv.DictReader(read("csv", "observations_load.csv").splitlines()))
    european = list(csv.DictReader(read("csv-eu", "observations_load.csv").splitlines(), delimiter=";"))
    lines = [json.loads(line) for line in read("json", "observations_load.jsonl").splitlines()]
    assert len(plain) == len(european) == len(lines) > 0
    assert (tmp_path / "csv-eu" / "observations_load.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    for one, other, line in zip(plain, european, lines, strict=True):
        assert float(one["value_mwh"]) == float(other["value_mwh"].replace(",", ".")) == line["value"]
        assert one["valid_time"] == line["valid_time"] == other["valid_time"].replace(" ", "T") + "Z"
        assert (one["area"], one["simulated"]) == (other["area"], other["simulated"]) == (line["area"], "true")


def test_import_keeps_a_file_and_again_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "load.csv"
    hours = [f"2024-01-01T{hour:02d}:00Z,DK1,load,{2500 + hour}" for hour in range(24)]
    file.write_text("\n".join(["valid_time,area,quantity,value", *hours]), encoding="utf-8")
    words = ("import", file, "--known-after", "-P7D", "--data-dir", tmp_path / "data", "--json")
    code, out, _ = call(capsys, *words)
    assert code == 0
    assert json.loads(out)[0]["detail"]["new"] == 24
    assert json.loads(call(capsys, *words)[1])[0]["detail"]["new"] == 0


def test_simulated_data_have_a_folder_of_their_own() -> None:
    usual = Config.load(environment={}).data_dir
    assert Config.load(environment={}, simulated=True).data_dir == usual / "simulated"
    assert Config.load(environment={"LASTVAGT_DATA_DIR": "here"}, simulated=True).data_dir == Path("here")


def test_faults_of_the_world_are_two_lines_and_exit_4(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (
        ("status", "--data-dir", tmp_path / "nowhere"),
        ("forecast", "--config", tmp_path / "no.toml"),
        ("backfill", "--from", "last year", "--data-dir", tmp_path),
        ("backtest", "--from", "2022-13-01", "--to", "2022-12-31", "--data-dir", tmp_path),
        ("import", tmp_path / "missing.csv", "--data-dir", tmp_path),
        ("backfill", "--from", "2024-01-02", "--to", "2024-01-01", "--data-dir", tmp_path),
        ("backfill", "--from", "2024-01-02", "--only", "PrivateConsumptionHeatingHour", "--data-dir", tmp_path),
        ("export", "--from", "2024-01-02", "--to", "2024-01-02", "--out", tmp_path / "out", "--data-dir", tmp_path),
    ):
        code, _, err = call(capsys, *words)
        assert code == 4, words
        assert len(err.strip().splitlines()) == 2, err


def test_a_bug_is_exit_1_with_its_traceback(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.commands._config", lambda _: 1 / 0)
    code, _, err = call(capsys, "status")
    assert code == 1
    assert "ZeroDivisionError" in err
    assert "fault of the program" in err


def test_a_held_folder_is_exit_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with exclusive(tmp_path):
        for words in (("once", "--simulated"), ("import", tmp_path / "x.csv"), ("backfill", "--from", "2024-01-01")):
            code, _, err = call(capsys, *words, "--data-dir", tmp_path)
            assert code == 3
            assert "Another engine" in err


def test_once_does_what_is_due(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "once", "--simulated", "--data-dir", tmp_path, "--json")
    assert code == 0
    assert [run["job"] for run in json.loads(out)] == ["ingest", "forecast", "score"]


def test_a_demo_of_no_days_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for days in ("0", "-3", "1.5", "many"):
        code, _, err = call(capsys, "demo", "--days", days, "--out", tmp_path)
        assert (code, "at least 1" in err) == (2, True), err


def test_demo_ends_with_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "demo", "--days", "1", "--price-areas-only", "--out", tmp_path)
    assert code == 0
    assert "DK, issued" in out
    assert "coverage_90" in out
    assert (tmp_path / "data" / "lastvagt.sqlite").exists()


def test_faults_of_the_file_system_are_the_worlds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    code, _, err = call(capsys, "once", "--simulated", "--data-dir", tmp_path / "file")
    assert code == 4
    assert "Traceback" not in err


def test_a_backtest_with_a_mistyped_model_does_not_test_something_else(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("backtest", "--from", "2026-10-20", "--to", "2026-10-21", "--data-dir", filled, "--model", filled / "none")
    code, _, err = call(capsys, *words)
    assert code == 4
    assert "no usable model bundle" in err
