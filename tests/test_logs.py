"""Logs stay small whatever happens for however long, lose no kind of fault, and never raise."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine import logs

ROOT = Path(__file__).resolve().parent.parent
#: What each of several processes writes: a fault that goes on, lines that are all unlike, and now and then a traceback.
PROGRAM = """
import logging, sys
from pathlib import Path
from engine.logs import log_to
log = logging.getLogger("lastvagt")
log.setLevel("INFO")
log_to(Path(sys.argv[1]), log)
lines, tracebacks = int(sys.argv[2]), int(sys.argv[3])
word = lambda number: "".join(chr(97 + int(digit)) for digit in str(number))
for number in range(lines):
    if number % (lines // tracebacks) == 0:
        try:
            raise type(f"Fault_{word(number)}", (Exception,), {})(f"at line {number}")
        except Exception:
            log.exception("The job failed.")
    elif number % 2:
        log.warning("Load is silent for %d s.", number)
    else:
        log.info("forecast: ok of %s, which took its time and wrote what it wrote, here as everywhere, to the end.", word(number))
logging.shutdown()
"""


@pytest.fixture
def log(tmp_path: Path) -> Iterator[logging.Logger]:
    made = logging.getLogger(f"test.{tmp_path.name}")
    made.propagate = False
    made.setLevel(logging.INFO)
    logs.log_to(tmp_path / "engine.log", made)
    yield made
    for handler in made.handlers:
        handler.close()
    made.handlers.clear()


def at(log: logging.Logger, moment: float, level: int, text: str, *args: object, fault: BaseException | None = None) -> None:
    """Log as if it were some moment."""
    trace = None if fault is None else (type(fault), fault, fault.__traceback__)
    record = log.makeRecord(log.name, level, __file__, 1, text, args, trace)
    record.created = moment
    log.handle(record)


def written(tmp_path: Path) -> list[str]:
    return (tmp_path / "engine.log").read_text(encoding="utf-8").splitlines()


def test_lines_carry_moments_of_utc(log: logging.Logger, tmp_path: Path) -> None:
    at(log, 1_790_000_000.5, logging.INFO, "Serves %s.", "æøå")
    assert written(tmp_path) == [f"2026-09-21T14:13:20Z INFO {log.name}: Serves æøå."]


def test_a_fault_of_each_second_for_a_month_takes_little_room_and_is_counted(log: logging.Logger, tmp_path: Path) -> None:
    seconds = 30 * 86_400 // 100
    for second in range(seconds):
        at(log, 100.0 * second, logging.WARNING, "Load is silent for %d s.", second)
        at(log, 100.0 * second, logging.INFO, "%s: ok", ("forecast", "score")[second == 7])
    log.handlers[0].close()
    lines = written(tmp_path)
    silent = [line for line in lines if "silent" in line]
    assert [line for line in silent[:100] if "left out" in line] == []
    assert len(silent) < 100 + seconds * 100 / 360 + 2
    left_out = sum(int(found[1].replace(",", "")) for line in silent if (found := re.search(r"\(([\d,]+) like it", line)))
    assert len([line for line in silent if "left out" in line]) > 100
    assert "score: ok" in "\n".join(lines), "what is rare is never left out for what is frequent"
    told_last = 1  # the last one that was left out stands for itself
    assert len(silent) + left_out - told_last == seconds


def test_each_kind_of_traceback_is_written_and_the_same_one_only_some_times(log: logging.Logger, tmp_path: Path) -> None:
    def fail(kind: type[Exception]) -> Exception:
        try:
            raise kind("x")
        except Exception as fault:  # noqa: BLE001 - any kind
            return fault

    kinds = (ValueError, KeyError, OSError)
    for number in range(900):
        at(log, 0.0, logging.ERROR, "The job failed.", fault=fail(kinds[0 if number < 898 else number - 897]))
    lines = written(tmp_path)
    assert {kind: sum(line.startswith(kind.__name__) for line in lines) for kind in kinds} == {
        ValueError: 100,
        KeyError: 1,
        OSError: 1,
    }


def test_it_turns_over_and_never_has_more_than_five_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: logging.Logger
) -> None:
    monkeypatch.setattr(logs, "_KINDS", 10)
    log.handlers[0]._handlers[0].maxBytes = 2000  # type: ignore[attr-defined]
    for number in range(1000):
        log.info("x" * (number % 97))
    files = sorted(tmp_path.iterdir())
    assert [path.name for path in files] == ["engine.log", *(f"engine.log.{number}" for number in range(1, 5))]
    assert all(path.stat().st_size <= 2000 for path in files)


def test_a_file_that_another_program_holds_is_emptied_at_twice_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: logging.Logger
) -> None:
    def held(_path: Path, _to: Path) -> Path:
        raise PermissionError(32, "The process cannot access the file because it is being used by another process")

    log.info("the first")
    log.handlers[0]._handlers[0].maxBytes = 2000  # type: ignore[attr-defined]
    monkeypatch.setattr(Path, "replace", held)
    for number in range(97):
        log.info("x" * number)
        assert (tmp_path / "engine.log").stat().st_size <= 4200
    monkeypatch.undo()
    log.info("the last")
    assert "the last" in (tmp_path / "engine.log").read_text(encoding="utf-8")


def test_a_disk_that_takes_nothing_is_no_fault_of_who_logs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("test.nowhere")
    (tmp_path / "file").touch()
    logs.log_to(tmp_path / "file" / "engine.log", log)
    log.error("lost")
    assert capsys.readouterr().err == ""
    if Path("/dev/full").exists():
        logs.log_to(Path("/dev/full"), log)
        log.error("lost")
        log.handlers[-1].close()
        assert capsys.readouterr().err == ""
    log.handlers.clear()


def run(folder: Path, lines: int, tracebacks: int) -> tuple[int, int, int]:
    """Lines, bytes and tracebacks that are missing after three processes wrote so many lines each."""
    commands = [
        [sys.executable, "-c", PROGRAM, str(folder / f"{name}.log"), str(lines), str(tracebacks)] for name in ("a", "b", "c")
    ]
    processes = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) for command in commands]
    for process in processes:
        _, said = process.communicate(timeout=600)
        assert (process.returncode, said) == (0, b"")
    files = list(folder.glob("*.log*"))
    found = [line for path in files for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("Fault_")]
    return 3 * lines, sum(path.stat().st_size for path in files), 3 * tracebacks - len(found)


def test_three_processes_lose_no_traceback(tmp_path: Path) -> None:
    _, size, lost = run(tmp_path, 3000, 30)
    assert size < 2e6
    assert lost == 0


@pytest.mark.long
@pytest.mark.gate("C8", "Logs of months", target="1 million lines of 3 processes: at most 160 MB, 0 tracebacks lost")
def test_a_million_lines_of_three_processes_fit_and_lose_no_traceback(tmp_path: Path, gate: Callable[[str], None]) -> None:
    lines, size, lost = run(tmp_path, 334_000, 1000)
    gate(f"{lines:,} lines of 3 processes: {size / 1e6:.0f} MB, {lost} of 3,000 tracebacks lost")
    assert size <= 160e6
    assert lost == 0
