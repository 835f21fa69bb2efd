"""The dialog in which one says what is to be saved, how, of which days, and where."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

from PySide6 import QtCore, QtGui, QtWidgets

from app import theme
from app.choice_box import ChoiceBox
from app.exporter import FORMS, Wish
from app.translations import Language
from engine.domain import Expected


def usual_folder() -> Path:
    """The user's folder of documents."""
    found = QtCore.QStandardPaths.writableLocation(QtCore.QStandardPaths.StandardLocation.DocumentsLocation)
    return Path(found or Path.home())


def remembered_folder(remembered: Mapping[str, str]) -> Path:
    """Where something was saved last, else the user's documents."""
    return Path(remembered["folder"]) if remembered.get("folder") else usual_folder()


def told(result: object, language: Language) -> str:
    """What was written, or why nothing was, in one line."""
    if isinstance(result, Expected):
        return f"▲ {result.problem} {result.remedy}"
    return language.text("export.done", name=Path(str(result)).name)


class ExportDialog(QtWidgets.QDialog):
    """`wished` carries a Wish. It stays open, so that the same figures can be saved in several forms."""

    wished = QtCore.Signal(object)

    def __init__(self, parent: QtWidgets.QWidget, language: Language) -> None:
        super().__init__(parent)
        self._language, self._path = language, Path()
        text = language.text
        self.setWindowTitle(text("export.title"))
        self.what, self.form = ChoiceBox(text("export.what")), ChoiceBox(text("export.form"))
        self.what.show_entries(tuple((what, text(f"export.what_{what}")) for what in FORMS), "forecast")
        self.what.currentIndexChanged.connect(self._follow_what)
        self.first, self.last = self._day("export.from"), self._day("export.to")
        self.folder = QtWidgets.QLineEdit()
        self.folder.setAccessibleName(text("export.folder"))
        browse, self.save = QtWidgets.QPushButton(text("export.browse")), QtWidgets.QPushButton(text("export.save"))
        self._show, close = QtWidgets.QPushButton(text("export.show")), QtWidgets.QPushButton(text("export.close"))
        browse.clicked.connect(self._browse)
        self.save.setDefault(True)
        self.save.clicked.connect(self._wish)
        self._show.clicked.connect(lambda: QtGui.QDesktopServices.openUrl(QtCore.QUrl.fromLocalFile(str(self._path.parent))))
        close.clicked.connect(self.close)
        self._form = QtWidgets.QFormLayout()
        self.told = theme.label()
        self.told.setWordWrap(True)
        self.told.setMinimumHeight(2 * self.told.fontMetrics().height())
        self.told.setAlignment(QtCore.Qt.AlignmentFlag.AlignTop)
        self._lay_out(browse, close)
        self._follow_what()

    def _day(self, key: str) -> QtWidgets.QDateEdit:
        made = QtWidgets.QDateEdit()
        made.setAccessibleName(self._language.text(key))
        made.setDisplayFormat("dd.MM.yyyy" if self._language.code == "da" else "d MMM yyyy")
        made.setLocale(QtCore.QLocale("da_DK" if self._language.code == "da" else "en_GB"))
        return made

    def _lay_out(self, browse: QtWidgets.QPushButton, close: QtWidgets.QPushButton) -> None:
        text, form = self._language.text, self._form
        form.setLabelAlignment(QtCore.Qt.AlignmentFlag.AlignVCenter)
        form.setFieldGrowthPolicy(QtWidgets.QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(10)
        where = QtWidgets.QHBoxLayout()
        where.setSpacing(8)
        where.addWidget(self.folder, 1)
        where.addWidget(browse)
        for key, field in (("what", self.what), ("form", self.form), ("from", self.first), ("to", self.last), ("folder", where)):
            form.addRow(theme.label(role="quiet", text=text(f"export.{key}")), field)
        about = theme.label(0.92, role="quiet", text=text("export.about"))
        about.setWordWrap(True)
        buttons = QtWidgets.QHBoxLayout()
        buttons.addWidget(self._show)
        buttons.addStretch(1)
        buttons.addWidget(close)
        buttons.addWidget(self.save)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(14)
        column.addLayout(form)
        column.addWidget(about)
        column.addWidget(self.told)
        column.addLayout(buttons)
        self.setMinimumWidth(540)

    def open_with(self, first: dt.date, last: dt.date, remembered: Mapping[str, str]) -> None:
        """Show it with these days, and what was wished for the last time."""
        self.first.setDate(QtCore.QDate(first.year, first.month, first.day))
        self.last.setDate(QtCore.QDate(last.year, last.month, last.day))
        self.what.setCurrentIndex(max(0, self.what.findData(remembered.get("what", "forecast"))))
        self.form.setCurrentIndex(max(0, self.form.findData(remembered.get("form", ""))))
        self.folder.setText(str(remembered_folder(remembered)))
        self.told.clear()
        self._show.hide()
        self.save.setEnabled(True)
        self.show()
        self.what.setFocus()

    def show_result(self, result: object) -> None:
        """Tell what was written, or why nothing was."""
        self._tell(told(result, self._language), "late" if isinstance(result, Expected) else "")
        if isinstance(result, Path):
            self._path = result
            self._show.show()
        self.save.setEnabled(True)

    def _follow_what(self) -> None:
        """Forms are those of the thing; days are asked for where there is a table to cut."""
        what, text = self.what.currentData(), self._language.text
        kept = self.form.currentData()
        forms = tuple((form, text(f"export.form_{form}")) for form in FORMS[what])
        self.form.show_entries(forms, kept if kept in FORMS[what] else FORMS[what][0])
        for day in (self.first, self.last):
            self._form.setRowVisible(day, what not in ("picture", "report"))

    def _browse(self) -> None:
        chosen = QtWidgets.QFileDialog.getExistingDirectory(self, self._language.text("export.folder"), self.folder.text())
        if chosen:
            self.folder.setText(chosen)

    def _wish(self) -> None:
        first, last = (dt.date(*day.date().getDate()) for day in (self.first, self.last))  # type: ignore[misc]
        if first > last:
            self._tell(f"▲ {self._language.text('export.days_wrong')}", "late")
            return
        self.save.setEnabled(False)
        self._tell(self._language.text("export.working"), "quiet")
        self.wished.emit(
            Wish(self.what.currentData(), self.form.currentData(), first, last, Path(self.folder.text()).expanduser())
        )

    def _tell(self, words: str, role: str) -> None:
        self.told.setText(words)
        theme.paint(self.told, role)
