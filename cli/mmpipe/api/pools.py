"""The pools that a batch can be run on, by the name of its engine; a new one is a line here and a file beside."""

from collections.abc import Mapping
from typing import Final

from mmpipe.api.ask_many import OpenPool
from mmpipe.api.pool import Pool

POOLS: Final[Mapping[str, OpenPool]] = {
    "local": Pool,
}
