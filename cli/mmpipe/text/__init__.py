"""Pure functions on text and JSON."""
