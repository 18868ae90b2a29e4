"""The mutation program names modules and tests that exist."""

from mutation.rooms import LEFT_OUT, ROOMS, ROOT


def test_each_module_and_each_test_file_of_a_room_exists() -> None:
    named = {
        path
        for room in ROOMS.values()
        for path in (
            *(f"cli/mmpipe/{module}.py" for module in room.code),
            *(f"tests/{file}" for file in (*room.quick, *room.wider)),
        )
    }
    assert [] == sorted(path for path in named if not (ROOT / path).is_file())


def test_each_test_that_is_left_out_exists() -> None:
    named = [test.split("::") for test in LEFT_OUT]
    assert [] == [
        test for file, test in named if f"def {test}(" not in (ROOT / "tests" / file).read_text("utf-8")
    ]
