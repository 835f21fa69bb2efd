"""What `make freeze` makes: it works without Python, holds what it should and nothing else, and comes out the same twice."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import frozen_programs
import pytest
from frozen_programs import PACKAGING, WORK, run

sys.path.insert(0, str(PACKAGING))

import contents
import freeze
import licences
import sbom

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of Linux alone")


@pytest.fixture(scope="module")
def frozen() -> Path:
    return frozen_programs.frozen()


def test_app_and_engine_work_where_there_is_no_python(frozen: Path) -> None:
    out = run("smoke.py", frozen / "lastvagt", "--quick")
    assert out.count("\nok ") >= 7


def test_the_engine_alone_tries_itself_out(frozen: Path, tmp_path: Path) -> None:
    alone = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PATH": os.defpath}
    program = frozen / "lastvagt-engine" / "lastvagt-engine"
    out = subprocess.run([program, "selfcheck"], env=alone, capture_output=True, text=True, check=True).stdout
    assert "Everything works" in out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", freeze.FOLDERS)
def test_the_list_is_of_what_is_there(frozen: Path, name: str) -> None:
    lines = (frozen / f"{name}.files").read_text(encoding="utf-8").splitlines()
    assert lines == list(freeze.listed(frozen / name))
    names = [line.split(maxsplit=2)[2].partition(" -> ")[0] for line in lines]
    assert {"_internal/models/price-areas-full-2024-06-30/model.onnx", "lastvagt-engine"} <= set(names)
    assert [each for each in names if "zoneinfo/" in each] == ["_internal/tzdata/zoneinfo/Europe/Copenhagen"]
    assert any("PySide6" in each for each in names) == (name == "lastvagt")
    assert not [each for each in names if "libreadline" in each or "libgtk" in each or "libQt6Network" in each]


@linux
@pytest.mark.gate(
    "S", "Bill of materials and licences", target="lists every file of the frozen program; every licence is allowed"
)
@pytest.mark.parametrize("name", freeze.FOLDERS)
def test_the_bill_of_materials_is_what_is_in_the_folder(
    frozen: Path, name: str, tmp_path: Path, gate: Callable[[str], None]
) -> None:
    parts = contents.of(frozen / name, WORK / "lastvagt")
    refused = licences.refused(parts)
    sbom.write(frozen / name, parts, tmp_path / sbom.FILE, 0)
    bill = json.loads((tmp_path / sbom.FILE).read_text(encoding="utf-8"))
    components = [bill["metadata"]["component"], *bill["components"]]
    listed = [inside["name"] for one in components for inside in one.get("components", ()) if inside["type"] == "file"]
    there = contents.listed(frozen / name)
    gate(f"{len(listed)} files listed, {len(there)} in {name}, of {len(components)} components; {len(refused)} licences refused")
    assert refused == []
    assert sorted(listed) == there
    named = {one["name"] for one in components}
    assert {"lastvagt", "python", "numpy", "onnxruntime", "pyinstaller"} <= named
    assert ("PySide6_Essentials" in named) == (name == "lastvagt")


@pytest.mark.parametrize("name", freeze.FOLDERS)
def test_a_package_that_nothing_depends_on_is_a_surprise(frozen: Path, name: str, tmp_path: Path) -> None:
    found = freeze.modules(frozen / name)
    assert {"numpy", "onnxruntime", "engine"} <= found
    assert ("app" in found) == (name == "lastvagt")
    shutil.copy(frozen / name / "lastvagt-engine", tmp_path)
    for package in ("numpy", "onnx", "pytest"):
        (tmp_path / "_internal" / package).mkdir(parents=True)
    (tmp_path / "_internal" / "hypothesis.cpython-311-x86_64-linux-gnu.so").touch()
    (tmp_path / "_internal" / "libonnx.so.1").touch()
    assert freeze.surprises(tmp_path, freeze.FOLDERS[name][1]) == ["hypothesis", "onnx", "pytest"]


def test_what_tests_need_is_made_once_until_its_sources_change_and_again_after_a_failure(tmp_path: Path) -> None:
    made: list[str] = []

    def fail() -> None:
        made.append("failed")
        raise RuntimeError

    for wanted in ("a", "a", "b"):
        assert frozen_programs.made_once(tmp_path, wanted, lambda wanted=wanted: made.append(wanted)) == tmp_path
    with pytest.raises(RuntimeError):
        frozen_programs.made_once(tmp_path, "c", fail)
    frozen_programs.made_once(tmp_path, "b", lambda: made.append("b"))
    assert made == ["a", "b", "failed", "b"]


def test_dependencies_are_those_of_the_extras_asked_for() -> None:
    server, desktop = freeze.dependencies(()), freeze.dependencies(("app",))
    assert {"lastvagt", "numpy", "rich", "pygments", "h11", "cffi"} <= server < desktop
    assert {"pyside6-essentials", "shiboken6", "keyring"} <= desktop - server
    assert not {"pytest", "lightgbm", "onnx", "httpx"} & desktop


@linux
def test_words_keep_the_order_of_their_language_where_icu_is_cut(frozen: Path) -> None:
    (data,) = (frozen / "lastvagt" / "_internal" / "PySide6" / "Qt" / "lib").glob("libicudata.so.*")
    assert data.stat().st_size < 5e6
    code = """if True:
        import functools, json
        from PySide6.QtCore import QCollator, QLocale
        words = "zoo Ål Aarhus Æble ånd abe Øl Ærø østers Odense Zürich".split()
        in_order = lambda code: sorted(words, key=functools.cmp_to_key(QCollator(QLocale(code)).compare))
        used = [line.split()[-1] for line in open("/proc/self/maps") if "libicudata" in line]
        print(json.dumps([used[0], in_order("da"), in_order("en"), QLocale("da").toUpper("æøåß")]))"""
    whole, cut = (
        subprocess.run([sys.executable, "-c", code], env=os.environ | preload, capture_output=True, text=True, check=True).stdout
        for preload in ({}, {"LD_PRELOAD": str(data)})
    )
    assert str(data) in cut
    assert str(data) not in whole
    assert cut.partition(",")[2] == whole.partition(",")[2]


@pytest.mark.long
@pytest.mark.parametrize("name", freeze.FOLDERS)
def test_everything_works_from_a_folder_with_danish_letters(frozen: Path, name: str) -> None:
    out = run("smoke.py", frozen / name)
    assert "ok" in out


@pytest.mark.long
def test_the_same_sources_freeze_to_the_same_files(frozen: Path, tmp_path: Path) -> None:
    run("freeze.py", "--dist", tmp_path / "dist", "--work", tmp_path / "work")
    for name in freeze.FOLDERS:
        assert (tmp_path / "dist" / f"{name}.files").read_text() == (frozen / f"{name}.files").read_text()


@linux
@pytest.mark.long
@pytest.mark.skipif(
    shutil.which("objcopy") is None, reason="objcopy of binutils, which makes other bytes of a library, is not installed"
)
def test_libraries_of_qt_can_be_replaced_by_ones_own(frozen: Path, tmp_path: Path) -> None:
    shutil.copytree(frozen / "lastvagt", program := tmp_path / "lastvagt", symlinks=True)
    (note := tmp_path / "note").write_text("ours", encoding="ascii")
    brought = Path(str(importlib.metadata.distribution("PySide6_Essentials").locate_file("PySide6/Qt/lib")))
    for library in (program / "_internal" / "PySide6" / "Qt" / "lib").glob("*.so.*"):
        before = library.read_bytes()
        subprocess.run(["objcopy", "--add-section", f".note.own={note}", brought / library.name, library], check=True)
        assert library.read_bytes() != before
    out = run("smoke.py", program, "--quick")
    assert "window: the app started its engine" in out
