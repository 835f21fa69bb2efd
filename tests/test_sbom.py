"""What is in a frozen folder, whose it is, and the bill of materials made of that."""

from __future__ import annotations

import gzip
import importlib.metadata
import json
import shutil
import sys
from pathlib import Path

import jsonschema
import pytest
import referencing

PACKAGING = Path(__file__).parent.parent / "packaging"
sys.path.insert(0, str(PACKAGING))

import contents  # noqa: E402
import sbom  # noqa: E402
from contents import Part, Share  # noqa: E402

SCHEMAS = Path(__file__).parent / "data" / "cyclonedx"


def validator() -> jsonschema.Draft7Validator:
    """The schema of CycloneDX 1.6 (Apache-2.0), with those it refers to."""
    found = {path.name.partition(".schema")[0]: json.loads(gzip.decompress(path.read_bytes())) for path in SCHEMAS.iterdir()}
    named = [
        (f"http://cyclonedx.org/schema/{name}.SNAPSHOT.schema.json", referencing.Resource.from_contents(schema))
        for name, schema in found.items()
    ]
    return jsonschema.Draft7Validator(found["bom-1.6"], registry=referencing.Registry().with_resources(named))


class Frozen:
    """A folder as PyInstaller leaves it, with what it notes of where files came from."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.work = root / "lastvagt", root / "work"
        (self.folder / "_internal").mkdir(parents=True)
        self.work.mkdir()
        self.notes: list[tuple[str, str, str]] = []
        self.modules: list[tuple[str, str, str]] = []
        monkeypatch.setattr(contents, "_packed", lambda _: [name for name, _, _ in self.modules])

    def add(self, name: str, source: Path | None, inside: str = "_internal/") -> None:
        path = self.folder / inside / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")
        if source is not None:
            self.notes.append((name, str(source), "DATA"))

    def parts(self) -> dict[Part, Share]:
        (self.work / "COLLECT-00.toc").write_text(repr((self.notes, True)), encoding="utf-8")
        (self.work / "PYZ-00.toc").write_text(repr(("a.pyz", self.modules)), encoding="utf-8")
        return contents.of(self.folder, self.work)


@pytest.fixture
def frozen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Frozen:
    made = Frozen(tmp_path, monkeypatch)
    made.add("lastvagt", None, "")
    made.add("engine/municipalities.csv", contents.ROOT / "engine" / "municipalities.csv")
    certificates = importlib.metadata.distribution("certifi").locate_file("certifi/cacert.pem")
    made.add("certifi/cacert.pem", Path(str(certificates)))
    made.add("base_library.zip", tmp_path / "work" / "base_library.zip")
    made.modules += [
        ("json", str(Path(json.__file__)), "PYMODULE"),
        ("certifi", str(Path(str(certificates)).with_name("__init__.py")), "PYMODULE"),
        ("engine", str(contents.ROOT / "engine" / "__init__.py"), "PYMODULE"),
    ]
    return made


def test_every_file_and_module_belongs_to_somebody(frozen: Frozen) -> None:
    frozen.add("engine/keys/release.pub", None)
    (frozen.folder / "_internal" / "certificates").symlink_to("certifi/cacert.pem")
    found = {part.name: (part, share) for part, share in frozen.parts().items()}
    assert found["certifi"][0].version == importlib.metadata.version("certifi")
    assert found["certifi"][1] == Share({"_internal/certifi/cacert.pem", "_internal/certificates"}, {"certifi"})
    assert found["python"][1] == Share({"_internal/base_library.zip"}, {"json"})
    assert found["lastvagt"][1].files == {"lastvagt", "_internal/engine/municipalities.csv", "_internal/engine/keys/release.pub"}
    assert found["pyinstaller"][1].modules == {"pyiboot01_bootstrap"}
    assert found.keys() == {"certifi", "python", "lastvagt", "pyinstaller"}


@pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="of Debian")
def test_a_library_of_the_system_belongs_to_its_package(frozen: Frozen) -> None:
    library = next(path for path in Path("/usr/lib").glob("*-linux-gnu/libz.so.1"))
    frozen.add("libz.so.1", library)
    (part,) = [part for part in frozen.parts() if part.kind == "deb"]
    assert part.name == "zlib"
    assert part.version
    assert frozen.parts()[part].packages == {"zlib1g:amd64"} or "zlib1g" in str(frozen.parts()[part].packages)


@pytest.mark.parametrize("source", [None, "/nowhere/libodd.so.1"])
def test_a_file_of_nobody_ends_the_build(frozen: Frozen, source: str | None) -> None:
    frozen.add("libodd.so.1", source and Path(source))
    with pytest.raises(contents.Unknown, match=r"libodd\.so\.1"):
        frozen.parts()


def test_the_bill_keeps_to_the_schema_and_lists_every_file_once_with_its_hash(frozen: Frozen, tmp_path: Path) -> None:
    for name in ("first", "second"):
        sbom.write(frozen.folder, frozen.parts(), tmp_path / name, 1_767_225_600)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    bill = json.loads((tmp_path / "first").read_text(encoding="utf-8"))
    assert [error.message for error in validator().iter_errors(bill)] == []
    assert files(bill) == {name: contents.sha256(frozen.folder / name) for name in contents.listed(frozen.folder)}
    assert bill["metadata"]["timestamp"] == "2026-01-01T00:00:00Z"


def test_the_schema_is_one_that_can_fail(frozen: Frozen, tmp_path: Path) -> None:
    sbom.write(frozen.folder, frozen.parts(), tmp_path / "bill", 0)
    bill = json.loads((tmp_path / "bill").read_text(encoding="utf-8"))
    bill["components"][0]["hashes"] = [{"alg": "SHA-256", "content": "short"}]
    assert list(validator().iter_errors(bill))


def files(bill: dict[str, object]) -> dict[str, str]:
    """Hash of every file a bill lists, once."""
    found: dict[str, str] = {}
    for component in (bill["metadata"]["component"], *bill["components"]):  # type: ignore[index, misc]
        for inside in component.get("components", ()):
            if inside["type"] == "file":
                assert inside["name"] not in found
                found[inside["name"]] = inside["hashes"][0]["content"] if "hashes" in inside else "link"
    return found
