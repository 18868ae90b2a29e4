"""Parses the list of models that a host serves (FACTS.md, "The list of models"); pure."""

from mmpipe.api.answer.wire import parse
from mmpipe.api.refusals.service_errors import find_error
from mmpipe.api.response_head import ResponseInfo
from mmpipe.errors import BadResponse
from mmpipe.text.utf8 import strip_bom

MAX_LIST = 4 * 2**20  # bytes; the lists of gateways with hundreds of models are a quarter of that

_OK = ResponseInfo()


def parse_model_ids(body: bytes, info: ResponseInfo = _OK) -> tuple[str, ...]:
    """The ids in the host's order and spelling (any text). Raises the error that the body reports, or BadResponse."""
    page = parse(strip_bom(body))
    error = find_error(page, info, answer="data")
    if error is not None:
        raise error
    rows = page.get("data")
    if not isinstance(rows, list):
        raise BadResponse("the response of the service holds no list of models")
    return tuple(_id(number, row) for number, row in enumerate(rows, 1))


def _id(number: int, row: object) -> str:
    found = row.get("id") if isinstance(row, dict) else None
    if isinstance(found, str) and found.strip():
        return found
    raise BadResponse(f"row {number} of the list of models has no id")
