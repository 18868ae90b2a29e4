"""Forms of text: as it is, made harmless for terminals, and between tags; pure."""

from mmpipe.text.visible import visible


class TextForm:
    """Form of text on its way out: here it stays as it is."""

    def feed(self, text: str) -> str:
        """Return what can be written once `text` has come; what follows may change the rest."""
        return text

    def close(self) -> str:
        """Return what was held back; more text may follow, as a new beginning."""
        return ""


class VisibleForm(TextForm):
    """Text for a terminal, with visible control characters."""

    def feed(self, text: str) -> str:
        return visible(text)


class TaggedForm(TextForm):
    """Thinking between tags, for a terminal that cannot dim; a blank line follows, as in the native API."""

    def __init__(self) -> None:
        self._is_open = False

    def feed(self, text: str) -> str:
        tag = "" if self._is_open else "<think>\n"
        self._is_open = True
        return tag + visible(text)

    def close(self) -> str:
        tag = "\n</think>\n\n" if self._is_open else ""
        self._is_open = False
        return tag
