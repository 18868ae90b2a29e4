"""Check values by a JSON Schema, in bounded time whatever the schema is."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from jsonschema_rs import Resolver

Check: TypeAlias = Callable[[object], bool]

_BASE: Final = "schema:///schema"
_BACKTRACKS: Final = 10_000  # of a regular expression on one text


class NoInstance(Exception):
    """There is no value for a schema, or none that is found."""


def build_check(schema: object, documents: Mapping[str, object] | None = None) -> Check:
    """Return a check of values; raises NoInstance for an invalid schema. Nothing is fetched but the `documents`."""
    # Costs 30 ms, and most requests need none.
    import jsonschema_rs

    try:
        validator = jsonschema_rs.validator_for(
            schema,  # type: ignore[arg-type]
            validate_formats=True,
            retriever=_Retriever(documents or {}),  # type: ignore[arg-type]
            base_uri=_BASE,
            pattern_options=jsonschema_rs.FancyRegexOptions(backtrack_limit=_BACKTRACKS),
        )
    except ValueError as error:
        raise NoInstance from error

    def check(value: object) -> bool:
        try:
            return validator.is_valid(value)
        except ValueError:  # a lone surrogate, or a regular expression that takes too long
            return False

    return check


def build_resolver(schema: object, documents: Mapping[str, object]) -> "Resolver":
    """Return the resolver of the references in a schema; raises NoInstance for one to what is not there."""
    import jsonschema_rs

    try:
        registry = jsonschema_rs.Registry(
            [(_BASE, schema)],  # type: ignore[list-item]
            retriever=_Retriever(documents),  # type: ignore[arg-type]
        )
        # By way of the schema, whose `$id` is the base of its references.
        return registry.resolver(_BASE).lookup("#").resolver
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise NoInstance from error


class _Retriever:
    """Finds a document by the end of its address: a schema may have any `$id`."""

    def __init__(self, documents: Mapping[str, object]) -> None:
        self._documents = documents

    def __call__(self, uri: str) -> object:
        for name, document in self._documents.items():
            if uri.endswith((f"/{name}", f"/{name.removesuffix('.json')}")):
                return document
        raise LookupError(uri)
