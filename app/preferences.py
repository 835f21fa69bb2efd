"""How this user likes the window: language, theme and where they left it, in a small file beside the user's other settings."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs


@dataclass(frozen=True, slots=True)
class Preferences:
    """Empty words mean: not chosen, follow the system. `shelved` holds until when a trouble is kept out of sight, by its cause."""

    language: str = ""
    theme: str = ""
    unit: str = ""
    view: str = ""
    area: str = ""
    consumer_type: str = ""
    geometry: str = ""
    data_dir: str = ""
    welcomed: bool = False
    told_of_tray: bool = False
    inspector: str = ""  # shown or hidden; not chosen: where there is room
    weather: bool = True
    naive: bool = True
    export: Mapping[str, str] = field(default_factory=dict)  # what was saved last, its form, and the folder
    pinned: str = ""  # whom the overview shows beside the price areas, as limits name them, with commas between
    shelved: Mapping[str, int] = field(default_factory=dict)

    @staticmethod
    def file() -> Path:
        """Where they are kept."""
        return Path(platformdirs.user_config_dir("lastvagt", appauthor=False)) / "window.json"

    @staticmethod
    def read(path: Path) -> Preferences:
        """What was kept; a file that is missing, damaged or of another version never stops the window."""
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            known = {f.name: found[f.name] for f in dataclasses.fields(Preferences) if f.name in found}
            return dataclasses.replace(PLAIN, **{k: v for k, v in known.items() if type(v) is type(getattr(PLAIN, k))})
        except (OSError, ValueError, TypeError, AttributeError):
            return Preferences()

    def write(self, path: Path) -> None:
        """Keep them, whole or not at all; raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".new")
        beside.write_text(json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False), encoding="utf-8")
        beside.replace(path)


#: Nothing chosen.
PLAIN = Preferences()
