"""Sets Lastvagt and its peers one exercise: same data, issue times, hours and scores, each in a process and environment of its own.

make bench-peers        (or: python tests/bench_peers.py [--days N] [--only NAMES] [--fresh])
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bench
import numpy as np

from engine import clock, comparison, features, geography, verification
from engine.domain import DAY, HOUR, LEVELS, MEDIAN, Consumer, Expected, FloatArray, IntArray
from engine.evaluation import Pairs
from engine.store import FOREVER, Archive, Reader

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data"
OUT = ROOT / "out" / "peers"
ACCURACY = ROOT / "out" / "accuracy"
STORE, MODELS = ACCURACY / "store" / "lastvagt.sqlite", ACCURACY / "models-to-2021-12-31"
SCRIPTS = Path(__file__).with_name("peers")
FIRST = dt.date(2022, 1, 1)
DAYS = 365
LEAVES = ("DK1", "DK2")
AREAS = (*LEAVES, "DK")
ISSUE_HOUR = 10
#: A peer that takes longer is told as one that does not run.
LIMIT_S = 3600
#: A weather quantity is given where at least this share of the hours asked for has it.
WEATHER_SHARE = 0.95


@dataclass(frozen=True)
class Peer:
    """A forecaster to compare with: a script in an environment of its own. `files` are what its answers depend on besides."""

    name: str
    label: str
    how: str
    script: Path
    requirements: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    environment: str = ""
    python: tuple[int, int] = (3, 11)
    files: tuple[Path, ...] = ()

    @property
    def folder(self) -> Path:
        """Where its environment is."""
        return OUT / "venv" / (self.environment or self.name)


OPENSTEF = ("openstef-models[lgbm,xgb-cpu]==4.7.0", "openstef-meta==4.7.0")
PEERS = (
    Peer(
        "older_service",
        "older service's method",
        "recursive LightGBM, lags 1 to 72, UTC calendar, no weather; fitted every day on 30 days",
        SCRIPTS / "recursive_lightgbm.py",
        ("lightgbm==4.7.0",),
    ),
    Peer(
        "mlforecast",
        "mlforecast with LightGBM",
        "recursive, lags 24 to 336, rolling means, Danish calendar, weather; fitted once, told the new load each day; conformal bands",
        SCRIPTS / "mlforecast_lightgbm.py",
        ("mlforecast==1.1.0", "lightgbm==4.7.0", "holidays>=0.79"),
    ),
    Peer(
        "openstef_ensemble",
        "OpenSTEF, ensemble preset",
        "its own features, weather; fitted every week on 90 days, as its own benchmark does",
        SCRIPTS / "openstef_preset.py",
        OPENSTEF,
        ("ensemble",),
        environment="openstef",
        python=(3, 12),
    ),
    Peer(
        "openstef_lightgbm",
        "OpenSTEF, LightGBM preset",
        "its own features, weather; fitted every four weeks on two years",
        SCRIPTS / "openstef_preset.py",
        OPENSTEF,
        ("lgbm",),
        environment="openstef",
        python=(3, 12),
    ),
    Peer(
        "fracast",
        "fracast, zero-shot",
        "pre-trained, no weather, no calendar, nine deciles; its size is that of torch",
        SCRIPTS / "fracast_zero_shot.py",
        ("fracast==0.1.0", "torch==2.13.0"),
    ),
    Peer(
        "lastvagt",
        "**Lastvagt**",
        "trained once; time and memory are those of the backtest, training is by `make bench-accuracy`",
        SCRIPTS / "lastvagt.py",
        ("-c", str(ROOT / "constraints.txt"), "-e", f"{ROOT}[train]"),
        (str(STORE), str(MODELS)),
        files=(*sorted((ROOT / "engine").rglob("*.py")), MODELS),
    ),
)


@dataclass(frozen=True)
class Exercise:
    """The hours asked for, in order of time, what came true in each (NaN: unknown) and `seasonal_naive`; MWh, by area."""

    path: Path
    valid_time: IntArray
    issue_time: IntArray
    observed: Mapping[str, FloatArray]
    reference: Mapping[str, FloatArray]

    def pairs(self, area: str, levels: Sequence[float], quantiles: FloatArray) -> Pairs:
        """Answers beside the truth where it is known; levels that were not answered are NaN."""
        full = np.full((len(quantiles), len(LEVELS)), np.nan)
        for i, level in enumerate(levels):
            if round(float(level), 3) in LEVELS:
                full[:, LEVELS.index(round(float(level), 3))] = quantiles[:, i]
        known = ~np.isnan(self.observed[area])
        columns = (self.valid_time, self.issue_time, self.observed[area], full, self.reference[area])
        return Pairs(*(column[known] for column in columns))


def set_exercise(archive: Archive, start: int, first: dt.date, days: int, path: Path) -> Exercise:
    """Write the exercise over an archive that begins at `start`: every Danish day from `first`, issued at 10:00 the day before."""
    dates = [first + dt.timedelta(days=i) for i in range(days)]
    hours = [clock.local_hours(date) for date in dates]
    issues = [clock.local_time(date - dt.timedelta(days=1), ISSUE_HOUR) for date in dates]
    recent = [archive.as_of(issue, clock.floor_hour(issue) - 7 * DAY, 7 * 24 + 1) for issue in issues]
    newest = [min(history.newest_valid[("load", area, "total")] for area in LEAVES) for history in recent]
    everything = archive.as_of(FOREVER, start, (int(hours[-1][-1]) - start) // HOUR + 1)
    asked = (np.concatenate(hours) - start) // HOUR
    values: dict[str, FloatArray] = {}
    for area in LEAVES:
        values[f"{area}/load"] = everything.values[("load", area, "total")]
        for key in features.weather_keys(everything, area):
            if np.mean(~np.isnan(everything.values[key][asked])) >= WEATHER_SHARE:
                values[f"{area}/{key[0]}"] = everything.values[key]
    path.parent.mkdir(parents=True, exist_ok=True)
    plan = {"newest": newest, "last": [h[-1] for h in hours], "hours": [len(h) for h in hours]}
    np.savez(path, start=start, areas=np.array(LEAVES), **plan, **values)
    observed = {area: np.sum([values[f"{part}/load"][asked] for part in geography.parts(area)], axis=0) for area in AREAS}
    valid_time = start + asked * HOUR
    issue_time = np.repeat(issues, plan["hours"])
    reference = {area: verification.seasonal_naive(archive, Consumer(area), valid_time, issue_time) for area in AREAS}
    return Exercise(path, valid_time, issue_time, observed, reference)


def find_python(least: tuple[int, int]) -> str:
    """An interpreter of at least this version that can make environments, this one if it will do."""
    named = [sys.executable, *(shutil.which(name) or "" for name in ("python3.12", "python3.13"))]
    kept_by_pyenv = sorted(str(path) for path in Path.home().glob(".pyenv/versions/3.*/bin/python3"))
    for candidate in filter(None, [*named, *kept_by_pyenv]):
        test = f"import sys, ensurepip, venv; sys.exit(sys.version_info[:2] < {least})"
        if subprocess.run([candidate, "-c", test], capture_output=True, check=False).returncode == 0:
            return candidate
    wanted = ".".join(map(str, least))
    raise Expected(f"It needs Python {wanted} or newer, and none was found.", f"Install Python {wanted}.")


def install(peer: Peer) -> tuple[str, float]:
    """The interpreter of a peer's environment, which is made where it is missing, and the size in MB of what is installed in it."""
    python = peer.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    done = peer.folder / "requirements.txt"
    wanted = "\n".join(peer.requirements)
    if not done.exists() or done.read_text() != wanted:
        print(f"{peer.label}: installing", file=sys.stderr, flush=True)
        shutil.rmtree(peer.folder, ignore_errors=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *peer.requirements]
        for command in ([find_python(peer.python), "-m", "venv", str(peer.folder)], pip):
            answer = subprocess.run(command, capture_output=True, text=True, check=False)
            if answer.returncode:
                raise Expected(f"It does not install: {_last_line(answer.stderr)}", "See whether another version does.")
        done.write_text(wanted)
    packages = next(peer.folder.glob("[Ll]ib/**/site-packages"))
    files = (file for file in packages.rglob("*") if file.is_file() and file.relative_to(packages).parts[0][:3] != "pip")
    return str(python), sum(file.stat().st_size for file in files) / 1e6


def ask(peer: Peer, exercise: Exercise, fresh: bool) -> tuple[Mapping[str, Any], Mapping[str, FloatArray]]:
    """What the peer's answers cost, and the answers: `levels` and the quantiles of each area.

    They are kept beside the exercise until something they depend on changes.
    """
    python, size = install(peer)
    kept, answers, log = (exercise.path.with_name(f"{peer.name}.{kind}") for kind in ("json", "npz", "log"))
    digest = _digest([exercise.path, SCRIPTS / "exercise.py", peer.script, *peer.files], [*peer.requirements, *peer.arguments])
    if fresh or not kept.exists() or json.loads(kept.read_text())["digest"] != digest:
        print(f"{peer.label}: running", file=sys.stderr, flush=True)
        kept.unlink(missing_ok=True)
        environment = os.environ | {"PYTHONPATH": str(SCRIPTS), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        command = [python, str(peer.script), str(exercise.path), str(answers), *peer.arguments]
        try:
            run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False)
        except subprocess.TimeoutExpired as error:
            raise Expected(f"It does not run: not done after {LIMIT_S // 60} minutes.", "Give it longer.") from error
        log.write_text(run.stderr)
        if run.returncode:
            raise Expected(f"It does not run: {_last_line(run.stderr)}", f"See {log}.")
        costs = json.loads(run.stdout.strip().splitlines()[-1])
        kept.write_text(
            json.dumps({"digest": digest, "costs": costs | {"installed_mb": size, "date": bench.machine()["date"]}}, indent=1)
            + "\n"
        )
    with np.load(answers) as file:
        return json.loads(kept.read_text())["costs"], {name: file[name] for name in file.files}


def _digest(paths: Sequence[Path], texts: Sequence[str]) -> str:
    files = [file for path in paths for file in (sorted(path.rglob("*")) if path.is_dir() else [path]) if file.is_file()]
    return hashlib.sha256(b"\0".join([*(file.read_bytes() for file in files), *(text.encode() for text in texts)])).hexdigest()


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no word why")


def judge(exercise: Exercise, answers: Mapping[str, FloatArray]) -> dict[str, Pairs]:
    """The answers beside the truth, by area. Where an area was not answered but its parts were, the sum of their medians stands in."""
    levels = [round(float(level), 3) for level in answers["levels"]]
    judged = {area: exercise.pairs(area, levels, answers[area]) for area in AREAS if area in answers}
    for area in set(AREAS) - set(judged):
        median = np.sum([answers[part][:, levels.index(0.5)] for part in geography.parts(area)], axis=0)
        judged[area] = exercise.pairs(area, (0.5,), median[:, None])
    return {area: judged[area] for area in AREAS}


def figures(pairs: Pairs) -> dict[str, float | None]:
    """The figures of the table; None where the levels they need were not answered."""
    found = pairs.score(slice(None), 0.0).figures()
    answered = {level: not np.isnan(pairs.quantiles[:, i]).any() for i, level in enumerate(LEVELS)}
    if not (answered[0.1] and answered[0.9]):
        found["coverage_80"] = np.nan
    if not (answered[0.05] and answered[0.95]):
        found["coverage_90"] = np.nan
    wanted = ("mae", "wape", "skill", "rmse", "wql", "coverage_80", "coverage_90")
    return {name: float(found[name]) if np.isfinite(found[name]) else None for name in wanted}


def compare(ours: Pairs, theirs: Pairs) -> dict[str, Any]:
    """Our mean absolute error against theirs, paired by Danish day: the relative difference, its 95 % interval, and who is better."""
    day = clock.local_day_hour(ours.valid_time)[0]
    _, number = np.unique(day, return_inverse=True)
    daily = [np.bincount(number, np.abs(p.quantiles[:, MEDIAN] - p.observed)) for p in (ours, theirs)]
    found = comparison.compare(*daily)
    verdict = {None: "no difference can be claimed", True: "better", False: "worse"}[found.better]
    return {"relative": found.relative_difference, "interval": found.relative_interval, "verdict": verdict}


def tables(rows: Sequence[Mapping[str, Any]], title: str) -> str:
    """Accuracy and cost of every peer, then Lastvagt against each, as Markdown."""
    lines = [
        title,
        "",
        "| | WAPE % DK1 / DK2 / DK | skill | RMSE MWh | WQL % | 80 % band holds | 90 % band holds | training CPU s | one issue CPU ms "
        "| memory MB | installed MB |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    columns = (("wape", 2), ("skill", 3), ("rmse", 0), ("wql", 2), ("coverage_80", 1), ("coverage_90", 1))
    for row in rows:
        if "problem" in row:
            lines.append(f"| {row['label']} | {row['problem']} |" + " |" * 9)
            continue
        cells = [" / ".join(_number(row["areas"][area][name], digits) for area in AREAS) for name, digits in columns]
        costs = row["costs"]
        cells += [_number(costs.get(name), digits) for name, digits in (("training_s", 0), ("issue_ms", 1))]
        cells += [_number(costs.get(name), 0) for name in ("memory_mb", "installed_mb")]
        lines.append(f"| {row['label']} | {' | '.join(cells)} |")
    compared = [row for row in rows if "against" in row]
    if compared:
        lines += ["", "| mean absolute error of Lastvagt against | DK1 | DK2 | DK |", "|---|---|---|---|"]
    for row in compared:
        cells = [
            f"{100 * c['relative']:+.1f} % ({100 * c['interval'][0]:+.1f} to {100 * c['interval'][1]:+.1f}), {c['verdict']}"
            for c in (row["against"][area] for area in AREAS)
        ]
        lines.append(f"| {row['label']} | {' | '.join(cells)} |")
    lines += ["", *(f"* {row['label']}: {row['how']}." for row in rows)]
    return "\n".join(lines) + "\n"


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def prepare(days: int, bundles: bool) -> Exercise:
    """The exercise over the store of `make bench-accuracy`, which is run where that, or bundles no older than the code, are missing."""
    code = [*(ROOT / "models").glob("*.py"), ROOT / "engine" / "features.py"]
    made = [path.stat().st_mtime for path in MODELS.glob("*/manifest.json")]
    old = not made or max(path.stat().st_mtime for path in code) > min(made)
    if not STORE.exists() or (bundles and old):
        subprocess.run([sys.executable, str(ROOT / "tests" / "bench_accuracy.py")], check=False)
    start, end = clock.parse_utc("2015-01-01"), clock.local_midnight(FIRST + dt.timedelta(days=days))
    return set_exercise(Reader(STORE).archive(start, end, AREAS), start, FIRST, days, OUT / f"{days}-days" / "exercise.npz")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=DAYS, help="days of 2022, for a short run (default: the year)")
    parser.add_argument("--only", default=",".join(peer.name for peer in PEERS), help="which peers (default: %(default)s)")
    parser.add_argument("--fresh", action="store_true", help="forget the answers kept from earlier runs")
    arguments = parser.parse_args(argv)
    if not DATA.is_dir():
        print(f"The data are not here ({DATA.parent.name}/{DATA.name} beside the project); nothing was measured.")
        return 0
    asked = [peer for peer in PEERS if peer.name in arguments.only.split(",")]
    exercise = prepare(arguments.days, any(peer.name == "lastvagt" for peer in asked))
    naive = {area: exercise.reference[area][:, None] for area in AREAS}
    judged = {"seasonal_naive": judge(exercise, {"levels": np.array([0.5]), **naive})}
    how = "the latest same Danish weekday and hour known"
    rows: list[dict[str, Any]] = [{"name": "seasonal_naive", "label": "seasonal naive", "how": how, "costs": {}}]
    for peer in asked:
        rows.append({"name": peer.name, "label": peer.label, "how": peer.how})
        try:
            rows[-1]["costs"], answers = ask(peer, exercise, arguments.fresh)
            judged[peer.name] = judge(exercise, answers)
        except Expected as problem:
            rows[-1]["problem"] = problem.problem
    for row in rows:
        if row["name"] in judged:
            row["areas"] = {area: figures(pairs) for area, pairs in judged[row["name"]].items()}
    if "lastvagt" in judged:
        for row in rows:
            if row["name"] in judged and row["name"] != "lastvagt":
                theirs = judged[row["name"]]
                row["against"] = {area: compare(judged["lastvagt"][area], theirs[area]) for area in AREAS}
    where = bench.machine()
    days = [clock.local(int(t)).date().isoformat() for t in (exercise.valid_time[0], exercise.valid_time[-1])]
    title = (
        f"{days[0]} to {days[1]}, issued {ISSUE_HOUR}:00 the day before, load known after 2 h, weather ex-post, one thread; "
        f"{where['processor']}, {where['cores']} cores, {where['date']}; load ENTSO-E and Energi Data Service, weather DMI and Open-Meteo"
    )
    text = tables(rows, title)
    print(text)
    exercise.path.with_name("table.md").write_text(text)
    exercise.path.with_name("table.json").write_text(json.dumps({"machine": where, "days": days, "rows": rows}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
