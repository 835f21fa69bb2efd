"""What is said of known vulnerabilities, above all where nobody could be asked."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PACKAGING = Path(__file__).parent.parent / "packaging"
sys.path.insert(0, str(PACKAGING))

import audit  # noqa: E402

WELL = {"name": "numpy", "version": "2", "vulns": []}
ILL = {"name": "requests", "version": "2.19.0", "vulns": [{"id": "PYSEC-2018-28"}]}
UNASKED = {"name": "jinja2", "skip_reason": "Dependency not found and could not be audited"}


@pytest.mark.skipif(sys.platform == "win32", reason="a stand-in for pip-audit is a shell script")
@pytest.mark.parametrize(
    ("answer", "code", "strictly", "said"),
    [
        ([WELL], 0, 0, "No known vulnerability in 1 packages."),
        ([WELL, ILL, UNASKED], 1, 1, "requests 2.19.0: PYSEC-2018-28"),
        ([WELL, UNASKED], 0, 4, "NOT AUDITED: whether packages have known vulnerabilities is not known here. 1 of 2 packages"),
        (None, 0, 4, "NOT AUDITED: whether packages have known vulnerabilities is not known here. No route to host."),
    ],
)
def test_silence_is_no_good_news(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: list[object] | None,
    code: int,
    strictly: int,
    said: str,
) -> None:
    program = tmp_path / "pip-audit"
    (tmp_path / "answer").write_text("" if answer is None else json.dumps({"dependencies": answer}), encoding="utf-8")
    program.write_text(
        f"#!/bin/sh\n{'echo No route to host. >&2' if answer is None else ''}\n/bin/cat {tmp_path}/answer\n", encoding="utf-8"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    for words, wanted in (([], code), (["--strict"], strictly)):
        monkeypatch.setattr(sys, "argv", ["audit", *words])
        assert audit.main() == wanted
        told = capsys.readouterr()
        assert said in told.out + told.err


@pytest.mark.gate("S", "Known vulnerabilities", target="an audit that could not ask says NOT AUDITED, never that all is well")
def test_without_pip_audit_nothing_is_known(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], gate: Callable[[str], None]
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "argv", ["audit"])
    code, told = audit.main(), capsys.readouterr().err
    gate(f"without pip-audit: exit code {code}, '{told.partition(':')[0]}'")
    assert code == 0
    assert told.startswith("NOT AUDITED")
