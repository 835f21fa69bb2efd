"""Writes the manual pages from the texts of --help and of the settings: lastvagt(1), lastvagt-engine(1), lastvagt-settings(5)."""

from __future__ import annotations

import argparse
import dataclasses
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from app.__main__ import _parser as app_parser
from engine.command_line import parser as engine_parser
from engine.config import CHOICES, Config, bounds, is_secret

_PARSERS = {"lastvagt": app_parser, "lastvagt-engine": engine_parser}
_SETTINGS = "lastvagt-settings.5"
_SUMMARIES = {
    "lastvagt": "show Danish electricity load and its forecast",
    "lastvagt-engine": "forecast Danish electricity consumption",
}
#: Options that stand at the head of a page, and need not stand in every line of use.
_EVERYWHERE = r"\[-h\] \[--data-dir DATA_DIR\] \[--config FILE\] (\[--site FILE\] )?\[--simulated\] ?"
#: What the pages say of folders, in which an own one stands for the user's or, of the service, /var/lib/lastvagt.
_FILES = (
    ("~/.local/share/lastvagt/", "Data of a user: database, log, settings.toml, tokens, own models."),
    ("/var/lib/lastvagt/", "Data of the service lastvagt-engine."),
    ("/etc/lastvagt/", "What an administrator sets for this machine."),
)


def pages(programs: Sequence[str], day: date) -> Mapping[str, str]:
    """Pages by file name, as lastvagt.1."""
    made = {f"{program}.1": program_page(program, _PARSERS[program](), day) for program in programs}
    return made | {_SETTINGS: settings_page(day)}


def program_page(program: str, parser: argparse.ArgumentParser, day: date) -> str:
    """The page of a program: each command with its options and examples."""
    commands = next((action for action in parser._actions if isinstance(action, argparse._SubParsersAction)), None)
    lines = [*_head(program, 1, day), ".SH NAME", f"{_safe(program)} \\- {_SUMMARIES[program]}", ".SH SYNOPSIS"]
    if commands is None:
        lines += [_usage(parser), ".SH DESCRIPTION", _safe(parser.description or ""), ".SH OPTIONS", *_options(parser)]
        epilogs = _sections(parser.epilog)
    else:
        lines += [f".B {_safe(program)}", ".I COMMAND", "[options]", ".SH DESCRIPTION", _safe(parser.description or "")]
        told = {action.dest: commands.choices[action.dest] for action in commands._choices_actions}
        everywhere = _everywhere(told.values())
        lines += [".SH OPTIONS", "Every command takes these:", *everywhere, ".SH COMMANDS"]
        for name, command in told.items():
            lines += [f".SS {_safe(name)}", *_command(command, everywhere)]
        epilogs = _sections(parser.epilog)
    for title, body in epilogs.items():
        lines += [f".SH {title.upper()}", *_verbatim(body)]
    lines += [".SH FILES", *(line for path, text in _FILES for line in (".TP", f".I {_safe(path)}", _safe(text)))]
    others = [f"{other}(1)" for other in _PARSERS if other != program]
    others += ["lastvagt-service(8)"] if program == "lastvagt-engine" else []
    return _joined([*lines, ".SH SEE ALSO", *_references(*others, "lastvagt-settings(5)")])


def settings_page(day: date) -> str:
    """The page of all settings: what each does, its default, and what it may be."""
    lines = [
        *_head("lastvagt-settings", 5, day),
        ".SH NAME",
        "lastvagt-settings \\- settings of Lastvagt",
        ".SH DESCRIPTION",
        "Settings stand in",
        ".I settings.toml",
        "of the data folder, in a TOML file given with",
        ".BR \\-\\-config ,",
        "or in environment variables: the setting",
        ".B port",
        "is the variable",
        ".BR LASTVAGT_PORT .",
        "Of these a later one overrules those before; the command line overrules them all. An unknown setting is an error.",
        ".SH SETTINGS",
    ]
    for field in dataclasses.fields(Config):
        lines += [".TP", f".B {_safe(field.name)}", _safe(Config.help_of(field.name)), _safe(_values(field.name))]
    example = 'port = 9000\ncontact = "operations@example.org"\nfetch_regions = true\n'
    lines += [".SH EXAMPLES", *_verbatim(example)]
    return _joined([*lines, ".SH SEE ALSO", *_references("lastvagt(1)", "lastvagt-engine(1)")])


def _values(name: str) -> str:
    default = Config.default_of(name)
    if name in CHOICES:
        kind = "One of " + ", ".join(CHOICES[name])
    elif isinstance(default, bool):
        kind = "true or false"
    elif isinstance(default, int):
        kind = "A whole number from {} to {}".format(*bounds(name))
    else:
        kind = "Text"
    if name in ("data_dir", "model_dir"):  # of this machine
        return f"{kind}."
    shown = "empty" if default == "" else f"{default}".lower() if isinstance(default, bool) else f"{default}"
    return f"{kind}; default: {shown}.{' Never shown.' if is_secret(name) else ''}"


def _command(command: argparse.ArgumentParser, everywhere: Sequence[str]) -> Iterator[str]:
    yield _usage(command)
    yield ".PP"
    yield _safe(command.description or "")
    options = _options(command)
    known = "\n".join(everywhere)
    yield from (line for option in _by_option(options) if "\n".join(option) not in known for line in option)
    for title, body in _sections(command.epilog).items():
        if title == "examples":
            yield ".PP"
            yield "Examples:"
            yield from _verbatim(body)


def _everywhere(commands: Iterable[argparse.ArgumentParser]) -> list[str]:
    """Options that all commands have."""
    first, *others = [_by_option(_options(command)) for command in commands]
    return [line for option in first if all(option in other for other in others) for line in option]


def _by_option(lines: Sequence[str]) -> list[list[str]]:
    found: list[list[str]] = []
    for line in lines:
        if line == ".TP":
            found.append([])
        found[-1].append(line)
    return found


def _options(parser: argparse.ArgumentParser) -> list[str]:
    lines: list[str] = []
    formatter = parser._get_formatter()
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction) or action.help == argparse.SUPPRESS:
            continue
        lines += [".TP", f".B {_safe(formatter._format_action_invocation(action))}", _safe(formatter._expand_help(action))]
    return lines


def _usage(parser: argparse.ArgumentParser) -> str:
    words = " ".join(parser.format_usage().removeprefix("usage: ").split())
    return f".B {_safe(re.sub(_EVERYWHERE, '', words))}"


def _sections(epilog: str | None) -> dict[str, str]:
    """The parts of an epilog by their headings, which end with a colon; what has none is a note."""
    found: dict[str, str] = {}
    for part in re.split(r"\n{2,}", (epilog or "").strip()):
        heading, _, body = part.partition(":\n")
        found |= {heading: body} if body else {"notes": part} if part else {}
    return found


def _verbatim(text: str) -> list[str]:
    return [".PP", ".nf", *(_safe(line) for line in text.strip("\n").split("\n")), ".fi"]


def _references(*pages: str) -> list[str]:
    names = [f".BR {_safe(page[:-3])} {page[-3:]}" for page in pages]
    return [f"{name} ," for name in names[:-1]] + names[-1:]


def _head(title: str, section: int, day: date) -> list[str]:
    return [f".TH {title.upper()} {section} {day.isoformat()} Lastvagt", ".nh", ".ad l"]


def _safe(text: str) -> str:
    """Text that roff prints as it is."""
    text = " ".join(text.split()) if not text.startswith("  ") else text.rstrip()
    text = (
        text.replace("\\", "\\e")
        .replace("-", "\\-")
        .replace("'", "\\(aq")
        .replace("^", "\\(ha")
        .replace("~", "\\(ti")
        .replace("`", "\\(ga")
    )
    return f"\\&{text}" if text.startswith(".") else text


def _joined(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines if line)


def main(folder: Path = Path("out/man")) -> int:
    """Write all pages to `out/man`, to be read with man -l."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages(tuple(_PARSERS), datetime.now(UTC).date()).items():
        (folder / name).write_text(text, encoding="utf-8")
        print(folder / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
