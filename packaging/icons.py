"""Writes the program's mark as desktops want it: SVG and PNG (Linux), .ico (Windows), .icns (macOS). `app/icons.py` says how it looks."""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path

from PySide6 import QtCore, QtGui

from app import icons, theme

SVG = Path(__file__).parent / "icons" / "lastvagt.svg"
PNG_SIZES = (*icons.SIZES, 512)
ICO_SIZES = (16, 20, 24, 32, 40, 48, 64, 128, 256)
#: Kinds of picture in an .icns and how many pixels each has; those of a sharp screen have twice as many as they are called.
ICNS_KINDS = {
    "icp4": 16,
    "icp5": 32,
    "ic11": 32,
    "ic12": 64,
    "ic07": 128,
    "ic13": 256,
    "ic08": 256,
    "ic14": 512,
    "ic09": 512,
    "ic10": 1024,
}
#: The part of its square a mark fills in the Dock.
_DOCK = 0.82
_UNIT = 128


def svg() -> str:
    """The mark as SVG."""
    palette = theme.LIGHT
    curve, band = (" ".join(f"{x * _UNIT:g},{y * _UNIT:g}" for x, y in points) for points in (icons.CURVE, icons.BAND))
    line = f'stroke="{palette.surface}" stroke-width="{icons.LINE * _UNIT:g}" stroke-linecap="round" stroke-linejoin="round"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_UNIT}" height="{_UNIT}" viewBox="0 0 {_UNIT} {_UNIT}">\n'
        f"  <title>Lastvagt</title>\n"
        f'  <rect width="{_UNIT}" height="{_UNIT}" rx="{icons.CORNER * _UNIT:g}" fill="{palette.median}"/>\n'
        f'  <polygon points="{band}" fill="{palette.surface}" fill-opacity="{icons.VEIL:g}"/>\n'
        f'  <polyline points="{curve}" fill="none" {line}/>\n'
        f"</svg>\n"
    )


def png(size: int, margin: float = 0.0) -> bytes:
    """The mark as PNG, with a margin (parts of the size) around it."""
    square = QtGui.QImage(size, size, QtGui.QImage.Format.Format_ARGB32_Premultiplied)
    square.fill(QtCore.Qt.GlobalColor.transparent)
    mark = icons.picture(size - 2 * round(size * margin), "well", theme.LIGHT)
    painter = QtGui.QPainter(square)
    painter.drawImage(round(size * margin), round(size * margin), mark)
    painter.end()
    return _encoded(square, "PNG")


def _dib(size: int) -> bytes:
    """The mark as Windows' own bitmap, rows from below; its mask says nothing, for the colours carry their opacity."""
    mark = icons.picture(size, "well", theme.LIGHT).convertToFormat(QtGui.QImage.Format.Format_ARGB32)
    rows = b"".join(bytes(mark.constScanLine(y)) for y in reversed(range(size)))
    head = struct.pack("<IiiHHIIiiII", 40, size, 2 * size, 1, 32, 0, len(rows), 0, 0, 0, 0)
    return head + rows + bytes((size + 31) // 32 * 4 * size)


def ico() -> bytes:
    """The mark for Windows: bitmaps, and the largest as PNG, as Windows itself does."""
    pictures = [png(size) if size == 256 else _dib(size) for size in ICO_SIZES]
    offset = 6 + 16 * len(pictures)
    entries = []
    for size, picture in zip(ICO_SIZES, pictures, strict=True):
        entries.append(struct.pack("<BBBBHHII", size % 256, size % 256, 0, 0, 1, 32, len(picture), offset))
        offset += len(picture)
    return struct.pack("<HHH", 0, 1, len(pictures)) + b"".join(entries + pictures)


def side() -> bytes:
    """The picture at the side of the Windows installer's first and last page, twice as large as it is shown."""
    width, height, mark = 328, 628, 160
    ground = QtGui.QImage(width, height, QtGui.QImage.Format.Format_RGB888)
    ground.fill(QtGui.QColor(theme.LIGHT.bands[0]))
    painter = QtGui.QPainter(ground)
    painter.drawImage((width - mark) // 2, (width - mark) // 2, icons.picture(mark, "well", theme.LIGHT))
    painter.end()
    return _encoded(ground, "BMP")


def _encoded(picture: QtGui.QImage, kind: str) -> bytes:
    buffer = QtCore.QBuffer()
    picture.save(buffer, kind)
    return bytes(buffer.data().data())


def icns() -> bytes:
    """The mark for macOS."""
    body = b""
    for kind, size in ICNS_KINDS.items():
        picture = png(size, (1 - _DOCK) / 2)
        body += struct.pack(">4sI", kind.encode("ascii"), 8 + len(picture)) + picture
    return struct.pack(">4sI", b"icns", 8 + len(body)) + body


def write_theme(hicolor: Path) -> None:
    """PNGs and the SVG, in folders as the hicolor theme has them."""
    pictures = {f"{size}x{size}/apps/lastvagt.png": png(size) for size in PNG_SIZES}
    for name, picture in {**pictures, "scalable/apps/lastvagt.svg": svg().encode("utf-8")}.items():
        path = hicolor / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture)


def write(folder: Path) -> None:
    """Every form of it."""
    write_theme(folder / "hicolor")
    (folder / "lastvagt.ico").write_bytes(ico())
    (folder / "lastvagt.icns").write_bytes(icns())


def main(folder: Path = Path("out/icons")) -> int:
    """Write all to `out/icons`, and the SVG where it is kept."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    SVG.parent.mkdir(exist_ok=True)
    SVG.write_text(svg(), encoding="utf-8")
    write(folder)
    print(f"The mark is in {folder} and {SVG}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
