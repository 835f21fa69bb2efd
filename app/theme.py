"""Colours and fonts: a grey ground, quiet lines, and colour kept for what is not normal; light and dark."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from PySide6 import QtCore, QtGui, QtWidgets

from engine.domain import Freshness


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours as #rrggbb. Text reaches 4.5:1 and lines 3:1 against `surface` and `ground`.

    The forecast is told from the observed load by lightness, width and its bands, not by hue alone. `late` and `stale` are
    Okabe and Ito's orange and vermilion, darkened or lightened to reach the contrast; a symbol and a word go with them.
    """

    name: str
    ground: str
    surface: str
    ink: str
    quiet: str
    rule: str
    grid: str
    observed: str
    median: str
    bands: tuple[str, str, str]  # widest first
    old_median: str
    old_bands: tuple[str, str, str]
    reference: str
    bar: str
    selected: str
    focus: str
    late: str
    stale: str
    badge: str
    badge_ink: str

    @property
    def is_dark(self) -> bool:
        """Whether letters are lighter than their ground."""
        return contrast(self.ground, "#000000") < contrast(self.ground, "#ffffff")


LIGHT = Palette(
    name="light",
    ground="#f1f3f4",
    surface="#ffffff",
    ink="#1b2126",
    quiet="#59636b",
    rule="#d3d8dc",
    grid="#e7eaec",
    observed="#1b2126",
    median="#33648a",
    bands=("#e3ebf1", "#cfdde7", "#b3c9d9"),
    old_median="#7b848b",
    old_bands=("#eceeef", "#e0e3e5", "#d2d6d9"),
    reference="#848d94",
    bar="#6f8ca3",
    selected="#e4e9ed",
    focus="#33648a",
    late="#8a5a00",
    stale="#b03a05",
    badge="#f0b43c",
    badge_ink="#241800",
)
DARK = Palette(
    name="dark",
    ground="#14181b",
    surface="#1b2024",
    ink="#e2e6e9",
    quiet="#9aa4ac",
    rule="#363d43",
    grid="#272d32",
    observed="#e2e6e9",
    median="#92b9d6",
    bands=("#2a3944", "#36495a", "#486379"),
    old_median="#8b949b",
    old_bands=("#292f33", "#343b40", "#434b51"),
    reference="#7d878f",
    bar="#6787a0",
    selected="#262d33",
    focus="#92b9d6",
    late="#e4a63e",
    stale="#f2875a",
    badge="#f0b43c",
    badge_ink="#241800",
)
LIGHT_CONTRAST = dataclasses.replace(
    LIGHT,
    name="light_contrast",
    ground="#ffffff",
    ink="#000000",
    quiet="#33393e",
    rule="#5a6268",
    grid="#c9ced2",
    observed="#000000",
    median="#004a80",
    bands=("#d3e2ee", "#b4cde0", "#8fb3d0"),
    old_median="#50575d",
    reference="#5a6268",
    bar="#3f627e",
    selected="#dbe2e8",
    focus="#003a66",
    late="#6b4500",
    stale="#8c2a00",
)
DARK_CONTRAST = dataclasses.replace(
    DARK,
    name="dark_contrast",
    ground="#000000",
    surface="#000000",
    ink="#ffffff",
    quiet="#d2d8dc",
    rule="#8b949b",
    grid="#3a4147",
    observed="#ffffff",
    median="#a9d4f5",
    bands=("#16293a", "#224058", "#335b79"),
    old_median="#b5bdc3",
    reference="#9aa4ac",
    bar="#8fb6d6",
    selected="#262d33",
    focus="#a9d4f5",
    late="#ffc25a",
    stale="#ff9d72",
)
PALETTES = {palette.name: palette for palette in (LIGHT, DARK, LIGHT_CONTRAST, DARK_CONTRAST)}

#: Pixels around the words in a table's head, both sides together.
HEAD_PADDING = 18

#: A shape for each state, so that colour is never the only cue.
SYMBOLS = {Freshness.FRESH: "●", Freshness.LATE: "▲", Freshness.STALE: "■", Freshness.MISSING: "○"}


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2, relative luminance)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def of_system() -> Palette:
    """The palette of the desktop's colour scheme; light where it has none."""
    dark = QtGui.QGuiApplication.styleHints().colorScheme() == QtCore.Qt.ColorScheme.Dark
    return DARK if dark else LIGHT


def font(scale: float = 1.0, bold: bool = False) -> QtGui.QFont:
    """The system's font with figures of equal width, so that numbers stand under each other."""
    made = QtGui.QFont(QtWidgets.QApplication.font())
    made.setPointSizeF(made.pointSizeF() * scale)
    made.setBold(bold)
    made.setFeature(QtGui.QFont.Tag("tnum"), 1)
    return made


def digit_px() -> float:
    """Width of a digit, which widths of columns of figures are multiples of."""
    return QtGui.QFontMetricsF(font()).horizontalAdvance("0")


def grown(pixels: float) -> float:
    """Pixels of lines and gaps, grown with the type where that is large."""
    return pixels * max(1.0, digit_px() / 8)


def label(scale: float = 1.0, bold: bool = False, role: str = "", text: str = "") -> QtWidgets.QLabel:
    """A line of text; `role` names its colour in the style sheet (quiet, late, stale, badge) and may be changed by `paint`."""
    made = QtWidgets.QLabel(text)
    made.setFont(font(scale, bold))
    made.setProperty("role", role)
    made.setTextFormat(QtCore.Qt.TextFormat.PlainText)
    return made


class Badges(QtWidgets.QWidget):
    """Marks that must not be overlooked, at the right of a title; its height is kept where there are none."""

    def __init__(self) -> None:
        super().__init__()
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self._labels = (label(bold=True, role="badge"), label(bold=True, role="badge"))
        for mark in self._labels:
            row.addWidget(mark)
            mark.hide()
        self.setMinimumHeight(self._labels[0].sizeHint().height() + 6)

    def show_marks(self, marks: tuple[str, ...]) -> None:
        """Show them."""
        for place, mark in zip(self._labels, (*marks, "", ""), strict=False):
            place.setText(mark)
            place.setVisible(bool(mark))


def paint(widget: QtWidgets.QWidget, role: str) -> None:
    """Give a label another role."""
    if widget.property("role") != role:
        widget.setProperty("role", role)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def role_of(state: Freshness) -> str:
    """Role of a label that tells a state."""
    return {Freshness.FRESH: "quiet", Freshness.LATE: "late"}.get(state, "stale")


def apply(application: QtWidgets.QApplication, palette: Palette) -> None:
    """Colour every widget of the application."""
    if not application.styleSheet():  # each change of style is taken by every widget, which takes its time
        application.setStyle("Fusion")
    roles = QtGui.QPalette.ColorRole
    colours = QtGui.QPalette()
    for role, colour in (
        (roles.Window, palette.ground),
        (roles.WindowText, palette.ink),
        (roles.Base, palette.surface),
        (roles.AlternateBase, palette.ground),
        (roles.Text, palette.ink),
        (roles.Button, palette.surface),
        (roles.ButtonText, palette.ink),
        (roles.Highlight, palette.focus),
        (roles.HighlightedText, palette.surface),
        (roles.ToolTipBase, palette.surface),
        (roles.ToolTipText, palette.ink),
        (roles.PlaceholderText, palette.quiet),
        (roles.Link, palette.focus),
    ):
        colours.setColor(role, QtGui.QColor(colour))
    application.setPalette(colours)
    application.setStyleSheet(_style_sheet(palette))


def _style_sheet(p: Palette) -> str:
    return f"""
    QLabel[role="quiet"] {{ color: {p.quiet}; }}
    QLabel[role="late"] {{ color: {p.late}; }}
    QLabel[role="stale"] {{ color: {p.stale}; }}
    QLabel[role="badge"] {{ color: {p.badge_ink}; background: {p.badge}; border-radius: 3px; padding: 3px 10px; }}
    QFrame[role="card"] {{ background: {p.surface}; border: 1px solid {p.rule}; border-radius: 4px; }}
    QFrame[role="card"]:focus {{ border: 1px solid {p.focus}; }}
    QFrame[role="notice"] {{ background: {p.surface}; border: 1px solid {p.late}; border-left: 5px solid {p.late}; }}
    QFrame[role="float"] {{ background: {p.surface}; border: 1px solid {p.quiet}; border-radius: 6px; }}
    QFrame[role="rule"] {{ background: {p.rule}; border: none; max-height: 1px; }}
    QTabBar {{ background: transparent; }}
    QTabBar::tab {{ color: {p.quiet}; background: transparent; padding: 7px 10px; margin-right: 2px; border: none;
                    border-bottom: 3px solid transparent; }}
    QTabBar::tab:selected {{ color: {p.ink}; border-bottom: 3px solid {p.ink}; }}
    QTabBar::tab:focus {{ border-bottom: 3px solid {p.focus}; }}
    QTabBar[role="pages"]::tab {{ padding: 4px 6px; margin-right: 2px; border-bottom-width: 2px; }}
    QListWidget {{ background: transparent; border: none; outline: none; }}
    QListWidget::item {{ background: {p.surface}; border: 1px solid {p.rule}; border-radius: 4px; margin-bottom: 8px; }}
    QListWidget::item:selected {{ background: {p.selected}; border: 1px solid {p.quiet}; border-left: 4px solid {p.ink}; }}
    QListWidget[role="words"]::item {{ padding: 5px 8px; margin-bottom: 4px; color: {p.ink}; }}
    QListWidget::item:selected:focus {{ border: 1px solid {p.focus}; border-left: 4px solid {p.focus}; }}
    QListWidget[role="lines"]::item {{ border: none; border-bottom: 1px solid {p.grid}; border-radius: 0; margin: 0; padding: 5px 4px; }}
    QListWidget[role="lines"]::item:selected {{ color: {p.ink}; border-left: 3px solid {p.ink}; }}
    QListWidget[role="lines"]::item:selected:focus {{ border-left: 3px solid {p.focus}; }}
    QTableWidget[role="plain"] {{ border: none; border-radius: 0; }}
    QTableWidget[role="plain"]::item {{ padding: 3px 0; }}
    QTreeWidget {{ background: transparent; border: none; outline: none; }}
    QTreeWidget::item {{ padding: 4px 2px; border: none; }}
    QTreeWidget::item:hover {{ background: {p.ground}; }}
    QTreeWidget::item:selected {{ background: {p.selected}; color: {p.ink}; border-left: 3px solid {p.ink}; }}
    QTreeWidget::item:selected:focus {{ border-left: 3px solid {p.focus}; }}
    QTreeWidget[role="found"]::item {{ padding: 5px 8px; border: none; }}
    QTextBrowser {{ background: transparent; border: none; selection-background-color: {p.selected}; selection-color: {p.ink}; }}
    QCheckBox, QRadioButton {{ spacing: 8px; padding: 2px; border: 1px solid transparent; border-radius: 3px; }}
    QCheckBox:focus, QRadioButton:focus {{ border: 1px solid {p.focus}; }}
    QCheckBox::indicator, QRadioButton::indicator {{ width: 14px; height: 14px; border: 1px solid {p.quiet}; border-radius: 3px;
                                                     background: {p.surface}; }}
    QCheckBox::indicator:checked {{ background: {p.focus}; border: 1px solid {p.focus}; }}
    QRadioButton::indicator {{ border-radius: 8px; }}
    QRadioButton::indicator:checked {{ width: 8px; height: 8px; border: 4px solid {p.focus}; }}
    QCheckBox::indicator:disabled, QRadioButton::indicator:disabled {{ border-color: {p.rule}; }}
    QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
    QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 0; }}
    QScrollBar::handle {{ background: {p.rule}; border-radius: 4px; margin: 1px; min-height: 24px; min-width: 24px; }}
    QScrollBar::handle:hover {{ background: {p.reference}; }}
    QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
    QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
    QGraphicsView {{ border: 1px solid transparent; }}
    QGraphicsView:focus {{ border: 1px solid {p.focus}; }}
    QTableWidget {{ background: {p.surface}; border: 1px solid {p.rule}; border-radius: 4px; gridline-color: {p.grid};
                    selection-background-color: {p.selected}; selection-color: {p.ink}; }}
    QTableWidget:focus {{ border: 1px solid {p.focus}; }}
    QTableWidget::item {{ padding: 3px 6px; }}
    QHeaderView::section {{ background: {p.surface}; color: {p.quiet}; border: none; border-bottom: 1px solid {p.rule};
                            padding: 4px 9px 4px 0; }}
    QHeaderView::section:first, QTableWidget[role="list"] QHeaderView::section {{ padding-left: 9px; }}
    QTableView[role="heat"], QTableView[role="heat"] QTableCornerButton::section {{ background: {p.surface}; border: none; }}
    QTableView[role="heat"] QHeaderView::section, QTableView[role="heat"] QHeaderView::section:first {{ padding: 0; border: none; }}
    QPushButton {{ background: {p.surface}; border: 1px solid {p.rule}; border-radius: 4px; padding: 5px 14px; }}
    QPushButton:hover {{ background: {p.selected}; }}
    QPushButton:checked {{ background: {p.selected}; border: 1px solid {p.quiet}; }}
    QPushButton[role="tool"] {{ padding: 3px 8px; }}
    QPushButton:focus {{ border: 1px solid {p.focus}; }}
    QPushButton::menu-indicator {{ subcontrol-origin: padding; subcontrol-position: right center; right: 5px; width: 9px; }}
    QPushButton:disabled {{ color: {p.reference}; background: transparent; }}
    QToolButton {{ background: transparent; border: 1px solid transparent; border-radius: 4px; padding: 5px 10px; }}
    QToolButton:hover {{ background: {p.selected}; }}
    QToolButton:focus {{ border: 1px solid {p.focus}; }}
    QToolButton::menu-indicator {{ image: none; }}
    QMenu {{ background: {p.surface}; border: 1px solid {p.rule}; padding: 4px; }}
    QMenu::item {{ padding: 5px 24px 5px 24px; border-radius: 3px; }}
    QMenu::item:selected {{ background: {p.selected}; color: {p.ink}; }}
    QMenu::item:disabled {{ color: {p.reference}; }}
    QAbstractSpinBox {{ min-height: 1.6em; }}
    QLineEdit {{ background: {p.surface}; border: 1px solid {p.rule}; border-radius: 4px; padding: 5px 8px; }}
    QLineEdit:read-only {{ color: {p.quiet}; background: transparent; }}
    QLineEdit:focus {{ border: 1px solid {p.focus}; }}
    QSlider {{ border: 1px solid transparent; border-radius: 4px; min-height: 18px; }}
    QSlider:focus {{ border: 1px solid {p.focus}; }}
    QSlider::groove:horizontal {{ background: {p.rule}; height: 3px; border-radius: 1px; margin: 0 4px; }}
    QSlider::handle:horizontal {{ background: {p.quiet}; width: 10px; margin: -6px -4px; border-radius: 4px; }}
    QSlider::handle:horizontal:hover {{ background: {p.ink}; }}
    QComboBox {{ background: {p.surface}; border: 1px solid {p.rule}; border-radius: 4px; padding: 3px 8px; min-height: 1.3em; }}
    QComboBox::drop-down {{ border: none; width: 20px; }}
    QComboBox:focus {{ border: 1px solid {p.focus}; }}
    QComboBox:disabled {{ color: {p.quiet}; background: transparent; }}
    QComboBox QAbstractItemView {{ background: {p.surface}; border: 1px solid {p.rule}; selection-background-color: {p.selected};
                                   selection-color: {p.ink}; outline: none; }}
    """
