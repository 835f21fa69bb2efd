"""Lets tests of the app run without a display, at one scale, and tests of training on one thread."""

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["QT_SCALE_FACTOR"] = "1"
# Threads of OpenMP that wait for a busy core spin: a tiny model then takes minutes.
os.environ.setdefault("OMP_NUM_THREADS", "1")
