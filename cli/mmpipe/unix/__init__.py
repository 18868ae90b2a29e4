"""Streams, files, locks and signals of the system."""
