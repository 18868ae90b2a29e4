"""The JSON that mmpipe prints, as JSON Schemas: a table of fields for each kind of object.

A field is written `name:type`, with `?` behind a name that may be missing, `|` between types, and `[]` behind the type
of an array's items. A type is one of JSON Schema, or the name of another object of the table.
"""

from collections.abc import Mapping
from typing import Final

_USAGE: Final = (
    "prompt_tokens:integer|null completion_tokens:integer|null total_tokens:integer|null "
    "reasoning_tokens:integer|null cached_tokens:integer|null"
)
_ERROR: Final = (
    "code:integer name:string http:integer|null api_code:integer|null message:string retryable:boolean "
    "retry_after:number|null request_id:string|null"
)
_CALL: Final = "index:integer id:string name:string arguments:string"
_ANSWER: Final = (
    "model:string content:string thinking?:string tool_calls:tool_call[] finish_reason:string|null usage:usage "
    "cost:number|null message:object request_id:string|null attempts:integer elapsed_ms:integer"
)
_IDENTITY: Final = "index:integer request_sha256:string|null attempt:integer host:string|null has_own_id:boolean same_as?:string"
OBJECTS: Final[Mapping[str, str]] = {
    "answer": f"id:string {_ANSWER}",
    "start": "type:start id:string model:string",
    "thinking": "type:thinking text:string",
    "text": "type:text text:string",
    "tool_call_event": f"type:tool_call {_CALL}",
    "tool_result": "type:tool_result id:string name:string content:string",
    "usage_event": f"type:usage {_USAGE}",
    "end": "type:end finish_reason:string|null message:object",
    "error_event": f"type:error {_ERROR}",
    "batch_line": (
        f"id?:string custom_id?:string response_id:string|null {_ANSWER} error:error|null {_IDENTITY} "
        "input?:object id_field?:string"
    ),
    "openai_line": (
        f"id:string custom_id:string response:object|null error:object|null incomplete?:object {_IDENTITY}"
    ),
    "batch_meta": (
        "good:integer failed:integer causes:object skipped:integer copied:integer unwritten:integer "
        "requests:integer retries:integer usage:object cost:number|null earlier_cost:number elapsed_ms:integer "
        "exit_status:integer error:error|null"
    ),
    "dry_run": (
        "records:integer taken:integer bad:integer answered:integer requests:integer prompt_tokens:integer "
        "completion_tokens:integer cost:number|null seconds:number|null assumed_tokens:integer models:object "
        "other_models:integer unknown_models:string[] warnings:object other_warnings:integer faults:object"
    ),
    "meta": (
        "id:string|null model:string|null finish_reason:string|null usage:usage cost:number|null turns:integer "
        "attempts:integer first_byte_ms:integer|null elapsed_ms:integer request_id:string|null "
        "exit_status:integer error:error|null"
    ),
    "tool_meta": (
        "tool:string call_id:string argv:string[] status:integer|null signal:integer|null killed:string|null "
        "bytes:integer cut:boolean elapsed_ms:integer"
    ),
    "error": _ERROR,
    "usage": _USAGE,
    "tool_call": _CALL,
}
# The outputs, and the objects that each of their lines may be.
OUTPUTS: Final[Mapping[str, tuple[str, ...]]] = {
    "chat --json, stream --json": ("answer",),
    "chat -F jsonl, stream -F jsonl": (
        "start",
        "thinking",
        "text",
        "tool_call_event",
        "tool_result",
        "usage_event",
        "end",
        "error_event",
    ),
    "batch": ("batch_line",),
    "batch -F openai": ("openai_line",),
    "batch --meta FILE": ("batch_meta",),
    "batch --dry-run": ("dry_run",),
    "chat --meta FILE, stream --meta FILE": ("tool_meta", "meta"),
    "--error-json, on standard error": ("error",),
}
_TYPES: Final = frozenset({"string", "integer", "number", "boolean", "object", "null"})


def object_schema(name: str) -> dict[str, object]:
    """Return the JSON Schema of one object; others that it holds are at `#/$defs/`."""
    fields = [field.partition(":") for field in OBJECTS[name].split()]
    return {
        "type": "object",
        "required": [field for field, _, _ in fields if not field.endswith("?")],
        "properties": {field.removesuffix("?"): _field_schema(field, kinds) for field, _, kinds in fields},
    }


def schema_document() -> dict[str, object]:
    """Return one JSON Schema with all objects in its `$defs`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": {name: object_schema(name) for name in OBJECTS},
    }


def _field_schema(field: str, kinds: str) -> dict[str, object]:
    if field == "type":
        return {"const": kinds}
    alternatives = kinds.split("|")
    plain = [kind for kind in alternatives if kind in _TYPES]
    schemas: list[dict[str, object]] = [_reference(kind) for kind in alternatives if kind not in _TYPES]
    if plain:
        schemas.append({"type": plain[0] if len(plain) == 1 else plain})
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _reference(kind: str) -> dict[str, object]:
    item = kind.removesuffix("[]")
    schema: dict[str, object] = {"type": item} if item in _TYPES else {"$ref": f"#/$defs/{item}"}
    return {"type": "array", "items": schema} if kind.endswith("[]") else schema
