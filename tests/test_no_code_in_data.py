"""Nothing that is shipped reads a format that can run code (pickle and its kin), or makes code of text."""

from __future__ import annotations

import ast
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
