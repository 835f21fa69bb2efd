"""A Debian package is installed by root from files nobody else could have changed, and taken back where the service does not serve."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import versions

from engine import package_update
from engine.config import Config
from engine.domain import Expected
from engine.installation import Form, Installation
from engine.package_update import Package
from engine.signing import SecretKey
from engine.updates import Memory, Stand, Updates

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="packages of Debian")
PLACE = Installation(Form.DEB_ENGINE, Path("/usr/lib/lastvagt-engine"))


@dataclass
class System:
    """Notes what is carried out; `codes` are exit codes of commands that hold a word."""

    codes: dict[str, int] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)

    def __call__(self, command: Sequence[str]) -> int:
        self.done.append(" ".join(command))
        return next((code for word, code in self.codes.items() if word in command), 0)


@pytest.fixture(autouse=True)
def _root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data folder of a service that has fetched version 0.2.0."""
    updates = Updates(Config(data_dir=tmp_path / "data", update_url=(tmp_path / "site").as_uri()), PLACE, keys(), "0.1.0")
    versions.publish(tmp_path / "site", "0.2.0", b"package 0.2.0", form="deb-engine")
    updates.check(0)
    assert updates.stage().stand is Stand.READY
    updates.config.database.write_bytes(b"")
    return tmp_path / "data"


def keys() -> tuple[versions.SecretKey, ...]:
    return (versions.KEY.public("site"),)


def package(data: Path, system: System, version: str = "0.1.0") -> Package:
    return Package(PLACE, data, keys(), data.parent / "spool", version, system)


def quiet(_: str) -> None:
    """Say nothing."""


def spool(data: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (data.parent / "spool").glob("*.deb")}


def test_what_was_fetched_is_tried_installed_and_confirmed(data: Path) -> None:
    system = System()
    release = package(data, system).apply(quiet)
    assert release is not None
    assert release.version == "0.2.0"
    path = data.parent / "spool" / "lastvagt-0.2.0-deb-engine.tar.gz"
    tried = data.parent / "spool" / "tried"
    assert system.done == [
        f"dpkg-deb --extract {path} {tried}",
        f"runuser -u lastvagt -- {tried}/usr/lib/lastvagt-engine/lastvagt-engine selfcheck --database {data}/lastvagt.sqlite",
        "systemctl is-active --quiet lastvagt-engine.service",
        f"apt-get install --yes --no-install-recommends --allow-downgrades {path}",
        f"/usr/lib/lastvagt-engine/lastvagt-engine update confirm --data-dir {data}",
    ]
    assert spool(data) == {"installed.deb": b"package 0.2.0"}


def test_a_service_that_does_not_run_need_not_serve(data: Path) -> None:
    system = System({"is-active": 3})
    assert package(data, system).apply(quiet) is not None
    assert "confirm" not in system.done[-1]


def test_a_version_that_does_not_serve_is_taken_back_with_its_database_and_not_tried_again(data: Path) -> None:
    (data.parent / "spool").mkdir()
    (data.parent / "spool" / "installed.deb").write_bytes(b"package 0.1.0")
    system = System({"confirm": 4})
    with pytest.raises(Expected, match=r"Version 0\.2\.0 was taken back: The service does not serve with it"):
        package(data, system).apply(quiet)
    assert system.done[-4:] == [
        "systemctl stop lastvagt-engine.service",
        f"apt-get install --yes --no-install-recommends --allow-downgrades {data.parent}/spool/installed.deb",
        f"runuser -u lastvagt -- /usr/lib/lastvagt-engine/lastvagt-engine update settle --data-dir {data}",
        "systemctl start lastvagt-engine.service",
    ]
    assert spool(data) == {"installed.deb": b"package 0.1.0"}
    assert package(data, System()).apply(quiet) is None


def test_without_the_package_before_a_failure_says_so(data: Path) -> None:
    with pytest.raises(Expected, match=r"apt-get ended with 100\. No package of version 0\.1\.0 is kept here"):
        package(data, System({"apt-get": 100})).apply(quiet)


def test_a_version_that_fails_its_own_check_is_not_installed(data: Path) -> None:
    system = System({"selfcheck": 4})
    with pytest.raises(Expected, match="does not work here"):
        package(data, system).apply(quiet)
    assert not [each for each in system.done if "apt-get" in each]


def test_the_way_back_is_the_package_before(data: Path) -> None:
    (data.parent / "spool").mkdir()
    (data.parent / "spool" / "installed.deb").write_bytes(b"package 0.1.0")
    package(data, System()).apply(quiet)
    assert spool(data) == {"installed.deb": b"package 0.2.0", "former.deb": b"package 0.1.0"}
    system = System()
    package(data, system, "0.2.0").roll_back(quiet)
    assert spool(data) == {"installed.deb": b"package 0.1.0"}
    assert Memory.read(data.parent / "spool").refused == {"0.2.0": "It was taken back by hand."}
    with pytest.raises(Expected, match="No package from before"):
        package(data, System()).roll_back(quiet)


@pytest.mark.parametrize("name", ["updates.json", "updates.json.minisig", "lastvagt-0.2.0-deb-engine.tar.gz"])
@pytest.mark.parametrize("how", ["changed", "link", "pipe", "folder", "missing", "huge"])
def test_nothing_that_its_user_could_have_changed_is_believed(data: Path, tmp_path: Path, name: str, how: str) -> None:
    path, system = data / "updates" / name, System()
    content = path.read_bytes()
    path.unlink()
    if how == "changed":
        path.write_bytes(content.replace(b"0", b"1"))
    elif how == "link":
        (tmp_path / "elsewhere").write_bytes(content)
        path.symlink_to(tmp_path / "elsewhere")
    elif how == "pipe":
        os.mkfifo(path)
    elif how == "folder":
        path.mkdir()
    elif how == "huge":
        path.write_bytes(content + bytes(300_000))
    with pytest.raises(Expected):
        package(data, system).apply(quiet)
    assert system.done == []


def test_a_file_that_is_changed_after_it_was_checked_is_not_what_is_installed(data: Path) -> None:
    seen: list[bytes] = []

    class Attacked(System):
        def __call__(self, command: Sequence[str]) -> int:
            for path in (data / "updates").glob("*.*"):
                path.write_bytes(b"evil")
            if command[0] == "apt-get":
                seen.append(Path(command[-1]).read_bytes())
            return 0

    package(data, Attacked()).apply(quiet)
    assert seen == [b"package 0.2.0"]


def test_keys_of_others_and_users_without_rights_are_refused(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = Package(PLACE, data, (SecretKey.new().public("stranger"),), data.parent / "spool", "0.1.0", System())
    with pytest.raises(Expected, match="not trusted here"):
        stranger.apply(quiet)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Expected, match="is installed by root"):
        package(data, System()).apply(quiet)


def test_installers_of_other_systems_are_started_by_the_user(tmp_path: Path) -> None:
    file = Path("lastvagt-0.2.0.exe")
    command = package_update.installer_command(Installation(Form.WINDOWS, Path("C:/Users/an/AppData/Local/Lastvagt")), file)
    assert command == [str(file), "/S"]
    place = Installation(Form.MACOS, Path("/Applications/Lastvagt.app/Contents/MacOS"))
    assert package_update.installer_command(place, Path("a.dmg")) == ["open", "a.dmg"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is missing")
def test_the_units_are_sound(tmp_path: Path) -> None:
    for name in ("lastvagt-update.service", "lastvagt-update.timer"):
        unit = Path(__file__).parent.parent / "packaging" / "deb" / name
        text = unit.read_text(encoding="utf-8").replace("/usr/bin/lastvagt-engine", "/bin/true")
        (tmp_path / name).write_text(text, encoding="utf-8")
    command = ["systemd-analyze", "verify", "--man=no", *sorted(str(path) for path in tmp_path.iterdir())]
    assert os.spawnvp(os.P_WAIT, command[0], command) == 0
