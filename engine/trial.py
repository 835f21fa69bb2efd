"""The first load of a graph: in a process of its own, with memory and time limited, so that one that breaks the runtime breaks only that.

A graph that passed is remembered by its hash, so that later starts are quick.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import numpy as np
import onnxruntime

from engine import disk, graphs, installation
from engine.domain import Expected

#: In a data folder: one file for each graph that passed.
FOLDER = "tried-models"
_MEMORY_BYTES, _SECONDS = 2 << 30, 60.0

Rows = np.ndarray[tuple[int, int], np.dtype[np.float32]]


def require_harmless(graph: bytes, rows: Rows, data_dir: Path | None) -> None:
    """Raise Expected unless a graph loads and answers rows within its limits; where a data folder is named that is asked once."""
    digest = hashlib.sha256(graph).hexdigest()
    passed = None if data_dir is None else data_dir / FOLDER / f"{digest}-{onnxruntime.__version__}"
    if passed is not None and passed.exists():
        return
    given = io.BytesIO()
    np.save(given, rows, allow_pickle=False)
    try:
        ran = subprocess.run(
            [*installation.same_engine(), "try-graph"],
            input=given.getvalue() + graph,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except subprocess.TimeoutExpired:
        how = f"it was not done after {_SECONDS:.0f} s"
    else:
        if ran.returncode == 0:
            if passed is not None:
                passed.parent.mkdir(parents=True, exist_ok=True)
                disk.write(passed, "")
            return
        last = ran.stderr.decode(errors="replace").strip().splitlines()[-1:]
        how = last[0] if last else f"it ended with {ran.returncode}"
    raise Expected(
        f"A model's graph did not stand its trial: {how}.",
        "Use another bundle; a lower tier or the former champion serves meanwhile.",
    )


def run_within_limits(stream: BinaryIO) -> int:
    """Load the graph that a stream brings after rows, and let it answer them; limits this process for good."""
    limit()
    given = io.BytesIO(stream.read())
    rows = np.load(given, allow_pickle=False)
    graphs.session(given.read()).run(None, {"features": rows})
    return 0


def limit() -> None:
    """Give this process no more memory than a graph may need; Windows has no such limit for itself."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
