"""Finds what a host would ignore, refuse or cut short in requests that can be sent, before they are paid for."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from mmpipe.batch.records.records import FoundRecord, Record
from mmpipe.core.catalogue import find_model, suggest_model
from mmpipe.core.endpoint import is_minimax
from mmpipe.core.host_identity import SIMULATOR
from mmpipe.core.parameters import describe_ignored, find_token_limit
from mmpipe.core.request import Request
from mmpipe.text.visible import one_line

# Distinct models, and distinct sentences, that are counted; others are counted together.
_MOST: Final = 1000
_SHOWN: Final = 5  # sentences that are printed
_LONGEST: Final = 100  # characters of a name
_OTHERS: Final = "..."
# Tokens that the thinking about a simple question may take (FACTS.md, "Usage").
_FEW_TOKENS: Final = 256
_CUT_SHORT: Final = (
    f"the thinking alone may use up a limit of {_FEW_TOKENS} tokens or less: an answer that is cut short is paid for; "
    "--set max_tokens=N raises the limit of all records"
)


def refuses_unknown_models(host: str | None) -> bool:
    """Return True for the identity of a host of MiniMax, or its simulator; None is the default host."""
    return host is None or host == SIMULATOR or is_minimax(host)


@dataclass(slots=True)
class RequestFindings:
    """Counts of requests by model, and by each sentence about what is odd about them.

    With `refuses_unknown` the host has no model outside of the catalogue, as far as that is known. `reported` are
    sentences about the defaults of the run, which the user has read already.
    """

    refuses_unknown: bool = False
    reported: frozenset[str] = frozenset()
    models: Counter[str] = field(default_factory=Counter)
    odd: Counter[str] = field(default_factory=Counter)
    _last: tuple[str, Mapping[str, object], tuple[str, ...]] | None = None

    def add(self, request: Request) -> list[str]:
        """Count a request; return the sentences about it that are new."""
        _count(self.models, request.model)
        # Most records have the model and the parameters of the defaults, the same object.
        if self._last is None or self._last[0] != request.model or self._last[1] is not request.parameters:
            self._last = request.model, request.parameters, tuple(self._describe(request))
        return [sentence for sentence in self._last[2] if _count(self.odd, sentence)]

    def watch(
        self,
        records: Iterable[FoundRecord | None],
        takes: Callable[[FoundRecord], bool],
        warn: Callable[[str], None],
    ) -> Iterator[FoundRecord | None]:
        """Yield the records; count the requests of those that a run takes, and warn of each kind once."""
        for found in records:
            if isinstance(found, Record) and takes(found):
                for sentence in self.add(found.request):
                    warn(f"{found.id}: {sentence}")
            yield found

    @property
    def unknown_models(self) -> list[str]:
        """The models that the catalogue does not have."""
        return [name for name in self.models if name != _OTHERS and find_model(name) is None]

    def sentences(self) -> Iterator[str]:
        """The first sentences, each with its number of requests."""
        for sentence, number in list(self.odd.items())[:_SHOWN]:
            yield f"{sentence} ({number} request{'s' if number > 1 else ''})"
        if len(self.odd) > _SHOWN:
            yield f"{len(self.odd) - _SHOWN} more kinds of such requests: --dry-run counts them all"

    def _describe(self, request: Request) -> Iterator[str]:
        model = find_model(request.model)
        if model is None and self.refuses_unknown:
            guess = suggest_model(request.model)
            yield (
                f"{one_line(request.model, _LONGEST)} is not in the catalogue{guess}; "
                "--set model=NAME replaces the model of all records"
            )
        yield from (
            sentence
            for sentence in describe_ignored(request.parameters, model)
            if sentence not in self.reported
        )
        limit = find_token_limit(request.parameters)
        if model is not None and request.thinks and limit is not None and limit <= _FEW_TOKENS:
            yield _CUT_SHORT


def _count(counts: Counter[str], name: str) -> bool:
    """Count a name, or one of too many as others; return True if it is a new one."""
    is_new = name not in counts and len(counts) < _MOST
    counts[name if is_new or name in counts else _OTHERS] += 1
    return is_new
