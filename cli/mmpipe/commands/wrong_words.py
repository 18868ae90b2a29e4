"""Explains a command or an option that there is not: what was probably meant, with the line to type; pure."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from mmpipe.commands.other_names import COMMANDS, KEYS, OPTIONS
from mmpipe.core.request_fields import PARAMETERS
from mmpipe.dataclass import dataclass
from mmpipe.errors import UsageError
from mmpipe.grammar import Command, Parameter, Tree
from mmpipe.text.shell_words import format_command
from mmpipe.text.suggestions import find_similar, join_hints
from mmpipe.text.visible import one_line

_LONGEST: Final = 120  # characters of a line to type
_MOST_LETTERS: Final = 2  # that a misspelt command has too many, or too few
# Nobody wants a key on the screen, even one that was typed.
_LIKE_KEY = re.compile(r"(?i)\bsk[-_]|[\w+/=-]{32,}")
_PRIVATE = r"(authorization|bearer|api[-_]?key|token|secret|password)"
_LIKE_SECRET = re.compile(rf"(?i){_PRIVATE}[\"']?\s*[:=]\s*\S|\bbearer\s+\S")
# The word before a secret: an option, or a part of a header that was not quoted.
_SECRET_FOLLOWS = re.compile(rf"(?i)-.*{_PRIVATE}|(.*{_PRIVATE}[:=]|authorization|bearer)")
_LIKE_ARGUMENT = re.compile(r"-[\d.]|-.*\s", re.DOTALL)


@dataclass(frozen=True, slots=True)
class WrongWords:
    """The words after `mmpipe`, of which one has no meaning."""

    words: Sequence[str]
    tree: Tree

    def explain_no_command(self) -> UsageError:
        """Return the error for words without a command."""
        lines = '`mmpipe chat "your question"` asks, `echo "your question" | mmpipe chat` too'
        return UsageError("a command is missing", hint=f"{lines}; `mmpipe --help` lists all commands")

    def explain_command(self) -> UsageError:
        """Return the error for the first word, which is no command: another name, a misspelt one, or a prompt."""
        typed, *rest = self.words[1:] if self.words[0] == "--" else self.words
        meant = COMMANDS.get(typed.lower()) or self._find_misspelt(typed)
        line = self._line(meant, rest) if meant is not None else self._line("chat", [typed, *rest])
        return UsageError(f"No such command: {_show(typed)}", hint=f"did you mean {line}?")

    @property
    def command(self) -> Command:
        """The command that is typed; the program itself if there is none, or if options stand before it."""
        return self.tree.named(self.words[0] if self.words else None)

    def explain_option(self, typed: str) -> UsageError:
        """Return the error for an option that the command does not have."""
        if typed.lower().replace("_", "-") in KEYS:
            return UsageError(
                f"{typed}: no option takes the key, since other users see the words of a command",
                hint="set MINIMAX_API_KEY, or name a file with --api-key-file",
            )
        command, word = self.command, self._find_word(typed)
        if command is self.tree.program:
            return self._explain_place(typed)
        sentence = f"No such option: {_show(typed)}"
        if _LIKE_ARGUMENT.match(word):
            line = self._line(command.name, ("--", word))
            return UsageError(sentence, hint=f"before words that begin with `-` write `--`: {line}")
        hint = self._guess(typed, command) or f"see `mmpipe {command.name} --help`"
        return UsageError(sentence, hint=hint)

    def explain_missing_value(self, typed: str) -> UsageError:
        """Return the error for an option without its value."""
        option = _find_option(typed, self.command)
        return UsageError(f"{typed} has no value", hint="" if option is None else option.meaning)

    def explain_other(self, sentence: str) -> UsageError:
        """Return the error that has this sentence, with the help to read."""
        shown = "" if self.command is self.tree.program else f" {self.command.name}"
        return UsageError(sentence, hint=f"see `mmpipe{shown} --help`")

    def _find_misspelt(self, typed: str) -> str | None:
        """Return the command that is misspelt; None for a word that more likely begins a prompt, as `what` does."""
        # Of the names of other programs only those of chat: a prompt may begin with a word like another, as `many` is like `man`.
        others = {name: ours for name, ours in COMMANDS.items() if ours == "chat"}
        similar = find_similar(typed, (*self.tree.loaders, *others))
        if (
            similar is None
            or similar[0] != typed[0].lower()
            or abs(len(similar) - len(typed)) > _MOST_LETTERS
        ):
            return None
        return others.get(similar, similar)

    def _explain_place(self, typed: str) -> UsageError:
        """Return the error for an option before the command."""
        if (ours := _other_name(typed, self.tree.program)) is not None:
            return UsageError(f"No such option: {_show(typed)}", hint=ours)
        place = next((number for number, word in enumerate(self.words) if word in self.tree.loaders), None)
        name = self._find_owner(typed) if place is None else self.words[place]
        command = self.tree.named(name)
        if command is self.tree.program or _find_option(typed, command) is None:
            hint = self._guess(typed, command)
            return UsageError(
                f"No such option: {_show(typed)}",
                hint=join_hints(f"options follow the command: `mmpipe {command.name} [OPTIONS] ...`", hint),
            )
        rest = [word for number, word in enumerate(self.words) if number != place]
        line = self._line(command.name, rest)
        return UsageError(
            f"{typed} is an option of `mmpipe {command.name}`, and follows it", hint=f"type {line}"
        )

    def _find_owner(self, typed: str) -> str:
        owners = self._find_owners(typed)
        return owners[0] if owners else "chat"

    def _find_owners(self, typed: str) -> list[str]:
        return [name for name in self.tree.loaders if _find_option(typed, self.tree.named(name)) is not None]

    def _find_word(self, typed: str) -> str:
        """Return the word that was taken for the option: it may be longer, as `-5 degrees` is for -5."""
        return next((word for word in self.words if word.startswith(typed)), typed)

    def _guess(self, typed: str, command: Command) -> str:
        """Return a hint at what is meant by an option that the command does not have; empty without a good guess."""
        # A short name in another case means another option.
        plain = typed.lower().replace("_", "-") if typed.startswith("--") else typed
        guesses: Iterable[Callable[[], str | None]] = (
            lambda: _mean(plain, command),
            lambda: _other_name(plain, command),
            lambda: _format_named(plain, command),
            lambda: _field_named(plain, command),
            lambda: self._other_command(typed),
            lambda: _misspelt(plain, command),
        )
        return next((hint for guess in guesses if (hint := guess())), "")

    def _other_command(self, typed: str) -> str | None:
        owners = self._find_owners(typed)
        return f"it is an option of {' and '.join(f'`mmpipe {name}`' for name in owners)}" if owners else None

    def _line(self, name: str, words: Sequence[str]) -> str:
        """Return the line to type, in back quotes; a long one is cut, and what may be a key is left out."""
        line = format_command(("mmpipe", name, *_hide_keys(words)))
        return f"`{line}`" if len(line) <= _LONGEST else f"`mmpipe {name} ...`"


def _show(typed: str) -> str:
    return "..." if _holds_key(typed) else one_line(typed, 40)


def _holds_key(word: str) -> bool:
    return (_LIKE_KEY.search(word) or _LIKE_SECRET.search(word)) is not None


def _hide_keys(words: Sequence[str]) -> Iterator[str]:
    before = ""
    for word in words:
        name = word.partition("=")[0].lower().replace("_", "-")
        follows = before.lower().replace("_", "-") in KEYS or _SECRET_FOLLOWS.fullmatch(before)
        yield "..." if name in KEYS or follows or _holds_key(word) else word
        before = word


def _find_option(typed: str, command: Command) -> Parameter | None:
    return next((option for option in command.options if typed in option.names), None)


def _mean(name: str, command: Command) -> str | None:
    return None if _find_option(name, command) is None else f"did you mean {name}?"


def _other_name(name: str, command: Command) -> str | None:
    """Return a hint for an option of another program."""
    for ours in OPTIONS.get(name, ()):
        if " " in ours:
            return ours
        if _find_option(ours, command) is not None:
            return f"did you mean {ours}?"
    return None


def _format_named(name: str, command: Command) -> str | None:
    """Return a hint for the name of a format as an option, such as --jsonl."""
    option = _find_option("--format", command)
    wanted = name.removeprefix("--")
    if option is None or not name.startswith("--"):
        return None
    return next(
        (f"did you mean -F {choice}?" for choice in option.choices if choice.startswith(wanted)), None
    )


def _field_named(name: str, command: Command) -> str | None:
    """Return a hint for a field of the request as an option, such as --seed."""
    field = name.removeprefix("--").replace("-", "_")
    if field not in PARAMETERS or _find_option("--param", command) is None:
        return None
    return f"did you mean -p {field}=VALUE?"


def _misspelt(name: str, command: Command) -> str | None:
    """Return a hint for an option whose letters are nearly those of the command's."""
    if not name.startswith("--"):
        return None
    known = {spelled.removeprefix("--"): spelled for option in command.options for spelled in option.names}
    similar = find_similar(name.removeprefix("--"), known)
    return None if similar is None else f"did you mean {known[similar]}?"
