"""Settings from the options, the environment, the configuration file and the defaults, each with its source."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Final, TypeVar

from mmpipe.config.config_file import locate_config, read_config
from mmpipe.config.key_pairing import OPENAI_SOURCE, OPENAI_URL, KeyPairing
from mmpipe.config.keys import OPENAI_KEY, name_key_file
from mmpipe.config.limiter_address import LimiterAddress
from mmpipe.config.options import DEFAULTS, FILE_KEYS, LIMITER_VARIABLE, ServiceOptions
from mmpipe.config.sources import DEFAULT, ENVIRONMENT, OPTION, Sourced
from mmpipe.core.endpoint import Endpoint
from mmpipe.core.parameters import check_params
from mmpipe.core.timeouts import Timeouts
from mmpipe.errors import UsageError
from mmpipe.grammar import OptionGroup, Parameter, list_parameters
from mmpipe.text.durations import parse_duration
from mmpipe.text.visible import one_line
from mmpipe.unix.inputs import Inputs, NamedInput

Choice = TypeVar("Choice")
Group = TypeVar("Group", bound=OptionGroup)
# Settings of some commands only: to the others they are no setting.
_OF_SOME: Final = ("system", "rpm", "tpm", "limiter", "max_cost")
_MAX_SECONDS = 10 * 365 * 86_400.0  # the timers of the system accept no more


class Settings:
    """Settings by name, each with its source; `options` are typed by the user (None: not typed)."""

    def __init__(
        self, options: Mapping[str, object], environment: Mapping[str, str], profile: str | None = None
    ) -> None:
        self._environment = environment
        self._path = locate_config(environment)
        self._found: dict[str, Sourced] = {}
        self._http_tables: set[str] = set()
        chosen: Sourced | None = None
        for name, found in self._list_layers(options, profile):
            if name == "base_url" and found.is_of_profile:
                chosen = found
            if found.value is not None and (name in options or name not in _OF_SOME):
                self._found[name] = found
            if name == "allow_http" and found.value is True:
                self._http_tables.add(found.source)
        if chosen is not None:
            self._reject_two_hosts(chosen, self._found["base_url"])

    @staticmethod
    def _reject_two_hosts(chosen: Sourced, found: Sourced) -> None:
        """Raise UsageError if the environment names another host than the typed profile: a prompt may be for one of them alone."""
        if found.source == ENVIRONMENT and found.value != chosen.value:
            raise UsageError(
                f"{chosen.source} names the host {one_line(str(chosen.value), 100)}, "
                f"and MINIMAX_BASE_URL (environment) {one_line(str(found.value), 100)}",
                hint="unset MINIMAX_BASE_URL, or type --base-url",
            )

    @classmethod
    def read(
        cls, environment: Mapping[str, str], service: ServiceOptions, *groups: OptionGroup
    ) -> "Settings":
        """Return the settings with the typed options of these groups. Raises UsageError for a bad configuration file."""
        options = {
            option.name: getattr(group, option.name)
            for group in (service, *groups)
            for option in fields(group)
        }
        # A flag that is not typed means no choice; that of a `no_` switches a configured one off.
        typed = {
            name: False if options.get(f"no_{name}") else None if value is False else value
            for name, value in options.items()
            if name in FILE_KEYS
        }
        return cls(typed, environment, service.profile)

    def get(self, name: str) -> object:
        """Return the value, or None if no source has one."""
        found = self._found.get(name)
        return None if found is None else found.value

    def choice(self, name: str, choices: tuple[Choice, ...]) -> Choice | None:
        """Return a value that must be one of `choices`, or None if no source has one; raises UsageError for any other."""
        found = self.get(name)
        for choice in choices:
            if choice == found:
                return choice
        if found is None:
            return None
        raise UsageError(f"{self.label(name)} is {found!r}: it must be one of {', '.join(map(str, choices))}")

    def complete(self, group: Group) -> Group:
        """Return the options with the configured value of each that is not typed. Raises UsageError for one out of range."""
        found: dict[str, object] = {}
        for parameter in list_parameters(type(group)):  # type: ignore[arg-type]  # mypy takes it for an instance
            name = parameter.field
            if getattr(group, name) is None and (value := self.get(name)) is not None:
                if isinstance(value, str):
                    value = self._parse(parameter, value)
                parameter.check(value, f"{self.label(name)} is {value}")
                found[name] = value
        return replace(group, **found)

    def _parse(self, parameter: Parameter, word: str) -> object:
        try:
            return parameter.parse(word)
        except UsageError as error:
            place = self.label(parameter.field)
            raise error.derived(sentence=f"{place}: {error.sentence}") from error.__cause__

    @property
    def params(self) -> Mapping[str, object]:
        """Further fields of the request, from the configuration file. Raises UsageError for those with a setting."""
        found = self.get("params")
        return check_params(found, self.label("params")) if isinstance(found, dict) else {}

    def find(self, name: str) -> Sourced:
        """Return the value of a setting that has a default, and its source."""
        return self._found[name]

    def is_typed(self, name: str) -> bool:
        """Return True if the value is an option of the command line."""
        return name in self._found and self._found[name].is_typed

    def label(self, name: str) -> str:
        """Return the name of a setting for an error: that of its option or variable, or its place in the configuration file."""
        found = self._found.get(name)
        if found is not None and found.is_configured:
            return f"{found.source}: {name}"
        if found is not None and name == "limiter" and found.source == ENVIRONMENT:
            return LIMITER_VARIABLE
        return f"--{name.replace('_', '-')}"

    def seconds(self, name: str) -> float:
        """Return a limit on time in seconds, which the configuration may give as text. Raises UsageError for an invalid one."""
        value = self.get(name)
        if isinstance(value, str):
            try:
                value = parse_duration(value)
            except ValueError:
                raise UsageError(
                    f"{self.label(name)} is {value!r}: it must be a duration, such as 90 or '15m'"
                ) from None
        if isinstance(value, int | float) and 0 < value <= _MAX_SECONDS:
            return value
        shown = f"{value:g}" if isinstance(value, float) else value
        raise UsageError(
            f"{self.label(name)} is {shown}: it must be a number of seconds above 0, at most ten years"
        )

    def explain(self) -> Iterator[str]:
        """Yield a line with each setting and its source for `-v`; values that lead to the key are not shown."""
        for name, found in sorted(self._found.items()):
            yield f"{_show(name, found)} ({found.source})"
        if self._environment.get(OPENAI_URL) and self._found["base_url"].source != OPENAI_SOURCE:
            reason = "it is used with OPENAI_API_KEY only"
            if self._environment.get(OPENAI_KEY):
                reason = "another key or host comes first"
            yield f"{OPENAI_URL} is not used: {reason}"

    @property
    def secret_files(self) -> tuple[str, ...]:
        """Files that lead to a key, of this or of another profile."""
        from mmpipe.config.secret_files import find_secret_files

        return find_secret_files(self._path, self.get("api_key_file"))

    def timeouts(self) -> Timeouts:
        """Return the timeouts and the number of retries. Raises UsageError for invalid ones."""
        retries = self.get("retries")
        if not (isinstance(retries, int) and retries >= 0):
            raise UsageError(f"{self.label('retries')} is {retries}: it must be 0 or more")
        return Timeouts(
            connect=self.seconds("connect_timeout"),
            first_byte=self.seconds("first_byte_timeout"),
            idle=self.seconds("idle_timeout"),
            total=self.seconds("max_time"),
            retries=retries,
        )

    @property
    def key_file(self) -> NamedInput | None:
        """The file of a key that is named, whether or not its key is the one that is sent."""
        found = self._found.get("api_key_file")
        return None if found is None else name_key_file(found)

    def endpoint(self, inputs: Inputs) -> Endpoint:
        """Return the base URL, its key, which may be one of the inputs, and the certificates to trust.

        Raises UsageError for an invalid base URL, AuthError if there is no key for its host.
        """
        pair = self._pairing().pair(inputs)
        if pair.host.source != self._found["base_url"].source:
            # The pair of OPENAI_* has a host of its own.
            self._found["base_url"] = pair.host
        ca_file = None if (found := self.get("ca_file")) is None else str(found)
        if ca_file is not None:
            # Each connection of a run reads it anew.
            inputs.require_file(NamedInput("--ca-file", ca_file))
        return Endpoint(
            str(pair.host.value), pair.key, None if ca_file is None else Path(ca_file), pair.unsent
        )

    def host(self) -> Sourced:
        """Return the base URL and its source, whatever its key. Raises UsageError for an invalid one."""
        return self._pairing().host

    def identify_host(self) -> str | None:
        """Return the identity of the host that would be asked; None if neither a host nor a key is given.

        Raises UsageError for an invalid base URL.
        """
        return self._pairing().identify_host()

    def _pairing(self) -> KeyPairing:
        return KeyPairing(
            self._found, self._environment, self._permits_http, lambda: self.seconds("max_time")
        )

    def _permits_http(self, host: Sourced) -> bool:
        """Return True if the base URL may be http:// to another machine: typed, or configured in the same table."""
        allowed = self._found.get("allow_http")
        if allowed is None or allowed.value is not True:
            return False
        return allowed.is_typed or host.source in self._http_tables

    def _list_layers(
        self, options: Mapping[str, object], profile: str | None
    ) -> Iterator[tuple[str, Sourced]]:
        for name, value in DEFAULTS.items():
            yield name, Sourced(value, DEFAULT)
        if self._path is not None:
            yield from read_config(self._path, profile)
        elif profile is not None:
            raise UsageError(f"there is no [profile.{profile}]: there is no configuration file")
        yield "base_url", Sourced(self._environment.get("MINIMAX_BASE_URL") or None, ENVIRONMENT)
        yield "limiter", Sourced(self._environment.get(LIMITER_VARIABLE) or None, ENVIRONMENT)
        for name, value in options.items():
            yield name, Sourced(value, OPTION)


def _show(name: str, found: Sourced) -> str:
    """Return a setting as it is typed: a flag is an option, or a word of TOML. What leads to the key is not shown."""
    match found.value:
        case bool() if found.is_typed:
            return f"--{'' if found.value else 'no-'}{name.replace('_', '-')}"
        case bool():
            return f"{name} = {str(found.value).lower()}"
        case str(value) if name == "limiter":
            return f"{name} = {LimiterAddress.parse(value)}"
        case value:
            return f"{name} = {'...' if name.startswith('api_key') else value}"
