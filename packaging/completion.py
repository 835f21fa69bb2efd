"""Writes what bash, zsh and fish need to complete the words of our programs, from the parsers of their command lines."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.__main__ import _parser as app_parser
from engine.command_line import parser as engine_parser

_PARSERS = {"lastvagt": app_parser, "lastvagt-engine": engine_parser}


@dataclass(frozen=True)
class Word:
    """An option, by its names, or a place for a word, which has none; `takes` is what follows: nothing, text, file, or one of `choices`."""

    names: tuple[str, ...]
    text: str
    takes: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Command:
    """A command, or a program without commands, whose name is empty."""

    name: str
    text: str
    words: tuple[Word, ...]

    @property
    def options(self) -> list[str]:
        """All names of options."""
        return [name for word in self.words for name in word.names]

    @property
    def places(self) -> list[Word]:
        """What is no option, in order."""
        return [word for word in self.words if not word.names]


def commands(program: str) -> list[Command]:
    """What can be said to a program."""
    parser = _PARSERS[program]()
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            texts = {choice.dest: choice.help or "" for choice in action._choices_actions}
            return [Command(name, texts[name], _words(of)) for name, of in action.choices.items() if name in texts]
    return [Command("", "", _words(parser))]


def _words(parser: argparse.ArgumentParser) -> tuple[Word, ...]:
    formatter = parser._get_formatter()
    found = []
    for action in parser._actions:
        if action.help == argparse.SUPPRESS:
            continue
        choices = tuple(map(str, action.choices or ()))
        takes = "nothing" if action.nargs == 0 else "choice" if choices else "file" if action.type is Path else "text"
        found.append(Word(tuple(action.option_strings), " ".join(formatter._expand_help(action).split()), takes, choices))
    return tuple(found)


def bash(program: str) -> str:
    """Completion for bash."""
    found = commands(program)
    function = "_" + program.replace("-", "_")
    has_commands = bool(found[0].name)
    lines = [
        f"{function}() {{",
        '    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command="" words=""',
        *(["    ((COMP_CWORD > 1)) && command=${COMP_WORDS[1]}"] if has_commands else []),
        '    case "$command $prev" in',
        *_bash_values(found),
        "    esac",
        '    if [ -z "$words" ]; then',
        '        case "$command" in',
    ]
    if has_commands:
        lines.append(f'        "") words="{" ".join([*(c.name for c in found), "--help", "--version"])}" ;;')
    for command in found:
        said = [*(choice for place in command.places for choice in place.choices), *command.options]
        pattern = command.name or '""'
        lines.append(f'        {pattern}) words="{" ".join(said)}" ;;')
        if any(place.takes == "file" for place in command.places):
            lines[-1] = lines[-1].removesuffix(" ;;") + " && compopt -o default ;;"
    lines += [
        "        esac",
        "    fi",
        '    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")',
        "}",
        f"complete -F {function} {program}",
    ]
    return "".join(f"{line}\n" for line in lines)


def _bash_values(found: Sequence[Command]) -> Iterator[str]:
    """What may follow an option."""
    for command in found:
        for word in command.words:
            pattern = " | ".join(f'"{command.name} {name}"' for name in word.names)
            if word.names and word.takes == "choice":
                yield f'    {pattern}) words="{" ".join(word.choices)}" ;;'
            elif word.names and word.takes in ("file", "text"):
                yield f"    {pattern}) {'compopt -o default; ' if word.takes == 'file' else ''}return ;;"


def zsh(program: str) -> str:
    """Completion for zsh."""
    found = commands(program)
    lines = [f"#compdef {program}"]
    if found[0].name:
        lines += ["local -a commands=(", *(f"    {_quoted(f'{c.name}:{c.text}')}" for c in found), ")"]
        lines += ["if ((CURRENT == 2)); then", "    _describe command commands", "    return", "fi"]
        lines += ["local command=$words[2]", "shift words", "((CURRENT--))", "case $command in"]
    else:
        lines.append('case "" in')
    for command in found:
        said = " ".join(_quoted(spec) for word in command.words for spec in _zsh_specs(word))
        pattern = command.name or '""'
        lines.append(f"{pattern}) _arguments {said} ;;")
    return "".join(f"{line}\n" for line in [*lines, "esac"])


def _zsh_specs(word: Word) -> Iterator[str]:
    text = word.text.replace("[", "\\[").replace("]", "\\]").replace(":", "\\:")
    after = {"nothing": "", "text": ":value: ", "file": ":file:_files", "choice": f":value:({' '.join(word.choices)})"}[
        word.takes
    ]
    yield from (f"{name}[{text}]{after}" for name in word.names) if word.names else (f"::{after.removeprefix(':')}",)


def fish(program: str) -> str:
    """Completion for fish."""
    found = commands(program)
    lines = [f"complete -c {program} -f"]
    for command in found:
        when = f"-n '__fish_seen_subcommand_from {command.name}' " if command.name else ""
        if command.name:
            lines.append(f"complete -c {program} -n __fish_use_subcommand -a {command.name} -d {_quoted(command.text)}")
        for word in command.words:
            names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in word.names)
            value = {"nothing": "", "text": "-x", "file": "-rF", "choice": f"-xa '{' '.join(word.choices)}'"}[word.takes]
            value = value if word.names else value.replace("-xa", "-a").replace("-rF", "-F").replace("-x", "")
            if names or value:
                lines.append(" ".join(f"complete -c {program} {when}{names} {value} -d {_quoted(word.text)}".split()))
    return "".join(f"{line}\n" for line in lines)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def write(share: Path, programs: Sequence[str]) -> None:
    """All files, as they lie below /usr/share."""
    for program in programs:
        for place, text in (
            (share / "bash-completion" / "completions" / program, bash(program)),
            (share / "zsh" / "vendor-completions" / f"_{program}", zsh(program)),
            (share / "fish" / "vendor_completions.d" / f"{program}.fish", fish(program)),
        ):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
            place.chmod(0o644)


if __name__ == "__main__":
    write(Path("out/share"), tuple(_PARSERS))
    sys.exit(0)
