"""Kits: what one machine knew another one knows after them, once, from then on, and nothing that nobody signed."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import errno
import hashlib
import json
import shutil
import sqlite3
import stat
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import bundles
import jsonschema
import numpy as np
import pytest
import versions
from hypothesis import given, settings
from hypothesis import strategies as st
from serving import serving

from engine import answers, clock, features, health, kit, kit_export, kit_import, lag, metrics, pipeline, updates
from engine.__main__ import main
from engine.clock import SystemClock
from engine.config import Config
from engine.domain import DAY, HOUR, Expected, Flag, IntArray, Observations, Series, Tier
from engine.forecaster import Forecaster
from engine.kit_import import Taken
from engine.lineup import Lineup
from engine.signing import SecretKey
from engine.store import FOREVER, Reader, Writer

KEY = SecretKey(b"kitmaker", bytes(range(32)))
TRUSTED = (KEY.public("maker"),)
NOW = clock.parse_utc("2024-11-26T12:00Z")
LOAD = Series("load", "DK1", "energidataservice")
WIND = Series("wind_speed", "DK1", "open-meteo")


class Site:
    """A data folder with its writer and its reader."""

    def __init__(self, folder: Path, simulated: bool = False) -> None:
        folder.mkdir()
        self.config = Config(data_dir=folder, model_dir=folder / "none", simulated=simulated)
        self.writer = Writer(self.config.database, simulated)
        self.reader = Reader(self.config.database)

    def know(self, series: Series, valid: IntArray, known: IntArray, value: object, flag: Flag = Flag.PLAIN) -> None:
        flags = np.full(len(valid), flag, np.uint8)
        values = np.broadcast_to(np.asarray(value, np.float64), len(valid)).copy()
        self.writer.put([Observations(series, valid, known, values, flags, self.writer.simulated)])

    def pack(self, path: Path, since: int, now: int, models: Sequence[str] = ()) -> Path:
        kit_export.pack(self.reader, self.config, path, KEY, since, now, models)
        return path

    def take(self, path: Path, now: int) -> Taken:
        return kit_import.take(path, self.config, self.writer, self.reader, "anna", now, TRUSTED)

    def rows(self) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.config.database)) as db:
            return db.execute(
                """SELECT quantity, area, consumer_type, source, rank, valid_time, available_at, value, flags
                   FROM observation JOIN series USING(series_id) ORDER BY 1, 2, 3, 4, 6, 7"""
            ).fetchall()

    def close(self) -> None:
        self.reader.close()
        self.writer.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    made: list[Site] = []

    def make(name: str, simulated: bool = False) -> Site:
        made.append(Site(tmp_path / name, simulated))
        return made[-1]

    yield make
    for each in made:
        each.close()


def hours(start: int, count: int) -> IntArray:
    return start + HOUR * np.arange(count, dtype=np.int64)


def shape(times: IntArray) -> np.ndarray:
    return np.round(2500 + 400 * np.sin(times / DAY * 2 * np.pi) + times % 7919 / 100, 3)


def connected(one: Site, days: int = 30, until: int = NOW) -> None:
    """Load that came hour by hour, two hours late, and wind as it was forecast every six hours."""
    times = hours(until - days * DAY, days * 24 - 2)
    one.know(LOAD, times, times + 2 * HOUR, shape(times))
    for run in range(until - 3 * DAY, until, 6 * HOUR):
        ahead = hours(run, 48)
        one.know(WIND, ahead, np.full(48, run), 5 + (run // HOUR) % 11)


# -- values as bytes --------------------------------------------------------------------------------------------------

_HOURS = st.integers(315532800 // HOUR, 3471292799 // HOUR - 1).map(lambda h: h * HOUR)


@given(
    rows=st.lists(
        st.tuples(
            _HOURS, st.integers(315532800, 3471292799), st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 7)
        ),
        unique_by=lambda row: row[:2],
        max_size=40,
    )
)
def test_values_come_back_as_they_were(rows: list[tuple[int, int, float, int]]) -> None:
    rows.sort()
    valid, known, value, flags = (np.array(column) for column in zip(*rows, strict=True)) if rows else (np.empty(0),) * 4
    columns = valid.astype(np.int64), known.astype(np.int64), value.astype(np.float64), flags.astype(np.uint8)
    for before, after in zip(columns, kit.unpack(kit.pack(*columns), len(rows)), strict=True):
        assert before.dtype == after.dtype
        assert np.array_equal(before, after)


@given(raw=st.binary(max_size=200), rows=st.integers(0, 8))
def test_bytes_that_are_no_values_are_refused(raw: bytes, rows: int) -> None:
    try:
        valid, *_ = kit.unpack(raw, rows)
    except ValueError:
        return
    assert len(valid) == rows
    assert not (valid % HOUR).any()


# -- what a site knows afterwards -------------------------------------------------------------------------------------


def test_what_was_known_before_a_site_began_is_history_as_it_was_known_elsewhere(
    site: Callable[..., Site], tmp_path: Path
) -> None:
    one, other = site("one"), site("other")
    connected(one)
    taken = other.take(one.pack(tmp_path / "a.kit", 0, NOW), NOW + HOUR)
    nominal = [(*row[:8], row[8] | Flag.NOMINAL) for row in one.rows()]  # type: ignore[operator]
    assert other.rows() == nominal
    assert taken.record.signed_by == "maker"
    assert taken.record.brought["new"] == len(nominal)
    for moment in range(NOW - 2 * DAY, NOW, 5 * HOUR):
        ours, theirs = (each.reader.as_of(moment, NOW - 3 * DAY, 120) for each in (other, one))
        assert ours.values.keys() == theirs.values.keys()
        assert all(np.array_equal(ours.values[key], theirs.values[key], equal_nan=True) for key in ours.values)


def test_what_came_later_became_known_when_its_kit_came(site: Callable[..., Site], tmp_path: Path) -> None:
    one, other = site("one"), site("other")
    connected(one)
    other.take(one.pack(tmp_path / "a.kit", 0, NOW), NOW + HOUR)
    times, later = hours(NOW, 48), NOW + 3 * DAY
    one.know(LOAD, times, times + 2 * HOUR, shape(times))
    one.know(LOAD, times[:5], np.full(5, NOW + 2 * DAY), shape(times[:5]) + 3, Flag.SETTLED)
    other.take(one.pack(tmp_path / "b.kit", NOW, later), later + 7 * HOUR)
    known = other.reader.archive(NOW, NOW + 2 * DAY, ["DK1"], quantities=["load"]).versions["load", "DK1", "total"]
    assert known.valid_time.tolist() == times.tolist()  # of two versions that came in one kit the newest alone
    assert set(known.available_at.tolist()) == {later + 7 * HOUR}
    assert known.flags.tolist() == [Flag.SETTLED] * 5 + [Flag.PLAIN] * 43
    before, after = (other.reader.as_of(later + h * HOUR, NOW, 48).get("load", "DK1") for h in (6, 7))
    assert before is None
    assert after is not None
    assert np.array_equal(after, np.concatenate([shape(times[:5]) + 3, shape(times[5:])]))


def test_the_lag_is_that_of_the_site(site: Callable[..., Site], tmp_path: Path) -> None:
    one, other = site("one"), site("other")
    for week in range(9):
        until = NOW + 7 * week * DAY
        start = until - (60 * DAY if not week else 7 * DAY)
        times = hours(start - 2 * HOUR, (until - start) // HOUR)
        one.know(LOAD, times, times + 2 * HOUR, shape(times))
        other.take(one.pack(tmp_path / f"{week}.kit", start, until), until + 5 * HOUR)
    (found,) = lag.measure(other.reader, until + 5 * HOUR)
    assert found.lag_s == 8 * HOUR
    assert found.usual_s is not None
    assert 6.5 * DAY < found.usual_s < 8 * DAY  # of what comes in days, days are measured
    assert not found.nominal
    assert found.stalled_since is None
    assert lag.measure(other.reader, until + 9 * DAY)[0].stalled_since is not None


def test_a_kit_that_comes_twice_changes_nothing(site: Callable[..., Site], tmp_path: Path) -> None:
    one, other = site("one"), site("other")
    connected(one)
    path = one.pack(tmp_path / "a.kit", 0, NOW)
    assert not other.take(path, NOW).again
    before = other.rows()
    again = other.take(path, NOW + DAY)
    assert again.again
    assert other.rows() == before
    assert len(other.reader.kits.imported()) == 1
    assert [run.status for run in other.reader.job_runs("kit")] == ["ok", "ok"]


_VALUES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 29), st.sampled_from([100.0, 200.0, 300.0])),
    unique_by=lambda v: v[:2],
    max_size=24,
)
_SPANS = st.lists(st.tuples(st.integers(0, 29), st.integers(1, 15)), min_size=1, max_size=5)


@settings(max_examples=15)
@given(values=_VALUES, spans=_SPANS, data=st.data())
def test_in_whatever_order_kits_come_and_overlap_the_newest_versions_are_those_that_were_known(
    tmp_path_factory: pytest.TempPathFactory,
    values: list[tuple[int, int, float]],
    spans: list[tuple[int, int]],
    data: st.DataObject,
) -> None:
    folder = tmp_path_factory.mktemp("order")
    own = Series("wind_speed", "DK1", "open-meteo")
    one, began = Site(folder / "one"), clock.parse_utc("2026-11-01T00:00Z")
    for hour, day, value in sorted(values, key=lambda v: v[1]):
        valid = np.array([began + hour * HOUR], np.int64)
        one.know(own, valid, np.array([began + day * DAY], np.int64), value / 10)
    paths = [
        one.pack(folder / f"{i}.kit", began + start * DAY, began + (start + length) * DAY)
        for i, (start, length) in enumerate(dict.fromkeys(spans))
    ]
    order = data.draw(st.permutations(paths))
    # History (all that was known before a site began) is one set; what comes later is the newest known of the union.
    for first_kit_at in (began - DAY, began + 60 * DAY):
        site_name = "later" if first_kit_at < began else "history"
        other = Site(folder / site_name)
        if first_kit_at < began:
            empty = one.pack(folder / "empty.kit", began - 20 * DAY, began - DAY)
            other.take(empty, began - DAY)
        for number, path in enumerate(order):
            other.take(path, began + 60 * DAY + number * HOUR)
        union = [
            row
            for row in one.rows()
            if any(
                began + start * DAY <= row[6] < began + (start + length) * DAY  # type: ignore[operator]
                for start, length in spans
            )
        ]
        newest = {row[5]: row[7] for row in union}
        found = other.reader.as_of(FOREVER, began, 4).get("wind_speed", "DK1")
        told = {} if found is None else {began + i * HOUR: v for i, v in enumerate(found.tolist()) if np.isfinite(v)}
        assert told == newest
        if site_name == "history":
            assert [row[5:8] for row in other.rows()] == [row[5:8] for row in union]
        other.close()
    one.close()


def test_implausible_values_are_set_aside_as_fetched_ones_are(site: Callable[..., Site], tmp_path: Path) -> None:
    one, other = site("one"), site("other")
    connected(one)
    times = hours(NOW, 1)
    one.know(LOAD, times, times + 2 * HOUR, 9e5)
    taken = other.take(one.pack(tmp_path / "a.kit", 0, NOW + DAY), NOW + DAY)
    assert taken.record.brought["quarantined"] == 1
    (odd,) = other.reader.decisions.quarantine()
    assert (odd.value, odd.valid_time) == (9e5, NOW)


def test_a_connected_machine_that_had_been_silent_sends_what_it_missed_with_the_next_kit(
    site: Callable[..., Site], tmp_path: Path
) -> None:
    one, other = site("one"), site("other")
    connected(one)
    other.take(one.pack(tmp_path / "a.kit", 0, NOW), NOW)
    times = hours(NOW - 2 * HOUR, 24)
    one.know(LOAD, times, times + 2 * HOUR, shape(times), Flag.NOMINAL)  # back-filled three days later
    other.take(one.pack(tmp_path / "b.kit", NOW + 3 * DAY, NOW + 4 * DAY), NOW + 4 * DAY)
    known = other.reader.as_of(FOREVER, NOW, 22).get("load", "DK1")
    assert known is not None
    assert np.array_equal(known, shape(times[2:]))


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.fixture
def parcel(site: Callable[..., Site], tmp_path: Path) -> Path:
    one = site("one")
    connected(one, days=8)
    return one.pack(tmp_path / "good.kit", 0, NOW)


def rewritten(parcel: Path, change: Callable[[dict[str, bytes]], None], sign: bool = True) -> Path:
    """The same kit with other members, its list made and signed anew."""
    with zipfile.ZipFile(parcel) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    if sign:
        words = json.loads(members.pop(kit.MANIFEST))
        members.pop("manifest.json.minisig")
        words["files"] = {n: {"bytes": len(c), "sha256": hashlib.sha256(c).hexdigest()} for n, c in members.items()}
        resign(parcel.parent, members, words)
    path = parcel.with_name("hostile.kit")
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def resign(folder: Path, members: dict[str, bytes], words: object) -> None:
    """Put a signed list among members."""
    members[kit.MANIFEST] = json.dumps(words).encode()
    (folder / "list").write_bytes(members[kit.MANIFEST])
    members["manifest.json.minisig"] = KEY.sign(folder / "list", "x").encode()


def add(name: str, content: bytes = b"x") -> Callable[[Path], Path]:
    return lambda parcel: rewritten(parcel, lambda members: members.update({name: content}))


def link(parcel: Path) -> Path:
    path = shutil.copy(parcel, parcel.with_name("hostile.kit"))
    member = zipfile.ZipInfo("series/9999.bin")
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(member, "/etc/passwd")
    return Path(path)


def twice(parcel: Path) -> Path:
    path = shutil.copy(parcel, parcel.with_name("hostile.kit"))
    with zipfile.ZipFile(path, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr("series/0000.bin", b"other")
    return Path(path)


def bomb(parcel: Path) -> Path:
    def grow(members: dict[str, bytes]) -> None:
        members["models/x/card.md"] = bytes(65 << 20)

    path = parcel.with_name("hostile.kit")
    with zipfile.ZipFile(rewritten(parcel, grow)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def lying_size(parcel: Path) -> Path:
    """A member that says it is smaller than it is."""
    raw = bytearray(parcel.read_bytes())
    with zipfile.ZipFile(parcel) as archive:
        size = archive.getinfo("series/0000.bin").file_size.to_bytes(4, "little")
    path = parcel.with_name("hostile.kit")
    path.write_bytes(raw.replace(size, (10).to_bytes(4, "little")))
    return path


def encrypted(parcel: Path) -> Path:
    raw = bytearray(parcel.read_bytes())
    at = raw.index(b"PK\x01\x02")
    raw[at + 8] |= 1
    path = parcel.with_name("hostile.kit")
    path.write_bytes(raw)
    return path


def flipped(parcel: Path) -> Path:
    raw = bytearray(parcel.read_bytes())
    raw[200] ^= 4  # within the first series
    path = parcel.with_name("hostile.kit")
    path.write_bytes(raw)
    return path


def cut(parcel: Path) -> Path:
    path = parcel.with_name("hostile.kit")
    path.write_bytes(parcel.read_bytes()[:-30])
    return path


def no_zip(parcel: Path) -> Path:
    path = parcel.with_name("hostile.kit")
    path.write_bytes(b"hello")
    return path


def words_with(**changes: object) -> Callable[[Path], Path]:
    """A signed list that says something else."""

    def make(parcel: Path) -> Path:
        def change(members: dict[str, bytes]) -> None:
            resign(parcel.parent, members, json.loads(members[kit.MANIFEST]) | changes)

        return rewritten(parcel, change, sign=False)

    return make


def unsigned_change(parcel: Path) -> Path:
    def change(members: dict[str, bytes]) -> None:
        members[kit.MANIFEST] = members[kit.MANIFEST].replace(b'"note": ""', b'"note": "x"')

    return rewritten(parcel, change, sign=False)


def swapped(parcel: Path) -> Path:
    def change(members: dict[str, bytes]) -> None:
        members["series/0000.bin"], members["series/0001.bin"] = members["series/0001.bin"], members["series/0000.bin"]

    return rewritten(parcel, change, sign=False)


def unnatural(parcel: Path) -> Path:
    """Values that no store can have held, signed all the same."""

    def change(members: dict[str, bytes]) -> None:
        raw = bytearray(members["series/0000.bin"])
        raw[0] ^= 1
        members["series/0000.bin"] = bytes(raw)

    return rewritten(parcel, change)


HOSTILE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "a member above its folder": (add("../evil.bin"), "a member is called"),
    "a bundle above its folder": (add("models/../evil/model.onnx"), "a member is called"),
    "an absolute member": (add("/tmp/evil.bin"), "a member is called"),
    "a member of another system": (add("series\\0009.bin"), "a member is called"),
    "a drive": (add("C:evil"), "a member is called"),
    "a link": (link, "no plain file"),
    "one name twice": (twice, "a member is called"),
    "a bomb": (bomb, "too large"),
    "a size that lies": (lying_size, "no whole kit"),
    "a locked member": (encrypted, "no plain file"),
    "a flipped bit": (flipped, "no whole kit"),
    "cut short": (cut, "no whole kit"),
    "no zip file": (no_zip, "no whole kit"),
    "a list that was changed": (unsigned_change, "is not what 'maker' signed"),
    "members that were swapped": (swapped, "no whole kit"),
    "values that cannot be": (unnatural, "make no sense"),
    "another form": (words_with(form=2), "another form"),
    "a span that is none": (words_with(since="2027-01-01T00:00:00Z"), "span or kind is none"),
    "no list at all": (words_with(series=7), "list of contents cannot be read"),
    "days that are none": (words_with(days={"tomorrow": "x"}), "list of contents cannot be read"),
}


@pytest.mark.gate(
    "A5", "Archives with names outside", target="Over 12 hostile kits, signed where that helps them: 0 files left behind, 0 taken"
)
def test_no_hostile_kit_changes_anything(
    parcel: Path, site: Callable[..., Site], tmp_path: Path, gate: Callable[[str], None]
) -> None:
    other = site("other")

    def files() -> set[Path]:
        return {path for path in (*tmp_path.rglob("*"), Path("/tmp/evil.bin")) if path.exists()}

    taken, left = dict[str, str](), set[Path]()
    for name, (make, told) in HOSTILE.items():
        path = make(parcel)
        before = files()
        try:
            other.take(path, NOW)
            taken[name] = "it was taken"
        except Expected as refused:
            if told not in refused.problem:
                taken[name] = refused.problem
        left |= files() - before
    gate(f"{len(HOSTILE)} hostile kits: {len(left)} files left behind, {len(taken)} taken or refused for another reason")
    assert (left, taken) == (set(), {})
    assert other.rows() == []
    assert not other.reader.kits.imported()
    assert [run.status for run in other.reader.job_runs("kit")] == ["expected"] * len(HOSTILE)


@settings(max_examples=40)
@given(data=st.data())
def test_no_flipped_bit_gets_in(parcel: Path, data: st.DataObject) -> None:
    raw = bytearray(parcel.read_bytes())
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= 1 << data.draw(st.integers(0, 7))
    path, folder = parcel.with_name("flipped.kit"), parcel.with_name("flipped.part")
    path.write_bytes(raw)
    with kit.unpacked(parcel, folder, TRUSTED) as (contents, _):
        whole = {name: (folder / name).read_bytes() for name in contents.files}
    try:
        with kit.unpacked(path, folder, TRUSTED) as (contents, _):
            assert {
                name: (folder / name).read_bytes() for name in contents.files
            } == whole  # a bit that says nothing, such as a date
    except Expected:
        assert not folder.exists()


def test_a_key_that_is_not_trusted_is_named(parcel: Path, site: Callable[..., Site]) -> None:
    other = site("other")
    with pytest.raises(Expected, match=r"good\.kit is signed with the key .* not trusted here \(trusted: none\)"):
        kit_import.take(parcel, other.config, other.writer, other.reader, "anna", NOW, ())
    assert other.rows() == []


def test_simulated_data_stay_apart(parcel: Path, site: Callable[..., Site]) -> None:
    other = site("other", simulated=True)
    with pytest.raises(Expected, match="holds real data, and this data folder simulated ones"):
        other.take(parcel, NOW)


def test_a_clock_that_is_behind_is_told(parcel: Path, site: Callable[..., Site]) -> None:
    with pytest.raises(Expected, match="yet to come"):
        site("other").take(parcel, NOW - DAY)


def test_a_disk_that_is_full_is_told(parcel: Path, site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch) -> None:
    other = site("other")

    opened, fails = Path.open, ["xb"]

    def full(self: Path, mode: str = "r", *more: object, **named: object) -> object:
        if mode in fails:
            raise OSError(errno.ENOSPC, "No space left on device")
        return opened(self, mode, *more, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", full)
    for _ in range(2):
        with pytest.raises(Expected, match=r"good\.kit cannot be unpacked: No space left on device"):
            other.take(parcel, NOW)
        fails.append("wb")  # earlier: what the signature is checked on
    monkeypatch.undo()
    assert not other.take(parcel, NOW).again


def test_an_import_that_was_ended_leaves_nothing_and_is_made_again(
    parcel: Path, site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = site("other")
    (other.config.data_dir / "kit.part" / "series").mkdir(parents=True)  # of one that was killed
    (other.config.data_dir / "kit.part" / "series" / "0000.bin").write_bytes(b"half")
    monkeypatch.setattr("engine.store.writer.put_kit", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        other.take(parcel, NOW)
    monkeypatch.undo()
    assert other.rows() == []
    assert not other.take(parcel, NOW).again
    assert len(other.rows()) > 100


# -- bundles and special days -----------------------------------------------------------------------------------------


def test_a_bundle_begins_to_be_tried_and_nobody_is_promoted(site: Callable[..., Site], tmp_path: Path) -> None:
    one, other = site("one"), site("other")
    connected(one)
    bundles.copy(one.config.own_model_dir, "newer", "2026-06-01T00:00:00Z")
    bundles.copy(other.config.model_dir, "serves", "2026-01-01T00:00:00Z")
    path = tmp_path / "a.kit"
    kit_export.pack(one.reader, one.config, path, KEY, 0, NOW)
    (other.config.data_dir / "model-keys").mkdir()
    (other.config.data_dir / "model-keys" / "maker.pub").write_text(TRUSTED[0].text())
    taken = other.take(path, NOW)
    assert taken.record.brought["models"] == ["newer"]
    cast = Lineup(other.config, other.writer, other.reader).settle(NOW)
    assert [bundle.model_id for bundle in cast.forecaster.bundles] == ["serves"]
    assert [duel.challenger.model_id for duel in cast.duels] == ["newer"]
    for name in ("model.onnx", "manifest.json", "golden.npz", "card.md"):
        assert (other.config.own_model_dir / "newer" / name).read_bytes() == (
            one.config.own_model_dir / "newer" / name
        ).read_bytes()


def test_a_bundle_that_cannot_be_used_is_told_and_the_data_go_in(site: Callable[..., Site], tmp_path: Path) -> None:
    one, other = site("one"), site("other")
    connected(one)
    bundles.copy(one.config.own_model_dir, "same")
    bundles.copy(other.config.own_model_dir, "same", "2025-01-01T00:00:00Z")
    bundles.copy(one.config.own_model_dir, "bad")
    path = one.pack(tmp_path / "a.kit", 0, NOW, ["same", "bad"])

    def damage(members: dict[str, bytes]) -> None:
        graph = bytearray(members["models/bad/model.onnx"])
        graph[len(graph) // 2] ^= 1
        members["models/bad/model.onnx"] = bytes(graph)

    taken = other.take(rewritten(path, damage), NOW)
    told = sorted(trouble.problem for trouble in taken.troubles)
    assert told[0].startswith("The bundle bad was not taken: Model bundle")
    assert told[1] == "The bundle same was not taken: Another bundle is called same here."
    assert len(other.rows()) == len(one.rows())
    assert not (other.config.own_model_dir / "bad").exists()


def test_an_update_is_made_ready_and_takes_over_when_somebody_says_so(
    site: Callable[..., Site], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = site("one"), site("other")
    connected(one)
    published = tmp_path / "published"
    versions.publish(published, "9.2.0", versions.archive("9.2.0"))
    place = versions.install(tmp_path / "lastvagt", "0.1.0")
    monkeypatch.setattr("engine.installation.here", lambda: place)
    path, keys = tmp_path / "a.kit", [()]
    kit_export.pack(one.reader, one.config, path, KEY, 0, NOW, [], sorted(published.iterdir()))
    monkeypatch.setattr("engine.site.trusted_keys", lambda *_: keys[-1])
    assert "The update was not taken: No key is trusted here" in other.take(path, NOW).troubles[0].problem
    keys.append((versions.KEY.public("releases"),))  # type: ignore[arg-type]
    later = one.pack(tmp_path / "b.kit", 0, NOW + 1)
    kit_export.pack(one.reader, one.config, later, KEY, 0, NOW + 1, [], sorted(published.iterdir()))
    taken = other.take(later, NOW + 1)
    assert not taken.troubles
    assert taken.record.brought["update"] == "9.2.0"
    state = updates.Updates(other.config, place, keys[-1]).state()
    assert state.stand is updates.Stand.READY
    assert (place.root / "current").readlink().name == "0.1.0"


def test_an_update_goes_along_whole_or_not_at_all(site: Callable[..., Site], tmp_path: Path) -> None:
    one = site("one")
    connected(one)
    published = tmp_path / "published"
    versions.publish(published, "9.2.0", versions.archive("9.2.0"))
    stray = tmp_path / "stray.txt"
    stray.write_text("x")
    for files, told in (
        ([published / "updates.json"], r"needs updates\.json\.minisig"),
        ([*published.iterdir(), stray], r"stray\.txt is no file of the update 9\.2\.0"),
    ):
        with pytest.raises(Expected, match=told):
            kit_export.pack(one.reader, one.config, tmp_path / "a.kit", KEY, 0, NOW, [], files)
    assert not list(tmp_path.glob("a.kit*"))


@pytest.fixture
def own_calendar() -> Iterator[None]:
    yield
    clock.take_over({})
    features.calendar.cache_clear()
    features.is_unusual.cache_clear()


@pytest.mark.usefixtures("own_calendar")
def test_a_law_that_a_newer_program_knows_counts_from_the_next_issue_on(site: Callable[..., Site], tmp_path: Path) -> None:
    one, other = site("one"), site("other")
    connected(one)
    path = one.pack(tmp_path / "a.kit", 0, NOW)
    prayer_day = (dt.date(2027, 4, 23) - clock.EPOCH).days  # 26 days after Easter

    def abolished(members: dict[str, bytes]) -> None:
        words = json.loads(members[kit.MANIFEST])
        words["program"] = "9.0.0"
        words["days"] |= {"2027-04-23": "store_bededag", "2027-04-24": "day_of_the_robots"}
        members[kit.MANIFEST] = json.dumps(words).encode()

    assert not clock.is_free(prayer_day)
    assert features.calendar(prayer_day)["is_store_bededag"] == 0
    other.take(rewritten(path, abolished), NOW)
    assert clock.is_free(prayer_day)
    assert features.calendar(prayer_day)["is_store_bededag"] == 1
    assert clock.special_day(prayer_day + 1) == ""  # a class that no model knows
    assert features.calendar(prayer_day).keys() == features.calendar(prayer_day + 3).keys()
    clock.take_over({})
    kit_import.adopt_calendar(other.reader)  # as an engine does that starts
    assert clock.is_free(prayer_day)


def test_a_calendar_as_old_as_the_program_changes_nothing(parcel: Path, site: Callable[..., Site]) -> None:
    other = site("other")
    other.take(parcel, NOW)
    assert other.reader.kits.calendar() is None


# -- kits that do not come --------------------------------------------------------------------------------------------


def test_a_kit_that_is_late_is_told_until_one_comes(site: Callable[..., Site], tmp_path: Path) -> None:
    one, other = site("one"), site("other")
    connected(one)
    for week in range(4):
        until = NOW + 7 * week * DAY
        other.take(one.pack(tmp_path / f"{week}.kit", 0, until), until)
    kit_import.watch(other.writer, other.reader, until + 11 * DAY)
    assert not other.reader.events()
    kit_import.watch(other.writer, other.reader, until + 12 * DAY)
    (event,) = other.reader.events()
    assert (event.code, event.problem) == ("kit", "The newest kit is 12 days old, and one usually comes every 7 days.")
    other.take(one.pack(tmp_path / "next.kit", 0, until + 13 * DAY), until + 13 * DAY)
    assert not other.reader.events()


def test_a_lower_tier_is_a_trouble_only_where_a_kit_is_missed(site: Callable[..., Site], tmp_path: Path) -> None:
    one, other = site("one"), site("other")
    connected(one)
    times = hours(NOW - 30 * DAY, 30 * 24 - 2)
    one.know(dataclasses.replace(LOAD, area="DK2"), times, times + 2 * HOUR, shape(times))
    for week in range(3):
        until = NOW + 7 * week * DAY
        other.take(one.pack(tmp_path / f"{week}.kit", 0, until), until)
    forecaster = Forecaster(other.config.model_dir)

    def told(now: int) -> tuple[str, set[str]]:
        kit_import.watch(other.writer, other.reader, now)
        assert pipeline.forecast(other.writer, other.reader, forecaster, now, now).status == "ok"
        state = health.state(other.reader, now)
        jsonschema.validate(state, answers.HEALTH)
        assert {area["tier"] for area in state["areas"]} == {"seasonal"}
        assert state["next_kit"] == clock.iso(until + 7 * DAY)
        return state["status"], {event["code"] for event in state["events"]}

    assert told(until + 5 * DAY) == ("degraded", {"tier"}), "on the network it is one"
    other.writer.set_offline(True)
    assert told(until + 6 * DAY) == ("ok", set())
    assert told(until + 12 * DAY) == ("degraded", {"kit", "tier"})
    until += 13 * DAY
    other.take(one.pack(tmp_path / "next.kit", 0, until), until)
    assert told(until + DAY) == ("ok", set())


def test_health_and_metrics_tell_of_the_newest_kit(parcel: Path, site: Callable[..., Site]) -> None:
    other = site("other")
    assert health.state(other.reader, NOW)["newest_kit"] is None
    other.take(parcel, NOW + HOUR)
    state = health.state(other.reader, NOW + HOUR)
    jsonschema.validate(state, answers.HEALTH)
    assert state["newest_kit"] == "2024-11-26T12:00:00Z"
    assert f"lastvagt_newest_kit_timestamp_seconds {NOW}" in metrics.text(other.reader, NOW).replace(".0\n", "\n")


def test_where_no_kit_ever_came_none_is_missed(site: Callable[..., Site]) -> None:
    assert kit_import.late(site("other").reader.kits.imported(), NOW) is None


# -- the file and the command -----------------------------------------------------------------------------------------


def test_the_same_knowledge_is_the_same_bytes(site: Callable[..., Site], tmp_path: Path) -> None:
    one = site("one")
    connected(one)
    assert one.pack(tmp_path / "a.kit", 0, NOW).read_bytes() == one.pack(tmp_path / "b.kit", 0, NOW).read_bytes()
    assert not list(tmp_path.glob("*.part"))


def test_a_kit_holds_what_became_known_in_its_span(site: Callable[..., Site], tmp_path: Path) -> None:
    one = site("one")
    connected(one)
    made = kit.read(one.pack(tmp_path / "a.kit", NOW - DAY, NOW))
    rows = {part.quantity: part.rows for part in made.parts}
    assert rows["wind_speed"] == 4 * 48  # runs of the last day
    assert rows["load"] == 30 * 24 - 2  # and of what is not renewed all of the last forty days
    assert (made.since, made.until, made.simulated) == (NOW - DAY, NOW, False)
    assert made.days[dt.date(2027, 12, 25)] == "christmas_day"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    KEY.write(tmp_path / "maker.key")
    (tmp_path / "maker.pub").write_text(TRUSTED[0].text())
    return tmp_path / "maker.key"


def test_the_command_packs_shows_and_imports(
    site: Callable[..., Site], key_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now = clock.floor_hour(SystemClock().now())
    one = site("connected")
    connected(one, until=now)
    path, other = tmp_path / "first.kit", tmp_path / "island"
    assert main(["kit", "export", "--data-dir", str(tmp_path / "connected"), "--out", str(path), "--key", str(key_file)]) == 4
    assert "It is not said since when." in capsys.readouterr().err
    where = ["--data-dir", str(tmp_path / "connected"), "--key", str(key_file), "--models", "none"]
    assert main(["kit", "export", "--since", "P40D", *where, "--out", str(path), "--note", "For the island"]) == 0
    assert "1  718" in " ".join(capsys.readouterr().out.split()).replace("1 718", "1  718")
    assert main(["kit", "export", "--since-kit", str(path), *where, "--out", str(tmp_path / "next.kit"), "--json"]) in (0, 4)
    capsys.readouterr()
    assert main(["kit", "show", str(path), "--data-dir", str(other)]) == 4
    told = capsys.readouterr()
    assert "NOT TRUSTED" in told.out
    assert "not trusted here" in told.err
    assert main(["kit", "import", str(path), "--data-dir", str(other)]) == 4
    assert main(["key", "trust", str(key_file.with_suffix(".pub")), "--data-dir", str(other)]) == 0
    capsys.readouterr()
    assert main(["kit", "show", str(path), "--data-dir", str(other), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["signed_by"], shown["note"], shown["models"]) == ("maker", "For the island", [])
    assert main(["kit", "import", str(path), "--data-dir", str(other)]) == 0
    assert "values of 2 series are new here; 0 were set aside" in capsys.readouterr().out
    assert main(["kit", "import", str(path), "--data-dir", str(other)]) == 0
    assert "nothing changed" in capsys.readouterr().out
    assert main(["kit", "list", "--data-dir", str(other), "--json"]) == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert (listed["file"], listed["signed_by"]) == ("first.kit", "maker")
    assert main(["kit", "import", "--data-dir", str(other)]) == 4
    assert main(["kit", "import", str(tmp_path / "none.kit"), "--data-dir", str(other)]) == 4


def test_an_engine_that_runs_imports_it(
    parcel: Path, key_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LASTVAGT_MODEL_DIR", str(tmp_path / "none"))
    config = Config(data_dir=tmp_path / "island", port=0, model_dir=tmp_path / "none")
    assert main(["key", "trust", str(key_file.with_suffix(".pub")), "--data-dir", str(config.data_dir)]) == 0
    with serving(config) as (service, _):
        assert main(["kit", "import", str(parcel), "--data-dir", str(config.data_dir), "--json"]) == 0
        taken = json.loads(capsys.readouterr().out.partition("\n")[2])
        assert not taken["again"]
        assert "forecast" in service._told
        assert main(["kit", "import", str(parcel.with_name("none.kit")), "--data-dir", str(config.data_dir)]) == 4
        assert "none.kit cannot be read here: No such file or directory." in capsys.readouterr().err
    reader = Reader(config.database)
    assert reader.kits.imported()[0].digest == taken["digest"]
    reader.close()


def test_an_engine_that_sees_no_folder_of_a_user_is_given_a_copy(
    parcel: Path, key_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Config(data_dir=tmp_path / "island", port=0, model_dir=tmp_path / "none")
    assert main(["key", "trust", str(key_file.with_suffix(".pub")), "--data-dir", str(config.data_dir)]) == 0
    opened = kit.unpacked

    def as_a_service(path: Path, folder: Path, keys: object) -> object:
        if config.data_dir not in path.parents:
            raise Expected(f"{path} {kit.UNSEEN}: Permission denied.", "Check it.")
        return opened(path, folder, keys)  # type: ignore[arg-type]

    monkeypatch.setattr("engine.kit.unpacked", as_a_service)
    with serving(config):
        assert main(["kit", "import", str(parcel), "--data-dir", str(config.data_dir)]) == 0
    assert "good.kit, signed by maker" in capsys.readouterr().out
    assert not (config.data_dir / "incoming").exists()


@pytest.mark.long
def test_imports_that_are_killed_end_in_the_same_table(
    parcel: Path, key_file: Path, site: Callable[..., Site], tmp_path: Path
) -> None:
    whole, folder = site("whole"), tmp_path / "island"
    assert main(["key", "trust", str(key_file.with_suffix(".pub")), "--data-dir", str(folder)]) == 0
    command = [sys.executable, "-m", "engine", "kit", "import", str(parcel), "--data-dir", str(folder)]
    chance, counts = np.random.default_rng(1), collections.Counter[int]()
    for _ in range(40):
        run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            run.wait(chance.uniform(0.2, 2.5))
        except subprocess.TimeoutExpired:
            run.kill()
            run.wait()
        reader = Reader(folder / "lastvagt.sqlite") if (folder / "lastvagt.sqlite").exists() else None
        if reader is not None:
            rows = sum(1 for _ in reader.series())
            counts[len(reader.kits.imported())] += 1
            assert bool(rows) == bool(reader.kits.imported())
            reader.close()
        if counts[1] > 5:
            for path in folder.glob("lastvagt.sqlite*"):
                path.unlink()
            counts[1] = 0
    assert subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode == 0
    whole.take(parcel, NOW)
    with closing(sqlite3.connect(folder / "lastvagt.sqlite")) as db:
        found = db.execute("SELECT valid_time, available_at, value, flags FROM observation ORDER BY 1, 2, 3").fetchall()
    assert found == sorted(row[5:9] for row in whole.rows())
    assert not (folder / "kit.part").exists()


def test_bundles_that_are_named_must_be_there(site: Callable[..., Site], tmp_path: Path) -> None:
    one = site("one")
    connected(one)
    with pytest.raises(Expected, match="There is no bundle 'x'"):
        one.pack(tmp_path / "a.kit", 0, NOW, ["x"])
    assert not list(tmp_path.glob("a.kit*"))


def test_forecasts_go_on_from_a_kit(site: Callable[..., Site], tmp_path: Path) -> None:
    one, other = site("one"), site("other")
    other.config = dataclasses.replace(other.config, model_dir=Config().model_dir)
    connected(one, days=36)
    dk2 = dataclasses.replace(LOAD, area="DK2")
    times = hours(NOW - 36 * DAY, 36 * 24 - 2)
    one.know(dk2, times, times + 2 * HOUR, shape(times) / 2)
    other.take(one.pack(tmp_path / "a.kit", 0, NOW), NOW + HOUR)
    forecaster = Lineup(other.config, other.writer, other.reader).settle(NOW).forecaster
    tiers = []
    for day in (0, 10, 39, 45):
        issue = NOW + day * DAY + 2 * HOUR
        assert pipeline.forecast(other.writer, other.reader, forecaster, issue, issue).status == "ok"
        made = other.reader.forecast("DK1", issue)
        assert made is not None
        tiers.append(made.tier)
    assert tiers == [Tier.NO_WEATHER, Tier.LATE, Tier.LATE, Tier.SEASONAL]
