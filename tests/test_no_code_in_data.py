"""Nothing that is shipped reads a format that can run code (pickle and its kin), or makes code of text."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
_MODULES = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "joblib", "cloudpickle", "torch"}
_CALLS = {"eval", "exec", "yaml.load", "np.loads", "pd.read_pickle", "pandas.read_pickle"}


def _found(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name.partition(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [(node.module or "").partition(".")[0]]
        for name in set(names) & _MODULES:
            yield f"{path.name}:{node.lineno} imports {name}"
        if isinstance(node, ast.Call) and (called := ast.unparse(node.func)) in _CALLS:
            yield f"{path.name}:{node.lineno} calls {called}"
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle" and ast.unparse(node.value) != "False":
            yield f"{path.name}:{node.value.lineno} allows pickle"


@pytest.mark.gate("D1", "No format that can run code", target="0 uses of pickle and its kin, eval or exec in all that is shipped")
def test_nothing_shipped_reads_a_format_that_can_run_code(tmp_path: Path, gate: Callable[[str], None]) -> None:
    files = [path for folder in ("engine", "app", "models", "packaging") for path in sorted((ROOT / folder).rglob("*.py"))]
    found = [told for path in files for told in _found(path)]
    bad = tmp_path / "bad.py"
    bad.write_text("import pickle, numpy as np\nfrom joblib import load\nnp.load('x', allow_pickle=True)\neval('1')\n")
    gate(f"{len(found)} in {len(files)} files")
    assert len(list(_found(bad))) == 4
    assert found == []


#: Runs the engine where whatever reads pickle or marshal raises, but for Python's own import of its compiled modules.
_WITHOUT = """
import _pickle, marshal, pickle, runpy, sys

def refuse(*_, **__):
    raise RuntimeError("a format that can run code was read")

class Refused:
    __init__ = refuse

def only_imports(read):
    def load(*given):
        return read(*given) if sys._getframe(1).f_globals["__name__"] == "importlib._bootstrap_external" else refuse()
    return load

marshal.load, marshal.loads = map(only_imports, (marshal.load, marshal.loads))
for module in (pickle, _pickle):
    module.load = module.loads = refuse
    module.Unpickler = Refused
pickle._Unpickler = Refused
sys.argv = ["lastvagt-engine", *sys.argv[1:]]
{first}
runpy.run_module("engine", run_name="__main__")
"""


def _engine_without(folder: Path, first: str = "") -> subprocess.CompletedProcess[str]:
    """Fetch and forecast simulated data in an engine that can read neither pickle nor marshal."""
    words = ("once", "--simulated", "--data-dir", str(folder))
    less = {"LASTVAGT_BACKFILL_DAYS": "30", "LASTVAGT_FETCH_SETTLEMENT": "false", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", _WITHOUT.replace("{first}", first), *words],
        env=os.environ | less,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.gate(
    "D1", "Where pickle cannot be read", target="the engine fetches and forecasts with pickle and marshal made to raise"
)
def test_the_engine_forecasts_where_pickle_and_marshal_raise(tmp_path: Path, gate: Callable[[str], None]) -> None:
    ran = _engine_without(tmp_path / "data")
    made = next((line for line in ran.stdout.splitlines() if line.startswith("forecast: ok")), "")
    areas = made.count("'full'")
    gate(f"exit code {ran.returncode}, {areas} areas forecast by the full model")
    assert ran.returncode == 0, ran.stderr
    assert areas == 3, ran.stdout


@pytest.mark.parametrize("read", ["pickle.loads(pickle.dumps(1))", "marshal.loads(marshal.dumps(1))", "pickle.Unpickler(None)"])
def test_reading_one_of_them_would_be_noticed(tmp_path: Path, read: str) -> None:
    ran = _engine_without(tmp_path / "data", read)
    assert "can run code was read" in ran.stderr
    assert ran.returncode == 1
