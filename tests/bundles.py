"""Bundles under other names, for tests of who serves: copies of a shipped one that differ in what their manifests say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from engine import sealed
from engine.config import Config
from engine.domain import Tier
from engine.signing import SecretKey

#: Its bundles are trusted wherever tests run in this process.
KEY = SecretKey(b"testskey", bytes(range(32)))


def shipped(tier: Tier = Tier.FULL) -> Path:
    """The folder of the newest shipped bundle of a tier."""
    manifests = {path: json.loads(path.read_text()) for path in Config().model_dir.glob("*/manifest.json")}
    return max((m["trained_to"], path) for path, m in manifests.items() if m["tier"] == tier)[1].parent


def copy(
    folder: Path, model_id: str, trained_to: str = "2026-01-01T00:00:00Z", tier: Tier = Tier.FULL, key: SecretKey = KEY
) -> Path:
    """Put a copy of the shipped bundle of a tier into a folder of bundles, under another name and age."""
    made = folder / model_id
    shutil.copytree(shipped(tier), made)
    manifest = json.loads((made / "manifest.json").read_text())
    sealed.seal(made, manifest | {"model_id": model_id, "trained_to": trained_to}, key)
    return made


def reseal(bundle: Path, graph: bytes | None = None, key: SecretKey = KEY, **words: object) -> None:
    """Sign a bundle anew after its manifest or graph was changed, so that its signature is no reason to refuse it."""
    if graph is not None:
        (bundle / sealed.GRAPH).write_bytes(graph)
    sealed.seal(bundle, json.loads((bundle / sealed.MANIFEST).read_text()) | words, key)


def damage(bundle: Path) -> None:
    """Change one byte of the graph."""
    graph = bytearray((bundle / "model.onnx").read_bytes())
    graph[len(graph) // 2] ^= 1
    (bundle / "model.onnx").write_bytes(bytes(graph))
