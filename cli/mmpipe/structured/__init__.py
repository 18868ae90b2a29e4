"""Answers that must be JSON, or hold a code block."""
