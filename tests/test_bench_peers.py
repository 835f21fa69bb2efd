import datetime as dt
import sys
from pathlib import Path

import bench_peers
import histories
import numpy as np
import pytest
from bench_peers import Exercise, Peer

from engine import clock
from engine.domain import DAY, HOUR, LEVELS, Expected

FIRST = dt.date(2022, 3, 26)  # the second of three days has 23 hours
DAYS = 3
NOW = clock.local_time(FIRST, 10)

#: Answers with the load a week before, and a band of a tenth around it where asked to; counts how often it was run.
COPYCAT = """
import sys
from pathlib import Path
import exercise

class Copycat:
    levels = {levels}
    packages = ("numpy",)
    refit_days = 1

    def fit(self, known):
        runs = Path(sys.argv[2]).with_name("runs")
        runs.write_text(runs.read_text() + "x" if runs.exists() else "x")

    def predict(self, known):
        return {{a: (1 + 0.1 * (exercise.np.array(self.levels) - 0.5)) * k.load[-168 : k.ahead - 168, None] for a, k in known.items()}}

exercise.run(Copycat())
"""


@pytest.fixture
def exercise(tmp_path: Path) -> Exercise:
    archive = histories.archive(NOW)
    start = clock.floor_hour(NOW) - 90 * DAY
    return bench_peers.set_exercise(archive, start, FIRST, DAYS, tmp_path / "exercise.npz")


@pytest.fixture
def copycat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Peer:
    monkeypatch.setattr(bench_peers, "install", lambda _: (sys.executable, 12.0))
    script = tmp_path / "copycat.py"
    script.write_text(COPYCAT.format(levels=(0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)))
    return Peer("copycat", "copycat", "copies last week", script, ())


def test_every_hour_of_the_days_is_asked_for_at_ten_the_day_before(exercise: Exercise) -> None:
    assert len(exercise.valid_time) == 24 + 23 + 24
    assert exercise.valid_time[0] == clock.local_midnight(FIRST)
    assert sorted(set(exercise.issue_time)) == [clock.local_time(FIRST + dt.timedelta(days=i), 10) for i in (-1, 0, 1)]
    np.testing.assert_allclose(exercise.observed["DK"], exercise.observed["DK1"] + exercise.observed["DK2"])


def test_a_peer_sees_no_load_that_is_not_published_yet(
    exercise: Exercise, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(bench_peers.SCRIPTS)
    import exercise as given

    seen = []

    class Witness:
        levels = (0.5,)
        packages = ()
        refit_days = None

        def fit(self, known: dict[str, given.Known]) -> None:
            seen.append(known)

        def predict(self, known: dict[str, given.Known]) -> dict[str, np.ndarray]:
            seen.append(known)
            return {area: np.ones((k.ahead, 1)) for area, k in known.items()}

    monkeypatch.setattr(sys, "argv", ["", str(exercise.path), str(tmp_path / "answers.npz")])
    given.run(Witness())
    issues = sorted(set(exercise.issue_time))
    assert len(seen) == 1 + DAYS
    for issue, known in zip([issues[0], *issues], seen, strict=True):
        for area in known.values():
            newest = area.start + (len(area.load) - 1) * HOUR
            assert newest + histories.LAG_S <= issue < newest + histories.LAG_S + HOUR
            last = exercise.valid_time[exercise.issue_time == issue][-1]
            assert newest + area.ahead * HOUR == last
            assert {len(values) for values in area.weather.values()} == {(last - area.start) // HOUR + 1}
            assert not np.isnan(area.load).any()
            assert len(area.recent(3).load) == 72
            np.testing.assert_array_equal(area.recent(3).load, area.load[-72:])


def test_a_peer_is_scored_as_the_engine_scores_and_shown_with_what_it_cost(exercise: Exercise, copycat: Peer) -> None:
    costs, answers = bench_peers.ask(copycat, exercise, fresh=False)
    judged = bench_peers.judge(exercise, answers)
    found = {area: bench_peers.figures(pairs) for area, pairs in judged.items()}
    error = np.abs(judged["DK1"].quantiles[:, LEVELS.index(0.5)] - exercise.observed["DK1"])
    assert found["DK1"]["wape"] == pytest.approx(100 * error.sum() / exercise.observed["DK1"].sum())
    assert found["DK1"]["wql"] is not None
    assert found["DK1"]["coverage_90"] > found["DK1"]["coverage_80"] > 0
    assert found["DK"]["wape"] is not None
    assert found["DK"]["wql"] is None, "quantiles of a sum are not the sums of quantiles"
    row = {"name": "copycat", "label": "copycat", "how": "copies", "areas": found, "costs": costs}
    row["against"] = {area: bench_peers.compare(judged[area], judged[area]) for area in judged}
    text = bench_peers.tables(
        [row, {"name": "broken", "label": "broken", "how": "never", "problem": "It does not run: why"}], "2022"
    )
    assert f"| {found['DK1']['wape']:.2f} / {found['DK2']['wape']:.2f} / {found['DK']['wape']:.2f} |" in text
    assert "| broken | It does not run: why |" in text
    assert costs["memory_mb"] > 10
    assert costs["installed_mb"] == 12.0


def test_answers_are_kept_until_the_peer_changes(exercise: Exercise, copycat: Peer) -> None:
    runs = exercise.path.with_name("runs")
    bench_peers.ask(copycat, exercise, fresh=False)
    bench_peers.ask(copycat, exercise, fresh=False)
    assert len(runs.read_text()) == DAYS
    bench_peers.ask(copycat, exercise, fresh=True)
    assert len(runs.read_text()) == 2 * DAYS
    copycat.script.write_text(COPYCAT.format(levels=(0.5,)))
    _, answers = bench_peers.ask(copycat, exercise, fresh=False)
    figures = bench_peers.figures(bench_peers.judge(exercise, answers)["DK1"])
    assert len(runs.read_text()) == 3 * DAYS
    assert figures["wape"] is not None
    assert figures["wql"] is figures["coverage_80"] is figures["coverage_90"] is None


def test_a_peer_that_fails_says_why_and_keeps_nothing(exercise: Exercise, copycat: Peer) -> None:
    copycat.script.write_text("raise RuntimeError('no luck today')")
    with pytest.raises(Expected, match="no luck today"):
        bench_peers.ask(copycat, exercise, fresh=False)
    assert not exercise.path.with_name("copycat.json").exists()


def test_without_the_interpreter_a_peer_needs_it_is_told_so() -> None:
    with pytest.raises(Expected, match=r"Python 9\.9"):
        bench_peers.find_python((9, 9))
    assert bench_peers.find_python(sys.version_info[:2])


def test_every_peer_has_a_script_and_a_name_of_its_own() -> None:
    assert len({peer.name for peer in bench_peers.PEERS}) == len(bench_peers.PEERS)
    assert all(peer.script.exists() for peer in bench_peers.PEERS)


def test_without_the_data_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(bench_peers, "DATA", tmp_path / "shared" / "data")
    assert bench_peers.main([]) == 0
    assert "nothing was measured" in capsys.readouterr().out
