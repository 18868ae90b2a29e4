"""Finds how many requests at once the service bears: slow start, one decrease for each overload, slow growth; pure."""

from dataclasses import dataclass, replace

_FIRST = 4
_FEWEST = 2  # overloads, so that a single one changes nothing
_SHARE = 10  # one in so many
_STEPS = 16  # windows from nothing to the most allowed, when growth is slow


@dataclass(frozen=True, slots=True)
class ConcurrencyWindow:
    """`allowed` requests at once, never more than `most`; a window is as many results as were allowed when it began.

    After a decrease the results of one window count for nothing: they are of requests that were asked before it.
    """

    most: int
    allowed: int
    left: int  # results until the window is full
    overloads: int = 0
    is_slow_start: bool = True
    is_draining: bool = False

    @classmethod
    def opened(cls, most: int) -> "ConcurrencyWindow":
        """The window that a run begins with."""
        first = min(_FIRST, most)
        return cls(most, first, first)

    def after(self, *, overloaded: bool) -> "ConcurrencyWindow":
        """The window after one more result."""
        overloads = self.overloads + overloaded
        is_over_share = overloads * _SHARE >= self.allowed
        if not self.is_draining and overloads >= _FEWEST and is_over_share:
            return self._next(self.allowed // 2, drain=self.allowed)
        if self.left > 1:
            # Field by field, since this is done for each result.
            return ConcurrencyWindow(
                self.most, self.allowed, self.left - 1, overloads, self.is_slow_start, self.is_draining
            )
        if self.is_draining or is_over_share:
            return self._next(self.allowed)
        if self.is_slow_start and not overloads:
            return replace(self._next(self.allowed * 2), is_slow_start=True)
        # By a share and not by one, which would take 200 at once an hour to come back.
        return self._next(self.allowed + max(1, self.most // _STEPS))

    def _next(self, allowed: int, *, drain: int = 0) -> "ConcurrencyWindow":
        allowed = max(1, min(self.most, allowed))
        return ConcurrencyWindow(
            self.most, allowed, drain or allowed, is_slow_start=False, is_draining=drain > 0
        )


class AdaptiveWindow:
    """The window as the engine has it: asked at any time, told each result."""

    def __init__(self, most: int) -> None:
        self._window = ConcurrencyWindow.opened(most)

    @property
    def allowed(self) -> int:
        """How many may be in flight now."""
        return self._window.allowed

    def finished(self, *, overloaded: bool) -> None:
        """Count one more result."""
        self._window = self._window.after(overloaded=overloaded)
