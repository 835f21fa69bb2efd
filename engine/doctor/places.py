"""Where settings, keys and data lie, and who may read and write there."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from engine import disk, site, vault
from engine.config import SETTINGS_FILE, Config, Outside, convert, is_secret
from engine.doctor.finding import Finding, fail, ok, warn
from engine.domain import Expected
from engine.signing import PublicKey
from engine.site import Site

#: Files of a data folder that let people in, or hold what nobody else may know.
_PRIVATE = ("engine.token", "tokens.json", "secrets.toml", SETTINGS_FILE)


def settings(outside: Outside) -> Iterator[Finding]:
    """Where settings stand, and which of them do not count."""
    of = outside.site()
    if of is None:
        yield ok("settings.site", f"no {site.FILE} in {' or '.join(map(str, site.folders())) or 'any folder of a site'}")
    else:
        signed = f"signed with '{of.signer}'" if of.signer else "not signed, and need not be"
        yield ok("settings.site", f"{of.path}: {len(of.default)} defaults, {len(of.required)} fixed, {signed}")
    given = outside.beneath() | outside.inside() | outside.given()
    places = [each.where for each in given.values()]
    found = ", ".join(f"{places.count(where)} from {where}" for where in dict.fromkeys(places))
    yield ok("settings.read", f"{found}; the rest as built in" if found else "all as built in")
    if of is not None:
        yield from _overruled(outside, of)
    yield from _secrets(outside)


def _overruled(outside: Outside, of: Site) -> Iterator[Finding]:
    """What somebody set in vain."""
    said = outside.inside() | outside.said()
    for name in of.required.keys() & said.keys():
        if not is_secret(name) and convert(name, said[name].value, said[name].where) != convert(name, of.required[name], ""):
            text = f"'{name}' of {said[name].where} does not count, for {of.path} fixes it."
            yield warn("settings.overruled", text, "Take it out there, or ask who looks after this machine.", name)


def _secrets(outside: Outside) -> Iterator[Finding]:
    """Files that should hold a secret and do not give it."""
    of = outside.site()
    tables = [outside.environment, {} if outside.path is None else vault.read(outside.path)]
    tables += [] if of is None else [of.default, of.required]
    for name, value in (item for table in tables for item in table.items()):
        if is_secret(name.removeprefix("LASTVAGT_").lower()) and str(value).startswith(vault.IN_FILE):
            try:
                vault.fetch(str(value))
            except Expected as trouble:
                yield fail("settings.secret", trouble.problem, trouble.remedy, name)


def keys(config: Config) -> Iterator[Finding]:
    """Whose kits and updates are taken."""
    names = [PublicKey.read(path).name for path in site.key_files(config.data_dir)]
    if names:
        yield ok("keys.trusted", f"kits and updates signed with {', '.join(names)} are taken")
    else:
        yield ok("keys.trusted", "none, so that no kit and no update is taken (lastvagt-engine key trust FILE)")


def rights(config: Config) -> Iterator[Finding]:
    """Whether the engine can write what it must, and nobody else what they must not."""
    folder = config.data_dir
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    if kind := disk.network_kind(there):
        text = f"{folder} is on a network drive ({kind}), whose locks do not guard a database."
        yield warn("folder.network", text, "Name a folder on a disk of this machine with --data-dir.")
    try:
        with tempfile.TemporaryFile(dir=there):
            yield ok("folder.write", f"{folder} can be written")
    except OSError as error:
        remedy = "Change its permissions, name another with --data-dir, or run this as the user of the engine."
        yield fail("folder.write", f"{there} cannot be written: {error.strerror}.", remedy)
    if sys.platform != "win32":  # rights are in lists there, which the installer sets
        yield from _modes(config)


def _modes(config: Config) -> Iterator[Finding]:
    folder, wide = config.data_dir, False
    if folder.exists() and folder.stat().st_mode & stat.S_IWOTH:
        wide = True
        yield fail("folder.rights", f"Every user may write to {folder}.", f"chmod o-w {folder}")
    private = [folder / name for name in _PRIVATE] + ([Path(config.tls_key)] if config.tls_key else [])
    for path in private:
        if path.exists() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            wide = True
            yield fail("folder.secret", f"Others than its owner may read or write {path}.", f"chmod 600 {path}", str(path))
    if not wide:
        yield ok("folder.rights", "nobody but its owner can write there or read its secrets")
    yield from _site_rights(config)


def _site_rights(config: Config) -> Iterator[Finding]:
    """A site's folder is there to bind the engine, so the engine's user must not write there; nobody binds root."""
    user = config.data_dir.stat().st_uid if config.data_dir.exists() else os.geteuid()
    for folder in site.folders()[:1]:
        if user and folder.exists() and folder.stat().st_uid == user:
            text = f"{folder} belongs to the engine's own user, who can change what the site fixes."
            yield warn("settings.rights", text, f"Give it to the administrator: chown -R root {folder}")
