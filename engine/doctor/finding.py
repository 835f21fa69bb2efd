"""What is told of each thing that is looked at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `check` names it for programs and stays as it is, `about` says which one of several it is of.

    `status` is ok, warn or fail; `remedy` is empty where nothing need be done.
    """

    check: str
    status: str
    text: str
    remedy: str = ""
    about: str = ""

    @property
    def subject(self) -> str:
        """What of the installation it concerns, by which findings are told together."""
        return self.check.partition(".")[0]


def ok(check: str, text: str, about: str = "") -> Finding:
    """All is well."""
    return Finding(check, "ok", text, about=about)


def warn(check: str, text: str, remedy: str, about: str = "") -> Finding:
    """Something wants a look; forecasts go on."""
    return Finding(check, "warn", text, remedy, about)


def fail(check: str, text: str, remedy: str, about: str = "") -> Finding:
    """Something does not work."""
    return Finding(check, "fail", text, remedy, about)
