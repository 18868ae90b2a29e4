"""Settings from the options, the environment, the configuration file and the defaults, each with its source.

A key is sent only to a host of MiniMax, to a host from the same source as the key, or to a host typed as an option.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from mmpipe.config.base_url import check_base_url, is_own_host
from mmpipe.config.config_file import locate_config, read_config
from mmpipe.config.keys import MINIMAX_KEY, OPENAI_KEY, parse_key, read_key_file, run_key_command
from mmpipe.config.options import DEFAULTS, FILE_KEYS, ServiceOptions
from mmpipe.core.endpoint import Endpoint, Key
from mmpipe.core.timeouts import Timeouts
from mmpipe.errors import AuthError, UsageError
from mmpipe.grammar import OptionGroup

_OPTION, _ENVIRONMENT, _DEFAULT = "option", "environment", "default"
_MAX_SECONDS = 10 * 365 * 86_400.0  # the timers of the system accept no more


@dataclass(frozen=True, slots=True)
class Sourced:
    """Value of a setting and its source."""

    value: object
    source: str

    @property
    def is_typed(self) -> bool:
        """True for an option of the command line."""
        return self.source == _OPTION


class Settings:
    """Settings by name, each with its source; `options` are typed by the user (None: not typed)."""

    def __init__(
        self, options: Mapping[str, object], environment: Mapping[str, str], profile: str | None = None
    ) -> None:
        self._environment = environment
        self._path = locate_config(environment)
        self._found: dict[str, Sourced] = {}
        for name, value, source in self._list_layers(options, profile):
            if value is not None:
                self._found[name] = Sourced(value, source)

    @classmethod
    def read(
        cls, environment: Mapping[str, str], service: ServiceOptions, *groups: OptionGroup
    ) -> "Settings":
        """Return the settings with the typed options of these groups. Raises UsageError for a bad configuration file."""
        typed = {
            option.name: getattr(group, option.name)
            for group in (service, *groups)
            for option in fields(group)
            if option.name in FILE_KEYS
        }
        return cls(typed, environment, service.profile)

    def get(self, name: str) -> object:
        """Return the value, or None if no source has one."""
        found = self._found.get(name)
        return None if found is None else found.value

    def is_typed(self, name: str) -> bool:
        """Return True if the value is an option of the command line."""
        return name in self._found and self._found[name].is_typed

    def seconds(self, name: str) -> float:
        """Return a limit on time in seconds. Raises UsageError for an invalid one."""
        value = self.get(name)
        if isinstance(value, int | float) and 0 < value <= _MAX_SECONDS:
            return value
        raise UsageError(
            f"{name.replace('_', '-')} is {value}: it must be a number of seconds above 0, at most ten years"
        )

    def explain(self) -> Iterator[str]:
        """Yield a line with each setting and its source for `-v`; values that lead to the key are not shown."""
        for name, found in sorted(self._found.items()):
            value = "..." if name.startswith("api_key") else found.value
            yield f"{name} = {value} ({found.source})"

    @property
    def secret_files(self) -> tuple[str, ...]:
        """Files that contain the key, or the command that prints it."""
        named = self.get("api_key_file")
        paths = (self._path, None if named is None else Path(str(named)))
        return tuple(str(path.absolute()) for path in paths if path is not None and path.is_file())

    def timeouts(self) -> Timeouts:
        """Return the timeouts and the number of retries. Raises UsageError for invalid ones."""
        retries = self.get("retries")
        if not (isinstance(retries, int) and retries >= 0):
            raise UsageError(f"retries is {retries}: it must be 0 or more")
        return Timeouts(
            connect=self.seconds("connect_timeout"),
            first_byte=self.seconds("first_byte_timeout"),
            idle=self.seconds("idle_timeout"),
            total=self.seconds("max_time"),
            retries=retries,
        )

    def endpoint(self) -> Endpoint:
        """Return the base URL, its key, and the certificates to trust.

        Raises UsageError for an invalid base URL, AuthError if there is no key for its host.
        """
        base_url, key = self._pair_key_and_host()
        ca_file = self.get("ca_file")
        return Endpoint(base_url, key, None if ca_file is None else Path(str(ca_file)))

    def _pair_key_and_host(self) -> tuple[str, Key]:
        host = self._found["base_url"]
        base_url = check_base_url(str(host.value))
        key = self._find_key()
        if key is None:
            return self._use_openai_pair(host, base_url)
        if not (is_own_host(base_url) or host.is_typed or host.source == key.source):
            raise AuthError(
                f"the key ({key.source}) is not sent to {base_url} ({host.source}): "
                "give key and host in the same place, or type --base-url"
            )
        return base_url, key

    def _list_layers(
        self, options: Mapping[str, object], profile: str | None
    ) -> Iterator[tuple[str, object, str]]:
        for name, value in DEFAULTS.items():
            yield name, value, _DEFAULT
        if self._path is not None:
            yield from read_config(self._path, profile)
        elif profile is not None:
            raise UsageError(f"there is no [profile.{profile}]: there is no configuration file")
        yield "base_url", self._environment.get("MINIMAX_BASE_URL") or None, _ENVIRONMENT
        for name, value in options.items():
            yield name, value, _OPTION

    def _find_key(self) -> Key | None:
        """Return the key of the most explicit source, or None."""
        file, command = self._found.get("api_key_file"), self._found.get("api_key_command")
        if file is not None and file.is_typed:
            return _read_key(file)
        if self._environment.get(MINIMAX_KEY):
            return parse_key(self._environment[MINIMAX_KEY], _ENVIRONMENT)
        # Within the file the profile is more explicit.
        if command is not None and (
            file is None or "[profile." in command.source or "[profile." not in file.source
        ):
            printed = run_key_command(command.value, self._environment, self.seconds("max_time"))
            return parse_key(printed, command.source)
        return None if file is None else _read_key(file)

    def _use_openai_pair(self, host: Sourced, base_url: str) -> tuple[str, Key]:
        """Return host and key of OPENAI_*, as in the official quick start; they are valid only together."""
        value, url = (self._environment.get(name) for name in (OPENAI_KEY, "OPENAI_BASE_URL"))
        if not value:
            raise AuthError(
                "no API key: set MINIMAX_API_KEY, or see --api-key-file; to try mmpipe without a key, use `mmpipe sim`"
            )
        if not url:
            raise AuthError(
                "OPENAI_API_KEY alone is not used, since it may be the key of another service; "
                "set OPENAI_BASE_URL with it, or set MINIMAX_API_KEY"
            )
        own = check_base_url(url)
        if host.is_typed and base_url != own:
            raise AuthError("OPENAI_API_KEY belongs to OPENAI_BASE_URL and is not sent to another --base-url")
        source = f"{_ENVIRONMENT}, OPENAI_*"
        self._found["base_url"] = Sourced(own, source)
        return own, parse_key(value, source)


def _read_key(named: Sourced) -> Key:
    source = "--api-key-file" if named.is_typed else named.source
    return parse_key(read_key_file(str(named.value), source), named.source)
