"""The pools of a batch by the name of its engine; a new pool is a line here and a file beside this one."""

from collections.abc import Mapping
from typing import Final

from mmpipe.api.ask_many import OpenPool
from mmpipe.api.pool import Pool

POOLS: Final[Mapping[str, OpenPool]] = {
    "local": Pool,
}
