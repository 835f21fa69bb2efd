"""What the spec gives PyInstaller so that Windows and macOS know the programs: icon, version, manifest, property list."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import icons

ROOT = Path(__file__).resolve().parent.parent
BUNDLE_ID = "dk.lastvagt.Lastvagt"
#: What Windows shows of a program in its list of processes.
DESCRIPTIONS = {"lastvagt": "Lastvagt", "lastvagt-engine": "Lastvagt engine"}
#: The oldest macOS that onnxruntime has wheels for, on Apple silicon alone.
MACOS = "14.0"


def quad(version: str) -> tuple[int, int, int, int]:
    """A version as Windows wants it, four numbers: 1.2.3rc1 is 1.2.3.0."""
    numbers = re.match(r"\d+(\.\d+)*", version)
    parts = [int(part) for part in numbers[0].split(".")] if numbers else []
    first, second, third, fourth = [*parts, 0, 0, 0, 0][:4]
    return first, second, third, fourth


def version_info(program: str, version: str) -> str:
    """The version resource of a Windows program, in PyInstaller's notation."""
    told = {
        "CompanyName": "The Lastvagt authors",
        "FileDescription": DESCRIPTIONS[program],
        "FileVersion": version,
        "InternalName": program,
        "LegalCopyright": "MIT License",
        "OriginalFilename": f"{program}.exe",
        "ProductName": "Lastvagt",
        "ProductVersion": version,
    }
    strings = ", ".join(f"StringStruct({name!r}, {value!r})" for name, value in told.items())
    return (
        f"VSVersionInfo(ffi=FixedFileInfo(filevers={quad(version)}, prodvers={quad(version)}, OS=0x40004, fileType=1), "
        f"kids=[StringFileInfo([StringTable('040904B0', [{strings}])]), VarFileInfo([VarStruct('Translation', [1033, 1200])])])\n"
    )


def program(name: str, work: Path, version: str) -> dict[str, Any]:
    """What EXE is given on this system; files it needs are written to `work`."""
    if sys.platform == "win32":
        work.mkdir(parents=True, exist_ok=True)
        (work / "lastvagt.ico").write_bytes(icons.ico())
        (work / f"{name}.version").write_text(version_info(name, version), encoding="utf-8")
        manifest = ROOT / "packaging" / "windows" / "program.manifest"
        return {"icon": str(work / "lastvagt.ico"), "version": str(work / f"{name}.version"), "manifest": str(manifest)}
    return {}


def bundle(work: Path, version: str) -> dict[str, Any]:
    """What BUNDLE is given, which makes Lastvagt.app on macOS."""
    work.mkdir(parents=True, exist_ok=True)
    (work / "lastvagt.icns").write_bytes(icons.icns())
    return {
        "name": "Lastvagt.app",
        "icon": str(work / "lastvagt.icns"),
        "bundle_identifier": BUNDLE_ID,
        "version": version,
        "info_plist": {
            "CFBundleVersion": version,
            "CFBundleDevelopmentRegion": "en",
            "CFBundleLocalizations": ["da", "en"],
            "LSApplicationCategoryType": "public.app-category.utilities",
            "LSBackgroundOnly": False,  # which PyInstaller takes from the engine, the last program in the bundle
            "LSMinimumSystemVersion": MACOS,
            "NSHighResolutionCapable": True,
            "NSHumanReadableCopyright": "MIT License",
        },
    }
