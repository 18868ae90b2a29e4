"""Usage adds up, and long beginnings are cached in blocks (FACTS.md, "Usage")."""

from support.simulator_client import Json, ask, chat, field, objects, simulator

SYSTEM: Json = {"role": "system", "content": "Hi"}


def usage_of(*messages: Json, model: str = "MiniMax-M2.7") -> Json:
    with simulator() as running:
        return field(ask(running, chat(messages=list(messages), model=model)).json, "usage")


def user(text: str) -> Json:
    return objects(chat(text), "messages")[0]


def test_the_parts_of_usage_add_up() -> None:
    usage = usage_of(user("Why?"))
    prompt, completion, total = (
        usage[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")
    )
    assert isinstance(prompt, int)
    assert isinstance(completion, int)
    assert total == prompt + completion
    reasoning = field(usage, "completion_tokens_details")["reasoning_tokens"]
    assert isinstance(reasoning, int)
    assert 0 < reasoning < completion


def test_a_default_system_message_is_counted_if_none_is_sent() -> None:
    assert usage_of(user("Hi"))["prompt_tokens"] == 1 + 4 + 30
    assert usage_of(SYSTEM, user("Hi"))["prompt_tokens"] == 2 * (1 + 4)


def test_a_long_beginning_is_cached_in_blocks_of_64() -> None:
    system = SYSTEM | {"content": "word " * 600}
    assert field(usage_of(system, user("Hi")), "prompt_tokens_details")["cached_tokens"] == 576
    assert "prompt_tokens_details" not in usage_of(SYSTEM, user("Hi"))
    assert "prompt_tokens_details" not in usage_of(user("word " * 600))
