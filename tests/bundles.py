"""Bundles under other names, for tests of who serves: copies of a shipped one that differ in what their manifests say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from engine.config import Config
from engine.domain import Tier


def shipped(tier: Tier = Tier.FULL) -> Path:
    """The folder of the newest shipped bundle of a tier."""
    manifests = {path: json.loads(path.read_text()) for path in Config().model_dir.glob("*/manifest.json")}
    return max((m["trained_to"], path) for path, m in manifests.items() if m["tier"] == tier)[1].parent


def copy(folder: Path, model_id: str, trained_to: str = "2026-01-01T00:00:00Z", tier: Tier = Tier.FULL) -> Path:
    """Put a copy of the shipped bundle of a tier into a folder of bundles, under another name and age."""
    made = folder / model_id
    shutil.copytree(shipped(tier), made)
    manifest = json.loads((made / "manifest.json").read_text())
    (made / "manifest.json").write_text(json.dumps(manifest | {"model_id": model_id, "trained_to": trained_to}))
    return made


def damage(bundle: Path) -> None:
    """Change one byte of the graph."""
    graph = bytearray((bundle / "model.onnx").read_bytes())
    graph[len(graph) // 2] ^= 1
    (bundle / "model.onnx").write_bytes(bytes(graph))
