"""Lastvagt's headless engine: ingest, features, forecasts and scores over one SQLite file."""

import os

__version__ = "0.1.0"

# onnxruntime from 1.29 on else reports models and machines to its makers, and keeps an identifier in the user's home.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
