"""Every kind of event that the engine can write is said in both languages, and figures in its own words are not lost on the way."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

from app.present import facts
from app.present.notices import _TOLD_ELSEWHERE
from app.translations import TEXTS, Language
from engine import diskguard, plan, recovery, whole_days
from engine.clock import SimulatedClock, parse_utc
from engine.domain import DAY, HOUR, Expected, Reason
from engine.guesses import MOST
from engine.store import refusals
from engine.store.backups import Backup
from engine.store.examination import Finding, State
from engine.store.reader import Event
from engine.store.salvage import Saved
from engine.timeguard import TimeGuard

DA, EN = Language("da"), Language("en")
NOW = parse_utc("2026-10-24T21:00Z")
ENGINE = Path(diskguard.__file__).parent
#: What a call passes that names its code by a variable, by file and variable.
VARIABLES = {
    ("diskguard.py", "wanted"): diskguard.CODES,
    ("diskguard.py", "event.code"): refusals.CODES,
    ("timeguard.py", "code"): ("clock_ahead", "clock_behind", "pause", "clock_set"),
    ("update_job.py", "code"): plan.VERSIONS,
    ("whole_days.py", "code"): whole_days.KINDS,
}


def _codes(call: ast.Call, path: Path) -> tuple[str, ...]:
    """Every code that a call may open an event with; one nobody has thought of here is an error."""
    code = call.args[0]
    if isinstance(code, ast.Constant):
        return (str(code.value),)
    words = ast.unparse(code)
    if (path.name, words) in VARIABLES:
        return VARIABLES[path.name, words]
    module, _, name = f"engine.{words}".rpartition(".") if "." in words else (f"engine.{path.stem}", "", words)
    return (getattr(importlib.import_module(module), name),)


def written_codes() -> set[str]:
    """Codes of all events that the engine can write."""
    return {
        code
        for path in ENGINE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "open_event"
        for code in _codes(node, path)
    }


def test_every_kind_of_event_has_words_in_both_languages() -> None:
    codes = written_codes()
    assert {"source", "locked", "clock_set", "restored", "safe_mode", "kit", "backup", "guesses", "incomplete"} <= codes
    wanted = {f"event.{code}" for code in codes}
    wanted |= {f"{part}.{code}" for code in codes - set(_TOLD_ELSEWHERE) for part in ("effect", "action")}
    assert wanted - set(TEXTS) == set()


def _event(code: str, told: Expected, subject: str = "engine") -> Event:
    return Event(code, subject, told.problem, told.remedy, NOW, None)


def test_what_the_clock_did_is_told_with_its_figures() -> None:
    clock = SimulatedClock(NOW)
    guard = TimeGuard(clock)
    clock.sleep(2 * HOUR + 300)
    (slept,) = guard.look().items()
    clock.step(-3 * DAY - HOUR)
    (back,) = guard.look().items()
    for host in ("a", "b"):
        for _ in range(2):
            guard.hear(host, clock.now() - 20 * 60, clock.steady())
    (ahead,) = guard.trouble().items()
    told = [(code, facts.told(_event(code, words), DA)) for code, words in (slept, back, ahead)]
    assert [code for code, _ in told] == ["pause", "clock_set", "clock_ahead"]
    assert "i 2\u00a0t\u00a05\u00a0min" in told[0][1]
    assert "3\u00a0d\u00a01\u00a0t tilbage" in told[1][1]
    assert "20\u00a0min foran" in told[2][1]


@pytest.mark.parametrize("lost", [range(0), range(NOW - 3 * HOUR, NOW, HOUR)])
def test_a_recovery_is_told_with_what_took_the_place_and_what_is_lost(lost: range, tmp_path: Path) -> None:
    backup = Backup(tmp_path / "b", NOW - DAY, 1)
    words = recovery._words(Finding(State.DAMAGED), recovery._Recovered(backup, Saved(9, 1, 0)), lost, tmp_path)
    told = facts.told(_event("restored", Expected(*words)), DA)
    assert told.startswith("Sikkerhedskopien fra fre. 23. okt. 23:00 tog dens plads.")
    assert ("Tabt: prognoserne for 3 timer" if lost else "Ingen prognose er tabt.") in told


@pytest.mark.parametrize(
    ("code", "problem", "danish"),
    [
        ("disk_low", "412 MB are free on the disk of /data.", "412\u00a0MB fri"),
        ("guesses", f"More than {MOST} wrong tokens within a minute came from ::1; none was let in.", f"Over {MOST}"),
        ("withdrawn", "6 issues dated after 2026-10-24T21:00:00Z were withdrawn: it was ahead.", "6 i alt"),
        ("tier", Reason.LATE_LOAD.sentence, DA.text("reason.late_load")),
    ],
)
def test_other_figures_are_told(code: str, problem: str, danish: str) -> None:
    event = _event(code, Expected(problem, "Do."), "DK1")
    assert danish in facts.told(event, DA)
    assert facts.told(event, EN)
    assert problem not in facts.detail(event, DA)


def test_without_figures_the_engines_words_stand_behind_ours_and_what_is_over_asks_for_nothing() -> None:
    open_ = _event("backup", Expected("No room.", "Free some."), "database")
    over = Event("backup", "database", "No room.", "Free some.", NOW, NOW + HOUR)
    assert facts.detail(open_, DA).startswith(DA.text("effect.backup"))
    assert facts.detail(open_, DA).endswith("Motoren skriver: No room. Free some.")
    assert facts.detail(over, DA) == "Motoren skriver: No room. Free some."
    unknown = _event("novel", Expected("It is new.", "Look."))
    assert (facts.title(unknown, DA), facts.detail(unknown, DA)) == ("It is new.", "Look.")


def test_a_job_is_named_as_in_the_list_of_jobs() -> None:
    event = _event("job", Expected("The job 'back_up' fails.", "Send the log."), "back_up")
    assert facts.title(event, DA) == f"Opgaven {DA.text('job.backup')} fejlede"
