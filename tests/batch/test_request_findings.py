"""Odd requests are found, counted and named before they are sent."""

import json
from pathlib import Path
from typing import Any

import pytest

from mmpipe.batch.request_findings import RequestFindings
from mmpipe.batch.run import run_batch
from mmpipe.core.request import Request
from mmpipe.errors import InputError, MmpipeError
from mmpipe.unix.streams import Streams
from support.batch_in_process import Line, batch_options
from support.harness import environment, service

DISABLED = {"type": "disabled"}
CUT = "the thinking alone may use up a limit of 256 tokens or less"


def request(model: str = "MiniMax-M3", **parameters: object) -> Request:
    return Request(model, ({"role": "user", "content": "a"},), parameters)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (request(), []),
        (request("minimax-m3"), []),
        (request("gpt-4o-mini"), ["gpt-4o-mini is not in the catalogue; --set model=NAME replaces"]),
        (request("MiniMax-M27"), ["did you mean MiniMax-M2.7?; --set"]),
        (request("minimax/minimax-m3.1"), ["did you mean MiniMax-M"]),
        (request("x\x1b[2J" * 100), ["is not in the catalogue"]),
        (request(seed=1), ["MiniMax-M3 ignores seed"]),
        (request("MiniMax-M2.7", stop="x", seed=1), ["MiniMax-M2.7 ignores seed, stop"]),
        (request(response_format={"type": "json_object"}), ["--schema asks for JSON"]),
        (request(max_tokens=10), [CUT]),
        (request(max_completion_tokens=256), [CUT]),
        (request(max_tokens=257), []),
        (request(max_tokens=10, thinking=DISABLED), []),
        (request("MiniMax-M2.7", max_tokens=10, thinking=DISABLED), ["MiniMax-M2.7 ignores thinking", CUT]),
        (request("my-model", max_tokens=10), ["my-model is not in the catalogue"]),
        (request(seed=1, max_tokens=1), ["ignores seed", CUT]),
    ],
)
def test_each_oddity_of_a_request_has_a_sentence(asked: Request, words: list[str]) -> None:
    found = RequestFindings(refuses_unknown=True).add(asked)
    assert len(words) == len(found)
    assert all(word in sentence for word, sentence in zip(words, found, strict=True))
    assert all(sentence.isprintable() and len(sentence) < 300 for sentence in found)


def test_a_kind_of_request_is_reported_once_and_counted_each_time() -> None:
    findings = RequestFindings(refuses_unknown=True)
    asked = [request(), request("gpt-4o"), request("gpt-4o", seed=2), request(seed=1)]
    assert [0, 1, 0, 1, 0, 0, 0, 0] == [len(findings.add(each)) for each in asked * 2]
    assert {"MiniMax-M3": 4, "gpt-4o": 4} == findings.models.by_name
    assert {"gpt-4o": 4} == findings.unknown.by_name
    assert ["(4 requests)", "(2 requests)"] == [text[text.rindex("(") :] for text in findings.sentences()]


def test_other_hosts_may_have_any_model_and_what_the_user_has_read_is_not_repeated() -> None:
    assert [] == RequestFindings().add(request("gpt-4o"))
    findings = RequestFindings(reported=frozenset({"MiniMax-M3 ignores seed"}))
    assert [] == findings.add(request(seed=1))


def test_a_model_without_the_effort_of_the_run_is_warned_of_once_and_counted() -> None:
    findings = RequestFindings(effort="high")
    low, off = request("MiniMax-M2.7", reasoning_effort="low"), request("MiniMax-M3", thinking=DISABLED)
    for asked in (request("MiniMax-M3.1-Flash", reasoning_effort="high"), request("other"), low, off):
        assert [] == [
            sentence for sentence in findings.add(asked) if "effort" in sentence and "ignores" not in sentence
        ]
    (sentence,) = findings.add(request("MiniMax-M2.7"))
    assert sentence.startswith("MiniMax-M2.7 has no effort `high`, ")
    assert [] == findings.add(request("MiniMax-M2.7"))
    assert f"{sentence} (2 requests)" in findings.sentences()


def test_the_effort_of_the_run_is_warned_of_once_for_each_model() -> None:
    _, stderr, _ = dry(lines({}, {"model": "MiniMax-M2.7"}, {"model": "MiniMax-M3"}), effort="high")
    assert 2 == stderr.count("warning: ")
    by_default, by_record = stderr.splitlines()
    assert by_default.startswith("mmpipe: warning: MiniMax-M3 has no effort `high`, ")
    assert by_record.startswith("mmpipe: warning: MiniMax-M2.7 has no effort `high`, ")
    assert by_record.endswith(" (1 request)")


def test_as_many_models_as_others_choose_take_a_bounded_memory() -> None:
    findings = RequestFindings(refuses_unknown=True)
    for number in range(1500):
        findings.add(request(f"m{number}"))
    findings.add(request("m3"))
    for counts in (findings.models, findings.unknown, findings.odd):
        assert (1000, 500, 2) == (
            len(counts.by_name),
            counts.others,
            next(n for n in counts.by_name.values() if n > 1),
        )
    assert 6 == len(list(findings.sentences()))


def dry(stdin: str, host: str | None = None, **typed: object) -> tuple[Line, str, MmpipeError | None]:
    """The object that a dry run prints, its messages, and its error."""
    streams = Streams.fake(stdin.encode())
    variables = {} if host is None else {"MINIMAX_BASE_URL": host, "MINIMAX_API_KEY": "k" * 20}
    error = None
    try:
        run_batch(batch_options(dry_run=True, **typed), streams, variables)
    except MmpipeError as raised:
        error = raised
    stdout, stderr = streams.captured()
    return json.loads(stdout), stderr.decode(), error


def lines(*records: dict[str, object]) -> str:
    return "".join(
        f"{json.dumps({'prompt': f'{number}', **record})}\n" for number, record in enumerate(records)
    )


def test_a_dry_run_counts_what_would_be_refused_ignored_or_cut_short() -> None:
    cold: dict[str, object] = {"model": "MiniMax-M2.7", "temperature": 0}
    odd: dict[str, object] = {"seed": 1, "max_tokens": 10}
    records = [cold] * 7 + [{"model": "gpt-3.5-turbo"}] * 3 + [odd] * 2 + [{}]
    summary, stderr, error = dry(lines(*records))
    assert {"gpt-3.5-turbo": 3, "MiniMax-M3": 3} == summary["models"]
    assert (["gpt-3.5-turbo"], 13, 7, 6) == tuple(
        summary[name] for name in ("unknown_models", "records", "bad", "requests")
    )
    assert [3, 2, 2] == list(dict(summary["warnings"]).values())  # type: ignore[call-overload]
    (fault,) = summary["faults"].items()  # type: ignore[attr-defined]
    assert ("temperature is 0: for MiniMax-M2.7" in fault[0], 7) == (True, fault[1])
    assert isinstance(error, InputError)
    assert "standard input, line 1: temperature is 0: for MiniMax-M2.7" in error.message
    assert "; --set temperature=VALUE replaces it in every record (and 6 more like it)" in error.message
    assert 3 == stderr.count("warning: ")
    assert "MiniMax-M3 ignores seed (2 requests)" in stderr


def test_a_dry_run_ends_with_an_error_for_models_that_minimax_would_refuse() -> None:
    records = lines({"model": "MiniMax-M33"}, {"model": "gpt-4o"}, {})
    for host in (None, "intl"):
        _, _, error = dry(records, host)
        assert isinstance(error, InputError)
        assert (
            "2 of 3 requests ask models that are not in the catalogue: MiniMax-M33, gpt-4o" in error.message
        )
        assert "did you mean MiniMax-M3" in error.message
    for typed in ({"set": ("model=MiniMax-M3",)}, {"keep_going": True}):
        assert dry(records, **typed)[2] is None
    summary, stderr, error = dry(records, "http://127.0.0.1:1/v1")
    assert (["MiniMax-M33", "gpt-4o"], "", None) == (summary["unknown_models"], stderr, error)


def test_a_dry_run_counts_all_unknown_models_and_none_has_a_name_of_ours() -> None:
    records: list[dict[str, object]] = [{"model": f"m{number}"} for number in range(1003)]
    _, _, error = dry(lines(*records, {}))
    assert error is not None
    assert error.message.startswith("1003 of 1004 requests ask models")
    summary, _, error = dry(lines({"model": "..."}))
    assert (["..."], {"...": 1}, 0) == (summary["unknown_models"], summary["models"], summary["other_models"])
    assert isinstance(error, InputError)


def test_a_dry_run_says_what_it_assumes_of_answers_and_takes_another_number() -> None:
    summary, _, _ = dry(lines({}, {"max_tokens": 300}))
    assert (1024, 1324) == (summary["assumed_tokens"], summary["completion_tokens"])
    other, _, _ = dry(lines({}, {"max_tokens": 300}), assume_tokens=5000)
    assert (5000, 5300) == (other["assumed_tokens"], other["completion_tokens"])
    assert other["cost"] > summary["cost"]  # type: ignore[operator]


OLD = "MiniMax-M2.1"  # its window has 204,800 tokens
LONG = "word " * 200_000
IMAGES = [{"type": "image_url", "image_url": {"url": "https://h/i.png", "detail": "high"}}] * 8


@pytest.mark.parametrize(
    ("record", "typed"),
    [
        ({"prompt": LONG}, {"model": OLD}),
        ({"prompt": "a"}, {"model": OLD, "system": LONG}),
        ({"prompt": "a", "system": LONG}, {"model": OLD}),
        ({"a": "b"}, {"model": OLD, "template": LONG + "{a}"}),
        ({"messages": [{"role": "user", "content": IMAGES}] * 9}, {"model": "MiniMax-M3"}),
    ],
    ids=["prompt", "system", "system of a record", "template", "images"],
)
def test_all_that_is_sent_counts_for_the_window(record: dict[str, object], typed: dict[str, Any]) -> None:
    _, stderr, error = dry(f"{json.dumps(record)}\n", **typed)
    assert ("longer than the window of its model, and may be refused (1 request)" in stderr, None) == (
        True,
        error,
    )
    assert "window" not in dry(f"{json.dumps(record)}\n", "http://127.0.0.1:1/v1", **typed)[1]


def test_a_prompt_of_more_than_four_windows_is_a_bad_record_as_for_chat() -> None:
    records = lines({"prompt": LONG * 4, "id": "x"}, {})
    summary, _, error = dry(records, model=OLD)
    assert (1, 1) == (summary["bad"], summary["requests"])
    assert isinstance(error, InputError)
    words = "the prompt has about 1,000,000 tokens, and the window of MiniMax-M2.1 is 204,800: it is not sent"
    assert f"standard input, line 1: {words}" in error.message
    summary, _, error = dry(records, "http://127.0.0.1:1/v1", model=OLD)
    assert (0, 2, None) == (summary["bad"], summary["requests"], error)


def test_a_parameter_of_the_run_is_warned_of_once_and_not_by_its_records() -> None:
    _, stderr, _ = dry(lines({}, {}), param=("seed=1",))
    assert "mmpipe: warning: MiniMax-M3 ignores seed\n" == stderr


@pytest.mark.parametrize("is_file", [True, False])
def test_a_run_warns_of_odd_requests_before_it_sends_them(is_file: bool, tmp_path: Path) -> None:
    records, path = (
        lines({"seed": 1}, {"seed": 2}),
        tmp_path / "in.jsonl",
    )
    path.write_text(records)
    streams = Streams.fake(b"" if is_file else records.encode())
    options = batch_options(files=(str(path),) if is_file else (), retries=0)
    with service() as server:
        run_batch(options, streams, environment(server))
    stderr = streams.captured()[1].decode()
    assert 1 == stderr.count("MiniMax-M3 ignores seed")
    assert is_file is ("(2 requests)" in stderr)
