"""Updates are asked for, fetched and made ready only when signed, newer, whole and fit; whatever is not changes nothing."""

from __future__ import annotations

import dataclasses
import functools
import http.server
import json
import shutil
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import versions
from hypothesis import given
from hypothesis import strategies as st

from engine import releases, updates
from engine.config import Config
from engine.domain import Expected
from engine.installation import Form, Installation
from engine.releases import LIST
from engine.signing import SUFFIX, SecretKey
from engine.updates import Memory, Stand, Updates

NOW = 1_795_000_000


@pytest.fixture
def site(tmp_path: Path) -> Path:
    versions.publish(tmp_path / "site", "0.2.0", versions.archive("0.2.0"))
    return tmp_path / "site"


@pytest.fixture
def here(tmp_path: Path, site: Path) -> Updates:
    """A portable installation of version 0.1.0 that asks the site."""
    place = versions.install(tmp_path / "lastvagt", "0.1.0")
    config = Config(data_dir=tmp_path / "data", update_url=site.as_uri())
    return Updates(config, place, (versions.KEY.public("releases"),), "0.1.0")


def names(here: Updates) -> list[str]:
    return sorted(path.name for path in (here.installation.root / "versions").iterdir())


_PART = st.integers(0, 30)
_VERSIONS = st.builds(
    lambda a, b, c, before: f"{a}.{b}.{c}" + (f"-{before}" if before else ""),
    _PART,
    _PART,
    _PART,
    st.sampled_from(["", "", "alpha", "beta.2", "rc.1", "rc.10", "rc.x"]),
)


@given(st.lists(_VERSIONS, min_size=3, max_size=3))
def test_versions_have_one_order(three: list[str]) -> None:
    a, b, c = sorted(three, key=releases.order)
    assert not releases.is_newer(a, b)
    assert not releases.is_newer(b, c)
    assert releases.is_newer(c, a) or releases.order(a) == releases.order(c)


def test_the_order_is_that_of_semantic_versions() -> None:
    told = [
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
        "1.2.0",
        "1.10.0",
    ]
    assert sorted(set(told), key=releases.order) == told


@pytest.mark.parametrize("wrong", ["", "1", "1.2", "v1.2.3", "1.2.3/../..", "1.2.3-", "1.2.3\n", "１.2.3"])
def test_what_is_no_version_is_refused(wrong: str) -> None:
    with pytest.raises(Expected, match="no version"):
        releases.order(wrong)


def test_nobody_is_asked_without_an_address(tmp_path: Path) -> None:
    here = Updates(Config(data_dir=tmp_path), Installation(Form.PORTABLE, tmp_path), (versions.KEY.public("k"),), "0.1.0")
    assert here.state().stand is Stand.OFF
    with pytest.raises(Expected, match="No address is set"):
        here.check(NOW)
    assert not (tmp_path / "updates" / LIST).exists()


def test_a_newer_version_is_found_fetched_tried_and_made_ready(here: Updates) -> None:
    assert here.state().stand is Stand.UNKNOWN
    found = here.check(NOW)
    assert (found.stand, found.document()["newest"], found.document()["notes"]) == (
        Stand.AVAILABLE,
        "0.2.0",
        "What is new in 0.2.0.",
    )
    shares: list[float] = []
    assert here.stage(shares.append).stand is Stand.READY
    assert names(here) == ["0.1.0", "0.2.0"]
    assert shares[-1] == 1.0
    assert here.state().stand is Stand.READY, "what is ready is ready for the next program that looks"
    assert (here.installation.root / "current").readlink().name == "0.1.0", "nothing has taken over"


def test_without_a_trusted_key_nothing_is_fetched(here: Updates) -> None:
    with pytest.raises(Expected, match="No key is trusted"):
        dataclasses.replace(here, keys=()).check(NOW)


def test_a_key_nobody_trusts_is_refused_and_remembered(here: Updates, site: Path) -> None:
    versions.publish(site, "0.2.0", b"x", SecretKey.new())
    with pytest.raises(Expected, match="not trusted here"):
        here.check(NOW)
    state = here.state()
    assert state.stand is Stand.UNKNOWN
    assert "not trusted here" in state.memory.problem
    assert state.memory.checked_at == NOW


def test_a_list_that_was_tampered_with_is_refused(here: Updates, site: Path) -> None:
    (site / LIST).write_text((site / LIST).read_text().replace("0.2.0", "0.9.0"))
    with pytest.raises(Expected, match="is not what 'releases' signed"):
        here.check(NOW)


def test_a_list_that_is_tampered_with_here_counts_no_more(here: Updates) -> None:
    here.check(NOW)
    (here.folder / LIST).write_text("{}")
    assert here.state().stand is Stand.UNKNOWN


def test_an_old_list_served_again_is_no_update(here: Updates, site: Path, tmp_path: Path) -> None:
    shutil.copytree(site, tmp_path / "old")
    versions.publish(site, "0.3.0", versions.archive("0.3.0"))
    here.check(NOW)
    older = dataclasses.replace(here, config=dataclasses.replace(here.config, update_url=(tmp_path / "old").as_uri()))
    assert older.check(NOW).document()["newest"] == "0.3.0", "the newer list that was seen stays"
    assert dataclasses.replace(older, version="0.3.0").check(NOW).stand is Stand.CURRENT


def test_a_file_of_another_content_is_refused(here: Updates, site: Path) -> None:
    here.check(NOW)
    name = versions.publish(site, "0.2.0", versions.archive("0.2.0"))
    content = bytearray((site / name).read_bytes())
    content[-20] ^= 1
    (site / name).write_bytes(content)
    with pytest.raises(Expected, match="is not the file that was announced"):
        here.stage()
    assert names(here) == ["0.1.0"]
    assert not list(here.folder.glob("*.part"))


def test_a_version_that_fails_its_own_check_changes_nothing(here: Updates, site: Path) -> None:
    versions.publish(site, "0.2.0", versions.archive("0.2.0", "UNFIT"))
    here.check(NOW)
    with pytest.raises(Expected, match=r"Version 0\.2\.0 does not work here: The engine does not serve\. Install it again"):
        here.stage()
    assert names(here) == ["0.1.0"]
    assert here.state().stand is Stand.AVAILABLE


def test_a_program_that_is_another_version_than_announced_is_refused(here: Updates, site: Path) -> None:
    versions.publish(site, "0.2.0", versions.archive("0.2.0", program=versions.script("0.1.9")))
    here.check(NOW)
    with pytest.raises(Expected, match=r"says of itself 'lastvagt-engine 0\.1\.9'"):
        here.stage()


def test_a_version_that_was_taken_back_is_left_alone_until_a_newer_one_comes(here: Updates, site: Path) -> None:
    here.check(NOW)
    Memory(refused={"0.2.0": "It ended."}).write(here.folder)
    assert here.state().stand is Stand.REFUSED
    with pytest.raises(Expected, match="was taken back here: It ended"):
        here.stage()
    assert here.stage(again=True).stand is Stand.READY
    Memory(refused={"0.2.0": "It ended."}).write(here.folder)
    versions.publish(site, "0.2.1", versions.archive("0.2.1"))
    assert here.check(NOW).stand is Stand.AVAILABLE


def test_a_release_without_a_file_for_this_machine_says_so(here: Updates, site: Path) -> None:
    versions.publish(site, "0.2.0", b"x", form="windows")
    assert here.check(NOW).stand is Stand.NOT_FOR_HERE
    with pytest.raises(Expected, match="has no file for"):
        here.stage()


def test_versions_that_nobody_uses_make_room(here: Updates, site: Path) -> None:
    root = here.installation.root
    for old in ("0.0.8", "0.0.9", ".staged-0.1.5"):
        (root / "versions" / old).mkdir()
    (root / "former").symlink_to("versions/0.0.9")
    here.check(NOW)
    here.stage()
    assert names(here) == ["0.0.9", "0.1.0", "0.2.0"]


def _hostile() -> Iterator[tarfile.TarInfo]:
    below = "lastvagt/versions/0.2.0/"
    yield tarfile.TarInfo(below + "../../../../evil")
    for to in ("/etc/passwd", "../../../../../evil"):
        member = tarfile.TarInfo(below + "link")
        member.type, member.linkname = tarfile.SYMTYPE, to
        yield member
    for kind in (tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.LNKTYPE):
        member = tarfile.TarInfo(below + "odd")
        member.type, member.linkname = kind, "lastvagt/versions/0.2.0/lastvagt-engine"
        yield member


@pytest.mark.parametrize("member", list(_hostile()), ids=lambda member: f"{member.name[-16:]}-{member.type!r}")
def test_an_archive_that_would_reach_out_is_refused(here: Updates, site: Path, member: tarfile.TarInfo, tmp_path: Path) -> None:
    versions.publish(site, "0.2.0", versions.archive("0.2.0", extra=(member,)))
    here.check(NOW)
    before = sorted(path for path in tmp_path.rglob("*") if "updates" not in path.parts)
    with pytest.raises(Expected, match=r"cannot be unpacked|holds a hard link"):
        here.stage()
    assert sorted(path for path in tmp_path.rglob("*") if "updates" not in path.parts) == before


@pytest.mark.parametrize("limit", ["_MOST_UNPACKED", "_MOST_MEMBERS"])
def test_an_archive_that_is_too_large_is_refused(here: Updates, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(updates, limit, 0)
    here.check(NOW)
    with pytest.raises(Expected, match="does not hold what it should"):
        here.stage()


@pytest.mark.parametrize(
    "change",
    [
        {"version": "1"},
        {"files": [{"name": "../x"}]},
        {"files": 3},
        {"notes": None},
        {"schema": "new"},
        {"version": "../../evil"},
    ],
)
def test_a_list_that_makes_no_sense_is_refused(here: Updates, site: Path, change: dict[str, object]) -> None:
    told = json.loads((site / LIST).read_text()) | change
    (site / LIST).write_text(json.dumps(told))
    (site / (LIST + SUFFIX)).write_text(versions.KEY.sign(site / LIST, ""))
    with pytest.raises(Expected):
        here.check(NOW)


@pytest.mark.parametrize(
    "file", [{"name": "a/b"}, {"name": ".."}, {"bytes": -1}, {"bytes": True}, {"bytes": 10**12}, {"sha256": "0"}]
)
def test_a_file_that_is_described_badly_is_refused(here: Updates, site: Path, file: dict[str, object]) -> None:
    told = json.loads((site / LIST).read_text())
    told["files"][0] |= file
    (site / LIST).write_text(json.dumps(told))
    (site / (LIST + SUFFIX)).write_text(versions.KEY.sign(site / LIST, ""))
    with pytest.raises(Expected, match="not described as it should be"):
        here.check(NOW)


def test_an_update_comes_over_http_too(here: Updates, site: Path) -> None:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        there = dataclasses.replace(here, config=dataclasses.replace(here.config, update_url=url))
        there.check(NOW)
        assert there.stage().stand is Stand.READY
        server.shutdown()
