"""Settings by name, each with the place that it comes from."""

from typing import Final

from mmpipe.dataclass import dataclass

OPTION: Final = "option"
ENVIRONMENT: Final = "environment"
DEFAULT: Final = "default"


@dataclass(frozen=True, slots=True)
class Sourced:
    """Value of a setting and its source: a word above, or the configuration file, perhaps with its profile.

    `is_of_profile` is True for a value of `[profile.NAME]`, which was chosen by `--profile`.
    """

    value: object
    source: str
    is_of_profile: bool = False

    @property
    def is_typed(self) -> bool:
        """True for an option of the command line."""
        return self.source == OPTION

    @property
    def is_configured(self) -> bool:
        """True for a value of the configuration file."""
        return self.source not in (OPTION, ENVIRONMENT, DEFAULT)
