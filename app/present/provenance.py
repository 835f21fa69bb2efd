"""Where the numbers of a picture or a page are from, in words that stand under it."""

from __future__ import annotations

from app.present.areas import tier_text
from app.translations import Language
from engine import __version__, geography
from engine.domain import Consumer, QuantileForecast

#: Digits of a digest that tell an issue from any other.
_DIGITS = 12


def provenance(
    of: Consumer, issue: QuantileForecast | None, digest: str, simulated: bool, language: Language, now: int
) -> tuple[str, ...]:
    """Marks, who it is of, which issue of which model, when it was taken away, and by which clocks."""
    text = language.text
    marks = (("mark.simulated", simulated), ("mark.ex_post", issue is not None and issue.ex_post))
    notes = [*(text(key) for key, holds in marks if holds), geography.title(of, language.code)]
    if issue is not None:
        notes += [
            text("export.issued", time=f"{language.date(issue.issue_time)} {language.time(issue.issue_time)}"),
            text("forecast.model", model=issue.model_id),
            tier_text(issue.tier, language),
            text("export.digest", digest=digest[:_DIGITS]),
        ]
    taken = f"{language.date(now)} {language.time(now)}"
    return (
        *notes,
        text("export.taken", time=taken),
        text("forecast.zone", zone=language.zone(now, now)),
        f"Lastvagt {__version__}",
    )
