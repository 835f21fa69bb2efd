"""The commands by which figures, pictures and the day report leave the window."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6 import QtGui, QtWidgets

from app.export_dialog import ExportDialog, remembered_folder
from app.exporter import Exporter, Front, Wish, default_days
from app.menu import action
from app.translations import Language


def export_actions(
    window: QtWidgets.QWidget,
    exporter: Exporter,
    front: Callable[[], Front],
    like: Callable[[Mapping[str, object]], None],
    language: Language,
) -> list[QtGui.QAction]:
    """Export with a dialog, which remembers by `like` what was chosen; copy what is in front; the day report."""
    dialog = ExportDialog(window, language)
    exporter.finished.connect(dialog.show_result)

    def save(wish: Wish) -> None:
        like({"export": {"what": wish.what, "form": wish.form, "folder": str(wish.folder)}})
        exporter.save(wish, front())

    def open_dialog() -> None:
        scene = front().scene
        dialog.open_with(*default_days(scene), scene.likes.export)

    def report() -> None:
        now = front()
        exporter.report(now, remembered_folder(now.scene.likes.export))

    dialog.wished.connect(save)
    keys = QtGui.QKeySequence.StandardKey
    return [
        action(window, language.text("export.open"), open_dialog, "Ctrl+E"),
        action(window, language.text("export.copy"), lambda: exporter.copy(front()), keys.Copy),
        action(window, language.text("export.report"), report, keys.Print),
    ]
