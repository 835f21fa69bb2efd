"""Makes the Windows installers from a frozen program with makensis: for one user, for a machine, and the engine alone for a server.

python packaging/windows/build.py --payload dist/lastvagt --engine dist/lastvagt-engine --wrapper WinSW.NET461.exe
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "packaging")]

import branding  # noqa: E402
import icons  # noqa: E402

from engine import __version__  # noqa: E402

#: WinSW 2.12.0 for .NET Framework 4.6.1, which every Windows 10 has; MIT License.
WRAPPER_URL = "https://github.com/winsw/winsw/releases/download/v2.12.0/WinSW.NET461.exe"
WRAPPER_SHA256 = "b5066b7bbdfba1293e5d15cda3caaea88fbeab35bd5b38c41c913d492aadfc4f"
FORMS = ("user", "machine", "server")
_SCRIPT, _SIGN = (Path(__file__).with_name(name) for name in ("lastvagt.nsi", "sign.py"))


def removal(payload: Path) -> str:
    """Commands that delete each file of the payload, then the folders that are empty; nothing else is touched."""
    inside = sorted(path.relative_to(payload) for path in payload.rglob("*"))
    files = [path for path in inside if not (payload / path).is_dir()]
    folders = sorted((path for path in inside if (payload / path).is_dir()), key=lambda path: -len(path.parts))
    deleted = [f'Delete "$INSTDIR\\{_windows(path)}"\n' for path in files]
    return "".join(deleted + [f'RMDir "$INSTDIR\\{_windows(path)}"\n' for path in folders])


def _windows(path: Path) -> str:
    return "\\".join(path.parts).replace("$", "$$")


def check_wrapper(path: Path) -> None:
    """Refuse any service wrapper but the one we know."""
    if hashlib.sha256(path.read_bytes()).hexdigest() != WRAPPER_SHA256:
        raise SystemExit(f"{path} is not the wrapper that belongs here. Fetch it from {WRAPPER_URL}.")


def command(makensis: str, form: str, payload: Path, out: Path, work: Path, more: Iterable[str] = ()) -> list[str]:
    """The call of makensis for an installer; the list of what it removes again is written to `work`."""
    remove = work / f"remove-{form}.nsh"
    remove.write_text(removal(payload), encoding="utf-8")
    told = {
        "FORM": form,
        "PAYLOAD": payload.resolve(),
        "REMOVE": remove.resolve(),
        "VERSION": __version__,
        "QUAD": ".".join(map(str, branding.quad(__version__))),
        "KB": sum(path.stat().st_size for path in payload.rglob("*") if path.is_file()) // 1024,
        "SIDE": (work / "side.bmp").resolve(),
        "ICON": (work / "lastvagt.ico").resolve(),
        "LICENSE": ROOT / "LICENSE",
        "OUT": out.resolve(),
    }
    return [
        makensis,
        "-V2",
        "-WX",
        "-INPUTCHARSET",
        "UTF8",
        *(f"-D{name}={value}" for name, value in told.items()),
        *more,
        str(_SCRIPT),
    ]


def build(form: str, payload: Path, out: Path, wrapper: Path | None, sign: bool = False, more: Sequence[str] = ()) -> Path:
    """Make one installer and return it."""
    work = out / "work"
    work.mkdir(parents=True, exist_ok=True)
    (work / "lastvagt.ico").write_bytes(icons.ico())
    (work / "side.bmp").write_bytes(icons.side())
    made = out / f"lastvagt-{__version__}-{form}-setup.exe"
    given = [f"-DWRAPPER={wrapper.resolve()}"] if wrapper and form != "user" else []
    signing = [f'-DSIGN="{sys.executable}" "{_SIGN}"'] if sign else []
    makensis = shutil.which("makensis") or str(Path(os.environ.get("PROGRAMFILES(X86)", "")) / "NSIS" / "makensis.exe")
    subprocess.run(command(makensis, form, payload, made, work, [*given, *signing, *more]), check=True)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the installers whose payload is given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--payload", type=Path, metavar="DIR", help="frozen app and engine: makes the installers user and machine"
    )
    parser.add_argument("--engine", type=Path, metavar="DIR", help="frozen engine alone: makes the installer server")
    parser.add_argument(
        "--wrapper", type=Path, metavar="FILE", help=f"WinSW, from {WRAPPER_URL}; without it no engine is a service"
    )
    parser.add_argument(
        "--sign", action="store_true", help="sign what is made, and the programs in it, as packaging/windows/sign.py says"
    )
    parser.add_argument(
        "--wrapper-url", action="store_true", help="print where the wrapper is to be fetched from, and do nothing else"
    )
    parser.add_argument("--out", type=Path, default=Path("out/windows"), metavar="DIR", help="default: %(default)s")
    options = parser.parse_args(arguments)
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    if options.wrapper_url:
        print(WRAPPER_URL)
        return 0
    if options.wrapper:
        check_wrapper(options.wrapper)
    else:
        print("No service wrapper was given: the installers offer no service, and none is made for servers.", file=sys.stderr)
    payloads = {"user": options.payload, "machine": options.payload, "server": options.engine if options.wrapper else None}
    for form, payload in payloads.items():
        if payload is not None:
            if options.sign and form != "machine":  # whose programs are those of the form before it
                subprocess.run([sys.executable, str(_SIGN), *map(str, sorted(payload.glob("*.exe")))], check=True)
            made = build(form, payload, options.out, options.wrapper, options.sign)
            print(f"{made}  {made.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
