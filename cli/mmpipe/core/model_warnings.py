"""Warns of a model past its end date, and of an answer by another model than the one asked."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import Enum
from typing import Final

from mmpipe.core.catalogue import find_model
from mmpipe.core.host_identity import follows_catalogue
from mmpipe.core.reply import Reply
from mmpipe.errors import MmpipeError, Rejected
from mmpipe.text.visible import one_line

_SHOWN: Final = 100  # characters of a name
# The date of a version, as services add it to the name that was asked for.
_VERSION: Final = re.compile(r"-(?:20\d\d-?\d\d-?\d\d|\d{4}|latest|preview)\Z")


class ModelWarning(Enum):
    """A kind of warning, with the words for counts of such answers."""

    OTHER_MODEL = "by another model"
    ENDED_MODEL = "by a model past its end date"

    def __init__(self, words: str) -> None:
        self.words = words


def find_model_warnings(
    asked: str,
    reply: Reply,
    error: MmpipeError | None = None,
    *,
    host: str | None = None,
    today: date | None = None,
) -> Mapping[ModelWarning, str]:
    """Return a sentence for each kind; `asked` is the model of the request, `error` the end of the reply.

    A model without an end date, or without a name in its answer, is no reason; nor is a failure without any answer, unless
    the request was rejected. A replay asks nobody: its model may end. A `host` that is not MiniMax's keeps a model as long as
    it likes.
    """
    found: dict[ModelWarning, str] = {}
    if error is not None and not reply.model and not isinstance(error, Rejected):
        return found
    if reply.model and not _is_same(asked, reply.model):
        shown = one_line(asked, _SHOWN), one_line(reply.model, _SHOWN)
        found[ModelWarning.OTHER_MODEL] = f"{shown[0]} was asked, and {shown[1]} answered"
    model = find_model(asked) if follows_catalogue(host) and not reply.replayed else None
    ends = None if model is None else model.ends
    if model is not None and ends is not None and ends < (today or datetime.now(UTC).date()):
        found[ModelWarning.ENDED_MODEL] = (
            f"{model.id} was announced to end on {ends}; `mmpipe models` lists the others"
        )
    return found


def _is_same(asked: str, answered: str) -> bool:
    """Return True for two names of one model: gateways add or drop a vendor, a tag and a version."""
    if asked == answered:
        return True
    one, other = (name.strip().lower().rpartition("/")[2] for name in (asked, answered))
    (one, _, tag), (other, _, other_tag) = one.partition(":"), other.partition(":")
    if tag and other_tag and tag != other_tag:
        return False
    return one == other or _VERSION.sub("", one) == other or one == _VERSION.sub("", other)
