"""The official SDK: sync and async, chat, stream, tools and structured output."""

import asyncio
import json

import openai
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from pydantic import BaseModel
from reporting import check, report

MODEL = "MiniMax-M3"
SPLIT = {"reasoning_split": True}
TOOL: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


class City(BaseModel):
    name: str
    bridges: int


def user(prompt: str) -> ChatCompletionMessageParam:
    return {"role": "user", "content": prompt}


def chat() -> None:
    reply = openai.OpenAI().chat.completions.create(
        model=MODEL, messages=[user("sim:echo Hello")], extra_body=SPLIT
    )
    check("Hello", reply.choices[0].message.content)


def stream() -> None:
    with openai.OpenAI().chat.completions.create(
        model=MODEL, messages=[user("sim:length 500")], extra_body=SPLIT, stream=True
    ) as chunks:
        texts = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    check(500, len("".join(texts)))


def tools() -> None:
    client = openai.OpenAI()
    messages = [user('sim:tool weather {"city": "Paris"}')]
    reply = client.chat.completions.create(model=MODEL, messages=messages, tools=[TOOL], extra_body=SPLIT)
    message = reply.choices[0].message
    (call,) = message.tool_calls or []
    assert call.type == "function"
    check({"city": "Paris"}, json.loads(call.function.arguments))
    messages += [
        message.to_dict(),  # type: ignore[list-item]
        {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
    ]
    reply = client.chat.completions.create(model=MODEL, messages=messages, tools=[TOOL], extra_body=SPLIT)
    check(True, "“sunny”" in str(reply.choices[0].message.content))


def streamed_tools() -> None:
    with openai.OpenAI().chat.completions.stream(
        model=MODEL, messages=[user('sim:tool weather {"city": "Rome"}')], tools=[TOOL], extra_body=SPLIT
    ) as events:
        reply = events.get_final_completion()
    (call,) = reply.choices[0].message.tool_calls or []
    check('{"city": "Rome"}', call.function.arguments)


def parse() -> None:
    reply = openai.OpenAI().chat.completions.parse(
        model=MODEL,
        messages=[user('sim:echo {"name": "Rome", "bridges": 30}')],
        response_format=City,
        extra_body=SPLIT,
    )
    check(City(name="Rome", bridges=30), reply.choices[0].message.parsed)


async def ask_in_parallel() -> None:
    async with openai.AsyncOpenAI() as client:
        replies = await asyncio.gather(
            *(
                client.chat.completions.create(
                    model=MODEL, messages=[user(f"sim:echo {number}")], extra_body=SPLIT, temperature=0
                )
                for number in range(20)
            )
        )
    check([str(number) for number in range(20)], [reply.choices[0].message.content for reply in replies])


async def stream_asynchronously() -> None:
    async with openai.AsyncOpenAI() as client:
        chunks = await client.chat.completions.create(
            model=MODEL, messages=[user("sim:length 300")], extra_body=SPLIT, stream=True
        )
        texts = [chunk.choices[0].delta.content or "" async for chunk in chunks if chunk.choices]
    check(300, len("".join(texts)))


def errors() -> None:
    try:
        openai.OpenAI(max_retries=0).chat.completions.create(model="nobody", messages=[user("Hi")])
    except openai.BadRequestError as error:
        check(True, "unknown model" in str(error))
    else:
        raise AssertionError("an unknown model was accepted")


report(
    "openai",
    {
        "chat": chat,
        "stream": stream,
        "tools": tools,
        "tools, streamed": streamed_tools,
        "chat.completions.parse": parse,
        "async chat, 20 in parallel": lambda: asyncio.run(ask_in_parallel()),
        "async stream": lambda: asyncio.run(stream_asynchronously()),
        "errors": errors,
    },
)
