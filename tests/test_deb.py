"""The packages of Debian, made of a stand-in for the frozen programs: what they hold and ask for, and the unit of the service."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import frozen_programs
import pytest
from frozen_programs import PACKAGING

sys.path.insert(0, str(PACKAGING))

import deb

UNIT = PACKAGING / "deb" / "lastvagt-engine.service"

needs_dpkg = pytest.mark.skipif(
    not (shutil.which("dpkg-deb") and shutil.which("objdump")), reason="needs dpkg and binutils, as Debian has them"
)


@pytest.fixture
def frozen(tmp_path: Path) -> Path:
    """A folder as PyInstaller makes it, with a program of the system in the place of ours."""
    folder = tmp_path / "dist" / "lastvagt-engine"
    (folder / "_internal").mkdir(parents=True)
    shutil.copyfile("/bin/true", folder / "lastvagt-engine")
    (folder / "_internal" / "data.csv").write_text("1\n", encoding="ascii")
    (folder / "THIRD_PARTY_LICENSES.txt").write_text("numpy: BSD\n", encoding="ascii")
    return folder


def listed(package: Path) -> dict[str, str]:
    """Mode and owner of each file by its path."""
    lines = subprocess.run(["dpkg-deb", "-c", package], check=True, capture_output=True, text=True).stdout.splitlines()
    return {line.split()[5].removeprefix("."): " ".join(line.split()[:2]) for line in lines}


@needs_dpkg
def test_a_package_holds_program_service_manual_and_completion(frozen: Path, tmp_path: Path) -> None:
    made = deb.build(frozen, tmp_path, "1.2.3", fast=True)
    assert re.fullmatch(r"lastvagt-engine_1\.2\.3_\w+\.deb", made.name)
    files = listed(made)
    assert set(files.values()) == {"drwxr-xr-x root/root", "-rwxr-xr-x root/root", "-rw-r--r-- root/root", "lrwxrwxrwx root/root"}
    programs = [name for name, mode in files.items() if mode.startswith("-rwx")]
    assert programs == ["/usr/lib/lastvagt-engine/lastvagt-engine", "/usr/sbin/lastvagt-service"]
    assert files.keys() >= {
        "/usr/bin/lastvagt-engine",
        "/usr/lib/systemd/system/lastvagt-engine.service",
        "/usr/share/man/man1/lastvagt-engine.1.gz",
        "/usr/share/bash-completion/completions/lastvagt-engine",
    }
    assert not any("applications" in name or name.endswith("lastvagt.1.gz") for name in files), "no windows on a server"
    told = subprocess.run(["dpkg-deb", "-f", made], check=True, capture_output=True, text=True).stdout
    assert "Version: 1.2.3\n" in told
    assert re.search(r"^Depends: libc6 \(>= 2\.[0-9]+\), systemd \|", told, re.MULTILINE)
    assert "$" not in told
    subprocess.run(["dpkg-deb", "-R", made, tmp_path / "open"], check=True)
    assert "numpy: BSD" in (tmp_path / "open/usr/share/doc/lastvagt-engine/copyright").read_text(encoding="utf-8")
    subprocess.run(["md5sum", "--check", "--quiet", "DEBIAN/md5sums"], cwd=tmp_path / "open", check=True)
    for script in ("preinst", "postinst", "prerm", "postrm"):
        subprocess.run(["sh", "-n", tmp_path / "open" / "DEBIAN" / script], check=True)


@needs_dpkg
def test_the_same_folder_gives_the_same_bytes(frozen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1790000000")
    first = deb.build(frozen, tmp_path / "first", "1.2.3", fast=True).read_bytes()
    again = shutil.copytree(frozen, tmp_path / "elsewhere" / frozen.name)
    assert deb.build(again, tmp_path / "second", "1.2.3", fast=True).read_bytes() == first


@needs_dpkg
def test_a_library_that_nobody_brings_is_no_surprise_for_the_user(frozen: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deb, "_BROUGHT_BY", {})
    with pytest.raises(deb.Unpackable, match=r"No package is known for libc\.so\.6 \(for lastvagt-engine\)"):
        deb.libraries(frozen)
    (frozen / "_internal" / "libc.so.6").touch()
    assert len(deb.libraries(frozen)) == 1, "what is frozen in need not be asked for"


def test_a_folder_without_a_program_is_told(tmp_path: Path) -> None:
    with pytest.raises(deb.Unpackable, match="make freeze"):
        deb.build(tmp_path / "lastvagt", tmp_path, "1.2.3")


def test_the_changelog_is_one_of_debian() -> None:
    text = deb.changelog("lastvagt", "1.2.3", 1790000000)
    assert text.startswith("lastvagt (1.2.3) unstable; urgency=medium\n\n  * ")
    assert text.endswith(f" -- {deb.MAINTAINER}  Mon, 21 Sep 2026 14:13:20 +0000\n")
    assert max(map(len, text.splitlines()[:-1])) <= 80


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.gate("C11", "What the service may do", target="exposure of at most 2.5 of 10, as systemd counts it")
def test_the_service_may_do_little(gate: Callable[[str], None]) -> None:
    told = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", UNIT], check=True, capture_output=True, text=True, env={"LANG": "C"}
    ).stdout
    exposure = re.search(r"Overall exposure level for lastvagt-engine\.service: ([0-9.]+)", told)
    assert exposure is not None
    gate(f"exposure {exposure[1]} of 10")
    assert float(exposure[1]) <= 2.5


@pytest.mark.long
@pytest.mark.skipif(
    os.name != "posix" or os.geteuid() != 0 or not shutil.which("debootstrap") or not shutil.which("systemd-nspawn"),
    reason="needs root, debootstrap and systemd-nspawn",
)
@pytest.mark.gate(
    "C5",
    "Killed, hung and crashing under systemd",
    target="back after SIGKILL and SIGSTOP; safe mode after 5 crashes, given up after 10",
)
@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
def test_packages_live_in_clean_systems(tmp_path: Path, suite: str, gate: Callable[[str], None]) -> None:
    dist = frozen_programs.frozen()
    for name in deb.PACKAGES:
        deb.build(dist / name, tmp_path, deb.version(), fast=True)
    command = [sys.executable, PACKAGING / "try_deb.py", tmp_path, "--dist", dist, "--suite", suite]
    tried = subprocess.run(command, capture_output=True, text=True, check=False)
    gate(f"{tried.stdout.count('ok  ')} steps of the life of a server and a desk held in {suite}, exit code {tried.returncode}")
    assert tried.returncode == 0, tried.stdout + tried.stderr
