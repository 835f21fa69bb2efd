"""The job that looks for newer versions of the program, and what an operator is told of them."""

from __future__ import annotations

from engine import plan
from engine.clock import Clock
from engine.domain import Expected, JobRun
from engine.installation import Form
from engine.store import Reader, Writer
from engine.updates import Stand, State, Updates


def look(writer: Writer, updates: Updates, clock: Clock, make_ready: bool) -> JobRun:
    """Ask for the newest version, and where wanted make it ready; the run is kept."""
    started, problem, remedy = clock.now(), "", ""
    try:
        state = updates.check(started)
        if make_ready and state.stand is Stand.AVAILABLE:
            updates.stage()
    except Expected as trouble:
        problem, remedy = trouble.problem, trouble.remedy
    state = updates.state()
    detail = {
        "stand": state.stand.value,
        "newest": state.release.version if state.release else "",
        "every_h": updates.config.update_check_hours,
    }
    run = JobRun(plan.UPDATE, started, clock.now(), "expected" if problem else "ok", problem, remedy, detail)
    writer.put_job_run(run)
    return run


def tell(writer: Writer, reader: Reader, state: State, now: int) -> None:
    """Keep the events about versions as things stand: a source checkout is told of nothing, for who works there knows."""
    wanted = {}
    version = state.release.version if state.release else ""
    if state.form is Form.SOURCE:
        pass
    elif state.stand is Stand.AVAILABLE:
        wanted[plan.FOUND, version] = f"Version {version} can be had.", "Fetch and try it: lastvagt-engine update stage"
    elif state.stand is Stand.READY:
        wanted[plan.READY, version] = f"Version {version} is ready.", "Let it take over: lastvagt-engine update apply"
    elif state.stand is Stand.REFUSED:
        wanted[plan.REFUSED, version] = (
            f"Version {version} was taken back. {state.memory.refused[version]}",
            "A newer one is tried again.",
        )
    for event in reader.events():
        if event.code in plan.VERSIONS and (event.code, event.subject) not in wanted:
            writer.close_event(event.code, event.subject, now)
    for (code, subject), words in wanted.items():
        writer.open_event(code, subject, *words, now)
