"""The local table of experiments: every training, tuning and ablation run with its data, choices and scores, as CSV and as a page."""

from __future__ import annotations

import csv
import html
import json
import time
from collections.abc import Mapping
from pathlib import Path

import engine
from engine import clock

_COLUMNS = (
    "time",
    "kind",
    "what",
    "version",
    "model_id",
    "tier",
    "data_from",
    "data_to",
    "rows",
    "seconds",
    "scores",
    "parameters",
)
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Experiments</title><style>
body{{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:90rem;padding:0 1rem;color:#1c2733;background:#fff}}
table{{border-collapse:collapse;width:100%}}th,td{{padding:.35rem .6rem;border-bottom:1px solid #d5dbe1;text-align:left;vertical-align:top}}
th{{padding:0}}th button{{font:inherit;font-weight:600;width:100%;text-align:left;border:0;background:#eef2f5;padding:.4rem .6rem;cursor:pointer}}
th[aria-sort] button{{background:#d9e3ec}}td.n{{text-align:right;font-variant-numeric:tabular-nums}}summary{{cursor:pointer}}
</style><h1>Experiments</h1><p>{count} runs. A click on a column sorts by it. WAPE in percent.</p>
<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><script>
document.querySelectorAll("th button").forEach((button, column) => button.onclick = () => {{
  const head = button.parentNode, up = head.getAttribute("aria-sort") !== "ascending", body = document.querySelector("tbody");
  const key = row => row.cells[column].dataset.key, number = x => x === "" ? NaN : Number(x);
  const order = (a, b) => {{
    const x = key(a), y = key(b);
    return isNaN(number(x)) || isNaN(number(y)) ? x.localeCompare(y) : number(x) - number(y);
  }};
  [...body.rows].sort((a, b) => up ? order(a, b) : order(b, a)).forEach(row => body.append(row));
  document.querySelectorAll("th").forEach(h => h.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
}});
</script></html>
"""


def record(folder: Path, kind: str, scores: Mapping[str, float], parameters: Mapping[str, object], **facts: object) -> None:
    """Append one run to `experiments.jsonl` of a folder and write `experiments.csv` and `experiments.html` beside it.

    `facts` fill further columns: what, model_id, tier, data_from, data_to, rows, seconds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    run = {"time": clock.iso(int(time.time())), "kind": kind, "version": engine.__version__, **facts}
    line = json.dumps(run | {"scores": scores, "parameters": parameters})
    with (folder / "experiments.jsonl").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    text = (folder / "experiments.jsonl").read_text(encoding="utf-8")
    runs = [json.loads(line) for line in text.splitlines()]
    names = list(dict.fromkeys(name for r in runs for name in r["scores"]))
    header = [c for c in _COLUMNS if c not in ("scores", "parameters")]
    with (folder / "experiments.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*header, *names, "parameters"])
        for r in runs:
            values = [r.get(c, "") for c in header] + [r["scores"].get(name, "") for name in names]
            writer.writerow([*values, json.dumps(r["parameters"])])
    (folder / "experiments.html").write_text(_page(runs, header, names), encoding="utf-8")


def _page(runs: list[Mapping[str, object]], header: list[str], names: list[str]) -> str:
    def cell(value: object) -> str:
        number = isinstance(value, int | float)
        shown = f"{value:.3f}" if isinstance(value, float) else str(value)
        return f'<td{" class=n" if number else ""} data-key="{html.escape(str(value), quote=True)}">{html.escape(shown)}</td>'

    rows = []
    for r in reversed(runs):
        scores, parameters = r["scores"], r["parameters"]
        assert isinstance(scores, Mapping)
        cells = [cell(r.get(c, "")) for c in header] + [cell(scores.get(name, "")) for name in names]
        told = html.escape(json.dumps(parameters, indent=1))
        rows.append(f'<tr>{"".join(cells)}<td data-key=""><details><summary>show</summary><pre>{told}</pre></details></td></tr>')
    head = "".join(
        f'<th scope="col"><button>{html.escape(c.replace("_", " "))}</button></th>' for c in [*header, *names, "parameters"]
    )
    return _PAGE.format(count=len(runs), head=head, body="\n".join(rows))
