"""A bundle's files as they were signed: its manifest lists the others, and a key that is trusted here signed the manifest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import disk
from engine.domain import Expected
from engine.signing import SUFFIX, PublicKey, SecretKey, verify

MANIFEST = "manifest.json"
#: Signs the manifest.
SIGNATURE = MANIFEST + SUFFIX
GRAPH, GOLDEN, CARD = "model.onnx", "golden.npz", "card.md"
#: What the manifest lists with size and SHA-256.
FILES = (GRAPH, GOLDEN, CARD)
_LARGEST = {MANIFEST: 1 << 20, SIGNATURE: 1 << 12, GRAPH: 50_000_000, GOLDEN: 10_000_000, CARD: 1 << 20}


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle says of itself, and whose signature vouches for it."""

    folder: Path
    words: Mapping[str, Any]
    signer: PublicKey

    def contents(self) -> dict[str, bytes]:
        """The bytes of its files, each read once; raises Expected unless they are those that were signed."""
        listed, read = self.words["files"], {}
        if listed.keys() != set(FILES):
            raise Expected(
                f"Model bundle {self.folder} lists other files than a bundle has.", "Use a bundle made for this version."
            )
        for name in FILES:
            read[name] = _bytes(self.folder / name)
            if (len(read[name]), hashlib.sha256(read[name]).hexdigest()) != (listed[name]["bytes"], listed[name]["sha256"]):
                raise Expected(
                    f"Model bundle {self.folder} was changed after it was signed: {name} is another file.",
                    "Copy the bundle again from where it came.",
                )
        return read


def open_manifest(folder: Path, keys: Sequence[PublicKey]) -> Manifest:
    """The manifest of a bundle that one of the keys signed under the name of its folder; raises Expected for any other."""
    content = _bytes(folder / MANIFEST)
    if not (folder / SIGNATURE).exists():
        raise Expected(
            f"Model bundle {folder} is not signed.",
            "Copy the whole bundle folder again; what you trained with an older version, train again.",
        )
    _bytes(folder / SIGNATURE)
    try:
        signer = verify(folder / MANIFEST, folder / SIGNATURE, keys, content)[0]
    except Expected as trouble:
        remedy = (
            trouble.remedy.replace("trust FILE", "trust FILE --models")
            if "key trust" in trouble.remedy
            else "Copy the bundle again from where it came."
        )
        raise Expected(f"Model bundle {folder} is not signed as it must be: {trouble.problem}", remedy) from trouble
    words = json.loads(content)
    if words["model_id"] != folder.name:
        raise Expected(
            f"The bundle in {folder} was signed as {words['model_id']}.", "A bundle serves under its own name: rename the folder."
        )
    return Manifest(folder, words, signer)


def seal(folder: Path, words: Mapping[str, Any], key: SecretKey) -> None:
    """Write the manifest of the files in a folder, with their sizes and SHA-256, and sign it."""
    contents = {name: (folder / name).read_bytes() for name in FILES}
    files = {name: {"bytes": len(read), "sha256": hashlib.sha256(read).hexdigest()} for name, read in contents.items()}
    disk.write(folder / MANIFEST, json.dumps({**words, "files": files}, indent=1) + "\n")
    disk.write(folder / SIGNATURE, key.sign(folder / MANIFEST, f"bundle:{words['model_id']}"))


def _bytes(path: Path) -> bytes:
    """The whole file; raises Expected for one that is missing or larger than any of its kind."""
    try:
        with path.open("rb") as file:
            read = file.read(_LARGEST[path.name] + 1)
    except OSError as error:
        raise Expected(
            f"Model bundle {path.parent} is incomplete: {path.name} cannot be read ({error.strerror}).",
            "Copy the whole bundle folder again.",
        ) from None
    if len(read) > _LARGEST[path.name]:
        raise Expected(f"{path} is larger than {_LARGEST[path.name]:,} bytes.", "That is no bundle of this program.")
    return read
