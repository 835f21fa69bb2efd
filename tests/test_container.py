"""The container: built from the frozen engine, run as compose.yaml runs it, watched by Prometheus."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "packaging" / "container"))

import trial  # noqa: E402

missing = [name for name in trial.NEEDED if shutil.which(name) is None]


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="podman without a registry needs root here")
@pytest.mark.skipif(bool(missing), reason=f"missing: {', '.join(missing)}")
def test_the_engine_serves_from_a_container_that_may_do_next_to_nothing(tmp_path: Path) -> None:
    for script, *words in (
        ("freeze.py", "--dist", tmp_path, "--work", tmp_path / "work"),
        ("container/trial.py", "--dist", tmp_path),
    ):
        ran = subprocess.run([sys.executable, ROOT / "packaging" / script, *words], capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.count("ok  ") >= 14
