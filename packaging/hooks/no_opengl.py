"""Runs before the frozen app: what pyqtgraph asks of OpenGL's modules when it is imported, without their 10 MB. Nothing draws with it."""

import sys
import types

from PySide6 import QtWidgets

for name, parts in {
    "QtOpenGL": {},
    "QtOpenGLWidgets": {"QOpenGLWidget": type("QOpenGLWidget", (QtWidgets.QWidget,), {})},
}.items():
    module = types.ModuleType(f"PySide6.{name}")
    vars(module).update(parts)
    sys.modules[module.__name__] = module
