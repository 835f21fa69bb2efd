"""What is found by writing a part of its name, with or without the Danish letters."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

#: Danish letters as they are written without them: the first way in full, the second with the marks left out.
_SPELLINGS = (str.maketrans({"æ": "ae", "ø": "oe", "å": "aa"}), str.maketrans({"æ": "ae", "ø": "o", "å": "a"}))


def ranked(words: str, names: Sequence[Sequence[str]]) -> tuple[int, ...]:
    """Places of the things of which some name has every word in it; first those with a name of which a word begins with the first one.

    Case does not count, and letters may be written the Danish way or without: "aal", "ål" and "Aal" all find Aalborg.
    """
    wanted = [_spell(word) for word in words.split()]
    found: list[tuple[bool, int]] = []
    for place, of_one in enumerate(names):
        spelt = [form for name in of_one for form in _spell(name)]
        if all(any(form in name for form in forms for name in spelt) for forms in wanted):
            begins = any(part.startswith(wanted[0]) for name in spelt for part in name.split()) if wanted else True
            found.append((not begins, place))
    return tuple(place for _, place in sorted(found))


def _spell(text: str) -> tuple[str, ...]:
    plain = unicodedata.normalize("NFC", text).casefold()
    return tuple(plain.translate(spelling) for spelling in _SPELLINGS)
