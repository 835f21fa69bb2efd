"""Of Qt's plugins those that an app of widgets needs on a desktop: no OpenGL, no screens without a window system, no touch tables.

The GTK theme is left out because it brings all of GTK, which must be that of the desktop; Qt then asks the desktop's portal.
"""

from pathlib import PurePath

from PyInstaller.utils.hooks.qt import add_qt6_dependencies

#: By folder; of a folder that is not named every plugin stays.
_KEPT = {
    "egldeviceintegrations": (),
    "generic": (),
    "iconengines": ("qsvgicon",),
    "imageformats": ("qico", "qjpeg", "qsvg"),
    "platforminputcontexts": ("composeplatforminputcontextplugin", "ibusplatforminputcontextplugin"),
    "platforms": ("qcocoa", "qoffscreen", "qwayland-generic", "qwindows", "qxcb"),
    "platformthemes": ("qxdgdesktopportal",),
    "wayland-graphics-integration-client": (),
    "wayland-shell-integration": ("xdg-shell",),
    "xcbglintegrations": (),
}


def _is_kept(source: str, folder: str) -> bool:
    parts = PurePath(folder).parts
    if "plugins" not in parts or parts[-1] not in _KEPT:
        return True
    return PurePath(source).stem.removeprefix("lib") in _KEPT[parts[-1]]


hiddenimports, binaries, datas = add_qt6_dependencies(__file__)
binaries = [(source, folder) for source, folder in binaries if _is_kept(source, folder)]
