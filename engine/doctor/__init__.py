"""What can be wrong with an installation, looked at one by one, each with what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from engine import clock as time
from engine.config import Outside
from engine.doctor import asked, machine, places, running, stored
from engine.doctor.finding import Finding, fail
from engine.domain import Expected

__all__ = ["Finding", "examine"]


def examine(outside: Outside, clock: time.Clock, offline: bool = False) -> Iterator[Finding]:
    """Findings, one after the other as they are made; nothing is changed. With settings that cannot be read those of the machine alone.

    Those of one subject come together: one that the check of another subject makes waits for its own.
    """
    pace = machine.Pace(clock)
    try:
        config = outside.config()
    except Expected as wrong:
        yield from machine.findings(clock)
        yield fail("settings.read", wrong.problem, wrong.remedy)
        return
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("program.version", lambda: machine.findings(clock)),
        ("folder.rights", lambda: places.rights(config)),
        ("settings.read", lambda: places.settings(outside)),
        ("keys.trusted", lambda: places.keys(config)),
        ("update.known", lambda: machine.update(config)),
        ("disk.free", lambda: machine.disk(config)),
        ("database.read", lambda: stored.database(config, clock)),
        ("backup.age", lambda: stored.backed_up(config, clock)),
        ("models.load", lambda: stored.models(config)),
        ("engine.state", lambda: running.engine(config, clock)),
        ("endpoint.doors", lambda: running.doors(config)),
    ]
    if not offline and not config.simulated:
        checks.append(("source.answer", lambda: asked.findings(config, clock)))
    checks.append(("clock.pace", lambda: iter([pace.finding()])))
    waiting: list[Finding] = []
    for name, check in checks:
        subject = name.partition(".")[0]
        yield from (finding for finding in waiting if finding.subject == subject)
        waiting = [finding for finding in waiting if finding.subject != subject]
        try:
            for finding in check():
                if finding.subject == subject:
                    yield finding
                else:
                    waiting.append(finding)
        except Expected as problem:
            yield fail(name, problem.problem, problem.remedy)
    yield from sorted(waiting, key=lambda finding: finding.subject)
