"""Lays out what a Linux desktop wants to know of the program: desktop entry, AppStream metadata with the releases, icons."""

from __future__ import annotations

import os
import re
import shutil
import sys
import xml.etree.ElementTree as ET
from datetime import UTC, date, datetime
from pathlib import Path

import icons

APP_ID = "dk.lastvagt.Lastvagt"
_HERE = Path(__file__).parent
_CHANGELOG = _HERE.parent / "CHANGELOG.md"
_HEADING = re.compile(r"^## (?P<version>[0-9][\w.+~-]*), (?P<day>\S.*)$", re.MULTILINE)


def releases(changelog: str, today: date) -> ET.Element:
    """The releases of a changelog; one that is not out yet counts as of today and as being made."""
    found = ET.Element("releases")
    headings = list(_HEADING.finditer(changelog))
    for heading, end in zip(headings, [*(h.start() for h in headings[1:]), len(changelog)], strict=True):
        is_out = heading["day"] != "unreleased"
        day = date.fromisoformat(heading["day"]) if is_out else today
        release = ET.SubElement(
            found, "release", version=heading["version"], date=day.isoformat(), type="stable" if is_out else "development"
        )
        first = changelog[heading.end() : end].strip().split("\n\n")[0]
        if first and not first.startswith("*"):
            ET.SubElement(ET.SubElement(release, "description"), "p").text = " ".join(first.split())
    return found


def metainfo(changelog: str, today: date) -> bytes:
    """The AppStream metadata, whole."""
    tree = ET.parse(_HERE / "linux" / f"{APP_ID}.metainfo.xml")
    tree.getroot().append(releases(changelog, today))
    ET.indent(tree)
    return ET.tostring(tree.getroot(), encoding="utf-8", xml_declaration=True) + b"\n"


def write(share: Path, today: date) -> None:
    """All files, as they lie below /usr/share."""
    for folder in ("applications", "metainfo"):
        (share / folder).mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_HERE / "linux" / f"{APP_ID}.desktop", share / "applications" / f"{APP_ID}.desktop")
    (share / "metainfo" / f"{APP_ID}.metainfo.xml").write_bytes(metainfo(_CHANGELOG.read_text(encoding="utf-8"), today))
    icons.write_theme(share / "icons" / "hicolor")


def main() -> int:
    """Write them to `out/share`; SOURCE_DATE_EPOCH is what day it is, where it is set."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    today = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    share = Path("out/share")
    write(share, today.date())
    print(f"Desktop entry, metadata and icons are in {share}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
