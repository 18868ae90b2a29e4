"""The table of all shapes, by part and name."""

from support.server_shapes import calls, ends, errors, fields, framing, hosts, service, stacks
from support.server_shapes.shape import Shape

_PARTS = (calls, ends, errors, fields, framing, hosts, service, stacks)

SHAPES: dict[str, Shape] = {
    f"{part.__name__.rpartition('.')[2]}-{name}": shape
    for part in _PARTS
    for name, shape in part.SHAPES.items()
}
