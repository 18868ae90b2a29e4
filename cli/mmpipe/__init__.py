"""A Unix filter for MiniMax's OpenAI-compatible API."""

__version__ = "0.1.0"
RELEASED = "2026-11-23"
