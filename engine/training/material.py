"""Material: the examples as networks take them, on the device."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import torch

from engine.data import Dataset, Split
from engine.fields import Fields
from engine.layers.modules import lengths_of
from engine.training.device import Place

AS_NUMBERS = 2**30  # bytes up to which images are kept as numbers; larger sets stay bytes until their turn
BUCKETS = 50  # batches among which sequences are sorted by length
GATHERED = 64 * 2**20  # bytes up to which an epoch is put in order once, instead of batch by batch


Scales = tuple[torch.Tensor, torch.Tensor]


def columns(train: torch.Tensor) -> Scales:
    """Return mean and deviation of each column of rows; one that never varies is only centred."""
    mean, deviation = train.mean(dim=0), train.std(dim=0).nan_to_num()
    return mean, torch.where(deviation > 1e-12 * mean.abs(), deviation, 1.0)


def channels(train: torch.Tensor) -> Scales:
    """Return mean and deviation of each channel of images."""
    few = train[:20_000].float() / 255
    return few.mean(dim=(0, 2, 3)), few.std(dim=(0, 2, 3)).clamp_min(1e-3)


def steps_an_epoch(examples: int, size: int) -> int:
    """Return in how many steps all examples are seen once.

    A single example left over is passed by: batch normalisation cannot tell its variance.
    """
    return max(1, examples // size + (examples % size > 1))


class Material:
    """A dataset's splits on a device; a channel of images, or a column of a table, gets mean 0 and deviation 1.

    With `within`, images are numbers from black to white instead, these two.
    """

    def __init__(self, dataset: Dataset, place: Place, within: tuple[float, float] | None = None):
        self.dataset, self.place, self.within = dataset, place, within
        self.known: dict[str, Scales] = {}  # by field: mean and deviation of what is learned from
        self.splits = {name: self._laid(split) for name, split in dataset.splits().items()}

    def _laid(self, split: Split) -> Split:
        if self._raw(split.inputs) and 4 * split.inputs.nbytes > AS_NUMBERS:
            return Split(split.inputs, split.targets.to(self.place.device))
        return Split(self._numbers(split.inputs), split.targets.to(self.place.device))

    def _raw(self, inputs: Any) -> bool:
        """Return whether examples are as the dataset holds them, rather than as networks take them."""
        every = inputs.values.values() if isinstance(inputs, Fields) else [inputs]
        return any(values.dtype in (torch.uint8, torch.float64) for values in every)

    def _numbers(self, inputs: Any) -> Any:
        """Return examples on the device as the networks take them."""
        return inputs.each(self._number) if isinstance(inputs, Fields) else self._number("", inputs)

    def _number(self, name: str, inputs: torch.Tensor) -> torch.Tensor:
        """Return one field, or the only one, as the networks take it."""
        if inputs.dtype == torch.float64:  # seconds since 1970, say, whose differences single precision would lose
            mean, deviation = self._known(name, columns)
            inputs = (self.dataset.deviation * (inputs - mean) / deviation).float()
        inputs = inputs.to(self.place.device)
        if inputs.dtype == torch.uint8:
            mean, deviation = self._known(name, channels)
            inputs = (inputs.float() / 255 - mean) / deviation
        return self.place.arranged(inputs)

    def given(self, inputs: Any) -> Any:
        """Return examples as networks take them, whether they are bytes or numbers, and lie on the device or not."""
        return self._numbers(inputs) if self._raw(inputs) else inputs.to(self.place.device)

    def _known(self, name: str, of: Callable[[torch.Tensor], Scales]) -> Scales:
        """Return mean and deviation of a field of the training examples."""
        if name not in self.known:
            values = self.dataset.pieces(self.dataset.train)[name][1]
            if self.within and of is channels:
                black, white = self.within
                deviation = torch.full((values.shape[1],), 1 / (white - black))
                mean = -black * deviation
            else:
                mean, deviation = of(values)
            self.known[name] = (mean, deviation) if of is columns else (self._here(mean), self._here(deviation))
        return self.known[name]

    def _here(self, values: torch.Tensor) -> torch.Tensor:
        return values[:, None, None].to(self.place.device)

    @property
    def scales(self) -> Scales:
        """Return mean and deviation of each channel of the training images."""
        return self._known("", channels)

    @functools.cached_property
    def lengths(self) -> dict[str, torch.Tensor]:
        """Return how long each training sequence is, by field, where they differ."""
        pieces = self.dataset.pieces(self.splits["train"])
        return {name: lengths_of(pieces[name][1]).cpu() for name in pieces if name in self.dataset.uneven}

    def bucketed(self, order: torch.Tensor, size: int, generator: torch.Generator) -> torch.Tensor:
        """Return an order in which batches hold sequences of like length, themselves in a random order.

        Within every so many batches examples are sorted by the length of all their sequences together; what is no
        whole batch stays last.
        """
        if not self.lengths or size == 1:
            return order
        found, lengths = [], torch.stack(list(self.lengths.values())).sum(dim=0)
        for window in order.split(BUCKETS * size):
            batches = window[lengths[window].argsort(stable=True)].split(size)
            whole = [batch for batch in batches if len(batch) == size]
            mixed = torch.randperm(len(whole), generator=generator).tolist()
            found += [whole[place] for place in mixed] + [batch for batch in batches if len(batch) < size]
        return torch.cat(found)

    def shortened(self, inputs: Any, index: torch.Tensor) -> Any:
        """Return training examples without the places behind the end of all of them."""
        if not self.lengths:
            return inputs
        longest = {name: int(lengths[index].max()) for name, lengths in self.lengths.items()}
        if isinstance(inputs, Fields):
            return inputs.each(lambda name, values: values[:, : longest[name]] if name in longest else values)
        return inputs[:, : longest[""]]

    def batches(
        self, order: torch.Tensor, size: Callable[[int], int], start: int, end: int
    ) -> Iterator[tuple[Any, Any]]:
        """Yield the training examples in an order, from one place in it to another.

        `size` tells how many come next, of those that are left.
        """
        inputs, targets = self.splits["train"].inputs, self.splits["train"].targets
        order = order.to(self.place.device)
        raw = self._raw(inputs)
        gathered = inputs.nbytes <= GATHERED and size(end - start) < len(inputs) and not raw
        if gathered:
            inputs, targets = inputs[order], targets[order]
        at = start
        while at < end:
            begin, at = at, at + size(end - at)
            if gathered:
                yield self.shortened(inputs[begin:at], order[begin:at].cpu()), targets[begin:at]
                continue
            index = order[begin:at]
            chosen = inputs.index_select(0, index.to(inputs.device))
            chosen = self._numbers(chosen) if raw else chosen
            yield self.shortened(chosen, index.cpu()), targets.index_select(0, index)
