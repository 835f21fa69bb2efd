"""Tries the container where no registry of images can be reached: on a Debian of its own making, with podman, as root.

Builds the image from the frozen engine, fills its volume with simulated days, runs it as compose.yaml says, and asks Prometheus every
question of the dashboards and alerts. python packaging/container/trial.py"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
BASE, IMAGE, NAME = "localhost/lastvagt-base:bookworm", "localhost/lastvagt-engine:trial", "lastvagt-trial"
NEEDED = ("podman", "runc", "debootstrap", "nsenter", "prometheus", "promtool")
#: As compose.yaml has it; the two limits are under what this machine may give.
LIMITS = (
    *("--read-only", "--tmpfs", "/tmp", "--cap-drop", "all", "--security-opt", "no-new-privileges"),
    *("--memory", "1g", "--pids-limit", "200", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096"),
)
_AREA = "DK1"
_STOP_S = 10.0
_METRIC = re.compile(r"\b(?:lastvagt|process)_[a-z0-9_]+|\bup\b|\bscrape_duration_seconds\b")


class Failed(Exception):
    """What should be true of the container is not."""


def questions() -> Iterator[tuple[str, str]]:
    """Every expression of the dashboards, by board and panel, for one area."""
    for path in sorted((HERE / "grafana" / "dashboards").glob("*.json")):
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]:
            for target in panel.get("targets", ()):
                yield f"{path.stem}: {panel['title']}", target["expr"].replace("$area", _AREA)


def alerts() -> Iterator[tuple[str, str]]:
    """Every expression of the alerts, by name."""
    text = (HERE / "prometheus" / "alerts.yml").read_text(encoding="utf-8")
    yield from re.findall(r"- alert: (\w+)\n\s+expr: (.+)\n", text)


def metrics(expression: str) -> set[str]:
    """Names of the metrics that an expression asks for."""
    return set(_METRIC.findall(expression))


def podman(*words: str, check: bool = True) -> str:
    """What podman says; raises Failed where it fails and must not."""
    ran = subprocess.run(["podman", "--runtime", "runc", *words], capture_output=True, text=True, check=False)
    if check and ran.returncode:
        raise Failed(f"podman {' '.join(words)}: {ran.stderr.strip()}")
    return ran.stdout.strip()


def expect(true: bool, text: str) -> None:
    """Tell what is true, or stop."""
    if not true:
        raise Failed(text)
    print(f"ok  {text}", flush=True)


def base(folder: Path) -> None:
    """An image of the smallest Debian 12, where there is none yet."""
    if subprocess.run(["podman", "image", "exists", BASE], check=False).returncode == 0:
        return
    root = folder / "root"
    subprocess.run(["debootstrap", "--variant=minbase", "bookworm", str(root)], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["tar", "-C", str(root), "-cf", str(folder / "root.tar"), "."], check=True)
    podman("import", str(folder / "root.tar"), BASE)


def run(*words: str) -> None:
    """Start the container on simulated data, as it is used; its health is asked by hand, for timers need systemd."""
    data = ("-v", f"{NAME}:/data", "-e", "LASTVAGT_SIMULATED=true", "-e", "LASTVAGT_DATA_DIR=/data/data")
    podman("run", *words, "--health-interval", "disable", *LIMITS, *data, IMAGE)


def issues() -> int:
    """How many issues the engine in the container keeps of one area."""
    return len(json.loads(_asked("/v1/issues?area=DK&limit=1000"))["rows"])


def _inside(*words: str) -> list[str]:
    """A command in the network of the container."""
    return ["nsenter", "--net", f"--target={podman('inspect', NAME, '--format', '{{.State.Pid}}')}", *words]


def _asked(path: str) -> str:
    program = f"import urllib.request as u; print(u.urlopen('http://127.0.0.1:8787{path}', timeout=20).read().decode())"
    return subprocess.run(_inside(sys.executable, "-c", program), capture_output=True, text=True, check=True).stdout


def is_healthy() -> bool:
    """Whether the image's own check finds the engine at work."""
    ran = subprocess.run(["podman", "--runtime", "runc", "healthcheck", "run", NAME], capture_output=True, check=False)
    return ran.returncode == 0


def wait(what: str, true: Callable[[], bool], most_s: float = 120.0) -> None:
    """Wait until it is so."""
    end = time.monotonic() + most_s
    while not true():
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {most_s:g} s")
        time.sleep(0.5)
    print(f"ok  {what}", flush=True)


def watch(folder: Path) -> None:
    """Let Prometheus, in the network of the container, scrape the engine, and ask it everything."""
    settings = (HERE / "prometheus" / "prometheus.yml").read_text(encoding="utf-8").replace("30s", "1s")
    (folder / "prometheus.yml").write_text(settings, encoding="utf-8")
    shutil.copy(HERE / "prometheus" / "alerts.yml", folder)
    words = (
        "prometheus",
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/tsdb",
        "--web.listen-address=127.0.0.1:9090",
    )
    with (folder / "prometheus.log").open("w", encoding="utf-8") as log:
        prometheus = subprocess.Popen(_inside(*words), stdout=log, stderr=subprocess.STDOUT)
        try:
            wait("Prometheus scrapes the engine over its loopback address", lambda: _value('up{job="lastvagt"}') == ["1"], 30.0)
            time.sleep(5)  # rates need a few scrapes
            silent = [f"{where}: {expression}" for where, expression in questions() if not _value(expression)]
            expect(
                not silent,
                f"{len(list(questions()))} questions of the dashboards have an answer{': not ' if silent else ''}{'; '.join(silent)}",
            )
            lost = sorted({name for _, expression in alerts() for name in metrics(expression) if not _value(name)})
            expect(not lost, f"all metrics of {len(list(alerts()))} alerts are there{': not ' if lost else ''}{', '.join(lost)}")
            bad = subprocess.run(
                _inside("promtool", "query", "instant", "http://127.0.0.1:9090", 'ALERTS{alertname="LastvagtSilent"}'),
                capture_output=True,
                text=True,
                check=True,
            )
            expect(not bad.stdout.strip(), "no alert says that the engine is silent")
        finally:
            prometheus.terminate()
            prometheus.wait(20)


def _value(expression: str) -> list[str]:
    """Values of an expression now."""
    ran = subprocess.run(
        _inside("promtool", "query", "instant", "http://127.0.0.1:9090", expression), capture_output=True, text=True, check=False
    )
    return re.findall(r"=> (\S+) @", ran.stdout)


def trial(dist: Path, folder: Path) -> None:
    """All of it."""
    base(folder)
    podman(
        "build",
        "-q",
        "--isolation",
        "chroot",
        "--format",
        "docker",
        "--build-arg",
        f"BASE={BASE}",
        "-t",
        IMAGE,
        "-f",
        str(HERE / "Containerfile"),
        str(dist),
    )
    expect(podman("inspect", IMAGE, "--format", "{{.Config.User}}") == "10001:10001", "the image names a user that is not root")
    podman(
        "run",
        "--rm",
        *LIMITS,
        "-v",
        f"{NAME}:/data",
        "-e",
        "LASTVAGT_DATA_DIR=",
        IMAGE,
        "demo",
        "--days",
        "3",
        "--price-areas-only",
        "--out",
        "/data",
    )
    print("ok  three simulated days in the volume", flush=True)
    run("-d", "--name", NAME, "-e", "LASTVAGT_PEAK_LIMITS=DK1=2000")
    wait("the engine is healthy by its own check", is_healthy)
    states = podman("exec", NAME, "cat", "/proc/1/status")
    expect(re.search(r"Uid:\t10001\t10001", states) is not None, "it runs as user 10001")
    expect(
        re.search(r"CapEff:\t0+\n", states) is not None and "NoNewPrivs:\t1" in states, "it has no capabilities and can get none"
    )
    expect(
        subprocess.run(
            ["podman", "--runtime", "runc", "exec", NAME, "touch", "/usr/x"], capture_output=True, check=False
        ).returncode
        != 0,
        "its root file system is read-only",
    )
    found = podman("exec", NAME, "find", "/data", "-mindepth", "1", "-maxdepth", "1").split()
    expect(
        {Path(name).name for name in found} <= {"data", "overview.html"}, f"it writes nothing beside its data: {', '.join(found)}"
    )
    wait("an issue of this hour is made", lambda: json.loads(_asked("/health"))["status"] in ("ok", "degraded") and _is_fresh())
    watch(folder)
    before = issues()
    began = time.monotonic()
    podman("stop", "-t", "20", NAME)
    took_s = time.monotonic() - began
    code = podman("inspect", NAME, "--format", "{{.State.ExitCode}}")
    expect(took_s <= _STOP_S and code == "0", f"it stops by itself in {took_s:.1f} s with exit code {code}")
    expect(not is_healthy(), "a stopped engine is not healthy")
    podman("start", NAME)
    wait("it is healthy again", is_healthy)
    expect(issues() >= before > 24, f"{before} issues are there after a restart")


def _is_fresh() -> bool:
    return all(area["age_s"] < 3600 for area in json.loads(_asked("/health"))["areas"])


def main() -> int:
    """Try it, and leave nothing but the base image."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--dist", type=Path, default=HERE.parent.parent / "dist", metavar="DIR", help="that holds lastvagt-engine (default: dist)"
    )
    args = parser.parse_args()
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing or not (args.dist / "lastvagt-engine" / "lastvagt-engine").exists():
        print(
            f"Missing: {', '.join(missing)}." if missing else f"There is no frozen engine in {args.dist}: make freeze.",
            file=sys.stderr,
        )
        return 4
    with tempfile.TemporaryDirectory() as folder:
        try:
            trial(args.dist, Path(folder))
        except Failed as trouble:
            print(f"NOT {trouble}", file=sys.stderr)
            print(podman("logs", "--tail", "20", NAME, check=False), file=sys.stderr)
            return 1
        finally:
            podman("rm", "-f", NAME, check=False)
            podman("volume", "rm", "-f", NAME, check=False)
            podman("rmi", "-f", IMAGE, check=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
