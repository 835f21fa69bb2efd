"""Of Qt's own words only those of the languages the app speaks."""

from pathlib import PurePath

from PyInstaller.utils.hooks.qt import add_qt6_dependencies

_NAMES = ("qtbase_da.qm", "qtbase_en.qm")

hiddenimports, binaries, datas = add_qt6_dependencies(__file__)
datas = [(source, folder) for source, folder in datas if PurePath(source).suffix != ".qm" or PurePath(source).name in _NAMES]
