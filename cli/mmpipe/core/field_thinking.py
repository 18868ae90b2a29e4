"""Keeps the thinking of a field. Some servers send it again between tags in the text (FACTS.md, "Chunks")."""

from io import SEEK_END, StringIO


class FieldThinking:
    """The thinking so far, without newlines at its beginning; most answers never have it again, and nothing is joined."""

    def __init__(self) -> None:
        self._pieces: list[str] = []  # those that are not in `_text` yet
        self._text = StringIO()
        self._repeated = 0  # characters that came again
        self.has_begun = False

    def add(self, text: str) -> None:
        """Take the next piece, not empty."""
        self._pieces.append(text)
        self.has_begun = True

    def begins_with(self, text: str) -> bool:
        """Return True if the thinking begins with `text`, spaces aside."""
        return self._read(0).lstrip().startswith(text)

    def repeats(self, text: str) -> bool:
        """Return True if `text` is the next part of the thinking that comes again."""
        if self._read(self._repeated, len(text)) != text:
            return False
        self._repeated += len(text)
        return True

    def _read(self, place: int, size: int = -1) -> str:
        self._text.seek(0, SEEK_END)
        for piece in self._pieces:
            self._text.write(piece if self._text.tell() else piece.lstrip("\n"))
        self._pieces.clear()
        self._text.seek(place)
        return self._text.read(size)
