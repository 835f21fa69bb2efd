"""Where values come from: one file per provider, each a pure `parse`, and one shared `fetch`."""
