from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import histories
import numpy as np
import pytest
from test_evaluation import found, pairs

from engine import clock, evaluation, report
from engine.__main__ import main
from engine.config import Config
from engine.domain import DAY, HOUR, Expected, Observations, Series
from engine.store import Writer

END = clock.parse_utc("2026-10-26T00:00Z")


@pytest.fixture(scope="module")
def page() -> str:
    """The page of two areas and a rival, with every mark."""
    areas = {"DK1": pairs("2022-01-01", 120, autocorrelation=0.3), "<b>x": pairs("2022-01-01", 120, 2)}
    rival = {area: pairs("2022-01-01", 120, bias=0.02) for area in areas}
    told = evaluation.report(found(areas, "2022-01-01", 120), found(rival, "2022-01-01", 120, "</script>two"))
    return report.backtest_page(told | {"in_sample": True})


def drawn(page: str) -> dict[str, dict[str, list[dict[str, object]]]]:
    text = re.search(r'<script type="application/json" id="figures">(.*?)</script>', page, re.DOTALL)
    assert text
    return dict(json.loads(text[1]))


def test_a_page_draws_every_figure_it_has_a_place_for(page: str) -> None:
    figures = drawn(page)
    assert set(figures) == set(re.findall(r'<div id="(\w+)"', page)) == {
        "over_time", "by_month_and_hour", "by_lead_and_day", "reliability", "pit", "holidays", "confidence_sequences",
    }  # fmt: skip
    for figure in figures.values():
        assert figure["data"]
        for trace in figure["data"]:
            assert len(trace["x"]) == len(trace["y"]) > 0  # type: ignore[arg-type]
    style = page.partition("</style>")[0]
    for variable in set(re.findall(r"var\((--\w+)\)", json.dumps(figures))):
        assert style.count(f"{variable}:") == 2, variable  # light and dark


def test_a_page_needs_and_reaches_nothing_outside(page: str) -> None:
    assert "default-src 'none'" in page
    assert "form-action 'none'" in page
    rest = page.replace(report.plotly_script(), "")
    assert not re.search(r"https?://|src=|<link|@import|url\(", rest)
    assert "modeBarButtons: buttons" in rest  # plotly's own set has one that sends the data to a server
    assert "Cloud" not in rest
    assert len(page) < 6_000_000


def test_a_page_tells_on_top_what_its_figures_are_worth(page: str) -> None:
    top = page.partition("<h2>")[0]
    assert "SIMULATED DATA" in top
    assert "IN SAMPLE" in top
    assert "LEAK ALARM" in top
    assert "Leak alarm for DK1" in top
    assert "Ex ante:" in top
    assert "EX POST" not in top
    told = evaluation.report(found({"DK1": pairs("2022-01-01", 30)}, "2022-01-01", 30))
    other = report.backtest_page(told | {"ex_post": True, "simulated": False}).partition("<h2>")[0]
    assert "EX POST" in other
    assert "Ex post:" in other
    assert "LEAK" not in other
    assert "SIMULATED" not in other


def test_names_from_outside_are_text(page: str) -> None:
    rest = page.replace(report.plotly_script(), "")
    assert "<b>x" not in rest
    assert "</script>two" not in rest
    assert "&lt;b&gt;x" in rest
    names = {str(trace["name"]) for figure in drawn(page).values() for trace in figure["data"]}
    assert "&lt;b&gt;x" in names  # plotly reads tags in names


@pytest.mark.parametrize(("first", "days"), [("2022-03-01", 1), ("2022-12-24", 3), ("2022-03-20", 20)])
def test_short_spans_have_a_page(first: str, days: int) -> None:
    told = evaluation.report(found({"DK1": pairs(first, days)}, first, days, temperature=False))
    assert "The worst days" in report.backtest_page(told)


def test_worst_days_have_a_chart_and_a_story(page: str) -> None:
    section = page.partition("<h2>The worst days</h2>")[2].partition("<h2>")[0]
    assert section.count("<svg") == 2 * 10
    assert section.count("Worst at") == 20
    assert "an error of shape" in section
    assert "°C" in section


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a hundred days of load of DK1."""
    folder = tmp_path_factory.mktemp("store")
    hours = END - 100 * DAY + HOUR * np.arange(100 * 24)
    noise = np.exp(0.02 * np.random.default_rng(1).normal(size=len(hours)))
    load = Observations(
        Series("load", "DK1", "file"), hours, hours + 2 * HOUR, histories.load_at(hours) * noise, np.zeros(len(hours), np.uint8)
    )
    writer = Writer(folder / "lastvagt.sqlite")
    writer.put([load])
    writer.close()
    return folder


def test_the_command_writes_page_document_and_pairs_and_rings_the_alarm(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundles = Config.load(environment={}).model_dir
    code = main(
        ["backtest", "--from", "2026-10-01", "--to", "2026-10-21", "--areas", "DK1", "--data-dir", str(data), "--against", str(bundles),
         "--html", str(tmp_path / "a.html"), "--json", str(tmp_path / "a.json"), "--save-pairs", str(tmp_path / "a.npz")]
    )  # fmt: skip
    out = capsys.readouterr().out
    assert code == 0
    assert "WARNING: LEAK ALARM for DK1" in out  # the load of this store jumps at random
    assert "--known-after" in out
    assert "seasonal_naive" in out
    told = json.loads((tmp_path / "a.json").read_text())
    assert told["leak_alarm"] is True
    assert told["against"]["areas"]["DK1"]["n"] == told["areas"]["DK1"]["n"] == 21 * 24
    assert (tmp_path / "a.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    with np.load(tmp_path / "a.npz") as file:
        assert len(file["DK1_observed"]) == 21 * 24


def test_without_plotly_a_page_is_refused_before_the_run(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr("engine.replay.collect", lambda *_: pytest.fail("the backtest was run"))
    report.plotly_script.cache_clear()
    with pytest.raises(Expected, match=r"lastvagt\[report\]"):
        report.plotly_script()
    code = main(
        ["backtest", "--from", "2026-10-01", "--to", "2026-10-21", "--data-dir", str(data), "--html", str(tmp_path / "a.html")]
    )
    assert code == 4
    assert "plotly" in capsys.readouterr().err
    assert not (tmp_path / "a.html").exists()
