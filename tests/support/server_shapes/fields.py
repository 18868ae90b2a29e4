"""Shapes of the fields that hold text and thinking, by server."""

from support.server_shapes.shape import Shape, body, message, streamed, text

SHAPES: dict[str, Shape] = {
    # vLLM, minimax_m3: the parser leaves the tags of M3 in the content.
    "mm-think": Shape(
        sent=streamed(text("<mm:"), text("think>I "), text("think.</mm:th"), text("ink>\n\nyes", "stop")),
        text="yes",
        thinking="I think.",
        message={"content": "<mm:think>I think.</mm:think>\n\nyes"},
    ),
    "mm-think-whole": Shape(
        sent=body(message({"role": "assistant", "content": "<mm:think>\nI think.\n</mm:think>\nyes"})),
        text="yes",
        thinking="I think.",
    ),
}
