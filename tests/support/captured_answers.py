"""Answers captured from the real API (FACTS.md, "Chunks", "Whole answers"), long texts shortened."""

import json

SENSITIVITY = (
    '"input_sensitive":false,"output_sensitive":false,"input_sensitive_type":0,'
    '"output_sensitive_type":0,"output_sensitive_int":0'
)
_CHUNK_ID = '"id":"07008f4a82fecea87b8c3822c4ed23c0"'
_CHUNK_END = (
    '"created":1790008394,"model":"MiniMax-M2.7","object":"chat.completion.chunk","usage":null,'
    + SENSITIVITY
    + "}"
)
_DETAIL = (
    '{"type":"reasoning.text","id":"reasoning-text-1","format":"MiniMax-response-v1","index":0,"text":"The"}'
)

FIRST_THINKING = (
    f'{{{_CHUNK_ID},"choices":[{{"index":0,"delta":{{"role":"assistant","name":"MiniMax AI","audio_content":"",'
    f'"reasoning_content":"The","reasoning_details":[{_DETAIL}]}}}}],{_CHUNK_END}'
)
LATER_THINKING = (
    f'{{{_CHUNK_ID},"choices":[{{"index":0,"delta":{{"content":"","role":"assistant","name":"MiniMax AI",'
    f'"audio_content":"","reasoning_content":" user wants","reasoning_details":[{_DETAIL}]}}}}],{_CHUNK_END}'
)
TEXT = (
    f'{{{_CHUNK_ID},"choices":[{{"index":0,"delta":{{"content":"**","role":"assistant","name":"MiniMax AI",'
    f'"audio_content":""}}}}],{_CHUNK_END}'
)
FINISH = (
    f'{{{_CHUNK_ID},"choices":[{{"finish_reason":"stop","index":0,"delta":{{"content":" Even. ∎","role":"assistant",'
    f'"name":"MiniMax AI","audio_content":""}}}}],{_CHUNK_END}'
)
USAGE = (
    f'{{{_CHUNK_ID},"choices":[],"created":1790008394,"model":"MiniMax-M2.7","object":"chat.completion.chunk",'
    '"usage":{"total_tokens":885,"total_characters":0,"prompt_tokens":769,"completion_tokens":116,'
    '"completion_tokens_details":{"reasoning_tokens":37},"prompt_tokens_details":{"cached_tokens":443}},'
    '"base_resp":{"status_code":0,"status_msg":""}}'
)
WHOLE = (
    '{"id":"06407ea121ddc267a22ca62c3e0a6997","choices":[{"finish_reason":"stop","index":0,"message":{"content":'
    '"<think>\\nThe user asks.\\n</think>\\n\\n56","role":"assistant","name":"MiniMax AI","audio_content":""}}],'
    '"created":1777421217,"model":"MiniMax-M2.7-highspeed","object":"chat.completion","usage":{"total_tokens":116,'
    '"total_characters":0,"prompt_tokens":55,"completion_tokens":61,"completion_tokens_details":{"reasoning_tokens":60}},'
    + SENSITIVITY
    + ',"base_resp":{"status_code":0,"status_msg":""}}'
)
# The usage of this capture had reasoning_tokens. The simulator follows captures of June 2026, without them for M2.5
# (FACTS.md, "Usage").
WHOLE_SPLIT = (
    '{"id":"0609843beb940487f98bbf3b5141386f","choices":[{"finish_reason":"stop","index":0,"message":{"content":"我是",'
    '"role":"assistant","name":"MiniMax AI","audio_content":"","reasoning_content":"用户","reasoning_details":['
    f"{_DETAIL}]}}}}],"
    '"created":1773818171,"model":"MiniMax-M2.5","object":"chat.completion","usage":{"total_tokens":87,'
    '"total_characters":0,"prompt_tokens":44,"completion_tokens":43},'
    + SENSITIVITY
    + ',"base_resp":{"status_code":0,"status_msg":""}}'
)
UNKNOWN_MODEL = (
    '{"type":"error","error":{"type":"bad_request_error","message":"invalid params, unknown model '
    '\'this-model-does-not-exist-2026\' (2013)","http_code":"400"},"request_id":"0640ba836689481a9c9410847decb247"}'
)
CALL = (
    '{"id":"call_function_a1nrtksph4pi_1","type":"function","function":{"name":"get_weather",'
    '"arguments":"{\\"location\\": \\"San Francisco, US\\"}"},"index":0}'
)
CALL_GOES_ON = '{"function":{"arguments":"null, \\"timeout\\": null}"},"index":0}'


def shape(value: object) -> object:
    """The keys in their order, and the types of the values."""
    if isinstance(value, dict):
        return [(name, shape(inner)) for name, inner in value.items()]
    return [shape(inner) for inner in value] if isinstance(value, list) else type(value).__name__


def shape_of(capture: str) -> object:
    return shape(json.loads(capture))
