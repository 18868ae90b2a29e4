"""Meanings of finish reasons, in the spellings of the servers that send them (api/FACTS.md, "Finish reasons"); pure."""

from collections.abc import Mapping
from enum import IntEnum, auto


class FinishMeaning(IntEnum):
    """The meaning of a finish reason; of two reasons the greater one holds."""

    ABSENT = auto()  # no reason: the answer goes on
    COMPLETE = auto()
    CALLS = auto()  # the model waits for the results of its tool calls
    UNKNOWN = auto()
    CUT_SHORT = auto()  # at a limit on the answer
    REPEATED = auto()  # by a server that found the text in a loop
    CONTEXT_FULL = auto()  # at the end of the model's context
    FILTERED = auto()
    REFUSED = auto()  # by the model itself
    FAILED = auto()


# The meanings of an answer that the server cut off, and of all that may end an answer before its first word.
LIMITED = (FinishMeaning.CUT_SHORT, FinishMeaning.REPEATED, FinishMeaning.CONTEXT_FULL)
STOPPED = (*LIMITED, FinishMeaning.FILTERED, FinishMeaning.REFUSED)

_LONGEST = 64  # characters of a reason that is looked up
_PREFIXES = ("finishreason", "reason")  # of enumerations: Gemini (FINISH_REASON_STOP), xAI (REASON_STOP)

# Spellings are compared in small letters and without signs: `MAX_TOKENS`, `maxTokens` and `max-tokens` are one.
_MEANINGS: Mapping[str, FinishMeaning] = {
    "": FinishMeaning.ABSENT,  # Ollama, GenieX: in every chunk
    "null": FinishMeaning.ABSENT,  # DashScope: the string
    "none": FinishMeaning.ABSENT,  # None of Python, as a string
    "undefined": FinishMeaning.ABSENT,  # the same of JavaScript
    "unspecified": FinishMeaning.ABSENT,  # Gemini
    "notfinished": FinishMeaning.ABSENT,  # watsonx, TensorRT-LLM
    "stop": FinishMeaning.COMPLETE,  # OpenAI, MiniMax, vLLM, SGLang, llama.cpp, Ollama, Mistral, Gemini
    "eos": FinishMeaning.COMPLETE,  # Together, llama.cpp
    "eostoken": FinishMeaning.COMPLETE,  # TGI, watsonx
    "endid": FinishMeaning.COMPLETE,  # TensorRT-LLM
    "endturn": FinishMeaning.COMPLETE,  # Anthropic, Bedrock
    "stopsequence": FinishMeaning.COMPLETE,  # Anthropic, Bedrock, TGI, Cohere, watsonx
    "stopwords": FinishMeaning.COMPLETE,  # TensorRT-LLM
    "word": FinishMeaning.COMPLETE,  # llama.cpp
    "complete": FinishMeaning.COMPLETE,  # Cohere
    "completed": FinishMeaning.COMPLETE,  # gateways to the Responses API
    "finish": FinishMeaning.COMPLETE,  # AWS Titan
    "finished": FinishMeaning.COMPLETE,
    "normal": FinishMeaning.COMPLETE,  # Baidu
    "endoftext": FinishMeaning.COMPLETE,  # AI21
    "toolcalls": FinishMeaning.CALLS,  # OpenAI, MiniMax, vLLM, SGLang; `tool-calls`: Vercel's gateway
    "toolcall": FinishMeaning.CALLS,  # Cohere
    "tooluse": FinishMeaning.CALLS,  # Anthropic, Bedrock
    "functioncall": FinishMeaning.CALLS,  # OpenAI, before `tools`
    "functioncalls": FinishMeaning.CALLS,
    "length": FinishMeaning.CUT_SHORT,  # OpenAI, MiniMax, vLLM, SGLang, llama.cpp, Ollama, TGI
    "limit": FinishMeaning.CUT_SHORT,  # llama.cpp
    "maxtokens": FinishMeaning.CUT_SHORT,  # Anthropic, Bedrock, Gemini, Cohere, watsonx
    "maxoutputtokens": FinishMeaning.CUT_SHORT,  # gateways to the Responses API
    "maxcompletiontokens": FinishMeaning.CUT_SHORT,
    "maxnewtokens": FinishMeaning.CUT_SHORT,  # servers on the transformers library
    "maxoutput": FinishMeaning.CUT_SHORT,  # MiniMax, before this API
    "maxlen": FinishMeaning.CUT_SHORT,  # xAI
    "maxlength": FinishMeaning.CUT_SHORT,
    "tokenlimit": FinishMeaning.CUT_SHORT,  # watsonx
    "incomplete": FinishMeaning.CUT_SHORT,  # gateways to the Responses API
    "repetition": FinishMeaning.REPEATED,  # vLLM: it stopped a loop
    "modelcontextwindowexceeded": FinishMeaning.CONTEXT_FULL,  # Anthropic, Zhipu
    "contextwindowexceeded": FinishMeaning.CONTEXT_FULL,  # Envoy's gateway
    "contextlengthexceeded": FinishMeaning.CONTEXT_FULL,
    "contextlength": FinishMeaning.CONTEXT_FULL,
    "modellength": FinishMeaning.CONTEXT_FULL,  # Mistral
    "maxcontext": FinishMeaning.CONTEXT_FULL,  # xAI
    "errorlimit": FinishMeaning.CONTEXT_FULL,  # Cohere
    "contentfilter": FinishMeaning.FILTERED,  # OpenAI, Azure; `content-filter`: Vercel's gateway
    "contentfiltered": FinishMeaning.FILTERED,  # Bedrock
    "contentblocked": FinishMeaning.FILTERED,
    "guardrailintervened": FinishMeaning.FILTERED,  # Bedrock
    "sensitive": FinishMeaning.FILTERED,  # Zhipu, Hunyuan
    "refusal": FinishMeaning.REFUSED,  # Anthropic
    "errortoxic": FinishMeaning.FILTERED,  # Cohere
    "safety": FinishMeaning.FILTERED,  # Gemini, as all that follow
    "recitation": FinishMeaning.FILTERED,
    "blocklist": FinishMeaning.FILTERED,
    "prohibitedcontent": FinishMeaning.FILTERED,
    "spii": FinishMeaning.FILTERED,
    "language": FinishMeaning.FILTERED,
    "imagesafety": FinishMeaning.FILTERED,
    "modelarmor": FinishMeaning.FILTERED,
    "error": FinishMeaning.FAILED,  # OpenRouter, vLLM, Mistral, Cohere
    "abort": FinishMeaning.FAILED,  # vLLM, SGLang
    "aborted": FinishMeaning.FAILED,
    "cancel": FinishMeaning.FAILED,
    "cancelled": FinishMeaning.FAILED,  # watsonx, TensorRT-LLM
    "canceled": FinishMeaning.FAILED,
    "usercancel": FinishMeaning.FAILED,  # Cohere
    "failed": FinishMeaning.FAILED,  # gateways to the Responses API
    "networkerror": FinishMeaning.FAILED,  # Zhipu
    "servererror": FinishMeaning.FAILED,
    "internalerror": FinishMeaning.FAILED,
    "insufficientsystemresource": FinishMeaning.FAILED,  # DeepSeek
    "insufficientsystemresources": FinishMeaning.FAILED,
    "resourceexhausted": FinishMeaning.FAILED,
    "overloaded": FinishMeaning.FAILED,
    "timeout": FinishMeaning.FAILED,  # Cohere
    "timedout": FinishMeaning.FAILED,  # TensorRT-LLM
    "timelimit": FinishMeaning.FAILED,  # watsonx, xAI
    "malformedfunctioncall": FinishMeaning.FAILED,  # Gemini, as all that follow
    "malformedresponse": FinishMeaning.FAILED,
    "unexpectedtoolcall": FinishMeaning.FAILED,
    "toomanytoolcalls": FinishMeaning.FAILED,
}


def finish_meaning(reason: str | None) -> FinishMeaning:
    """Return the meaning of a finish reason in any spelling."""
    if reason is None:
        return FinishMeaning.ABSENT
    if reason in _MEANINGS:
        return _MEANINGS[reason]
    if len(reason) > _LONGEST:
        return FinishMeaning.UNKNOWN if reason.strip() else FinishMeaning.ABSENT
    word = "".join(character for character in reason.casefold() if character.isalnum())
    for prefix in _PREFIXES:
        word = word.removeprefix(prefix)
    return _MEANINGS.get(word, FinishMeaning.UNKNOWN)


def find_finish_reason(value: object) -> str | None:
    """Return the reason in a field `finish_reason`; None if there is none. SGLang's own form is `{"type": REASON}`."""
    if isinstance(value, dict):
        value = value.get("type")
    if not isinstance(value, str):
        return None
    return None if finish_meaning(value) is FinishMeaning.ABSENT else value
