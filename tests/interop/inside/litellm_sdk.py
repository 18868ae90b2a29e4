"""litellm as a library: sync and async, chat, stream, tools, structured output, errors."""

import asyncio
import json

import litellm
from pydantic import BaseModel
from reporting import check, report

MODEL = "openai/MiniMax-M3"
SPLIT = {"reasoning_split": True}
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


class City(BaseModel):
    name: str
    bridges: int


def user(prompt: str) -> dict[str, str]:
    return {"role": "user", "content": prompt}


def chat() -> None:
    reply = litellm.completion(MODEL, [user("sim:echo Hello")], extra_body=SPLIT, temperature=0)
    message = reply.choices[0].message
    check(("Hello", True), (message.content, bool(message.reasoning_content)))


def stream() -> None:
    chunks = litellm.completion(MODEL, [user("sim:length 500")], extra_body=SPLIT, stream=True)
    check(500, len("".join(chunk.choices[0].delta.content or "" for chunk in chunks)))


def tools() -> None:
    messages = [user('sim:tool weather {"city": "Paris"}')]
    message = litellm.completion(MODEL, messages, tools=[TOOL], extra_body=SPLIT).choices[0].message
    (call,) = message.tool_calls
    check({"city": "Paris"}, json.loads(call.function.arguments))
    messages += [message.model_dump(), {"role": "tool", "tool_call_id": call.id, "content": "sunny"}]
    reply = litellm.completion(MODEL, messages, tools=[TOOL], extra_body=SPLIT)
    check(True, "“sunny”" in reply.choices[0].message.content)


def streamed_tools() -> None:
    messages = [user('sim:tool weather {"city": "Rome"}\nsim:tool weather {"city": "Oslo"}')]
    chunks = list(litellm.completion(MODEL, messages, tools=[TOOL], extra_body=SPLIT, stream=True))
    whole = litellm.stream_chunk_builder(chunks, messages=messages)
    calls = [call.function.arguments for call in whole.choices[0].message.tool_calls]
    check(['{"city": "Rome"}', '{"city": "Oslo"}'], calls)


def structured() -> None:
    prompt = 'sim:echo {"name": "Rome", "bridges": 30}'
    reply = litellm.completion(MODEL, [user(prompt)], response_format=City, extra_body=SPLIT)
    check(City(name="Rome", bridges=30), City.model_validate_json(reply.choices[0].message.content))


async def ask_asynchronously() -> None:
    reply = await litellm.acompletion(MODEL, [user("sim:echo Hello")], extra_body=SPLIT)
    check("Hello", reply.choices[0].message.content)


def errors() -> None:
    try:
        litellm.completion("openai/nobody", [user("Hi")], num_retries=0)
    except litellm.BadRequestError as error:
        check(True, "unknown model" in str(error))
    else:
        raise AssertionError("an unknown model was accepted")


report(
    "litellm",
    {
        "chat": chat,
        "stream": stream,
        "tools": tools,
        "tools, streamed": streamed_tools,
        "structured output": structured,
        "async chat": lambda: asyncio.run(ask_asynchronously()),
        "errors": errors,
    },
)
