"""Lastvagt's headless engine: ingest, features, forecasts and scores over one SQLite file."""

import os

# onnxruntime 1.32 tells its maker of every session, and keeps a number of the machine in the home folder, unless this is set before it
# is loaded. Nothing here calls home.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

__version__ = "0.1.0"
