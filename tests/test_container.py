"""The container: built from the frozen engine, run as compose.yaml runs it, watched by Prometheus."""

from __future__ import annotations

import os
import shutil
import sys

import frozen_programs
import pytest

sys.path.insert(0, str(frozen_programs.PACKAGING / "container"))

import trial

missing = [name for name in trial.NEEDED if shutil.which(name) is None]


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="podman without a registry needs root here")
@pytest.mark.skipif(bool(missing), reason=f"missing: {', '.join(missing)}")
def test_the_engine_serves_from_a_container_that_may_do_next_to_nothing() -> None:
    assert frozen_programs.run("container/trial.py", "--dist", frozen_programs.frozen()).count("ok  ") >= 14
