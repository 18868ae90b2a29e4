"""Finds what a host would ignore, refuse or cut short in requests that can be sent, before they are paid for."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from mmpipe.batch.records.records import FoundRecord, Record
from mmpipe.batch.records.template import Template
from mmpipe.core.catalogue import find_model, suggest_model
from mmpipe.core.effort import Effort, describe_missing_effort, sets_effort
from mmpipe.core.parameters import describe_ignored, find_token_limit
from mmpipe.core.prompt_size import check_window
from mmpipe.core.request import Request
from mmpipe.text.counts import format_count
from mmpipe.text.visible import one_line

# Distinct names that are counted; others are counted together.
_MOST: Final = 1000
_SHOWN: Final = 5  # sentences that are printed
_LONGEST: Final = 100  # characters of a name
# Tokens that the thinking about a simple question may take (FACTS.md, "Usage").
_FEW_TOKENS: Final = 256
_CUT_SHORT: Final = (
    f"the thinking alone may use up a limit of {_FEW_TOKENS} tokens or less: an answer that is cut short is paid for; "
    "--set max_tokens=N raises the limit of all records"
)


_TOO_LONG: Final = "the prompt is probably longer than the window of its model, and may be refused"


@dataclass(slots=True)
class BoundedCounts:
    """Counts of distinct names, and of all names beyond the first 1,000 together."""

    by_name: Counter[str] = field(default_factory=Counter)
    others: int = 0

    def add(self, name: str) -> bool:
        """Count a name; return True if it is new, and counted by itself."""
        is_new = name not in self.by_name and len(self.by_name) < _MOST
        if is_new or name in self.by_name:
            self.by_name[name] += 1
        else:
            self.others += 1
        return is_new


@dataclass(slots=True)
class RequestFindings:
    """Counts of requests by model, and by each sentence about what is odd about them.

    With `refuses_unknown` the host has no model outside of the catalogue, as far as that is known. `reported` are
    sentences about the defaults of the run, which the user has read already. `effort` is the one of the run. `unknown`
    are the models outside of the catalogue. `template` is the one of the prompts.
    """

    refuses_unknown: bool = False
    reported: frozenset[str] = frozenset()
    effort: Effort | None = None
    template: Template | None = None
    models: BoundedCounts = field(default_factory=BoundedCounts, init=False)
    unknown: BoundedCounts = field(default_factory=BoundedCounts, init=False)
    odd: BoundedCounts = field(default_factory=BoundedCounts, init=False)
    _last: tuple[str, Mapping[str, object], tuple[str, ...]] | None = field(default=None, init=False)

    def add(self, request: Request) -> list[str]:
        """Count a request; return the sentences about it that are new."""
        self.models.add(request.model)
        if find_model(request.model) is None:
            self.unknown.add(request.model)
        # Most records have the model and the parameters of the defaults, the same object.
        if self._last is None or self._last[0] != request.model or self._last[1] is not request.parameters:
            self._last = request.model, request.parameters, tuple(self._describe(request))
        return [sentence for sentence in self._last[2] if self.odd.add(sentence)]

    def add_record(self, record: Record) -> list[str]:
        """Count the request of a record; return the sentences about it, and about the template, that are new."""
        sentences = self.add(record.request)
        if self.template is not None:
            sentences += [doubt for doubt in self.template.find_doubts(record.fields) if self.odd.add(doubt)]
        # One that is longer by far is a bad record.
        if self.refuses_unknown and check_window(record.request) is not None and self.odd.add(_TOO_LONG):
            sentences.append(_TOO_LONG)
        return sentences

    def watch(
        self,
        records: Iterable[FoundRecord | None],
        takes: Callable[[FoundRecord], bool],
        warn: Callable[[str], None],
    ) -> Iterator[FoundRecord | None]:
        """Yield the records; count the requests of those that a run takes, and warn of each kind once."""
        for found in records:
            if isinstance(found, Record) and takes(found):
                for sentence in self.add_record(found):
                    warn(f"{found.id}: {sentence}")
            yield found

    def sentences(self) -> Iterator[str]:
        """The first sentences, each with its number of requests."""
        for sentence, number in list(self.odd.by_name.items())[:_SHOWN]:
            yield f"{sentence} ({format_count(number, 'request')})"
        if (more := len(self.odd.by_name) - _SHOWN) > 0:
            yield f"{more} more kinds of such requests: --dry-run counts them all"

    def _describe(self, request: Request) -> Iterator[str]:
        model = find_model(request.model)
        if model is None and self.refuses_unknown:
            guess = suggest_model(request.model)
            yield (
                f"{one_line(request.model, _LONGEST)} is not in the catalogue{f'; {guess}' if guess else ''}; "
                "--set model=NAME replaces the model of all records"
            )
        sentences = [*describe_ignored(request.parameters, model)]
        if self.effort is not None and not sets_effort(request.parameters):
            sentences += filter(None, [describe_missing_effort(self.effort, request.model)])
        yield from (sentence for sentence in sentences if sentence not in self.reported)
        limit = find_token_limit(request.parameters)
        if model is not None and request.thinks and limit is not None and limit <= _FEW_TOKENS:
            yield _CUT_SHORT
