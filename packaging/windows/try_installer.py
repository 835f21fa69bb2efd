"""Tries a machine's installer on a real Windows, as administrator: python packaging/windows/try_installer.py SETUP.exe

Installs silently with the service, asks it, looks at its account and its folder, kills it and waits until Windows restarts it, stops
it, upgrades over it, uninstalls and purges. Prints a line for each and ends with 1 where one failed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

HOME = Path(os.environ.get("PROGRAMFILES", "")) / "Lastvagt"
DATA = Path(os.environ.get("PROGRAMDATA", "")) / "Lastvagt"
SERVICE = "lastvagt-engine"
#: The first restart comes a minute after a failure.
RESTART_S, START_S, STOP_S = 120, 60, 10


def run(*command: str) -> str:
    """What a program says; raises CalledProcessError where it fails."""
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout


def serves() -> bool:
    """Whether the engine answers."""
    try:
        with urllib.request.urlopen("http://127.0.0.1:8787/health", timeout=5) as answer:
            return isinstance(json.load(answer), dict)
    except OSError:
        return False


def wait(what: Callable[[], bool], seconds: float) -> float:
    """Seconds until it is so; raises TimeoutError."""
    begun = time.monotonic()
    while not what():
        if time.monotonic() - begun > seconds:
            raise TimeoutError
        time.sleep(0.5)
    return time.monotonic() - begun


def state() -> str:
    """The service's, as STOPPED or RUNNING; empty where there is none."""
    told = subprocess.run(["sc.exe", "query", SERVICE], check=False, capture_output=True, text=True)
    return next((word for word in ("RUNNING", "STOPPED", "PENDING") if word in told.stdout), "")


def try_all(setup: Path) -> None:
    """Each in its turn; AssertionError, CalledProcessError or TimeoutError says which was wrong."""
    begun = time.monotonic()
    run(str(setup), "/S", "/SERVICE")
    print(f"installed in {time.monotonic() - begun:.0f} s, serves after {wait(serves, START_S):.1f} s more")
    assert f"NT SERVICE\\{SERVICE}" in run("sc.exe", "qc", SERVICE), "the service has another account"
    assert "BUILTIN\\Users" not in run("icacls.exe", str(DATA / "data")), "everybody may read the data"
    assert (DATA / "data" / "lastvagt.sqlite").exists(), "the database is elsewhere"
    print("its account is its own, its data are for it alone")
    run("taskkill.exe", "/F", "/IM", "lastvagt-engine.exe")
    wait(lambda: not serves(), STOP_S)
    print(f"killed, and serves again after {wait(serves, RESTART_S):.0f} s")
    begun = time.monotonic()
    run("sc.exe", "stop", SERVICE)
    wait(lambda: state() == "STOPPED", STOP_S + 5)
    assert not (DATA / "data" / "lastvagt.sqlite-wal").exists(), "it did not end cleanly"
    print(f"stopped cleanly in {time.monotonic() - begun:.1f} s")
    run("sc.exe", "start", SERVICE)
    wait(serves, START_S)
    (HOME / "notes.txt").write_text("not ours", encoding="utf-8")
    run(str(setup), "/S")
    wait(serves, START_S)
    assert (HOME / "notes.txt").exists(), "a file that is not ours is gone"
    print("upgraded while it ran, and serves again")
    # _?= keeps the uninstaller from going on as a copy, so that it can be waited for.
    run(str(HOME / "uninstall.exe"), "/S", f"_?={HOME}")
    assert state() == "", "the service is still there"
    assert (DATA / "data" / "lastvagt.sqlite").exists(), "data are gone unasked"
    assert not (HOME / "lastvagt-engine.exe").exists(), "the program is still there"
    print("uninstalled, data left")
    run(str(setup), "/S")
    run(str(HOME / "uninstall.exe"), "/S", "/PURGE", f"_?={HOME}")
    assert not DATA.exists(), "data are still there"
    print("purged")


def main() -> int:
    """Try the installer that is named."""
    try:
        try_all(Path(sys.argv[1]).resolve())
    except (AssertionError, TimeoutError, subprocess.SubprocessError) as wrong:
        print(f"WRONG: {wrong!r} {getattr(wrong, 'stderr', '')}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
