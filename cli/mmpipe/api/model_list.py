"""Reads the list of models that a host serves (FACTS.md, "The list of models"); pure."""

from mmpipe.api.codes import Source, trouble_in
from mmpipe.api.sse import BOM
from mmpipe.api.wire import parse
from mmpipe.errors import BadResponse

MAX_LIST = 4 * 2**20  # bytes; the lists of gateways with hundreds of models are a quarter of that

_OK = Source()


def model_ids(body: bytes, source: Source = _OK) -> tuple[str, ...]:
    """The ids in the host's order and spelling, which may be any text; raises what is wrong with the list."""
    page = parse(body.removeprefix(BOM))
    trouble = trouble_in(page, source, answer="data")
    if trouble is not None:
        raise trouble
    rows = page.get("data")
    if not isinstance(rows, list):
        raise BadResponse("there is no list of models in what the service sent")
    return tuple(_id(number, row) for number, row in enumerate(rows, 1))


def _id(number: int, row: object) -> str:
    found = row.get("id") if isinstance(row, dict) else None
    if isinstance(found, str) and found.strip():
        return found
    raise BadResponse(f"row {number} of the list of models has no id")
