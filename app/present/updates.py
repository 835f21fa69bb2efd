"""What is said at the foot of the window of a newer version, and whether this window can bring it in."""

from __future__ import annotations

from dataclasses import dataclass

from app.snapshot import Snapshot
from app.translations import Language
from engine import plan
from engine.installation import Form

#: Forms in which a user can bring it in, and those in which an administrator does.
_BY_USER, _BY_ROOT = (Form.PORTABLE, Form.WINDOWS, Form.MACOS), (Form.DEB, Form.DEB_ENGINE)


@dataclass(frozen=True, slots=True)
class UpdateNews:
    """One line, named by `cause` for good, with its explanation; `can_apply` where a button may bring the version in."""

    cause: str
    version: str
    text: str
    detail: str
    can_apply: bool


def update_news(snapshot: Snapshot, form: Form, is_remote: bool, language: Language) -> UpdateNews | None:
    """What the engine knows of a newer version; None where there is none. The engine of another machine is updated there."""
    for code in (plan.READY, plan.FOUND, plan.REFUSED):  # that which asks for most first
        for event in snapshot.events:
            if event.code != code:
                continue
            can_apply = code != plan.REFUSED and form in _BY_USER and not is_remote
            how = "elsewhere" if is_remote else "root" if form in _BY_ROOT and code != plan.REFUSED else ""
            words = (language.text(f"event.{code}", subject=event.subject), language.text(f"updates.{how}") if how else "")
            return UpdateNews(
                f"{code}:{event.subject}",
                event.subject,
                " ".join(f"{word.rstrip('.')}." for word in words if word),
                event.problem,
                can_apply,
            )
    return None
