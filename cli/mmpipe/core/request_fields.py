"""Lists the fields of a record and of a request: which are sent, and what sets those that `-p` or `--set` does not."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from mmpipe.core.effort import EFFORT_FIELDS

# The limit on tokens, and its old name, which is the only one that some servers know (FACTS.md, "Fields that other
# servers refuse or ignore").
LIMIT_FIELD: Final = "max_completion_tokens"
OLD_LIMIT_FIELD: Final = "max_tokens"
FORMAT_FIELD: Final = "response_format"
SAMPLING_FIELDS: Final = ("temperature", "top_p", OLD_LIMIT_FIELD, LIMIT_FIELD)
# The wire (`--wire`) is the same for the whole run.
WIRE_FIELDS: Final = ("stream", "stream_options")
REMOVED_FIELDS: Final = MappingProxyType({"function_call": "tool_choice", "functions": "tools"})
# The official page, note 2.
IGNORED_FIELDS: Final = ("presence_penalty", "frequency_penalty", "logit_bias")
# Fields that name a record, and are not sent.
ID_FIELDS: Final = ("custom_id", "id")


class FieldRule(NamedTuple):
    """Rule of a field: what to use instead of `-p` and of `--set`, None if they may set it.

    A parameter is sent as it stands. The request is built of the other fields, which stand in a record alone.
    """

    instead_of_param: str | None = None
    instead_of_set: str | None = None
    is_parameter: bool = True


_PARAMETER: Final = FieldRule()
FIELD_RULES: Final[Mapping[str, FieldRule]] = MappingProxyType(
    {
        "model": FieldRule("-m", None, is_parameter=False),
        "messages": FieldRule(
            "the prompt and --system", "the records, with --template if they are data", is_parameter=False
        ),
        "prompt": FieldRule("the PROMPT of chat, or the records of batch", "--template", is_parameter=False),
        "system": FieldRule("--system", "-s", is_parameter=False),
        "images": FieldRule("--attach, or images in the records of batch", "the records", is_parameter=False),
        "parameters": FieldRule("one -p for each of them", "one --set for each of them", is_parameter=False),
        "body": FieldRule(
            "one -p for each of its fields", "one --set for each of its fields", is_parameter=False
        ),
        **dict.fromkeys(WIRE_FIELDS, FieldRule("--wire", "--wire")),
        "temperature": FieldRule("--temperature"),
        "top_p": FieldRule("--top-p"),
        LIMIT_FIELD: FieldRule("--max-tokens"),
        OLD_LIMIT_FIELD: _PARAMETER,
        "reasoning_split": FieldRule("--native-thinking"),
        **dict.fromkeys((*EFFORT_FIELDS, *IGNORED_FIELDS, *REMOVED_FIELDS, FORMAT_FIELD), _PARAMETER),
        **dict.fromkeys(("tools", "tool_choice", "service_tier", "stop", "seed", "n"), _PARAMETER),
        **dict.fromkeys(("logprobs", "top_logprobs"), _PARAMETER),
    }
)
PARAMETERS: Final = frozenset(name for name, rule in FIELD_RULES.items() if rule.is_parameter)
RECORD_FIELDS: Final = frozenset(FIELD_RULES.keys() - PARAMETERS)
