"""Starts a frozen program and looks whether it works: python packaging/smoke.py FOLDER. Needs nothing but Python.

FOLDER holds lastvagt-engine, and lastvagt where the app is to be tried too. Prints a line for each check, and ends with 1 where one
failed. All is written to a temporary folder whose name has spaces and Danish letters; unless --quick is given the program is copied
there first. On Linux, where it is allowed, the programs have no network but loopback, packets for elsewhere are counted, and the
program is read-only.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import http.client
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

SUFFIX = ".exe" if sys.platform == "win32" else ""
#: Seconds after which a program that should have ended, or become ready, never will.
PATIENCE_S = 180
STOP_S = 10
_READY = re.compile(r"serves (http://127\.0\.0\.1:\d+)")
#: Share of pixels that their neighbours do not foretell: none of a blank picture, a twentieth of a window.
DETAIL = 0.01
#: What routes that need to know of whom are asked for, by the type they want.
_VALUES = {("area", "string"): "DK1", ("area", "integer"): "1", ("consumer_type", "integer"): "0"}
#: Files that Qt, or what draws for it, may write into a home.
_HOME = re.compile(r"(\.config|\.cache|Library|AppData)/.*")


class Wrong(Exception):
    """Something is not as it must be."""


@dataclass(frozen=True)
class Place:
    """The program, and the folder in which all it writes belongs."""

    program: Path
    folder: Path

    @property
    def has_app(self) -> bool:
        return (self.program / f"lastvagt{SUFFIX}").exists()

    @property
    def environment(self) -> Mapping[str, str]:
        """A home, a folder for what is temporary, no settings, and no display."""
        home, temporary = str(self.folder / "home"), str(self.folder / "tmp")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("LASTVAGT_", "XDG_", "PYTHON"))}
        screen = {"QT_QPA_PLATFORM": "offscreen"} if sys.platform.startswith("linux") else {}
        homes = {"HOME": home, "USERPROFILE": home, "APPDATA": home, "LOCALAPPDATA": home}
        return kept | homes | screen | {"TMPDIR": temporary, "TEMP": temporary, "TMP": temporary, "LASTVAGT_PORT": "0"}

    def start(self, name: str, *words: object, output: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        """Start one of the programs."""
        command = [str(self.program / f"{name}{SUFFIX}"), *map(str, words)]
        group = {"creationflags": 0x200} if sys.platform == "win32" else {}  # CREATE_NEW_PROCESS_GROUP, so that it can be stopped
        return subprocess.Popen(
            command, cwd=self.folder / "work", env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            encoding="utf-8", errors="replace", **group,
        )  # fmt: skip

    def run(self, name: str, *words: object, code: int = 0) -> str:
        """Run one of the programs to its end, which must have this exit code; returns what it printed."""
        said = f"{name} {' '.join(map(str, words))}"
        with self.start(name, *words, output=subprocess.PIPE) as process:
            try:
                out, err = process.communicate(timeout=PATIENCE_S)
            except subprocess.TimeoutExpired as error:
                process.kill()
                raise Wrong(f"{said} has not ended after {PATIENCE_S} s") from error
        if process.returncode != code or "Traceback" in err:
            raise Wrong(f"{said} ended with {process.returncode}, not {code}: {(err or out)[-600:]}")
        return out + err

    @contextlib.contextmanager
    def running(self, data: Path, name: str, *words: object) -> Iterator[str]:
        """A program whose engine works on a data folder, and the engine's address; it is told to stop, and must end well."""
        told = _ready_lines(data)
        with self.start(name, *words, "--data-dir", data) as process:
            try:
                until = time.monotonic() + PATIENCE_S
                while len(lines := _ready_lines(data)) == len(told):
                    if process.poll() is not None or time.monotonic() > until:
                        raise Wrong(f"{name} does not serve; it ended with {process.poll()}: {_tail(data)}")
                    time.sleep(0.02)
                yield lines[-1]
                stop(process)
            finally:
                process.kill()


def _ready_lines(data: Path) -> list[str]:
    """Addresses that the engine has told in its log, each as soon as it served."""
    log = data / "engine.log"
    return _READY.findall(log.read_text(encoding="utf-8")) if log.exists() else []


def _tail(data: Path) -> str:
    log = data / "engine.log"
    return log.read_text(encoding="utf-8")[-600:] if log.exists() else "it wrote no log"


def stop(process: subprocess.Popen[str]) -> None:
    """Tell a program to stop; it must do so in time, and end with 0."""
    process.send_signal(signal.CTRL_BREAK_EVENT if sys.platform == "win32" else signal.SIGTERM)
    try:
        code = process.wait(STOP_S)
    except subprocess.TimeoutExpired as error:
        raise Wrong(f"told to stop, it still runs after {STOP_S} s") from error
    if code:
        raise Wrong(f"told to stop, it ended with {code}")


def ask(address: str, path: str, token: str = "") -> tuple[int, bytes]:
    """Status and body of an answer."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=60)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def versions(place: Place) -> str:
    """The programs tell their version, and it is the same."""
    names = ["lastvagt-engine", *(["lastvagt"] if place.has_app else [])]
    told = [place.run(name, "--version").split() for name in names]
    if [name for name, _ in told] != names or len({version for _, version in told}) != 1:
        raise Wrong(f"they say {told}")
    return told[0][1]


def exit_codes(place: Place) -> str:
    """2 for words that mean nothing, 4 for a fault of the world, with what to do."""
    place.run("lastvagt-engine", "dance", code=2)
    said = place.run("lastvagt-engine", "import", place.folder / "nothing.csv", "--data-dir", place.folder / "other", code=4)
    if "nothing.csv" not in said:
        raise Wrong(f"a missing file is told as: {said}")
    if place.has_app:
        place.run("lastvagt", "--config", place.folder / "nothing.toml", code=2)
    return "2 and 4 where they must be"


def selfcheck(place: Place) -> str:
    """The models compute what they were trained to, and a simulated issue is made and served."""
    return place.run("lastvagt-engine", "selfcheck").splitlines()[-1]


def demo(place: Place, days: int) -> str:
    """Simulated days end with a page and a database."""
    said = place.run("lastvagt-engine", "demo", "--days", days, "--price-areas-only", "--out", place.folder / "demo")
    if not (place.folder / "demo" / "overview.html").stat().st_size:
        raise Wrong("the page is empty")
    return next(line for line in said.splitlines() if line.startswith("Simulated"))


def serving(place: Place) -> str:
    """Every route that can be read answers; a second engine is refused; SIGTERM ends it well."""
    data = place.folder / "demo" / "data"
    with place.running(data, "lastvagt-engine", "run", "--simulated") as address:
        place.run("lastvagt-engine", "run", "--simulated", "--data-dir", data, code=3)
        token = (data / "engine.token").read_text(encoding="ascii")
        status, body = ask(address, "/openapi.json")
        paths = json.loads(body)["paths"] if status == 200 else {}
        asked = 0
        for path, methods in paths.items():
            if "get" not in methods:
                continue
            needed = {one["name"]: one for one in methods["get"].get("parameters", ()) if one.get("required")}
            values = {name: _VALUES[name, one["schema"]["type"]] for name, one in needed.items()}
            query = {name: value for name, value in values.items() if needed[name]["in"] == "query"}
            whole = path.format(**values) + (f"?{urlencode(query)}" if query else "")
            status, body = ask(address, whole, token)
            asked += 1
            if status != 200 or not body:
                raise Wrong(f"GET {whole} answers {status}: {body[:300]!r}")
        if asked < 20:
            raise Wrong(f"/openapi.json names {asked} routes that can be read")
    return f"{asked} routes answer 200; a second engine ends with 3; SIGTERM ends the first with 0"


def pictures(place: Place) -> str:
    """The windows that the app draws of the demonstration are not blank, and are in Danish and in English."""
    drawn = {}
    for language in ("da", "en"):
        folder, data = place.folder / f"pictures-{language}", place.folder / "demo" / "data"
        place.run("lastvagt", "--data-dir", data, "--screenshot", folder, "--language", language, "--theme", "light")
        drawn[language] = {path.name.partition("-")[0]: Picture.read(path) for path in sorted(folder.glob("*.png"))}
    if not drawn["da"] or drawn["da"].keys() != drawn["en"].keys():
        raise Wrong(f"it drew {sorted(drawn['da'])} and {sorted(drawn['en'])}")
    for view, picture in drawn["da"].items():
        if picture.detail < DETAIL:
            raise Wrong(f"the picture of {view} is blank: {picture.detail:.2%} of its pixels stand out")
        if picture.rows == drawn["en"][view].rows:
            raise Wrong(f"the picture of {view} has no words: it is the same in both languages")
    least = min(drawn["da"].items(), key=lambda drawn: drawn[1].detail)
    return f"{len(drawn['da'])} views in two languages; of {least[0]} {least[1].detail:.0%} of the pixels stand out"


def window(place: Place) -> str:
    """The app starts the engine that lies beside it, and stops it when it is told to stop."""
    data = place.folder / "window"
    with place.running(data, "lastvagt", "--simulated", "--language", "da") as address:
        status, _ = ask(address, "/v1/areas")
        engine = int((data / "engine.lock").read_text(encoding="ascii"))
    if status != 200:
        raise Wrong(f"its engine answers {status}")
    if sys.platform != "win32":
        with contextlib.suppress(ProcessLookupError):
            os.kill(engine, 0)
            raise Wrong(f"its engine, process {engine}, still runs")
    return "the app started its engine, and stopped it"


@dataclass(frozen=True)
class Picture:
    """The pixels of a PNG file, row by row as differences from what their neighbours foretell, and the share that differs."""

    rows: bytes
    detail: float

    @staticmethod
    def read(path: Path) -> Picture:
        """Read a picture of 8 bits a channel; of an even colour every difference but the first is 0, whatever filter a row has."""
        data = path.read_bytes()
        if data[:8] != b"\x89PNG\r\n\x1a\n":
            raise Wrong(f"{path.name} is no PNG")
        width, height, depth, kind = struct.unpack(">IIBB", data[16:26])
        packed, at = b"", 8
        while at < len(data):
            (size,) = struct.unpack(">I", data[at : at + 4])
            packed += data[at + 8 : at + 8 + size] if data[at + 4 : at + 8] == b"IDAT" else b""
            at += 12 + size
        channels = {2: 3, 6: 4}.get(kind)
        if depth != 8 or channels is None:
            raise Wrong(f"{path.name} has {depth} bits of kind {kind}")
        rows = zlib.decompress(packed)
        return Picture(rows, (len(rows) - rows.count(0)) / channels / (width * height))


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of change of every file in a folder."""
    found = {path: path.lstat() for path in folder.rglob("*") if not path.is_dir()}
    return {path.relative_to(folder).as_posix(): (stat.st_size, stat.st_mtime_ns) for path, stat in found.items()}


def nothing_elsewhere(place: Place, before: dict[str, tuple[int, int]]) -> str:
    """The installation is as it was; nothing lies in the folder they were started in, nor in that for what is temporary."""
    after = files(place.program)
    if after != before:
        raise Wrong(f"the installation changed: {sorted(after.items() ^ before.items())[:5]}")
    for folder in ("work", "tmp"):
        if left := sorted(files(place.folder / folder)):
            raise Wrong(f"left in {folder}: {left[:5]}")
    home = sorted(files(place.folder / "home"))
    if strange := [name for name in home if not _HOME.fullmatch(name)]:
        raise Wrong(f"written to the home folder: {strange[:5]}")
    return f"nothing outside the data folders but {', '.join(home) or 'nothing'} in the home folder"


def isolate(program: Path) -> tuple[str, bool]:
    """Cut this process and its children off from all networks but loopback, and from writing to the program, where the system
    allows it (Linux as root, or with user namespaces); tells what was done, and whether packets are counted."""
    if not sys.platform.startswith("linux"):
        return "network and installation as they are: this system has no namespaces", False
    new_user, new_network, new_mounts = 0x10000000, 0x40000000, 0x00020000
    libc, user, group = ctypes.CDLL(None, use_errno=True), os.getuid(), os.getgid()
    if libc.unshare(new_network | new_mounts | (new_user if user else 0)):
        return f"network and installation as they are: namespaces are refused ({os.strerror(ctypes.get_errno())})", False
    if user:
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")
    import fcntl  # not on Windows

    set_flags, up = 0x8914, 0x1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sH14x", b"lo", up))
    bind, remount, read_only, recursive, private = 0x1000, 0x20, 0x1, 0x4000, 0x40000
    path = os.fsencode(program)
    libc.mount(None, b"/", None, recursive | private, None)
    bound = not libc.mount(path, path, None, bind, None)
    guarded = bound and not libc.mount(None, path, None, bind | remount | read_only, None)
    zoneless = not libc.mount(b"none", b"/usr/share/zoneinfo", b"tmpfs", 0, None)
    told = ["a network of loopback alone", f"{'a read-only' if guarded else 'a writable'} installation"]
    return ", ".join([*told, *(["no time zones of the system"] if zoneless else [])]), True


def sent_elsewhere() -> int:
    """Packets and connections for which this network namespace had no way, because they were for other machines."""
    total = 0
    lines = Path("/proc/self/net/snmp").read_text(encoding="ascii").splitlines()
    names, values = (line.split() for line in lines if line.startswith("Ip:"))
    total += int(dict(zip(names, values, strict=True))["OutNoRoutes"])
    for line in Path("/proc/self/net/snmp6").read_text(encoding="ascii").splitlines():
        name, value = line.split()
        total += int(value) if name == "Ip6OutNoRoutes" else 0
    return total


def loopback_only() -> str:
    """Nobody has tried to reach another machine."""
    if tried := sent_elsewhere():
        raise Wrong(f"{tried} packets or connections were for other machines")
    return "nothing was sent to other machines"


def main() -> int:
    """Check; 1 where something failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("program", type=Path, metavar="FOLDER", help="folder of the frozen program")
    parser.add_argument(
        "--quick", action="store_true", help="where it is, with one simulated day instead of three, and without its own selfcheck"
    )
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="lastvagt prøve æå "))
    program = args.program.resolve()
    if not args.quick:
        shutil.copytree(program, folder / "Lastvagt på prøve", symlinks=True)
        program = folder / "Lastvagt på prøve"
    for name in ("home", "tmp", "work"):
        (folder / name).mkdir()
    place = Place(program, folder)
    before = files(program)
    told, counted = isolate(program)
    print(f"{program}: {told}", flush=True)
    checks: dict[str, Callable[[], str]] = {
        "versions": lambda: versions(place),
        "exit codes": lambda: exit_codes(place),
        "demo": lambda: demo(place, 1 if args.quick else 3),
        "serving": lambda: serving(place),
    }
    if not args.quick:
        checks["selfcheck"] = lambda: selfcheck(place)
    if place.has_app:
        checks |= {"pictures": lambda: pictures(place), "window": lambda: window(place)}
    if counted:
        checks["loopback only"] = loopback_only
    checks["nothing elsewhere"] = lambda: nothing_elsewhere(place, before)
    failed = [name for name, check in checks.items() if not passes(name, check)]
    with contextlib.suppress(OSError):
        shutil.rmtree(folder)
    if failed:
        print(f"Failed: {', '.join(failed)}")
    return 1 if failed else 0


def passes(name: str, check: Callable[[], str]) -> bool:
    """Whether a check finds nothing wrong; prints a line on it."""
    began = time.monotonic()
    try:
        found, good = check(), True
    except (Wrong, OSError, ValueError, KeyError, StopIteration) as error:
        found, good = f"{error}" if isinstance(error, Wrong) else f"{type(error).__name__}: {error}", False
    print(f"{'ok  ' if good else 'FAIL'} {1000 * (time.monotonic() - began):7.0f} ms  {name}: {found}", flush=True)
    return good


if __name__ == "__main__":
    sys.exit(main())
