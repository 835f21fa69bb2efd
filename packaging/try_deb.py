"""Tries the Debian packages out in clean systems that boot: install, serve, crash, hang, upgrade, downgrade, remove, purge.

Needs root, debootstrap and systemd-nspawn, and a mirror of Debian for the first time; what is made once is kept in `out/systems`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import deb

ROOT = Path(__file__).resolve().parent.parent
#: The last commit whose engine wrote databases of schema 5.
EARLIER = "5ae8d0e"
#: A version before every release, under which the engine is packed once more.
EARLIER_VERSION = "0.0.5"
_SYSTEMS = ROOT / "out" / "systems"
_DATA = "/var/lib/lastvagt"
_DROP_INS = "/etc/systemd/system/lastvagt-engine.service.d"
_SERVICE = "lastvagt-engine.service"
_NSPAWN = ("systemd-nspawn", "--quiet", "--register=no", "--keep-unit")


class Failed(Exception):
    """A package that does not do what it should."""


class Machine:
    """A Debian without anything of ours, which `before_boot` changes before it boots, and `run` afterwards."""

    def __init__(self, suite: str, name: str) -> None:
        self.root, self._suite = _SYSTEMS / name, suite
        shutil.rmtree(self.root, ignore_errors=True)
        subprocess.run(["cp", "-a", "--reflink=auto", clean(suite), self.root], check=True)
        (self.root / "etc" / "machine-id").write_text("", encoding="ascii")
        self._boot: subprocess.Popen[bytes] | None = None
        self._init = 0

    def before_boot(self, command: str) -> str:
        """What a command prints in the system that has not booted, with the network of this machine."""
        return _before_boot(self.root, self._suite, command)

    def boot(self) -> None:
        """Start it, without any network but loopback."""
        options = ["--boot", "--private-network", "--link-journal=no", f"--directory={self.root}", f"--machine={self.root.name}"]
        # Debian 13 would not boot beside an older hierarchy of control groups, as this machine may have.
        self._boot = subprocess.Popen(
            [*_NSPAWN, *options, "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

        def is_up() -> bool:
            children = Path(f"/proc/{self._boot.pid}/task/{self._boot.pid}/children").read_text(encoding="ascii").split()
            self._init = int(children[0]) if children else 0
            if not self._init:
                return False
            told = self._run("systemctl is-system-running")
            return told.stdout.strip() in ("running", "degraded")

        wait(60, is_up, "The system does not boot.")

    def run(self, command: str) -> str:
        """What a command prints in the running system; raises Failed where it fails."""
        done = self._run(command)
        if done.returncode:
            raise Failed(f"{command}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def _run(self, command: str) -> subprocess.CompletedProcess[str]:
        inside = ["nsenter", f"--target={self._init}", "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd"]
        clean = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"]
        return subprocess.run([*inside, *clean, "sh", "-ec", command], capture_output=True, text=True, check=False)

    def of_service(self, name: str) -> str:
        """What systemd knows of the service."""
        return self.run(f"systemctl show --value --property={name} {_SERVICE}").strip()

    def drop_in(self, name: str, *lines: str) -> None:
        """Change the service as an administrator does; without lines, take that back."""
        folder = self.root / _DROP_INS[1:]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.conf").unlink(missing_ok=True)
        if lines:
            (folder / f"{name}.conf").write_text("\n".join(("[Service]", *lines, "")), encoding="ascii")
        self.run("systemctl daemon-reload")

    def status(self) -> Any:
        """`lastvagt-engine status` of the service, as an administrator asks."""
        return json.loads(self.run("lastvagt-service status --json"))

    def install(self, package: Path, options: str = "") -> str:
        """Install a package file, as an administrator does."""
        if (inside := self.root / "var" / "tmp" / package.name) != package:
            shutil.copyfile(package, inside)
        return self.run(f"apt-get install --yes --quiet {options} /var/tmp/{package.name}")

    def journal(self) -> str:
        """What the service and its doctor wrote."""
        return self.run("journalctl --no-pager --output=cat --unit=lastvagt-engine --unit=lastvagt-engine-doctor")

    def end(self) -> None:
        """Switch it off."""
        if self._boot is not None and self._boot.poll() is None:
            self._boot.terminate()
            self._boot.wait(60)
        shutil.rmtree(self.root)


def clean(suite: str) -> Path:
    """A new Debian that knows which packages there are, made once."""
    folder, new = _SYSTEMS / f"clean-{suite}", _SYSTEMS / f"new-{suite}"
    if not folder.exists():
        shutil.rmtree(new, ignore_errors=True)
        _SYSTEMS.mkdir(parents=True, exist_ok=True)
        made = ["debootstrap", "--variant=minbase", "--include=systemd,systemd-sysv,dbus,procps", suite, new]
        subprocess.run(made, check=True, stdout=subprocess.DEVNULL)
        _before_boot(new, suite, "apt-get update -qq")
        new.rename(folder)
    return folder


def _before_boot(root: Path, suite: str, command: str) -> str:
    """What a command prints in a system that has not booted; packages that it fetches are kept for the next one."""
    kept = _SYSTEMS / f"packages-{suite}"
    kept.mkdir(parents=True, exist_ok=True)
    options = ["--pipe", "--resolv-conf=copy-host", f"--bind={kept}:/var/cache/apt/archives", f"--directory={root}"]
    return _told([*_NSPAWN, *options, "sh", "-ec", command])


def earlier() -> Path:
    """A database as the engine of an earlier commit made it, once; that engine comes from the history of this repository."""
    made = _SYSTEMS / "schema-5.sqlite"
    if not made.exists():
        archive = subprocess.run(["git", "-C", ROOT, "archive", EARLIER], check=True, capture_output=True).stdout
        with tempfile.TemporaryDirectory(dir=_SYSTEMS) as name:
            tree = Path(name)
            with tarfile.open(fileobj=BytesIO(archive)) as files:
                files.extractall(tree, filter="data")
            command = [sys.executable, "-m", "engine", "once", "--simulated", "--data-dir", str(tree / "made")]
            subprocess.run(command, check=True, cwd=tree, env=os.environ | {"PYTHONPATH": str(tree)}, stdout=subprocess.DEVNULL)
            (tree / "made" / "lastvagt.sqlite").replace(made)
    return made


def wait(most_s: float, is_so: Callable[[], bool], problem: str) -> None:
    """Return once something is so; raise Failed where it does not come to that."""
    end = time.monotonic() + most_s
    while not is_so():
        if time.monotonic() > end:
            raise Failed(problem)
        time.sleep(0.2)


def check(is_so: bool, problem: str) -> None:
    """Raise Failed where something is not so."""
    if not is_so:
        raise Failed(problem)


def _told(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


@contextlib.contextmanager
def step(text: str) -> Iterator[None]:
    """One line about what was tried and how long it took."""
    begin = time.monotonic()
    yield
    print(f"ok  {time.monotonic() - begin:6.1f} s  {text}", flush=True)


def try_engine(machine: Machine, package: Path, before: Path, database: Path) -> None:
    """The life of a server, from a clean system to a purge."""
    with step("a clean system boots, without any network"):
        machine.boot()
    with step("apt install of an earlier version: user and folder are made, nothing is enabled or running"):
        machine.install(before)
        check("lastvagt" in machine.run("id lastvagt"), "No user was made.")
        check(
            machine.run(f"stat -c '%U:%G %a' {_DATA}").strip() == "lastvagt:lastvagt 750", "The data folder is not the service's."
        )
        check(machine.of_service("ActiveState") == "inactive", "The service runs though nobody started it.")
        check(machine.of_service("UnitFileState") == "disabled", "The service is enabled though nobody enabled it.")
    with step("systemctl enable --now: it serves, and forecasts simulated data"):
        machine.drop_in("simulated", "Environment=LASTVAGT_SIMULATED=1")
        machine.run(f"systemctl enable --now {_SERVICE}")
        wait(120, lambda: _asked(machine, _COUNT) >= 3, "It makes no forecast.")
    issues = _asked(machine, _COUNT)
    with step("apt upgrade while it runs: it runs again, every issue still there"):
        pid = machine.of_service("MainPID")
        machine.install(package)
        check(machine.of_service("ActiveState") == "active", "The upgraded engine does not serve.")
        check(machine.of_service("MainPID") != pid, "The engine before the upgrade still runs.")
        check(_asked(machine, _COUNT) >= issues, "Issues were lost.")
    with step(f"a database of schema 5, as commit {EARLIER} wrote it, is migrated with a copy kept"):
        machine.run(f"systemctl stop {_SERVICE}")
        schema = _asked(machine, _SCHEMA)
        shutil.copyfile(database, machine.root / _DATA[1:] / "lastvagt.sqlite")
        issues = _asked(machine, _COUNT)
        check(issues >= 3 and _asked(machine, _SCHEMA) == 5, "The earlier engine made another database.")
        machine.run(f"systemctl start {_SERVICE}")
        check(_asked(machine, _SCHEMA) == schema, "It was not migrated.")
        machine.run(f"test -s {_DATA}/lastvagt.sqlite.before-schema-{schema}")
        check(_asked(machine, _COUNT) >= issues, "Issues were lost.")
        wait(120, lambda: machine.status()["status"] == "ok", "The engine is not well with it.")
    with step("it answers over HTTP, and systemctl status tells how it is"):
        check('"status"' in machine.run(_GET.format(path="/health")), "The endpoint does not answer.")
        wait(60, lambda: "newest issue 2" in machine.of_service("StatusText"), "systemctl status tells of no issue.")
    with step("systemd itself finds the running unit little exposed, and it runs as lastvagt without capabilities"):
        exposure = machine.run(f"systemd-analyze security --no-pager {_SERVICE} | tail -1")
        check(float(exposure.split("service:")[1].split()[0]) <= 2.5, exposure)
        status = machine.run(f"cat /proc/{machine.of_service('MainPID')}/status")
        for line in ("CapEff:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"):
            check(line in status, f"{line} is not so.")
    with step("a member of the group lastvagt reads the database, another user does not"):
        machine.run("useradd member && useradd -G lastvagt reader")
        check("DK1" in machine.run(f"runuser -u reader -- lastvagt-engine status --data-dir {_DATA}"), "The member sees nothing.")
        machine.run(f"! runuser -u member -- lastvagt-engine status --data-dir {_DATA}")
    with step("killed (SIGKILL), it is back"):
        _is_back(machine, "KILL", 30)
    with step("hung (SIGSTOP), the watchdog ends it and it is back"):
        _is_back(machine, "STOP", 150)
    with step("asked to stop, it ends cleanly within ten seconds"):
        begin = time.monotonic()
        machine.run(f"systemctl stop {_SERVICE}")
        check(time.monotonic() - begin < 10, "It took longer.")
        check(machine.of_service("Result") == "success", "It did not end cleanly.")
        check(not machine.run(f"find {_DATA} -name '*-wal'"), "It left a journal behind.")
    with step("five crashes: it serves in safe mode, and says so"):
        machine.run(f"systemctl reset-failed {_SERVICE}; systemctl start {_SERVICE}")  # which counts anew
        for _ in range(5):
            _crash(machine)
        wait(60, lambda: machine.of_service("ActiveState") == "active", "It was given up too early.")
        check(machine.status()["status"] == "safe_mode", "It does not say that it is in safe mode.")
    with step("five more: it stays down, and the doctor writes to the journal"):
        for _ in range(5):
            _crash(machine)
        wait(60, lambda: machine.of_service("ActiveState") == "failed", "It is never given up.")
        wait(60, lambda: "Finished lastvagt-engine-doctor" in machine.journal(), "The doctor wrote nothing.")
        machine.run(f"systemctl reset-failed {_SERVICE}")
    with step("a downgrade is warned of; the database of a newer version is refused, and left as it is"):
        check("is older than" in machine.install(before, "--allow-downgrades"), "Nothing was said.")
        _mark(machine, schema + 1)
        machine.drop_in("once", "Restart=no")
        machine.run(f"! systemctl start {_SERVICE}")
        check("was written by a newer Lastvagt" in machine.journal(), "It does not say why it does not start.")
        check(_asked(machine, _SCHEMA) == schema + 1, "The database was changed.")
        machine.drop_in("once")
        machine.install(package)
        _mark(machine, schema)
        machine.run(f"systemctl reset-failed {_SERVICE}; systemctl start {_SERVICE}")
    with step("apt remove: the service is gone, the data are left"):
        machine.run("apt-get remove --yes --quiet lastvagt-engine")
        check(not machine.run("pgrep lastvagt || true"), "An engine still runs.")
        machine.run(
            f"test -s {_DATA}/lastvagt.sqlite && test ! -e /usr/lib/lastvagt-engine && test ! -e /usr/bin/lastvagt-engine"
        )
    with step("installed again, it goes on with them"):
        machine.install(package)
        machine.run(f"systemctl start {_SERVICE}")
        check(_asked(machine, _COUNT) >= issues, "Issues were lost.")
    with step("apt purge: everything is gone but the user"):
        told = machine.run("apt-get purge --yes --quiet lastvagt-engine")
        check("every forecast and observation" in told, "It does not say what goes.")
        left = machine.run("find / -xdev -path /var/tmp -prune -o -path /proc -prune -o -name '*lastvagt*' -print").split()
        left = [path for path in left if not path.startswith((_DROP_INS, "/var/log", "/var/lib/dpkg", "/var/lib/systemd/deb"))]
        check(not left, f"Left: {', '.join(left)}")


#: A question to the endpoint by what a bare system has.
_GET = """bash -c 'exec 3<>/dev/tcp/127.0.0.1/8787; printf "GET {path} HTTP/1.0\\r\\nHost: 127.0.0.1:8787\\r\\n\\r\\n" >&3; cat <&3'"""


_COUNT, _SCHEMA = "SELECT count(*) FROM forecast_run", "PRAGMA user_version"


def _asked(machine: Machine, sql: str) -> int:
    """What the database says, 0 while it is being made; asked from outside, for a bare system has no SQLite."""
    try:
        with contextlib.closing(_open(machine)) as db:
            return int(db.execute(sql).fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def _open(machine: Machine, mode: str = "ro") -> sqlite3.Connection:
    return sqlite3.connect(f"file:{machine.root}{_DATA}/lastvagt.sqlite?mode={mode}", uri=True)


def _mark(machine: Machine, schema: int) -> None:
    """Let the database say that it is of another schema."""
    with contextlib.closing(_open(machine, "rw")) as db:
        db.execute(f"PRAGMA user_version={schema}")


def _crash(machine: Machine) -> None:
    """Kill the service as soon as it serves."""
    wait(60, lambda: machine.of_service("ActiveState") == "active", "It was given up too early.")
    machine.run(f"systemctl kill --kill-who=main --signal=KILL {_SERVICE}")
    wait(10, lambda: machine.of_service("ActiveState") != "active", "It cannot be killed.")


def _is_back(machine: Machine, signal: str, within_s: float) -> None:
    """Send a signal, and wait until another process serves."""
    before = machine.of_service("MainPID")
    machine.run(f"systemctl kill --kill-who=main --signal={signal} {_SERVICE}")
    wait(
        within_s,
        lambda: machine.of_service("MainPID") not in (before, "0") and machine.of_service("ActiveState") == "active",
        f"It does not come back after SIG{signal}.",
    )


def try_app(machine: Machine, package: Path, engine: Path) -> None:
    """The app on a clean desktop-less system, and the change from it to the engine alone."""
    with step("apt install of app and engine brings what Qt needs, and no Python"):
        shutil.copyfile(package, machine.root / "var" / "tmp" / package.name)
        install = f"DEBIAN_FRONTEND=noninteractive apt-get install --yes -qq --no-install-recommends /var/tmp/{package.name}"
        machine.before_boot(f"{install} || {{ apt-get update -qq && {install}; }}")  # what is known or kept may be out of date
        check("python" not in machine.before_boot("dpkg-query -W -f '${Package} '"), "A Python came with it.")
    with step("it makes two simulated days and a picture of every view"):
        machine.before_boot("lastvagt-engine demo --days 2 --price-areas-only --out /var/tmp/demo")
        machine.before_boot("test -s /var/tmp/demo/data/lastvagt.sqlite")
        told = machine.before_boot("lastvagt --data-dir /var/tmp/demo/data --language en --screenshot /var/tmp/pictures")
        check(told.count(".png") >= 5, told)
    with step("the service of the package with the app serves, too"):
        machine.boot()
        machine.drop_in("simulated", "Environment=LASTVAGT_SIMULATED=1")
        machine.run(f"systemctl enable --now {_SERVICE}")
        wait(120, lambda: _asked(machine, _COUNT) >= 3, "It makes no forecast.")
    with step("the engine alone takes the app's place, and the service goes on with the same data"):
        issues = _asked(machine, _COUNT)
        machine.install(engine)
        check("lastvagt-engine/" in machine.run(f"readlink -f /proc/{machine.of_service('MainPID')}/exe"), "The old engine runs.")
        check(machine.of_service("ActiveState") == "active", "The service does not go on.")
        check(_asked(machine, _COUNT) >= issues, "Issues were lost.")
        machine.run("apt-get purge --yes --quiet lastvagt 2>&1")
        machine.run(f"test -s {_DATA}/lastvagt.sqlite")


def main() -> int:
    """Try both packages; 1 where one fails, 2 where this machine cannot try them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("packages", type=Path, metavar="DIR", help="folder with both packages")
    parser.add_argument(
        "--dist", type=Path, default=ROOT / "dist", metavar="DIR", help="folder of the frozen programs (default: dist)"
    )
    parser.add_argument("--suite", default="bookworm", help="release of Debian (default: %(default)s)")
    parser.add_argument("--only", choices=deb.PACKAGES, help="try this one alone")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="keep the pictures the app makes")
    args = parser.parse_args()
    missing = [program for program in ("debootstrap", "systemd-nspawn", "nsenter") if shutil.which(program) is None]
    if missing or os.geteuid() != 0:
        print(f"This needs root and {', '.join(missing) or 'nothing else'}.", file=sys.stderr)
        return 2
    app, engine = (args.packages / f"{name}_{deb.version()}_{deb.architecture()}.deb" for name in deb.PACKAGES)
    for name in (args.only,) if args.only else reversed(deb.PACKAGES):
        print(f"{name} in Debian {args.suite}", flush=True)
        machine = Machine(args.suite, f"{name}-{args.suite}")
        try:
            if name == "lastvagt-engine":
                before = deb.build(args.dist / name, machine.root / "var" / "tmp", EARLIER_VERSION, fast=True)
                try_engine(machine, engine, before, earlier())
            else:
                try_app(machine, app, engine)
                if args.pictures:
                    shutil.copytree(machine.root / "var" / "tmp" / "pictures", args.pictures, dirs_exist_ok=True)
        except Failed as trouble:
            print(f"FAILED: {trouble}", file=sys.stderr)
            with contextlib.suppress(Failed):
                print(machine.journal()[-6000:], file=sys.stderr)
            return 1
        finally:
            machine.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
