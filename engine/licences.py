"""The terms of the program and of everything it is made of, as they lie beside it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from engine.domain import Expected

#: Our own first; `packaging/release.py` puts them there.
FILES = ("LICENSE.txt", "THIRD_PARTY_LICENSES.txt")


def text(folder: Path) -> str:
    """All terms; raises Expected where they are not in the folder."""
    try:
        return "\n".join((folder / name).read_text(encoding="utf-8") for name in FILES)
    except FileNotFoundError as missing:
        raise Expected(
            f"There is no {Path(str(missing.filename)).name} in {folder}.",
            "Only released programs have it; where Python packages are installed, each brings its own licence.",
        ) from None


def command(args: argparse.Namespace) -> int:  # noqa: ARG001
    """Print them."""
    print(text(Path(sys.executable).resolve().parent), end="")
    return 0
