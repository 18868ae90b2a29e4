"""Builds the validator of a schema, and says why none can be built."""

from typing import TYPE_CHECKING, Final

from mmpipe.errors import InputError, UsageError
from mmpipe.structured.describing import describe_error, shorten
from mmpipe.structured.references import escape_references
from mmpipe.structured.schema_folder import SchemaFolder
from mmpipe.structured.schema_text import SchemaValue

if TYPE_CHECKING:
    from jsonschema_rs import ValidationError, Validator

_DRAFTS: Final = {
    "2019-09": "https://json-schema.org/draft/2019-09/schema",
    "7": "http://json-schema.org/draft-07/schema#",
    "6": "http://json-schema.org/draft-06/schema#",
    "4": "http://json-schema.org/draft-04/schema#",
}


def build_validator(schema: SchemaValue, folder: SchemaFolder) -> "Validator":
    """Return the validator; raises InputError for an invalid schema, and for a reference to what is not in `folder`.

    Raises UsageError for a reference to another input of the run.
    """
    # Costs 30 ms, and most runs need none.
    import jsonschema_rs

    try:
        return _build(schema, folder)
    except jsonschema_rs.ValidationError as error:
        raise _explain(schema, folder, error) from error


def _build(schema: object, folder: SchemaFolder) -> "Validator":
    import jsonschema_rs

    folder.error = None
    return jsonschema_rs.validator_for(
        escape_references(schema),  # type: ignore[arg-type]
        validate_formats=True,
        retriever=folder.retrieve,  # type: ignore[arg-type]
        base_uri=folder.base_uri,
    )


def _explain(schema: SchemaValue, folder: SchemaFolder, error: "ValidationError") -> InputError | UsageError:
    from jsonschema_rs import ValidationErrorKind

    name, refused = folder.name, folder.error
    if error.message.startswith("Unknown meta-schema"):
        return InputError(
            f"{name}: {shorten(error.message)}",
            hint=f"the known drafts are 2020-12, {', '.join(_DRAFTS)}",
        )
    hint = _find_draft(schema, folder)
    if refused is not None and not hint:
        return refused
    if isinstance(error.kind, ValidationErrorKind.Referencing):
        return InputError(f"{name}: {shorten(error.message)}{hint}")
    return InputError(f"{name} is no valid JSON Schema: {describe_error(error)}{hint}")


def _find_draft(schema: SchemaValue, folder: SchemaFolder) -> str:
    """Return a hint at the newest older draft by which the schema is valid, if it names none; otherwise nothing."""
    import jsonschema_rs

    if not isinstance(schema, dict) or "$schema" in schema:
        return ""
    for draft, uri in _DRAFTS.items():
        try:
            _build({"$schema": uri, **schema}, folder)
        except jsonschema_rs.ValidationError:
            continue
        return f' It names no "$schema", so draft 2020-12 is assumed; it is valid by draft {draft}: add "$schema": "{uri}"'
    return ""
