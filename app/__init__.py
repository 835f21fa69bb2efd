"""Lastvagt's window: forecasts and monitoring on screen, read from the engine's database."""
