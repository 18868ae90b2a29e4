"""Parses the list of models that a host serves (FACTS.md, "The list of models"); pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from typing import Final

from mmpipe.api.answer.wire import parse
from mmpipe.api.refusals.service_errors import find_error
from mmpipe.api.response_head import ResponseInfo
from mmpipe.dataclass import dataclass
from mmpipe.errors import BadResponse, Rejected
from mmpipe.text.utf8 import strip_bom

MAX_LIST: Final = (
    4 * 2**20
)  # bytes of one page; the lists of gateways with hundreds of models are a quarter of that
_MOST_PAGES: Final = 100
_MOST_NAMES: Final = 2**20  # characters, after which no further page is asked for
_LONGEST_CURSOR: Final = 1024  # characters; longer ones may not fit into a request line

_OK: Final = ResponseInfo()
# Fields with the rows, and fields of a row with its name, the best first.
_LISTS: Final = ("data", "models")
_NAMES: Final = ("id", "model", "name", "key", "model_name")
# Fields that announce more rows, in ways that are not followed.
_MORE: Final = ("next", "next_page_token", "nextPageToken", "next_cursor")


@dataclass(frozen=True, slots=True)
class ModelList:
    """The ids in the host's order and spelling (any text), and the number of rows without a name.

    With `has_more` the host has more rows; `next_page` holds the parameters that ask for them, if they are known.
    """

    ids: tuple[str, ...]
    unnamed: int = 0
    has_more: bool = False
    next_page: Mapping[str, str] = field(default_factory=dict)


# Asks for the page with these parameters; raises an MmpipeError.
AskPage = Callable[[Mapping[str, str]], ModelList]


def collect_pages(ask_page: AskPage) -> ModelList:
    """All pages as one list; it has no `next_page`, and `has_more` if it is not whole. Raises what the first page raises.

    The pages end at a limit, at a page without a new id, and where the host refuses the parameters.
    """
    page = ask_page({})
    # A dict keeps the order.
    ids, unnamed, size = dict.fromkeys(page.ids), page.unnamed, sum(map(len, page.ids))
    for _ in range(_MOST_PAGES - 1):
        if not page.next_page or size > _MOST_NAMES:
            break
        try:
            following = ask_page(page.next_page)
        except Rejected:
            break
        known = len(ids)
        ids.update(dict.fromkeys(following.ids))
        if len(ids) == known and following.has_more:
            break
        page, unnamed, size = following, unnamed + following.unnamed, size + sum(map(len, following.ids))
    return ModelList(tuple(ids), unnamed, page.has_more)


def parse_model_list(body: bytes, info: ResponseInfo = _OK) -> ModelList:
    """One page: an object with the rows, or the rows alone. Raises the error that the body reports, or BadResponse."""
    value = parse(strip_bom(body))
    page = value if isinstance(value, dict) else {}
    rows = value if isinstance(value, list) else _find_rows(page)
    names = [_find_name(row) for row in rows or ()]
    ids = tuple(name for name in names if name is not None)
    reports = [page, *(row for row in (rows or ())[:1] if isinstance(row, dict) and not ids)]
    for error in (find_error(report, info, answer=_list_field(report)) for report in reports):
        if error is not None:
            raise error
    if rows is None:
        raise BadResponse("the response of the service holds no list of models")
    if rows and not ids:
        raise BadResponse(
            f"the response of the service holds a list of models without a name (rows: {len(rows)})"
        )
    has_more = page.get("has_more") is True or any(page.get(name) for name in _MORE)
    return ModelList(ids, len(names) - len(ids), has_more, _find_next_page(page, ids))


def _find_rows(page: Mapping[str, object]) -> Sequence[object] | None:
    """The rows of the first field that has some; none for an empty field, also for null; None without such a field."""
    found = [page[name] for name in _LISTS if name in page]
    lists = [rows for rows in found if isinstance(rows, list)]
    return next(filter(None, lists), [] if lists or found == [None] else None)


def _list_field(page: Mapping[str, object]) -> str:
    return next((name for name in _LISTS if page.get(name)), _LISTS[0])


def _find_name(row: object) -> str | None:
    """The name by which the model is asked for, or None."""
    names: Iterable[object] = (row.get(name) for name in _NAMES) if isinstance(row, dict) else (row,)
    return next((name for name in names if isinstance(name, str) and name.strip()), None)


def _find_next_page(page: Mapping[str, object], ids: Sequence[str]) -> Mapping[str, str]:
    """The parameters that ask for the rows after this page; none without more rows."""
    if page.get("has_more") is not True:
        return {}
    last = page.get("last_id")
    last = last if isinstance(last, str) and last else next(reversed(ids), None)
    if last is None or len(last) > _LONGEST_CURSOR:
        return {}
    # OpenAI names its lists, and the parameter `after`; the other name is Anthropic's.
    return {"after": last} if page.get("object") == "list" else {"after": last, "after_id": last}
