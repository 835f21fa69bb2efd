"""Tables as files: CSV, Excel, Parquet and JSON, each of which tells what its numbers are; written whole or not at all."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import datetime as dt
import io
import json
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import arro3.core as arrow
import arro3.io
import xlsxwriter

from engine.domain import Expected
from engine.tables import Table

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(Z|[+-]\d{2}:\d{2})")
#: Excel's widest column here, in characters.
_WIDEST = 28


def write(path: Path, content: bytes) -> None:
    """Put content into a file, whole or not at all; raises Expected where that cannot be."""
    beside = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise Expected(
            f"{path} cannot be written: {error.strerror or error}.", "Close it where it is open, or choose another folder."
        ) from error


def csv_plain(table: Table) -> bytes:
    """Commas between cells, decimal points."""
    return table.csv().encode()


def csv_european(table: Table) -> bytes:
    """Semicolons between cells, decimal commas, and the mark by which Excel knows UTF-8."""
    return table.csv(european=True).encode("utf-8-sig")


def document(table: Table) -> bytes:
    """JSON as the HTTP endpoint sends it."""
    return json.dumps(table.document(), ensure_ascii=False, allow_nan=False, indent=1).encode()


def xlsx(table: Table) -> bytes:
    """A sheet of numbers with real dates, and a sheet that tells about them."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "nan_inf_to_errors": False}) as book:
        bold, time = (
            book.add_format({"bold": True, "text_wrap": True, "valign": "top"}),
            book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
        )
        wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        sheet = book.add_worksheet("lastvagt")
        sheet.freeze_panes(1, 0)
        for column, name in enumerate(table.columns):
            unit = table.units.get(name, "")
            sheet.write_string(0, column, f"{name} [{unit}]" if unit else name, bold)
            cells = [row[column] for row in table.rows]
            for line, value in enumerate(cells, start=1):
                _put(sheet, line, column, value, time)
            is_time = any(isinstance(value, str) and _TIME.fullmatch(value) for value in cells)
            longest = max([16 if is_time else 11, *(len(value) for value in cells if isinstance(value, str) and not is_time)])
            sheet.set_column(column, column, min(longest + 1, _WIDEST))
        if table.rows:
            sheet.autofilter(0, 0, len(table.rows), len(table.columns) - 1)
        about = book.add_worksheet("about")
        about.set_column(0, 0, 18, bold)
        about.set_column(1, 1, 72, wrapped)
        for line, (name, value) in enumerate({**table.head, **_notes(table)}.items()):
            about.write_string(line, 0, name, bold)
            about.write_string(line, 1, "" if value is None else _word(value), wrapped)
    return out.getvalue()


def _put(sheet: xlsxwriter.worksheet.Worksheet, line: int, column: int, value: object, time: xlsxwriter.format.Format) -> None:
    """A cell of its own kind; nothing where nothing is known. A time keeps the clock it was written by."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return
    if isinstance(value, bool):
        sheet.write_boolean(line, column, value)
    elif isinstance(value, int | float):
        sheet.write_number(line, column, value)
    elif isinstance(value, str) and _TIME.fullmatch(value):
        sheet.write_datetime(line, column, dt.datetime.fromisoformat(value).replace(tzinfo=None), time)
    else:
        sheet.write_string(line, column, _word(value))


def _notes(table: Table) -> dict[str, str]:
    """How columns of times are to be read, for Excel knows no zones."""
    notes = {
        "valid_time": "UTC, start of the hour",
        "danish_time": "Danish clocks, start of the hour; one hour comes twice in October",
    }
    return {name: note for name, note in notes.items() if name in table.columns}


def _word(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def parquet(table: Table) -> bytes:
    """Columns of their own types, times with their zone; units in the columns' metadata, the head in the file's."""
    arrays = [_array(name, [row[i] for row in table.rows]) for i, name in enumerate(table.columns)]
    fields = [
        arrow.Field(name, array.type, nullable=True, metadata={"unit": table.units[name]} if name in table.units else None)
        for name, array in zip(table.columns, arrays, strict=True)
    ]
    schema = arrow.Schema(fields, metadata={name: _word(value) for name, value in table.head.items()})
    out = io.BytesIO()
    arro3.io.write_parquet(arrow.Table.from_arrays(arrays, schema=schema), out)
    return out.getvalue()


def _array(name: str, cells: list[object]) -> arrow.Array:
    known = [value for value in cells if value is not None]
    if known and all(isinstance(value, str) and _TIME.fullmatch(value) for value in known):
        seconds = [None if value is None else round(dt.datetime.fromisoformat(str(value)).timestamp()) for value in cells]
        zone = "Europe/Copenhagen" if name == "danish_time" else "UTC"
        return arrow.Array(seconds, arrow.DataType.int64()).cast(arrow.DataType.timestamp("s", tz=zone))
    if known and all(isinstance(value, bool) for value in known):
        return arrow.Array(cells, arrow.DataType.bool())
    if known and all(isinstance(value, int) for value in known):
        return arrow.Array(cells, arrow.DataType.int64())
    if known and all(isinstance(value, int | float) for value in known):
        plain = [None if value is None or not math.isfinite(float(value)) else float(value) for value in cells]  # type: ignore[arg-type]
        return arrow.Array(plain, arrow.DataType.float64())
    return arrow.Array([None if value is None else _word(value) for value in cells], arrow.DataType.string())


def tabbed(table: Table, european: bool) -> str:
    """For a clipboard: a table without its head, tabs between columns, with the decimal mark that a spreadsheet expects."""
    text = dataclasses.replace(table, head={}).csv(european=european)
    return "\n".join("\t".join(row) for row in csv.reader(io.StringIO(text), delimiter=";" if european else ","))


#: How a table is written, by the name of the form; which is also what the file's name ends with.
FORMS: Mapping[str, Callable[[Table], bytes]] = {
    "xlsx": xlsx,
    "csv_eu": csv_european,
    "csv": csv_plain,
    "parquet": parquet,
    "json": document,
}
