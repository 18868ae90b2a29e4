"""Inputs that grow, and the readers that take them; for `python tests/bench/doubling.py`."""
