"""Files say what the table said: every form is read back and compared."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import math
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import arro3.io
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import files
from engine import clock
from engine.domain import HOUR, Expected
from engine.tables import Table

#: The hours around the autumn's change of clocks.
FIRST = clock.parse_utc("2026-10-24T23:00Z")
_NUMBER = st.one_of(st.just(math.nan), st.floats(-1e6, 1e6).map(lambda value: round(value, 6)))
_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    count = draw(st.integers(0, 6))
    hours = [FIRST + n * HOUR for n in range(count)]
    rows = [
        (clock.iso(t), clock.local(t).isoformat(), draw(_NUMBER), draw(_TEXT), draw(st.booleans()), n)
        for n, t in enumerate(hours)
    ]
    head = {"area": "DK1", "name": draw(_TEXT), "simulated": draw(st.booleans()), "adjustments": [1, 2]}
    return Table(head, ("valid_time", "danish_time", "load", "note", "known", "n"), rows, {"load": "MWh"})


def _same(one: object, other: object) -> bool:
    nothing = one is None or (isinstance(one, float) and math.isnan(one))
    return other is None if nothing else one == other


@given(tables())
def test_parquet_keeps_types_units_and_head(table: Table) -> None:
    read = arro3.io.read_parquet(io.BytesIO(files.parquet(table))).read_all()
    assert read.column_names == list(table.columns)
    columns = [[cell.as_py() for cell in read[name]] for name in table.columns]
    for row, found in zip(table.rows, zip(*columns, strict=True), strict=True):
        assert (found[0].timestamp(), found[1].timestamp()) == (clock.parse_utc(str(row[0])), clock.parse_utc(str(row[0])))
        assert found[1].isoformat() == row[1], "Danish clocks"
        assert all(_same(a, b) for a, b in zip(row[2:], found[2:], strict=True))
    told = {key.decode(): value.decode() for key, value in read.schema.metadata.items()}
    assert {name: told[name] for name in table.head} == {
        name: value if isinstance(value, str) else json.dumps(value) for name, value in table.head.items()
    }
    assert read.schema.field("load").metadata[b"unit"] == b"MWh"


@given(tables())
def test_csv_of_both_kinds_says_the_same(table: Table) -> None:
    plain = list(csv.reader(io.StringIO(files.csv_plain(table).decode("utf-8"), newline="")))
    european = files.csv_european(table)
    assert european.startswith(b"\xef\xbb\xbf")
    local = list(csv.reader(io.StringIO(european.decode("utf-8-sig"), newline=""), delimiter=";"))
    assert (
        plain[0]
        == local[0]
        == ["area", "name", "simulated", "adjustments", "valid_time", "danish_time", "load_mwh", "note", "known", "n"]
    )
    for row, ours, theirs in zip(table.rows, plain[1:], local[1:], strict=True):
        assert ours[4:6] == list(row[:2])
        assert theirs[4] == str(row[0])[:19].replace("T", " ")
        assert theirs[5] == str(row[1])[:19].replace("T", " ")
        assert "." not in theirs[6]
        for cell in (ours[6], theirs[6].replace(",", ".")):
            assert _same(row[2], float(cell) if cell else None)
        assert ours[7:] == theirs[7:] == [row[3], str(row[4]).lower(), str(row[5])]


@given(tables())
def test_json_says_the_same(table: Table) -> None:
    assert json.loads(files.document(table)) == json.loads(json.dumps(table.document()))


def _sheets(content: bytes) -> list[list[list[object]]]:
    """Cells of each sheet, by the file's own XML: numbers, texts and booleans."""
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        shared = ElementTree.fromstring(book.read("xl/sharedStrings.xml"))
        texts = ["".join(part.text or "" for part in each.iter(f"{space}t")) for each in shared]
        sheets = []
        for number in (1, 2):
            rows = []
            for row in ElementTree.fromstring(book.read(f"xl/worksheets/sheet{number}.xml")).iter(f"{space}row"):
                cells: list[object] = []
                for cell in row:
                    while len(cells) < ord(str(cell.get("r"))[0]) - ord("A"):
                        cells.append(None)
                    value = (cell.findtext(f"{space}v") or "") if cell.find(f"{space}v") is not None else None
                    kind = cell.get("t")
                    cells.append(
                        texts[int(value or 0)]
                        if kind == "s"
                        else value == "1"
                        if kind == "b"
                        else None
                        if value is None
                        else float(value)
                    )
                rows.append(cells)
            sheets.append(rows)
    return sheets


def test_excel_has_numbers_and_real_dates_and_tells_about_them() -> None:
    hours = [FIRST + n * HOUR for n in range(5)]
    rows = [
        (clock.iso(t), clock.local(t).isoformat(), value, note, True, n)
        for n, (t, value, note) in enumerate(
            zip(hours, (1.5, math.nan, -3.25, 0.0, 1e6), ("a", "æøå", "=1+1", "", "<&>"), strict=True)
        )
    ]
    table = Table(
        {"area": "DK1", "issue_time": "2026-10-24T22:00:00Z", "simulated": True},
        ("valid_time", "danish_time", "load", "note", "known", "n"),
        rows,
        {"load": "MWh"},
    )
    numbers, about = _sheets(files.xlsx(table))
    assert numbers[0] == ["valid_time", "danish_time", "load [MWh]", "note", "known", "n"]
    for row, cells in zip(rows, numbers[1:], strict=True):
        moments = [dt.datetime(1899, 12, 30) + dt.timedelta(days=float(str(cell))) for cell in cells[:2]]  # noqa: DTZ001  Excel knows no zones
        told = [dt.datetime.fromisoformat(str(moment)).replace(tzinfo=None) for moment in row[:2]]
        assert all(abs(a - b) < dt.timedelta(seconds=1) for a, b in zip(moments, told, strict=True))
        assert _same(row[2], cells[2])
        assert (cells[3] or "", cells[4:]) == (row[3], [True, row[5]])
    assert numbers[2][1] == numbers[3][1], "two o'clock comes twice, and UTC tells which"
    assert {str(cells[0]): str(cells[1]) for cells in about}.items() >= {"area": "DK1", "simulated": "true"}.items()


def test_a_table_without_rows_is_a_file_too() -> None:
    table = Table({"area": "DK1"}, ("valid_time", "load"), [], {"load": "MWh"})
    for form in files.FORMS.values():
        assert form(table)


def test_the_clipboard_gets_columns_between_tabs_with_the_readers_decimal_mark() -> None:
    table = Table({"area": "DK1"}, ("valid_time", "load", "note"), [("2026-10-24T22:00:00Z", 1.5, "a, b; c")], {"load": "MWh"})
    assert files.tabbed(table, european=True) == "valid_time\tload_mwh\tnote\n2026-10-24 22:00:00\t1,5\ta, b; c"
    assert files.tabbed(table, european=False) == "valid_time\tload_mwh\tnote\n2026-10-24T22:00:00Z\t1.5\ta, b; c"


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.csv"
    files.write(path, b"one")
    files.write(path, b"two")
    assert [each.name for each in path.parent.iterdir()] == ["a.csv"]
    assert path.read_bytes() == b"two"
    (tmp_path / "b.csv").mkdir()
    with pytest.raises(Expected, match=r"b\.csv cannot be written"):
        files.write(tmp_path / "b.csv", b"x")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["b.csv", "new"]
