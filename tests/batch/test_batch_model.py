"""A model of what `batch -o` promises, held against runs in any order: ended, killed, torn, changed and resumed.

In the default profile it takes seconds; MMPIPE_MODEL_EXAMPLES=2000 is for a long run by hand.
"""

import json
import os
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from mmpipe.errors import ExitStatus
from support.batch_model import (
    Place,
    ScriptedService,
    Verbosity,
    answer_to,
    lines,
    parse_line,
    run,
    run_in_a_process,
)

pytestmark = pytest.mark.crashes

BY_HAND = os.environ.get("MMPIPE_MODEL_EXAMPLES")
# To find the shortest way to a failure takes minutes.
PHASES = set(Phase) if BY_HAND else set(Phase) - {Phase.shrink, Phase.explain}
PROMPTS = st.text("xyz", min_size=1, max_size=4)
IDS = st.integers(0, 99)  # the place of one among those that are there
MANNERS = st.builds(
    Verbosity,
    concurrency=st.integers(1, 4),
    keep_order=st.booleans(),
    limit=st.none() | st.integers(1, 4),
    piped=st.booleans(),
    dedupe=st.booleans(),
)


class Batch(RuleBasedStateMachine):
    """The input is `records`; `promised` has the answers that the journal must keep, by id."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        here = Path(self._folder.name)
        self.place, self.log = Place(here / "out.jsonl", here / "in.jsonl"), here / "asked"
        self.records: dict[str, str | None] = {}  # None: it cannot be asked
        self.failing: set[str] = set()
        self.promised: dict[str, bytes] = {}
        self.count = 0
        self.openai = False

    def teardown(self) -> None:
        """One more run always completes the journal."""
        self.failing.clear()
        self.records = {name: prompt or "mended" for name, prompt in self.records.items()}
        try:
            self.ends(Verbosity(concurrency=3))
            self.keeps_its_promises()
            assert set(self.records) <= set(self.promised)
        finally:
            self._folder.cleanup()

    @initialize(prompts=st.lists(PROMPTS, max_size=12), openai=st.booleans())
    def begin(self, prompts: list[str], *, openai: bool) -> None:
        self.openai = openai
        for prompt in prompts:
            self.add(prompt)

    @rule(prompt=st.none() | PROMPTS)
    def add(self, prompt: str | None) -> None:
        """The same prompt may be there under another id, and is asked once for both."""
        self.records[f"r{self.count}"] = prompt
        self.count += 1

    @rule(prompt=PROMPTS)
    def break_down(self, prompt: str) -> None:
        self.failing.add(prompt)

    @rule(prompts=st.sets(PROMPTS))
    def fail_and_heal(self, prompts: set[str]) -> None:
        self.failing = {str(prompt) for prompt in self.records.values()} & prompts

    @precondition(lambda self: self.records)
    @rule(at=IDS)
    def remove(self, at: int) -> None:
        del self.records[self.name(at)]

    @precondition(lambda self: None in self.records.values())
    @rule(prompt=PROMPTS)
    def mend(self, prompt: str) -> None:
        """A record that could not be sent has no answer, and may be changed."""
        self.records = {name: asked or prompt for name, asked in self.records.items()}

    @rule(how=MANNERS)
    def ends(self, how: Verbosity) -> None:
        before, open_ids = lines(self.journal), self.open_ids()
        server = ScriptedService(self.log, frozenset(self.failing))
        status = self.run(how, server)
        good = {record.id for record in map(parse_line, lines(self.journal)) if record.answer is not None}
        left = [name for name in open_ids if name not in good]
        if how.limit is None:
            bad = [name for name in open_ids if self.records[name] is None or self.fails(name)]
            assert (bad, ExitStatus.PARTIAL if bad else 0) == (left, status)
        else:
            assert len(lines(self.journal)) <= len(before) + how.limit
        self.check_asked(open_ids, how)

    @rule(how=MANNERS, turn=st.integers(0, 60))
    def is_killed(self, how: Verbosity, turn: int) -> None:
        before, open_ids = lines(self.journal), self.open_ids()
        self.write_input()
        how = replace(how, openai=self.openai)
        status = run_in_a_process(self.place, how, ScriptedService(self.log, frozenset(self.failing), turn))
        asked = self.check_asked(open_ids, how)
        assert status in (0, -9, ExitStatus.PARTIAL)
        if status != -9:
            return
        kept = [line for line in before if line.endswith(b"\n")]
        after = lines(self.journal)
        assert kept == after[: len(kept)]
        written = {self.records.get(parse_line(line).id) for line in after[len(kept) :]}
        # Those that were asked, and as many answers that waited for the same turn to be written.
        assert len([prompt for prompt in asked if prompt not in written]) <= 2 * how.concurrency

    @precondition(lambda self: any(line.endswith(b"\n") for line in lines(self.journal)[-1:]))
    @rule(cut=st.integers(1, 400), padding=st.sampled_from([b"", b"\0" * 7]))
    def loses_its_end(self, cut: int, padding: bytes) -> None:
        """Power that went before the last write was on the disk takes a part of it."""
        *whole, last = lines(self.journal)
        kept = last[: max(0, len(last) - cut)]
        self.journal.write_bytes(b"".join(whole) + kept + padding)
        name = parse_line(last).id
        if cut > 1 and self.promised.get(name) == last:
            del self.promised[name]

    @precondition(lambda self: self.promised.keys() & self.records.keys())
    @rule(at=IDS, piped=st.booleans())
    def is_refused_another_question(self, at: int, piped: bool) -> None:
        names = sorted(self.promised.keys() & self.records.keys())
        name = names[at % len(names)]
        prompt, self.records[name] = self.records[name], "something else"
        others = self.promised.copy()
        assert ExitStatus.INPUT == self.run(Verbosity(piped=piped), ScriptedService(self.log))
        asked = self.take_asked()
        assert "something else" not in asked
        assert piped or not asked
        self.records[name] = prompt
        assert others.items() <= self.found().items()

    @precondition(lambda self: self.open_ids())
    @rule()
    def is_held_by_another(self) -> None:
        """The second of two runs ends at once and changes nothing."""
        open_ids, statuses = self.open_ids(), list[int]()

        def meanwhile() -> None:
            before = self.journal.read_bytes()
            statuses.append(self.run(Verbosity(), ScriptedService(self.log / "never")))
            assert before == self.journal.read_bytes()

        how = Verbosity(concurrency=1)
        self.run(how, ScriptedService(self.log, frozenset(self.failing), meanwhile=meanwhile))
        asked = self.check_asked(open_ids, how)
        assert [ExitStatus.BUSY] * bool(asked) == statuses

    @precondition(lambda self: self.journal.exists() and self.journal.stat().st_size)
    @rule()
    def is_run_without_resume(self) -> None:
        before = self.journal.read_bytes()
        assert ExitStatus.USAGE == self.run(Verbosity(resume=False), ScriptedService(self.log))
        assert (before, []) == (self.journal.read_bytes(), self.take_asked())

    @precondition(lambda self: any(line.endswith(b"\n") for line in lines(self.journal)))
    @rule(how=MANNERS)
    def is_resumed_in_another_format(self, how: Verbosity) -> None:
        whole = [line for line in lines(self.journal) if line.endswith(b"\n")]
        self.openai = not self.openai
        assert ExitStatus.USAGE == self.run(how, ScriptedService(self.log))
        self.openai = not self.openai
        assert (whole, []) == (lines(self.journal)[: len(whole)], self.take_asked())

    @invariant()
    def keeps_its_promises(self) -> None:
        """An answered record stays answered, once for each id, and with the right answer."""
        found = self.found()
        assert self.promised.items() <= found.items()
        self.promised = found

    @property
    def journal(self) -> Path:
        return self.place.journal

    def write_input(self) -> None:
        self.place.source.write_text(
            "".join(
                json.dumps({"id": name, "prompt": 1 if prompt is None else prompt}) + "\n"
                for name, prompt in self.records.items()
            )
        )

    def run(self, how: Verbosity, server: ScriptedService) -> int:
        self.write_input()
        return run(self.place, replace(how, openai=self.openai), server)

    def name(self, at: int) -> str:
        return [*self.records][at % len(self.records)]

    def fails(self, name: str) -> bool:
        return self.records[name] in self.failing

    def open_ids(self) -> list[str]:
        return [name for name in self.records if name not in self.promised]

    def found(self) -> dict[str, bytes]:
        """The good lines, by id; a last one that lacks only its newline counts, and NULs behind it do not."""
        found: dict[str, bytes] = {}
        for line in (line.rstrip(b"\0") for line in lines(self.journal)):
            try:
                record = parse_line(line)
            except ValueError:
                assert not line.endswith(b"\n")
                continue
            if record.answer is not None:
                assert record.id not in found
                found[record.id] = line.removesuffix(b"\n") + b"\n"
                if prompt := self.records.get(record.id):
                    assert answer_to(prompt) == record.answer
        return found

    def take_asked(self) -> list[str]:
        asked = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return asked

    def check_asked(self, open_ids: list[str], how: Verbosity) -> list[str]:
        """Nothing was asked but what had no answer, and nothing twice that was answered."""
        asked = self.take_asked()
        wanted = Counter(self.records[name] for name in open_ids)
        for prompt, times in Counter(asked).items():
            is_shared = how.dedupe and prompt not in self.failing
            assert times <= (min(1, wanted[prompt]) if is_shared else wanted[prompt])
        return asked


@pytest.mark.long
@pytest.mark.slow
def test_a_batch_keeps_its_promises_in_every_sequence_of_events() -> None:
    run_state_machine_as_test(
        Batch,
        settings=settings(
            max_examples=int(BY_HAND or 10),
            phases=PHASES,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
