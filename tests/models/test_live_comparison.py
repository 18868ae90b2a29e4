"""With --live the list shows which models the host serves, has alone, or no longer serves."""

import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from mmpipe.api.answer.model_list import ModelList
from mmpipe.api.attempt import Observer
from mmpipe.config.options import ServiceOptions
from mmpipe.core.catalogue import load_models
from mmpipe.core.endpoint import Endpoint
from mmpipe.core.timeouts import Limits
from mmpipe.errors import AuthError, Interrupted, MmpipeError, PipeClosed, Rejected, ServerError
from mmpipe.models.listing import ListModels, show_models
from mmpipe.models.options import ListFormat, ListOptions, ModelsOptions
from mmpipe.unix.streams import Input, Output, Streams
from mmpipe.writers.options import Verbosity

IDS = [model.id for model in load_models()]
KEY = {"MINIMAX_API_KEY": "sk-test-key"}
DOWN = ServerError("down", retryable=True)
HOSTILE = "M\x1b]0;x\x07\t1\n2\r\x85\u202e3"
"""It sets a window's title, makes cells and rows, and turns the writing round."""

LIVE = ListOptions(live=True)


Attempt = ModelList | Sequence[str] | MmpipeError


def hosting(*attempts: Attempt, seen: list[Endpoint] | None = None) -> ListModels:
    """A host that lists these models, one attempt after the other, or fails."""
    left = iter(attempts)

    def list_models(endpoint: Endpoint, _: Limits, __: Observer) -> ModelList:
        if seen is not None:
            seen.append(endpoint)
        listed = next(left)
        if isinstance(listed, MmpipeError):
            raise listed
        return listed if isinstance(listed, ModelList) else ModelList(tuple(listed))

    return list_models


def shown(
    *attempts: Attempt,
    model: str | None = None,
    format: ListFormat | None = None,  # noqa: A002  the option's name
    header: bool = False,
    terminals: str = "",
    verbose: bool = False,
    **service: object,
) -> tuple[str, str]:
    """Return the contents of stdout and stderr."""
    options = ModelsOptions(
        listing=ListOptions(model, format, header=header, live=True),
        verbosity=Verbosity(verbose=verbose),
        service=ServiceOptions(**service),  # type: ignore[arg-type]
    )
    streams = Streams.fake(terminals=terminals)
    show_models(options, streams, KEY | {"COLUMNS": "250"}, hosting(*attempts))
    stdout, stderr = streams.captured()
    return stdout.decode(), stderr.decode()


def rows(*listed: str) -> list[list[str]]:
    return [line.split("\t") for line in shown(listed)[0].splitlines()]


def test_each_row_shows_if_the_host_serves_the_model() -> None:
    found = {row[0]: row[11] for row in rows(IDS[0], IDS[3].upper())}
    assert found == {name: "served" if name in (IDS[0], IDS[3]) else "gone" for name in IDS}


def test_models_of_the_host_alone_come_last_in_its_order_and_spelling_without_a_price() -> None:
    found = rows("z-New", IDS[1], "a-New")
    assert [*IDS, "z-New", "a-New"] == [row[0] for row in found]
    assert [["z-New", *[""] * 10, "new"], ["a-New", *[""] * 10, "new"]] == found[-2:]


def test_a_model_that_the_host_lists_twice_is_one_model() -> None:
    assert [*IDS, "New"] == [row[0] for row in rows("New", "NEW", "new", IDS[0], IDS[0].lower())]


def test_the_new_column_is_before_the_note_and_the_others_are_unchanged() -> None:
    header, *lines = shown(IDS, header=True)[0].splitlines()
    assert header.endswith("\tthinking\tends\tnote\tlive")
    streams = Streams.fake()
    show_models(ModelsOptions(listing=ListOptions(header=True)), streams, {})
    without = ["\t".join(cells[:11]) for cells in (line.split("\t") for line in [header, *lines])]
    assert streams.captured()[0].decode().splitlines() == without


def test_with_a_host_that_serves_nothing_every_model_is_gone() -> None:
    assert {"gone"} == {row[11] for row in rows()}


def test_json_has_the_same_fields_for_each_model_and_no_unknown_price() -> None:
    found = [json.loads(line) for line in shown([IDS[0], "New"], format="jsonl")[0].splitlines()]
    assert ["served", *["gone"] * (len(IDS) - 1), "new"] == [record["live"] for record in found]
    assert 1 == len({tuple(record) for record in found})
    new = found[-1]
    assert "New" == new.pop("id")
    assert [[]] * 4 == [new.pop(name) for name in ("prices", "prices_yuan", "ignored", "efforts")]
    assert {"live": "new"} == {name: value for name, value in new.items() if value is not None}


def test_json_without_live_has_no_such_field() -> None:
    streams = Streams.fake()
    show_models(ModelsOptions(listing=ListOptions(format="jsonl")), streams, {})
    assert b'"live"' not in streams.captured()[0]


def test_a_name_from_the_host_is_one_cell_of_one_line() -> None:
    (row,) = rows(HOSTILE)[len(IDS) :]
    assert (12, "new") == (len(row), row[11])
    assert not any(ord(character) < 0x20 or character in "\x7f\x85\u202e" for character in row[0])
    assert row[0].startswith("M␛]0;x␇ 1 2")


def test_a_name_from_the_host_cannot_control_a_terminal() -> None:
    for format_ in (None, "tsv", "jsonl"):
        stdout, _ = shown([HOSTILE], format=format_, terminals="stdout")
        assert not set("\x1b\x07\r\x85\u202e") & set(stdout)
    table, _ = shown([HOSTILE], terminals="stdout")
    assert 1 + len(IDS) + 1 == len(table.splitlines())


def test_a_name_that_looks_like_markup_is_shown_as_it_is() -> None:
    table, _ = shown(["[bold]M[/x] :fire:"], terminals="stdout")
    assert "[bold]M[/x] :fire:" in table


@pytest.mark.parametrize("name", [HOSTILE, "half \ud800 a character", "ü"])
@pytest.mark.parametrize("terminals", ["", "stdout"])
def test_json_holds_the_name_exactly(name: str, terminals: str) -> None:
    stdout, _ = shown([name], format="jsonl", terminals=terminals)
    assert name == json.loads(stdout.rstrip("\n").split("\n")[-1])["id"]


def test_a_lone_surrogate_in_a_name_is_shown_escaped() -> None:
    assert "half <U+D800>" == rows("half \ud800")[-1][0]


@pytest.mark.parametrize(
    ("asked", "name", "live"),
    [("minimax-m3", "MiniMax-M3", "served"), (IDS[-1], IDS[-1], "gone"), ("NEW", "New", "new")],
)
def test_one_model_is_shown_alone_wherever_it_is_known(asked: str, name: str, live: str) -> None:
    (line,) = shown(["New", "MiniMax-M3"], model=asked)[0].splitlines()
    cells = line.split("\t")
    assert (name, live) == (cells[0], cells[11])


def test_a_model_unknown_to_catalogue_and_host_is_an_error() -> None:
    with pytest.raises(Rejected, match="is unknown: the host does not list it"):
        shown(IDS, model="no-such-model")


def test_temporary_failures_are_retried_and_reported_only_if_asked_for() -> None:
    stdout, stderr = shown(DOWN, ["New"])
    assert ("New", "") == (stdout.splitlines()[-1].partition("\t")[0], stderr)
    _, stderr = shown(DOWN, ["New"], verbose=True)
    assert "attempt 1 failed: down; retrying in" in stderr
    assert "asking https://api.minimaxi.com/v1 with the key of: environment" in stderr
    assert "sk-test-key" not in stderr


def test_a_host_that_stays_down_is_given_up() -> None:
    with pytest.raises(ServerError, match="down"):
        shown(DOWN, DOWN, ["New"], retries=1)


def test_permanent_failures_are_not_retried_and_nothing_is_listed() -> None:
    seen: list[Endpoint] = []
    streams = Streams.fake()
    with pytest.raises(Rejected, match="no such page"):
        show_models(
            ModelsOptions(listing=LIVE), streams, KEY, hosting(Rejected("no such page"), [], seen=seen)
        )
    assert (1, (b"", b"")) == (len(seen), streams.captured())


def test_the_host_is_asked_with_the_settings_and_only_with_a_key() -> None:
    seen: list[Endpoint] = []
    options = ModelsOptions(listing=LIVE, service=ServiceOptions(base_url="intl"))
    show_models(options, Streams.fake(), KEY, hosting([], seen=seen))
    assert [("https://api.minimax.io/v1", "sk-test-key")] == [
        (where.base_url, where.key and where.key.value) for where in seen
    ]
    with pytest.raises(AuthError, match="no API key"):
        show_models(options, Streams.fake(), {}, hosting([], seen=seen))
    assert 1 == len(seen)


def test_the_host_of_the_chosen_profile_is_asked(tmp_path: Path) -> None:
    (tmp_path / "mmpipe").mkdir()
    (tmp_path / "mmpipe" / "config.toml").write_text('[profile.abroad]\nbase_url = "intl"\n')
    seen: list[Endpoint] = []
    options = ModelsOptions(listing=LIVE, service=ServiceOptions(profile="abroad"))
    show_models(options, Streams.fake(), KEY | {"XDG_CONFIG_HOME": str(tmp_path)}, hosting([], seen=seen))
    assert ["https://api.minimax.io/v1"] == [where.base_url for where in seen]


def test_the_catalogue_alone_sends_no_request() -> None:
    seen: list[Endpoint] = []
    show_models(ModelsOptions(), Streams.fake(), {}, hosting([], seen=seen))
    assert [] == seen


def test_a_signal_ends_the_request_in_an_orderly_way() -> None:
    def list_models(_: Endpoint, __: Limits, ___: Observer) -> ModelList:
        signal.raise_signal(signal.SIGTERM)
        return ModelList(())

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Interrupted) as caught:
        show_models(ModelsOptions(listing=LIVE), Streams.fake(), KEY, list_models)
    assert (signal.SIGTERM, before) == (caught.value.signal_number, signal.getsignal(signal.SIGTERM))


def test_a_reader_that_goes_away_is_not_asked_for() -> None:
    def list_models(_: Endpoint, __: Limits, observer: Observer) -> ModelList:
        observer.look()
        pytest.fail("the host is still waited for")

    reading, writing = os.pipe()
    os.close(reading)
    try:
        streams = Streams(
            Input(0), Output(writing, "standard output", is_main=True), Output(2, "standard error")
        )
        with pytest.raises(PipeClosed):
            show_models(ModelsOptions(listing=LIVE), streams, KEY, list_models)
    finally:
        os.close(writing)


ELSEWHERE = "http://127.0.0.1:8000/v1"


@pytest.mark.parametrize(
    "base_url", [ELSEWHERE, "https://gateway.example/v1", "https://api.minimaxi.com.example"]
)
def test_a_host_of_another_service_has_only_the_models_that_it_lists(base_url: str) -> None:
    stdout, stderr = shown(["z/MiniMax-M2", "minimax-m3", "Other", "other"], base_url=base_url)
    found = [line.split("\t") for line in stdout.splitlines()]
    # In the order of the host, in its spelling, and with the facts of the catalogue where it has the model.
    assert ["z/MiniMax-M2", "minimax-m3", "Other", "other"] == [row[0] for row in found]
    assert ["new", "served", "new", "new"] == [row[11] for row in found]
    assert ["", "1000000", "", ""] == [row[1] for row in found]
    # Prices and end dates of the catalogue are those of MiniMax.
    assert {""} == {cell for row in found for cell in (*row[3:7], row[9])}
    assert "" == stderr


@pytest.mark.parametrize(
    "base_url", ["cn", "intl", "https://api.minimax.cn/v1", "https://API.minimax.io./v1"]
)
def test_a_host_of_minimax_is_compared_with_the_catalogue(base_url: str) -> None:
    stdout, _ = shown(["New"], base_url=base_url)
    assert [*["gone"] * len(IDS), "new"] == [line.split("\t")[11] for line in stdout.splitlines()]


def test_every_format_has_only_what_another_host_lists() -> None:
    records = shown(["MiniMax-M3", "Other"], format="jsonl", base_url=ELSEWHERE)[0].splitlines()
    found = [(record["id"], record["live"], record["context"]) for record in map(json.loads, records)]
    assert [("MiniMax-M3", "served", 1_000_000), ("Other", "new", None)] == found
    table, _ = shown(["MiniMax-M3", "Other"], terminals="stdout", base_url=ELSEWHERE)
    assert ["id", "MiniMax-M3", "Other"] == [line.split()[0] for line in table.splitlines()]
    assert ("", "") == shown([], base_url=ELSEWHERE)


@pytest.mark.parametrize(("asked", "name"), [("b", "b"), ("B", "B"), ("minimax-M3", "MINIMAX-M3")])
def test_one_model_of_another_host_is_found_by_its_spelling_first(asked: str, name: str) -> None:
    (line,) = shown(["B", "b", "MINIMAX-M3"], model=asked, base_url=ELSEWHERE)[0].splitlines()
    assert name == line.split("\t")[0]


def test_a_model_of_the_catalogue_that_another_host_does_not_list_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(Rejected, match="the host does not list it; did you mean MiniMaxAI/MiniMax-M3"):
        shown(["x" * 10**6, "MiniMaxAI/MiniMax-M3"], model="MiniMax-M3", base_url=ELSEWHERE)


@pytest.mark.parametrize("base_url", ["cn", ELSEWHERE])
@pytest.mark.parametrize(
    ("listed", "words"),
    [
        (ModelList(("New",), unnamed=3), "warning: rows of the host's list without a name were left out: 3"),
        (
            ModelList(("New",), has_more=True),
            "warning: the host has more models than it lists here: this list is not whole",
        ),
    ],
)
def test_a_list_that_is_not_whole_is_shown_with_a_warning(
    listed: ModelList, words: str, base_url: str
) -> None:
    stdout, stderr = shown(listed, base_url=base_url)
    assert ("New", f"mmpipe: {words}\n") == (stdout.splitlines()[-1].partition("\t")[0], stderr)
