"""Builds a request from a record: a text, a prompt, messages or an object of the OpenAI Batch API; reads its images."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import field

from mmpipe.batch.records.formats.record_format import Content
from mmpipe.batch.records.images import list_images, read_images
from mmpipe.batch.records.record_tools import read_tools
from mmpipe.batch.records.template import Template
from mmpipe.core.attachments import Part, build_content
from mmpipe.core.catalogue import MAX_NAME, find_model
from mmpipe.core.effort import Effort, replace_effort, sets_effort
from mmpipe.core.events import Message
from mmpipe.core.message_forms import read_messages, read_system
from mmpipe.core.messages import (
    add_instruction,
    check_parts,
    check_question,
    is_system,
    prepare_messages,
)
from mmpipe.core.parameters import build_sampling, check_fields, check_for_model
from mmpipe.core.request import Request
from mmpipe.core.request_fields import (
    FIELD_RULES,
    LIMIT_FIELD,
    OLD_LIMIT_FIELD,
    PARAMETERS,
    RECORD_FIELDS,
    SAMPLING_FIELDS,
    WIRE_FIELDS,
)
from mmpipe.core.stream_pieces import Pieces
from mmpipe.dataclass import dataclass
from mmpipe.errors import InputError
from mmpipe.text.visible import one_line

JsonObject = dict[str, object]

# A record with a prompt and none of these is only its prompt; beside a prompt, `body` is a field of the user's own.
_OVERRIDES = frozenset(FIELD_RULES) - {"prompt", "messages", "body"}
_MISPLACED = frozenset({*RECORD_FIELDS, *SAMPLING_FIELDS} - {"body"})
# Fields of an object `parameters` that are no parameters, with a template.
_BESIDE_DATA = frozenset({"model", "system", "images"})
_BATCH_API_FIELDS = frozenset({"method", "url", "body"})
_URL = "/v1/chat/completions"
# The hint of an error about a field of a record.
_REMEDY = "--set {}=VALUE replaces it in every record"


@dataclass(frozen=True, slots=True)
class RequestDefaults:
    """The request fields of every record that does not set them itself; `parameters` have been checked.

    `instruction` is sent with every request. The fields of `effort` among the parameters are those of `model`. `fixed` are
    names of fields that the defaults alone decide about. `id_field` is the field of the ids, if it has another name.
    """

    model: str
    system: str | None = None
    instruction: str | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)
    template: Template | None = None
    streamed: bool = False
    pieces: Pieces = "auto"
    effort: Effort | None = None
    fixed: frozenset[str] = frozenset()
    id_field: str | None = None

    @property
    def request_columns(self) -> frozenset[str] | None:
        """The columns of a table that are fields of a request; None with a template, which makes data of each row."""
        return None if self.template is not None else frozenset(FIELD_RULES)

    @property
    def needed_fields(self) -> tuple[str, ...]:
        """The fields that every record must have: for its prompt, and for its id."""
        fields = () if self.template is None else self.template.fields
        return fields if self.id_field is None else (*fields, self.id_field)


def _is_batch_api_object(record: Mapping[str, object]) -> bool:
    """Return True for an object of the OpenAI Batch API; beside a prompt, `body` is a field of the user's own."""
    body = record.get("body")
    return (
        isinstance(body, dict)
        and "prompt" not in record
        and "messages" not in record
        and ("messages" in body or str(record.get("url")).startswith("/v1/"))
    )


def _is_share_gpt(record: Mapping[str, object]) -> bool:
    """Return True for a record with `conversations`, as ShareGPT has them; beside a prompt they are a field of the user's."""
    return isinstance(record.get("conversations"), list) and record.keys().isdisjoint(("prompt", "messages"))


def extra_fields(record: Mapping[str, object], id_field: str | None, defaults: RequestDefaults) -> JsonObject:
    """The user's own fields: those with no meaning in a request, and not the id."""
    known: Collection[str]
    if defaults.template is not None:
        known = ("parameters",) if isinstance(record.get("parameters"), dict) else ()
    elif _is_batch_api_object(record):
        known = _BATCH_API_FIELDS
    else:
        known = {*_OVERRIDES, "prompt", "messages", *(("conversations",) if _is_share_gpt(record) else ())}
    return {name: value for name, value in record.items() if name not in known and name != id_field}


def render_prompt(text: str, defaults: RequestDefaults) -> str:
    """The prompt of a line of text, or of a JSON string; raises InputError."""
    return _prompt(text if defaults.template is None else defaults.template.render(Content(text, text)))


def build_request(record: Mapping[str, object], content: Content, defaults: RequestDefaults) -> str | Request:
    """The request of an object, the value of `content`; only its prompt, if the object sets nothing else.

    Raises InputError or, for parameters, UsageError.
    """
    if defaults.template is not None:
        prompt = _prompt(defaults.template.render(content))
        return _build_of_data(prompt, record.get("parameters"), defaults)
    if _is_batch_api_object(record):
        return _build_from_batch_api(record, defaults)
    if "messages" in record or _is_share_gpt(record):
        if "prompt" in record:
            raise InputError("it has both prompt and messages: only one can be sent")
        if list_images(record.get("images")):
            raise InputError(
                "images go with a prompt", hint="in messages they are parts of the type image_url"
            )
        messages = _messages(record)
    elif "prompt" in record:
        prompt = _text(record["prompt"], "prompt")
        if _OVERRIDES.isdisjoint(record):
            return prompt
        messages = _user_message(prompt, read_images(record.get("images")))
    else:
        raise InputError(
            "it has no prompt, no messages and no body with messages",
            hint="--template makes a prompt of other fields",
        )
    return _build(messages, _parameters_of(record), defaults, record.get("model"), record.get("system"))


def build_prompt_request(prompt: str, defaults: RequestDefaults) -> Request:
    """The request of a prompt and the defaults."""
    return _build(_user_message(prompt), {}, defaults)


def _build_of_data(prompt: str, own: object, defaults: RequestDefaults) -> str | Request:
    """The request of a record that is data for the template: only an object `parameters` in it sets fields."""
    if not (isinstance(own, dict) and own):
        return prompt
    given = {name: value for name, value in own.items() if name not in _BESIDE_DATA}
    _check_parameters(given, "the template makes the prompt")
    message = _user_message(prompt, read_images(own.get("images")))
    return _build(message, given, defaults, own.get("model"), own.get("system"))


def _build_from_batch_api(record: Mapping[str, object], defaults: RequestDefaults) -> Request:
    for name, only in (("method", "POST"), ("url", _URL)):
        if record.get(name, only) != only:
            raise InputError(f"its {name} is {_excerpt(record[name])}: only {only} is possible")
    misplaced = [name for name in record if name in _MISPLACED]
    if misplaced:
        raise InputError(f"{misplaced[0]} stands beside body, where it would not be sent: put it into body")
    body = record["body"]
    if not isinstance(body, dict):
        raise InputError("its body is not an object")
    given = {name: value for name, value in body.items() if name not in ("model", "messages", "system")}
    _check_parameters(given, "its body has messages")
    return _build(_messages(body), given, defaults, body.get("model"), body.get("system"))


def _build(
    messages: tuple[Message, ...],
    given: Mapping[str, object],
    defaults: RequestDefaults,
    own_model: object = None,
    own_system: object = None,
) -> Request:
    """The request of a record: its own fields replace the defaults, but for the fixed ones."""
    if defaults.fixed:
        given = {name: value for name, value in given.items() if name not in defaults.fixed}
        own_model = None if "model" in defaults.fixed else own_model
    model = defaults.model if own_model is None else _model(own_model)
    if system := read_system(own_system):
        messages = (*system, *messages)
    elif defaults.system is not None and not is_system(messages[0]):
        # Most models refuse a second system message; the one of the record wins.
        messages = ({"role": "system", "content": defaults.system}, *messages)
    if defaults.instruction is not None:
        messages = add_instruction(messages, defaults.instruction)
    check_parts(messages, model)
    parameters = defaults.parameters
    if defaults.effort is not None and (own_model is not None or sets_effort(given)):
        # Another model may have other levels, and a record that sets itself how much to think needs none.
        effort = None if sets_effort(given) else defaults.effort
        parameters = replace_effort(parameters, effort, model, defaults.fixed)
    if given or own_model is not None:
        parameters = {**parameters, **_name_limit(_checked_parameters(given), parameters)}
        # The caller counts ignored parameters, and warns of them once for all records.
        list(check_for_model(parameters, find_model(model), remedy=_REMEDY))
    prepared = prepare_messages(messages, model)
    return Request(model, prepared, parameters, streamed=defaults.streamed, pieces=defaults.pieces)


def _prompt(text: str) -> str:
    if not text or text.isspace():
        raise InputError("its prompt is empty")
    return text


def _user_message(prompt: str, parts: Sequence[Part] = ()) -> tuple[Message, ...]:
    return ({"role": "user", "content": build_content(prompt, parts)},)


def _messages(record: Mapping[str, object]) -> tuple[Message, ...]:
    name = "messages" if "messages" in record else "conversations"
    messages = record.get(name)
    if not isinstance(messages, list) or not messages:
        raise InputError(f"its {name} are not an array of at least one message")
    read = read_messages(messages)
    check_question(read)
    return read


def _parameters_of(record: Mapping[str, object]) -> JsonObject:
    """The request fields that a record sets, at its top or under `parameters`."""
    further = record.get("parameters", {})
    if not isinstance(further, dict):
        raise InputError("its parameters are not an object")
    _check_parameters(further, "it is a field of the record itself")
    named = {name: value for name, value in record.items() if name in PARAMETERS}
    if twice := [name for name in further if name in named]:
        raise InputError(f"{twice[0]} is given twice")
    return {**named, **further}


def _check_parameters(given: Mapping[str, object], reason: str) -> None:
    """Raise InputError, with the reason, for a field that no server would read: the request is built of it."""
    if misplaced := [name for name in given if name in RECORD_FIELDS]:
        raise InputError(f"{misplaced[0]} is not a parameter: {reason}")


def _checked_parameters(given: Mapping[str, object]) -> JsonObject:
    """The request fields as they are sent, without sampling parameters that are null; raises InputError."""
    limits = [given[name] for name in (LIMIT_FIELD, OLD_LIMIT_FIELD) if given.get(name) is not None]
    if len(limits) > 1:
        raise InputError(
            "max_tokens and max_completion_tokens are the same: only one can be sent",
            hint=_REMEDY.format("max_tokens"),
        )
    for name in WIRE_FIELDS:
        if given.get(name):
            raise InputError(f"{name} cannot be set by a record: use --wire, and --set {name}=null")
    rest = {name: value for name, value in given.items() if name not in (*SAMPLING_FIELDS, *WIRE_FIELDS)}
    if rest.get("tools") is not None:
        rest["tools"] = read_tools(rest["tools"])
        rest = rest if rest["tools"] is not None else {name: rest[name] for name in rest if name != "tools"}
    check_fields(rest, remedy=_REMEDY)
    limit = next(iter(limits), None)
    return {**build_sampling(given.get("temperature"), given.get("top_p"), limit, remedy=_REMEDY), **rest}


def _name_limit(own: JsonObject, defaults: Mapping[str, object]) -> JsonObject:
    """Return the fields of a record with the limit on tokens under the name that the defaults have for it."""
    if OLD_LIMIT_FIELD not in defaults:
        return own
    return {OLD_LIMIT_FIELD if name == LIMIT_FIELD else name: value for name, value in own.items()}


def _model(value: object) -> str:
    name = _text(value, "model")
    if len(name) > MAX_NAME:
        raise InputError(f"its model is {_excerpt(name)}: a name has at most {MAX_NAME} characters")
    return name


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise InputError(f"its {name} is {_excerpt(value)}: it must be a string")
    if not value.strip():
        raise InputError(f"its {name} is empty")
    return value


def _excerpt(value: object) -> str:
    return one_line(json.dumps(value, ensure_ascii=False), 60)
