"""The bill of materials of a frozen folder as CycloneDX 1.6: every part with version, licence and files, and each file with its hash."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import contents
import licences
from contents import Part, Share

#: Beside the program, too.
FILE = "sbom.cdx.json"
_NAMESPACE = uuid.UUID("5c0f8d1e-6a3f-4b6c-9a62-1f6e1b7f7a10")
_TYPES = {"own": "application", "python": "platform"}


def write(folder: Path, parts: Mapping[Part, Share], target: Path, moment: int) -> None:
    """Write the bill; the same folder at the same moment gives the same bytes."""
    own = next(part for part in parts if part.kind == "own")
    others = sorted(part for part in parts if part.kind != "own")
    bill: dict[str, object] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "lifecycles": [{"phase": "post-build"}],
            "component": _component(folder, own, parts[own]),
        },
        "components": [_component(folder, part, parts[part]) for part in others],
        "dependencies": [{"ref": _reference(own), "dependsOn": [_reference(part) for part in others]}],
    }
    bill["serialNumber"] = f"urn:uuid:{uuid.uuid5(_NAMESPACE, json.dumps(bill, sort_keys=True))}"
    target.write_text(json.dumps(bill, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _component(folder: Path, part: Part, share: Share) -> dict[str, object]:
    made: dict[str, object] = {
        "type": _TYPES.get(part.kind, "library"),
        "bom-ref": _reference(part),
        "name": part.name,
        "version": part.version,
        "licenses": [{"expression": licences.of(part)}],
        "purl": _purl(part),
    }
    if share.modules:
        made["properties"] = [{"name": "lastvagt:modules", "value": " ".join(sorted(share.modules))}]
    inside = [_file(folder, part, name) for name in sorted(share.files)] + [
        _vendored(part, one) for one in contents.vendored(part)
    ]
    return made | ({"components": inside} if inside else {})


def _file(folder: Path, part: Part, name: str) -> dict[str, object]:
    path = folder / name
    made: dict[str, object] = {"type": "file", "bom-ref": f"{_reference(part)}#{name}", "name": name}
    if path.is_symlink():
        return made | {"properties": [{"name": "lastvagt:link", "value": path.readlink().as_posix()}]}
    return made | {"hashes": [{"alg": "SHA-256", "content": contents.sha256(path)}]}


def _vendored(part: Part, told: Mapping[str, object]) -> dict[str, object]:
    """A part of a wheel's binaries, as the wheel's own bill tells of it."""
    name, version = str(told["name"]), str(told.get("version", ""))
    made: dict[str, object] = {
        "type": "library",
        "bom-ref": f"{_reference(part)}#{name}@{version}",
        "name": name,
        "version": version,
    }
    purl = str(told.get("purl", "")).partition("?")[0]
    return made | ({"purl": purl} if purl else {}) | ({"licenses": told["licenses"]} if told.get("licenses") else {})


def _purl(part: Part) -> str:
    match part.kind:
        case "pypi":
            return f"pkg:pypi/{part.name.lower().replace('_', '-')}@{part.version}"
        case "deb":
            return f"pkg:deb/debian/{part.name}@{part.version.replace(':', '%3A').replace('+', '%2B')}?arch=source"
        case _:
            return f"pkg:generic/{part.name}@{part.version}"


def _reference(part: Part) -> str:
    return f"{part.kind}:{part.name}@{part.version}"
