"""Pairs the host with its key: a key goes only to a host that it was meant for.

A key is sent to a host of MiniMax, to a host of its own source, or to a host typed as an option. A host of the user's
own, typed or configured, may have no key. A profile with such a host takes no key from elsewhere.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from mmpipe.config.base_url import check_base_url
from mmpipe.config.config_file import locate_config
from mmpipe.config.keys import (
    MINIMAX_KEY,
    OPENAI_KEY,
    find_exposed_file,
    name_key_file,
    parse_key,
    read_key_file,
    run_key_command,
)
from mmpipe.config.sources import DEFAULT, ENVIRONMENT, OPTION, Sourced
from mmpipe.core.endpoint import Key, is_minimax
from mmpipe.core.host_identity import identify_host
from mmpipe.dataclass import dataclass
from mmpipe.errors import AuthError, TimedOut
from mmpipe.text.suggestions import join_hints
from mmpipe.unix.inputs import Inputs

OPENAI_URL: Final = "OPENAI_BASE_URL"
OPENAI_SOURCE: Final = f"{ENVIRONMENT}, OPENAI_*"
_URL_ALONE: Final = "OPENAI_BASE_URL alone is not used: type it as --base-url, or set OPENAI_API_KEY with it"
_WHERE_TO_GET: Final = (
    "the service gives one at https://platform.minimaxi.com (cn) or https://platform.minimax.io (intl)"
)


@dataclass(frozen=True, slots=True)
class Pair:
    """Host and its key, if it has one; `unsent` names a key that was found and is not for this host."""

    host: Sourced
    key: Key | None = None
    unsent: str | None = None


@dataclass(frozen=True, slots=True)
class _KeyPlace:
    """Place of a key. The key is read only if it is sent: a command may ask the user for a password."""

    source: str
    read: Callable[[Inputs], Key]


@dataclass(frozen=True, slots=True)
class KeyPairing:
    """The settings by name, and the environment.

    `permits_http` returns True for a base URL that may be http:// to another machine. `limit` returns the most seconds
    for a command that prints the key.
    """

    found: Mapping[str, Sourced]
    environment: Mapping[str, str]
    permits_http: Callable[[Sourced], bool]
    limit: Callable[[], float]

    @property
    def host(self) -> Sourced:
        """The host of the settings; raises UsageError for an invalid base URL."""
        return self._check(self.found["base_url"])

    def pair(self, inputs: Inputs) -> Pair:
        """Return the host and its key, which may be one of the inputs.

        Raises UsageError for an invalid base URL, AuthError for a missing key, InputError for standard input.
        """
        host = self.host
        is_own = is_minimax(str(host.value))
        may_be_keyless = not is_own and (host.is_typed or host.is_configured)
        places = tuple(self._list_places())
        for place in places:
            if is_own or host.is_typed or host.source == place.source:
                return Pair(host, place.read(inputs))
        if may_be_keyless and host.is_of_profile and not any(place.source == OPTION for place in places):
            return Pair(host, unsent=f"the key ({places[0].source})" if places else self._openai_alone)
        if places:
            raise AuthError(
                f"the key ({places[0].source}) is not sent to {host.value} ({host.source}): "
                "give key and host in the same place, or type --base-url"
            )
        if self.environment.get(OPENAI_KEY) and self.environment.get(OPENAI_URL):
            return self._pair_openai(host)
        if may_be_keyless:
            return Pair(host, unsent=self._openai_alone)
        raise self._missing_key_error(host, is_own=is_own)

    def identify_host(self) -> str | None:
        """Return the identity of the host that would be asked; None if neither a host nor a key is given.

        No key is read, since a command may ask for a password. Raises UsageError for an invalid base URL.
        """
        host, places = self.host, tuple(self._list_places())
        key = self.environment.get(MINIMAX_KEY) if places and places[0].source == ENVIRONMENT else None
        if not places and not host.is_typed and self.environment.get(OPENAI_URL):
            host, key = self._own_openai_host(), self.environment.get(OPENAI_KEY)
        elif not places and host.source == DEFAULT:
            return None
        return identify_host(str(host.value), key)

    def _check(self, host: Sourced) -> Sourced:
        place = f"{host.source}: " if host.is_configured else ""
        url = check_base_url(str(host.value), permits_http=self.permits_http(host), place=place)
        return replace(host, value=url)

    def _list_places(self) -> Iterator[_KeyPlace]:
        """Yield the places of keys, the most explicit first; a typed one is the only one."""
        file, command = self.found.get("api_key_file"), self.found.get("api_key_command")
        if file is not None and file.is_typed:
            yield _KeyPlace(OPTION, partial(self._read_file, file))
            return
        if value := self.environment.get(MINIMAX_KEY):
            yield _KeyPlace(ENVIRONMENT, lambda _: parse_key(value, ENVIRONMENT))
        configured: list[tuple[Sourced, Callable[[Inputs], Key]]] = []
        if command is not None:
            configured.append((command, lambda _: self._run_command(command)))
        if file is not None:
            configured.append((file, partial(self._read_file, file)))
        # Within the file the profile is more explicit.
        for named, read in sorted(configured, key=lambda pair: not pair[0].is_of_profile):
            yield _KeyPlace(named.source, read)

    def _run_command(self, command: Sourced) -> Key:
        try:
            printed = run_key_command(command.value, self.environment, self.limit())
        except (AuthError, TimedOut) as error:
            raise error.derived(sentence=f"{command.source}: {error.sentence}") from error.__cause__
        return parse_key(printed, command.source)

    def _read_file(self, found: Sourced, inputs: Inputs) -> Key:
        config = None if found.is_typed else locate_config(self.environment)
        named = name_key_file(found)
        key = parse_key(read_key_file(named, inputs, config), found.source)
        return replace(key, exposed_file=find_exposed_file(named, inputs))

    def _pair_openai(self, host: Sourced) -> Pair:
        """Return the pair of OPENAI_*, as in the official quick start. Raises AuthError if another host was typed."""
        own = self._own_openai_host()
        if host.is_typed and host.value != own.value:
            raise AuthError(
                "OPENAI_API_KEY belongs to OPENAI_BASE_URL and is not sent to another --base-url",
                hint="unset both to ask a host without a key",
            )
        return Pair(own, parse_key(self.environment[OPENAI_KEY], own.source))

    def _own_openai_host(self) -> Sourced:
        return self._check(Sourced(self.environment[OPENAI_URL], OPENAI_SOURCE))

    @property
    def _openai_alone(self) -> str | None:
        """The name of the key of OPENAI_*, if it is there; it is never used without its host."""
        return OPENAI_KEY if self.environment.get(OPENAI_KEY) else None

    def _missing_key_error(self, host: Sourced, *, is_own: bool) -> AuthError:
        url_alone = _URL_ALONE if self.environment.get(OPENAI_URL) else ""
        if self._openai_alone is not None:
            return AuthError(
                "OPENAI_API_KEY alone is not used, since it may be the key of another service",
                hint="set OPENAI_BASE_URL with it, or set MINIMAX_API_KEY",
            )
        if not is_own:
            return AuthError(
                f"no API key for {host.value} ({host.source}): set MINIMAX_API_KEY",
                hint=join_hints(
                    "for a server without a key, type --base-url or configure base_url", url_alone
                ),
            )
        return AuthError(
            "no API key: set MINIMAX_API_KEY, or see --api-key-file",
            hint=join_hints(_WHERE_TO_GET, "to try mmpipe without a key, use `mmpipe sim`", url_alone),
        )
