"""The models that the simulator serves, with their differences that a client can see."""

from collections.abc import Mapping
from types import MappingProxyType

from mmpipe.dataclass import dataclass
from mmpipe.simulator.json_text import Json


@dataclass(frozen=True, slots=True)
class SimulatedModel:
    """A model: its date, limits, layout of thinking and fields of usage, as in FACTS.md."""

    name: str
    created: int
    context: int = 204_800
    max_output: int = 204_800
    tight_tags: bool = False
    """``<think>`` and the thinking share a line, and native messages have only content and role."""
    counts_reasoning: bool = True
    """``usage`` has the reasoning tokens."""

    @property
    def is_m3(self) -> bool:
        """True for the M3 family, which has its own rules (FACTS.md, "Parameters")."""
        return self.name.startswith("MiniMax-M3")


def _by_name(*models: SimulatedModel) -> Mapping[str, SimulatedModel]:
    return MappingProxyType({model.name: model for model in models})


# Facts that no capture shows are those of the nearest model: of M3 for M3.1-Flash, of M2.1 for M2.1-highspeed.
MODELS = _by_name(
    SimulatedModel("MiniMax-M3.1-Flash", 1_792_281_600, 1_000_000, 524_288, counts_reasoning=False),
    SimulatedModel("MiniMax-M3", 1_780_272_000, 1_000_000, 524_288, counts_reasoning=False),
    SimulatedModel("MiniMax-M2.7", 1_773_799_200),
    SimulatedModel("MiniMax-M2.7-highspeed", 1_773_799_200, max_output=196_608),
    SimulatedModel("MiniMax-M2.5", 1_770_948_000, tight_tags=True, counts_reasoning=False),
    SimulatedModel("MiniMax-M2.5-highspeed", 1_770_948_000),
    SimulatedModel(
        "MiniMax-M2.1", 1_766_455_200, max_output=196_608, tight_tags=True, counts_reasoning=False
    ),
    SimulatedModel("MiniMax-M2.1-highspeed", 1_766_455_200, tight_tags=True, counts_reasoning=False),
    SimulatedModel("MiniMax-M2", 1_761_530_400),
)


def build_model_list() -> Json:
    """Return the body of ``GET /v1/models`` (FACTS.md, "The list of models")."""
    return {
        "object": "list",
        "data": [
            {"id": model.name, "object": "model", "created": model.created, "owned_by": "minimax"}
            for model in MODELS.values()
        ],
    }
