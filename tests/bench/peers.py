"""Programs that `batch` is compared with: `python peers.py obvious|aiohttp BASE_URL INPUT OUTPUT AT_ONCE`.

They do less than `batch`: no journal that survives anything, no limits, no retries, no second look at an answer.
"""

import asyncio
import json
import sys
from pathlib import Path

MODEL = "MiniMax-M3"


async def obvious(base_url: str, prompts: list[str], output: Path, at_once: int) -> None:
    """As most people write it: gather, a semaphore, and the SDK as it comes."""
    from openai import AsyncOpenAI

    client, semaphore = AsyncOpenAI(base_url=base_url, api_key="anything"), asyncio.Semaphore(at_once)

    async def ask(number: int, prompt: str) -> dict[str, object]:
        async with semaphore:
            answer = await client.chat.completions.create(
                model=MODEL,
                messages=[{"role": "user", "content": prompt}],
                extra_body={"reasoning_split": True},
            )
        return {"id": number, "content": answer.choices[0].message.content}

    answers = await asyncio.gather(*(ask(number, prompt) for number, prompt in enumerate(prompts)))
    with output.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(answer) + "\n" for answer in answers)


async def bare(base_url: str, prompts: list[str], output: Path, at_once: int) -> None:
    """The least that Python can do with its fastest common client: fixed workers, post, read, parse."""
    import aiohttp

    rows, connector = iter(enumerate(prompts)), aiohttp.TCPConnector(limit=at_once)
    headers = {"Authorization": "Bearer anything"}

    with output.open("w", encoding="utf-8") as file:
        async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

            async def work() -> None:
                for number, prompt in rows:
                    messages = [{"role": "user", "content": prompt}]
                    body = {"model": MODEL, "messages": messages, "reasoning_split": True}
                    async with session.post(f"{base_url}/chat/completions", json=body) as response:
                        message = json.loads(await response.read())["choices"][0]["message"]
                    file.write(json.dumps({"id": number, "content": message["content"]}) + "\n")

            await asyncio.gather(*(work() for _ in range(at_once)))


if __name__ == "__main__":
    name, url, source, target, most = sys.argv[1:]
    peer = {"obvious": obvious, "aiohttp": bare}[name]
    asyncio.run(peer(url, Path(source).read_text(encoding="utf-8").splitlines(), Path(target), int(most)))
