"""The bytes of a request's body, with what its answer is read by; fit to be sent from another process."""

from mmpipe.core.endpoint import Endpoint
from mmpipe.core.request import Request
from mmpipe.core.stream_pieces import Pieces
from mmpipe.dataclass import dataclass
from mmpipe.text.json_encoding import encode_json


@dataclass(frozen=True, slots=True)
class EncodedRequest:
    """A request as it is sent: its JSON body, and the facts by which its answer is read."""

    body: bytes
    model: str
    streamed: bool
    pieces: Pieces


def encode_request(request: Request, endpoint: Endpoint) -> EncodedRequest:
    """Encode a request to this endpoint; raises InputError if its body holds the key."""
    body = encode_json(request.body())
    endpoint.check_sendable(lambda: body)
    return EncodedRequest(body, request.model, request.streamed, request.pieces)
