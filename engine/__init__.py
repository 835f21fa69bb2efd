"""Lastvagt's headless engine: ingest, features, forecasts and scores over one SQLite file."""

__version__ = "0.1.0"
