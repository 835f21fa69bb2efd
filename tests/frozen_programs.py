"""The frozen programs that tests try: made once from the same sources and packages, whichever tests in whichever processes ask."""

from __future__ import annotations

import hashlib
import importlib.metadata
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import engine
from engine.lock import AlreadyRuns, exclusive

ROOT = Path(engine.__file__).parent.parent
PACKAGING, OUT = ROOT / "packaging", ROOT / "out" / "frozen"
WORK = OUT / "work"


def frozen() -> Path:
    """The folder of both programs."""
    return made_once(OUT, made_from(), lambda: run("freeze.py", "--dist", OUT / "dist", "--work", WORK)) / "dist"


def made_once(folder: Path, wanted: str, make: Callable[[], object]) -> Path:
    """A folder, made anew where it was made from something else than `wanted`; who comes meanwhile waits."""
    kept = folder / "made-from"
    while True:
        try:
            with exclusive(folder, "making.lock"):
                if not kept.exists() or kept.read_text(encoding="ascii") != wanted:
                    kept.unlink(missing_ok=True)
                    make()
                    kept.write_text(wanted, encoding="ascii")
                return folder
        except AlreadyRuns:
            time.sleep(0.5)


def made_from(*more: str) -> str:
    """Digest of everything that the frozen programs are made from, and of what else a folder is."""
    installed = sorted({f"{found.name} {found.version}" for found in importlib.metadata.distributions()})
    digest = hashlib.sha256(f"{sys.version} {installed} {more}".encode())
    parts = [ROOT / name for name in ("engine", "app", "models", "pyproject.toml")]
    parts += [PACKAGING / name for name in ("hooks", "programs", "branding.py", "lastvagt.spec", "freeze.py", "icu.py")]
    for part in parts:
        for path in sorted([part] if part.is_file() else part.rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def run(script: str, *words: object) -> str:
    """What a script of `packaging` prints; it must not fail."""
    done = subprocess.run([sys.executable, PACKAGING / script, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
