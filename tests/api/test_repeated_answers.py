"""An answer that a connection brings a second time is not taken for that of the next request."""

import asyncio
from collections.abc import Sequence

import pytest

from mmpipe.api.http.connection_pool import REST
from mmpipe.api.pool import Pool
from mmpipe.core.endpoint import Endpoint
from mmpipe.core.events import Text
from mmpipe.core.request import Request
from mmpipe.core.timeouts import Timeouts
from support.kept_connections import Asked, Reply, keeping_server, response

PATIENCE = Timeouts(connect=60, first_byte=60, idle=60, total=60, retries=0)


def ask_in_turn(reply: Reply, prompts: Sequence[str]) -> tuple[list[str], list[int]]:
    """The answers to prompts that are asked one after the other, and the connections of all requests."""

    async def run(base_url: str) -> list[str]:
        answers = list[str]()
        async with Pool(Endpoint(base_url, None), 1) as pool:
            for prompt in prompts:
                request = Request("M", ({"role": "user", "content": prompt},), streamed=False)
                events = await pool.ask(request, PATIENCE.limits())
                answers.append("".join(event.text for event in events if isinstance(event, Text)))
                # Until then the connection is not used again.
                await asyncio.sleep(REST)
        return answers

    with keeping_server(reply) as server:
        return asyncio.run(run(server.base_url)), server.requests


@pytest.mark.parametrize("late", range(2, 5))
def test_the_answer_before_is_not_taken_for_the_next_one(late: int) -> None:
    before = dict(zip("bcd", "abc", strict=True))

    def reply(asked: Asked) -> bool:
        # On its first connection the server is one answer behind, from the given request on.
        text = before[asked.prompt] if asked.number == 1 and asked.place >= late else asked.prompt
        asked.connection.sendall(response(text, answer_id=f"id of {text}"))
        return True

    answers, connections = ask_in_turn(reply, "abcd")
    assert ["a", "b", "c", "d"] == answers
    assert [1] * late + list(range(2, 7 - late)) == connections


def test_a_server_whose_answers_all_have_one_id_is_asked_once_more_in_a_run() -> None:
    def reply(asked: Asked) -> bool:
        asked.connection.sendall(asked.answer())
        return True

    answers, connections = ask_in_turn(reply, "abcd")
    assert ["a", "b", "c", "d"] == answers
    assert [1, 1, 2, 3, 4] == connections


@pytest.mark.parametrize("answer_id", ["", "new"])
def test_answers_without_an_id_and_answers_to_one_question_share_a_connection(answer_id: str) -> None:
    def reply(asked: Asked) -> bool:
        asked.connection.sendall(response(asked.prompt, answer_id=answer_id))
        return True

    assert [1, 1, 1] == ask_in_turn(reply, "aaa" if answer_id else "abc")[1]
