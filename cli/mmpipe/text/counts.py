"""Counts of things in words."""


def format_count(number: int, one: str, several: str | None = None) -> str:
    """The number and its words, such as `1 record` and `2 records`; `several` are words that do not end with an s more."""
    return f"{number} {one if number == 1 else several or f'{one}s'}"
