"""Check requests by the rules of the API (FACTS.md, "Refused requests", "Parameters").

A violation is the text of an error with code 2013. Where the exact words are not known, they are our own.
"""

import json
from collections.abc import Callable, Iterator
from itertools import chain
from typing import TypeAlias

from mmpipe.simulator.chat_request import prompt_tokens
from mmpipe.simulator.history import check_messages
from mmpipe.simulator.json_text import Json, type_name
from mmpipe.simulator.models import MODELS, SimulatedModel

Rule: TypeAlias = Callable[[Json, SimulatedModel], Iterator[str]]


def find_violation(body: object) -> str | None:
    """Return the first violation, in the words after ``invalid params,``; None for a valid request."""
    if not isinstance(body, dict):
        return _mismatch("openai.ChatCompletionRequest", body)
    name = body.get("model")
    if not isinstance(name, str):
        return _missing("model") if name is None else _mismatch("string", name)
    if name not in MODELS:
        return f"unknown model '{name}'"
    return next(chain.from_iterable(rule(body, MODELS[name]) for rule in _rules()), None)


def describe_syntax_error(raw: bytes, error: Exception) -> str:
    r"""Return the message for a body that is not JSON, quoted as Go does, with ``\n`` escaped."""
    text = raw.decode(errors="replace")
    position = error.pos if isinstance(error, json.JSONDecodeError) else 0
    cause = "eof" if position >= len(text.rstrip()) else "invalid char"
    shown = text[max(0, position - 16) : position + 16].replace("\n", " ")
    pointer = "." * min(position, 16) + "^"
    return json.dumps(
        f"Syntax error at index {position}: {cause}\n\n\t{shown}\n\t{pointer}\n", ensure_ascii=False
    )


def _rules() -> tuple[Rule, ...]:
    return (_messages, _switches, _temperature, _top_p, _max_tokens, _n, _thinking, _tools, _context)


def _messages(body: Json, model: SimulatedModel) -> Iterator[str]:
    messages = body.get("messages")
    if messages is None:
        yield _missing("messages")
    elif not isinstance(messages, list):
        yield _mismatch("[]openai.ChatMessage", messages)
    elif not messages:
        yield "chat content is empty"
    else:
        yield from check_messages(messages, model)


def _switches(body: Json, _model: SimulatedModel) -> Iterator[str]:
    for name in ("stream", "reasoning_split"):
        if type_name(body.get(name)) not in {"bool", "null"}:
            yield _mismatch("bool", body[name])
    if type_name(options := body.get("stream_options")) not in {"object", "null"}:
        yield _mismatch("openai.StreamOptions", options)


def _temperature(body: Json, model: SimulatedModel) -> Iterator[str]:
    # The official page allows (0, 1], the one of M3 [0, 2]; 0 was accepted of both (FACTS.md, "Parameters").
    yield from _check_range("temperature", body.get("temperature"), 2 if model.is_m3 else 1)


def _top_p(body: Json, _model: SimulatedModel) -> Iterator[str]:
    yield from _check_range("top_p", body.get("top_p"), 1)


def _max_tokens(body: Json, model: SimulatedModel) -> Iterator[str]:
    for name in ("max_completion_tokens", "max_tokens"):
        value = body.get(name)
        if value is None:
            continue
        if type(value) is not int:
            yield _mismatch("int64", value)
        elif value < 1:
            yield f"{name} {value} is out of range"
        elif value > model.max_output:
            yield f"model[{model.name}] does not support max tokens > {model.max_output}"


def _n(body: Json, model: SimulatedModel) -> Iterator[str]:
    value = body.get("n")
    if value is not None and type(value) is not int:
        yield _mismatch("int64", value)
    # Since June 2026 M3 accepts it, and sends one choice.
    elif value not in {None, 1} and not model.is_m3:
        yield f"n {value} is not supported, only 1"


def _thinking(body: Json, model: SimulatedModel) -> Iterator[str]:
    value = body.get("thinking")
    if value is None:
        return
    if not isinstance(value, dict):
        yield _mismatch("open_platform_oai.ThinkingConfig", value)
    elif model.is_m3 and (chosen := value.get("type")) not in {"adaptive", "disabled"}:
        yield f"invalid thinking.type: {json.dumps(chosen)} (allowed: adaptive, disabled)"
    elif model.name == "MiniMax-M3.1-Flash" and value.get("type") == "disabled":
        yield f"model[{model.name}] requires adaptive thinking"


def _tools(body: Json, _model: SimulatedModel) -> Iterator[str]:
    tools = body.get("tools")
    if tools is None:
        return
    if not isinstance(tools, list):
        yield _mismatch("[]openai.Tool", tools)
        return
    for tool in tools:
        yield from _tool(tool)


def _tool(tool: object) -> Iterator[str]:
    if not isinstance(tool, dict):
        yield _mismatch("openai.Tool", tool)
        return
    if tool.get("type") != "function":
        yield f"invalid tool type: {tool.get('type') or ''}"
    function = tool.get("function")
    if not isinstance(function, dict) or not function.get("name"):
        yield "function name is empty"
    elif not function.get("parameters"):
        yield "function parameters is empty"


def _context(body: Json, model: SimulatedModel) -> Iterator[str]:
    messages = body.get("messages")
    if isinstance(messages, list) and prompt_tokens(messages) > model.context:
        yield "context window exceeds limit"


def _check_range(name: str, value: object, high: int) -> Iterator[str]:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield _mismatch("float64", value)
    elif not 0 <= value <= high:
        yield f"{name} {value} is out of range [0, {high}]"


def _missing(name: str) -> str:
    return f"binding: expr_path={name}, cause=missing required parameter"


def _mismatch(wanted: str, value: object) -> str:
    return f"Mismatch type {wanted} with value {type_name(value)}"
