"""Fields: several named pieces of the same examples, such as a picture and a sentence."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch


class Fields:
    """Tensors by name that tell of the same examples, in the same order; what is taken is taken of each.

    It answers as a tensor does to whoever cuts examples, moves them or asks how large they are.
    """

    def __init__(self, values: Mapping[str, torch.Tensor]):
        self.values = dict(values)
        assert len({len(value) for value in self.values.values()}) == 1, "fields tell of the same examples"

    def __len__(self) -> int:
        return len(next(iter(self.values.values())))

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    def __getitem__(self, which: Any) -> Any:
        """Return one field by its name, some of the examples of all, or of one example each field by name."""
        if isinstance(which, str):
            return self.values[which]
        if isinstance(which, int):
            return {name: value[which] for name, value in self.values.items()}
        return self.each(lambda _, value: value[which])

    def each(self, change: Callable[[str, torch.Tensor], torch.Tensor]) -> "Fields":
        """Return all fields, changed one by one."""
        return Fields({name: change(name, value) for name, value in self.values.items()})

    def index_select(self, dim: int, index: torch.Tensor) -> "Fields":
        """Return these examples."""
        return self.each(lambda _, value: value.index_select(dim, index.to(value.device)))

    def split(self, size: int) -> list["Fields"]:
        """Return the examples in pieces."""
        return [self[begin : begin + size] for begin in range(0, len(self), size)]

    def to(self, device: torch.device) -> "Fields":
        """Return all fields on a device."""
        return self.each(lambda _, value: value.to(device))

    def cpu(self) -> "Fields":
        """Return all fields on the processor."""
        return self.to(torch.device("cpu"))

    def flatten(self, start: int) -> torch.Tensor:
        """Return the numbers of each example in one row."""
        return torch.cat([value.flatten(start).double() for value in self.values.values()], dim=1)

    def numel(self) -> int:
        """Return how many numbers there are."""
        return sum(value.numel() for value in self.values.values())

    @property
    def device(self) -> torch.device:
        """Return where the first field is."""
        return next(iter(self.values.values())).device

    @property
    def nbytes(self) -> int:
        """Return how many bytes they take."""
        return sum(value.nbytes for value in self.values.values())


def joined(parts: Sequence[Any]) -> Any:
    """Return several sets of examples, tensors or fields, behind one another."""
    if not isinstance(parts[0], Fields):
        return torch.cat(list(parts))
    return parts[0].each(lambda name, _: torch.cat([part[name] for part in parts]))
