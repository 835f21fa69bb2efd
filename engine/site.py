"""What an administrator sets for a machine or a whole fleet: the folders it lies in, its settings, and the keys trusted there."""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from engine import installation, vault
from engine.domain import Expected
from engine.installation import Form
from engine.signing import SUFFIX, PublicKey, verify

#: The variable that names the file of settings, and is no setting itself.
VARIABLE = "LASTVAGT_SITE"
#: The file of settings; one lies in a site's folder, or is named.
FILE = "site.toml"
#: A file that shows and explains everything that can be set.
EXAMPLE = Path(__file__).resolve().parent / "site.example.toml"
#: What the table for windows may hold, and of which kind it is.
APP: Mapping[str, type] = {
    **dict.fromkeys(("connect", "token_file", "ca", "language", "theme", "wall"), str),
    "turn": int,
    "welcome": bool,
}
#: In a site's folder: keys of which one must have signed the settings. Without any, unsigned ones count.
SIGNERS = "site-keys"
#: Keys that came with the program.
SHIPPED = Path(__file__).resolve().parent / "keys"
#: Keys of the bundles that came with the program, which sign nothing else.
SHIPPED_MODELS = SHIPPED / "models"
#: In a data folder: keys whose bundles serve there, and the secret one that signs what is trained there.
MODELS = "model-keys"
#: In a site's folder and in a data folder: keys that kits and updates are checked with.
TRUSTED = "trusted"


@dataclass(frozen=True, slots=True)
class Site:
    """A file of settings: `default` holds what a user may change, `required` what nobody may, `app` what windows start with.

    `signer` names the key that signed it; empty where none must.
    """

    path: Path
    signer: str
    default: Mapping[str, object]
    required: Mapping[str, object]
    app: Mapping[str, object]


def read(named: str = "") -> Site | None:
    """The file that is named, or else the first of the site's folders; None where there is none.

    Raises Expected for a file that is not signed as it must be, that anybody could have written, or that holds something else.
    """
    path = Path(named) if named else next((folder / FILE for folder in folders() if (folder / FILE).exists()), None)
    if path is None:
        return None
    if not path.exists():
        raise Expected(f"There is no site file {path}.", f"Check the path given with --site or {VARIABLE}.")
    require_safe(path)
    content = vault.content(path)
    signer = _signer(path, content)
    tables: dict[str, dict[str, object]] = {"default": {}, "required": {}, "app": {}}
    for name, table in vault.parse(path, content).items():
        if name not in tables or not isinstance(table, dict):
            raise Expected(f"'{name}' may not stand in {path}.", "It holds the tables [default], [required] and [app].")
        tables[name] = table
    for name, value in tables["app"].items():
        if name not in APP:
            raise Expected(f"Unknown word '{name}' in [app] of {path}.", f"Known words: {', '.join(APP)}.")
        if type(value) is not APP[name]:
            raise wrong(path, name, value)
    return Site(path, signer, **tables)


def wrong(path: Path, name: str, value: object) -> Expected:
    """What to say of a word for windows that cannot be."""
    return Expected(f"'{value}' is no value of '{name}' in [app] of {path}.", "lastvagt-engine settings example shows each.")


def signers() -> tuple[Path, ...]:
    """The keys of which one must have signed a site's settings; none: it need not be signed."""
    return tuple(path for folder in folders() for path in keys_in(folder / SIGNERS))


def _signer(path: Path, content: bytes) -> str:
    """The name of the key that signed what was read; empty where none must."""
    keys = [PublicKey.read(each) for each in signers()]
    if not keys:
        return ""
    try:
        return verify(path, path.with_name(path.name + SUFFIX), keys, content)[0].name
    except Expected as trouble:
        raise Expected(
            f"{path} must be signed here, and is not as it must be. {trouble.problem}",
            "Ask who looks after this machine: lastvagt-engine key sign signs it, with a key whose public part lies in "
            f"{signers()[0].parent}.",
        ) from trouble


def folders() -> tuple[Path, ...]:
    """Where a site's files may lie: the folder of the system, then that in which the program was unpacked or installed."""
    if sys.platform.startswith("linux"):
        system = Path("/etc/lastvagt")
    else:
        system = Path(platformdirs.site_data_dir("Lastvagt", appauthor=False))
    return (system, home) if (home := program_folder()) else (system,)


def program_folder() -> Path | None:
    """The folder of a frozen program, of a portable one that above its versions; None where Python runs it or macOS has it."""
    here = installation.here()
    return None if here.form in (Form.SOURCE, Form.MACOS) else here.root  # a bundle is sealed


def trusted_keys(data_dir: Path | None = None) -> tuple[PublicKey, ...]:
    """Keys that kits and updates are checked with: those of the program, of the site, and of a data folder where one is named.

    A job of an administrator names none, for its user could have written the keys there. Raises Expected for a key that is damaged
    or that anybody could have written.
    """
    return tuple(PublicKey.read(path) for path in key_files(data_dir))


def key_files(data_dir: Path | None = None) -> tuple[Path, ...]:
    """The files of `trusted_keys`."""
    places = [SHIPPED, *(folder / TRUSTED for folder in folders()), *([data_dir / TRUSTED] if data_dir else [])]
    return tuple(path for place in places for path in keys_in(place))


def program_model_keys() -> tuple[PublicKey, ...]:
    """The keys of the bundles that came with the program."""
    return tuple(PublicKey.read(path) for path in keys_in(SHIPPED_MODELS))


def model_keys(data_dir: Path | None = None) -> tuple[PublicKey, ...]:
    """Keys that bundles are checked with: those of the program's, all `trusted_keys`, and those of a data folder for bundles alone."""
    own = keys_in(data_dir / MODELS) if data_dir else ()
    return (*program_model_keys(), *trusted_keys(data_dir), *(PublicKey.read(path) for path in own))


def keys_in(folder: Path) -> Iterable[Path]:
    """The public keys of a folder by name; raises Expected for one that anybody could have written."""
    found = sorted(folder.glob("*.pub"))
    for path in found:
        require_safe(path)
    return found


def require_safe(path: Path) -> None:
    """Raise Expected where any user may change a file, or put another in its place."""
    if sys.platform == "win32":  # rights are in lists there, which the installer sets
        return
    for each in (path, path.parent):
        mode = each.stat().st_mode
        if mode & stat.S_IWOTH and not (each.is_dir() and mode & stat.S_ISVTX):
            unused = "it" if each == path else f"{path.name} in it"
            raise Expected(f"Every user may write to {each}, so {unused} is not used.", f"Take that right away: chmod o-w {each}")
