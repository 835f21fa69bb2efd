"""How this user likes the window: language, theme and where they left it, in a small file beside the user's other settings."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs


@dataclass(frozen=True, slots=True)
class Preferences:
    """Empty words and None mean: not chosen, follow the system."""

    language: str = ""
    theme: str = ""
    view: str = ""
    area: str = ""
    consumer_type: str = ""
    geometry: str = ""

    @staticmethod
    def file() -> Path:
        """Where they are kept."""
        return Path(platformdirs.user_config_dir("lastvagt", appauthor=False)) / "window.json"

    @staticmethod
    def read(path: Path) -> Preferences:
        """What was kept; a file that is missing, damaged or of another version never stops the window."""
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            plain = Preferences()
            known = {f.name: found[f.name] for f in dataclasses.fields(Preferences) if f.name in found}
            return dataclasses.replace(plain, **{k: v for k, v in known.items() if type(v) is type(getattr(plain, k))})
        except (OSError, ValueError, TypeError, AttributeError):
            return Preferences()

    def write(self, path: Path) -> None:
        """Keep them, whole or not at all; raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".new")
        beside.write_text(json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False), encoding="utf-8")
        beside.replace(path)
