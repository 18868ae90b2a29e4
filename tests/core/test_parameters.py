"""Parameters are checked before a request is sent."""

import pytest

from mmpipe.core.catalogue import find_model
from mmpipe.core.parameters import (
    build_sampling,
    check_for_model,
    find_token_limit,
    list_overridden,
    override_fields,
    parse_overrides,
    parse_parameters,
    suggest_fields,
)
from mmpipe.errors import UsageError


def test_any_body_field_can_be_set_as_json() -> None:
    expected = {"thinking": {"type": "disabled"}, "seed": 7, "user": "a=b"}
    assert expected == parse_parameters(['thinking={"type":"disabled"}', "seed=7", 'user="a=b"'])


@pytest.mark.parametrize(
    ("assignment", "hint"),
    [
        ("n=2", "one answer"),
        ("n=true", "one answer"),
        ("functions=[]", "use tools"),
        ("function_call={}", "use tool_choice"),
        ("model=1", "use -m"),
        ("system=hello", "-p system: use --system"),
        ("images=x.png", "use --attach, or images in the records"),
        ("prompt=a", "use the PROMPT of chat, or the records of batch"),
        ("messages=[]", "use the prompt and --system"),
        ("body={}", "use one -p for each of its fields"),
        ("parameters={}", "use one -p for each of them"),
        ("temperature=1", "use --temperature"),
        ("stream=true", "use --wire"),
        ("max_completion_tokens=5", "use --max-tokens"),
        ("x=NaN", "not JSON"),
        ("x=Infinity", "not JSON"),
        ("x=1e999", "x: a number is too large: 1e999"),
        (f"x={'1' * 400}.0", "too large"),
        (r'x="\ud800"', "not JSON"),
        ("x", "KEY=VALUE"),
        ("=1", "KEY=VALUE"),
    ],
)
def test_a_parameter_that_cannot_be_sent_is_refused_and_the_message_names_the_alternative(
    assignment: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        parse_parameters([assignment])
    assert hint in caught.value.message


def test_one_answer_may_be_asked_for() -> None:
    assert {"n": 1} == parse_parameters(["n=1"])


@pytest.mark.parametrize("temperature", [float("nan"), float("inf"), float("-inf")])
def test_a_temperature_must_be_finite(temperature: float) -> None:
    with pytest.raises(UsageError, match="finite"):
        build_sampling(temperature, None, None)


@pytest.mark.parametrize(
    ("name", "temperature"),
    [
        ("MiniMax-M3", -0.1),
        ("MiniMax-M3", 2.1),
        ("MiniMax-M3.1-Flash", 5),
        ("MiniMax-M2.7", 0),
        ("minimax-m2.7", 1.01),
        ("MiniMax-M2", 2),
    ],
)
def test_a_temperature_that_the_model_does_not_accept_is_refused(name: str, temperature: float) -> None:
    with pytest.raises(
        UsageError, match=r"temperature is .*: for MiniMax-M\S+ it must be (at least|above) 0"
    ):
        list(check_for_model({"temperature": temperature}, find_model(name)))


@pytest.mark.parametrize(
    ("name", "temperature"),
    [
        ("MiniMax-M3", 0),
        ("MiniMax-M3", 2),
        ("MiniMax-M2.7", 0.01),
        ("MiniMax-M2.7", 1),
        ("my-model", -3),
        ("MiniMaxAI/MiniMax-M2", 5),
    ],
)
def test_a_temperature_is_judged_by_the_model_and_an_unknown_model_takes_any(
    name: str, temperature: float
) -> None:
    assert {"temperature": temperature} == build_sampling(temperature, None, None)
    assert [] == list(check_for_model({"temperature": temperature}, find_model(name)))


def test_the_old_name_of_the_limit_on_tokens_may_be_sent() -> None:
    assert {"max_tokens": 5} == parse_parameters(["max_tokens=5"])
    assert (5, 6, None, None) == tuple(
        find_token_limit(given)
        for given in ({"max_tokens": 5}, {"max_completion_tokens": 6}, {}, {"max_tokens": True})
    )


@pytest.mark.parametrize("top_p", [-0.1, 1.1, float("nan")])
def test_a_top_p_out_of_range_is_refused(top_p: float) -> None:
    with pytest.raises(UsageError, match="top-p"):
        build_sampling(None, top_p, None)


def test_max_tokens_must_leave_room_for_one() -> None:
    with pytest.raises(UsageError, match="max-tokens"):
        build_sampling(None, None, 0)


@pytest.mark.parametrize(
    "given", [(True, None, None), (None, True, None), (None, None, True), (None, "1", None)]
)
def test_only_a_number_passes_for_one(given: tuple[object, object, object]) -> None:
    with pytest.raises(UsageError, match="it must be"):
        build_sampling(*given)


def test_options_that_are_not_typed_are_not_sent() -> None:
    assert {} == build_sampling(None, None, None)
    expected = {"temperature": 1, "top_p": 0, "max_completion_tokens": 1}
    assert expected == build_sampling(1, 0, 1)


def test_ignored_parameters_are_reported_in_one_sentence() -> None:
    asked = {"presence_penalty": 1, "logit_bias": {}, "stop": "x", "user": "me"}
    assert ["the API ignores presence_penalty, logit_bias"] == list(check_for_model(asked, None))
    sentence = "MiniMax-M2.7 ignores presence_penalty, logit_bias, stop"
    assert [sentence] == list(check_for_model(asked, find_model("MiniMax-M2.7")))
    assert [] == list(check_for_model({"user": "me"}, find_model("MiniMax-M3")))


def test_more_tokens_than_the_model_can_give_are_refused() -> None:
    assert [] == list(check_for_model({"max_completion_tokens": 524_288}, find_model("MiniMax-M3")))
    assert [] == list(check_for_model({"max_completion_tokens": 10**9}, None))
    with pytest.raises(UsageError, match="at most 524288"):
        list(check_for_model({"max_tokens": 524_289}, find_model("MiniMax-M3")))
    with pytest.raises(UsageError, match="at most 524288"):
        list(check_for_model({"max_completion_tokens": 524_289}, find_model("MiniMax-M3")))


@pytest.mark.parametrize(
    "wanted", [{"type": "json_object"}, {"type": "json_schema", "json_schema": {"schema": {}}}]
)
def test_a_format_that_nothing_enforces_is_reported_with_the_option_that_does(wanted: object) -> None:
    (sentence,) = check_for_model({"response_format": wanted}, find_model("MiniMax-M3"))
    assert "MiniMax-M3 does not enforce response_format: --schema asks for JSON, and checks it" == sentence
    (sentence,) = check_for_model({"response_format": wanted}, find_model("MiniMax-M2.7"))
    assert "MiniMax-M2.7 does not enforce response_format: --schema asks for JSON, and checks it" == sentence
    assert [] == list(check_for_model({"response_format": wanted}, None))
    assert [] == list(check_for_model({"response_format": {"type": "text"}}, find_model("MiniMax-M3")))


@pytest.mark.parametrize(
    ("assignments", "expected"),
    [
        ([], {}),
        (["model=MiniMax-M3"], {"model": "MiniMax-M3"}),
        (["temperature=0.7", "top_p=1"], {"temperature": 0.7, "top_p": 1}),
        (["max_tokens=100"], {"max_tokens": 100}),
        (["max_completion_tokens=100"], {"max_completion_tokens": 100}),
        (['response_format={"type":"text"}'], {"response_format": {"type": "text"}}),
        (["seed=null", "temperature=null", "n=null", "functions=null"], dict.fromkeys(["seed", "temperature", "n", "functions"])),
        (["stream=null", "stream_options=null"], {"stream": None, "stream_options": None}),
        (["reasoning_split=false"], {"reasoning_split": False}),
        (["user=me", "user=you"], {"user": "you"}),
    ],
)  # fmt: skip
def test_a_field_of_every_request_can_be_set_or_removed(
    assignments: list[str], expected: dict[str, object]
) -> None:
    assert expected == parse_overrides(assignments)


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("stream=true", "use --wire"),
        ("stream_options={}", "use --wire"),
        ("messages=[]", "use the records"),
        ("messages=null", "use the records"),
        ("prompt=hi", "use --template"),
        ("system=hi", "use -s"),
        ("id=3", "--set id: each record has an id of its own; --id-field NAME names the field it is in"),
        ("custom_id=null", "--set custom_id: each record has an id of its own"),
        ("images=x.png", "use the records"),
        ("images=null", "use the records"),
        ("body={}", "use one --set for each of its fields"),
        ('parameters={"seed":1}', "one --set for each"),
        ("model=", "it has no value"),
        ('model=""', "is not the name of a model"),
        ("model=null", "is not the name of a model"),
        ("model=5", "5 is not the name of a model"),
        ("temperature=hot", "finite number"),
        ("temperature=0,7", "0,7 is not JSON"),
        ("top_p=2", "from 0 to 1"),
        ("max_tokens=0", "at least 1"),
        ("max_completion_tokens=1.5", "at least 1"),
        ("n=2", "one answer"),
        ("functions=[]", "use tools"),
        ("x", "--set x: it must look like KEY=VALUE"),
        ("x={", "--set x: { is not JSON"),
    ],
)
def test_a_field_that_no_one_can_set_for_all_is_refused(assignment: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_overrides([assignment])
    assert words in caught.value.message


def test_the_limit_on_tokens_is_set_once() -> None:
    with pytest.raises(UsageError, match="are the same"):
        parse_overrides(["max_tokens=5", "max_completion_tokens=6"])
    for name in ("max_tokens", "max_completion_tokens"):
        overrides = parse_overrides([f"{name}=5"])
        assert {"max_tokens", "max_completion_tokens"} == list_overridden(overrides)
        body: dict[str, object] = {"max_tokens": 1, "max_completion_tokens": 2, "seed": 3}
        assert {name: 5, "seed": 3} == override_fields(body, overrides)
        assert {"seed": 3} == override_fields(body, {name: None})


def test_a_field_that_is_spelled_like_a_known_one_is_doubted_and_no_other() -> None:
    for name, meant in (
        ("modle", "model"),
        ("temprature", "temperature"),
        ("topp", "top_p"),
        ("tool_choise", "tool_choice"),
    ):
        (warning,) = suggest_fields([name], "-p")
        assert (
            warning == f"-p {name} is sent as it stands, though no such field is known; did you mean {meant}?"
        )
    known = "model temperature seed tools service_tier"
    elsewhere = (
        "top_k min_p min_tokens repetition_penalty chat_template_kwargs thinking_budget enable_thinking user metadata store "
        "models max_new_tokens best_of guided_json parallel_tool_calls length_penalty keep_alive options format"
    )
    assert [] == [*suggest_fields(f"{known} {elsewhere}".split(), "--set")]
