"""The words that shells complete, asked of a real bash, and of zsh and fish where they are."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "packaging"))

import completion

needs_bash = pytest.mark.skipif(shutil.which("bash") is None or sys.platform == "darwin", reason="needs bash 4")


def completed(tmp_path: Path, *words: str) -> list[str]:
    """What bash offers for the last of the words."""
    script = tmp_path / "completion"
    script.write_text(completion.bash(words[0]), encoding="utf-8")
    said = " ".join(f"'{word}'" for word in words)
    ask = f"""
        compopt() {{ echo "<files>"; }}  # it works only while a user types
        . {script}
        COMP_WORDS=({said}) COMP_CWORD={len(words) - 1}
        {f"_{words[0]}".replace("-", "_")}
        printf '%s\\n' "${{COMPREPLY[@]}}" """
    return subprocess.run(["bash", "-c", ask], check=True, capture_output=True, text=True).stdout.split()


@needs_bash
@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("lastvagt-engine", "fore"), ["forecast"]),
        (("lastvagt-engine", "--v"), ["--version"]),
        (("lastvagt-engine", "forecast", "--un"), ["--untouched"]),
        (("lastvagt-engine", "forecast", "--format", ""), ["table", "json", "csv"]),
        (("lastvagt-engine", "scores", "--truth", "settle"), ["settled", "settlement"]),
        (("lastvagt-engine", "models", "ro"), ["rollback"]),
        (("lastvagt-engine", "run", "--data-dir", ""), ["<files>"]),
        (("lastvagt-engine", "import", "lo"), ["<files>"]),
        (("lastvagt-engine", "forecast", "--as-of", ""), []),
        (("lastvagt-engine", "nonsense", ""), []),
        (("lastvagt", "--th"), ["--theme"]),
        (("lastvagt", "--language", "d"), ["da"]),
        (("lastvagt", "--screenshot", ""), ["<files>"]),
    ],
    ids=" ".join,
)
def test_bash_completes(tmp_path: Path, words: tuple[str, ...], wanted: list[str]) -> None:
    assert completed(tmp_path, *words) == wanted


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_files_are_scripts_of_their_shell(tmp_path: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not here")
    for program in ("lastvagt", "lastvagt-engine"):
        script = tmp_path / program
        script.write_text(getattr(completion, shell)(program), encoding="utf-8")
        subprocess.run([shell, "-n", script], check=True)


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not here")
def test_fish_completes(tmp_path: Path) -> None:
    script = tmp_path / "completion"
    script.write_text(completion.fish("lastvagt-engine"), encoding="utf-8")

    def offered(line: str) -> set[str]:
        told = subprocess.run(
            ["fish", "-c", f"source {script}; complete -C '{line}'"], check=True, capture_output=True, text=True
        ).stdout
        return {word.split("\t")[0] for word in told.splitlines()}

    assert offered("lastvagt-engine fore") == {"forecast"}
    assert offered("lastvagt-engine forecast --format ") == {"table", "json", "csv"}
    assert "--untouched" in offered("lastvagt-engine forecast --u")
    assert "rollback" in offered("lastvagt-engine models ")
