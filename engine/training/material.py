"""Material: the examples as networks take them, on the device."""

import functools
from collections.abc import Callable, Iterator

import torch

from engine.data import Dataset, Split
from engine.layers.modules import lengths_of
from engine.training.device import Place

AS_NUMBERS = 2**30  # bytes up to which images are kept as numbers; larger sets stay bytes until their turn
BUCKETS = 50  # batches among which sequences are sorted by length
GATHERED = 64 * 2**20  # bytes up to which an epoch is put in order once, instead of batch by batch


class Material:
    """A dataset's splits on a device; a channel of images, or a column of a table, gets mean 0 and deviation 1."""

    def __init__(self, dataset: Dataset, place: Place):
        self.dataset, self.place = dataset, place
        self.splits = {name: self._laid(split) for name, split in dataset.splits().items()}

    def _laid(self, split: Split) -> Split:
        if split.inputs.dtype == torch.uint8 and 4 * split.inputs.nbytes > AS_NUMBERS:
            return Split(split.inputs, split.targets.to(self.place.device))
        return Split(self._numbers(split.inputs), split.targets.to(self.place.device))

    def _numbers(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return examples on the device as the networks take them."""
        if inputs.dtype == torch.float64:  # seconds since 1970, say, whose differences single precision would lose
            mean, deviation = self.columns
            inputs = (self.dataset.deviation * (inputs - mean) / deviation).float()
        inputs = inputs.to(self.place.device)
        if inputs.dtype == torch.uint8:
            mean, deviation = self.scales
            inputs = (inputs.float() / 255 - mean) / deviation
        return self.place.arranged(inputs)

    def given(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return a part of a split as networks take it, whether it was kept as bytes or numbers."""
        return self._numbers(inputs) if inputs.dtype in (torch.uint8, torch.float64) else inputs

    @functools.cached_property
    def columns(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean and deviation of each column of the training rows; one that never varies is only centred."""
        train = self.dataset.train.inputs
        mean, deviation = train.mean(dim=0), train.std(dim=0).nan_to_num()
        varies = deviation > 1e-12 * mean.abs()
        return mean, torch.where(varies, deviation, 1.0)

    @functools.cached_property
    def scales(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean and deviation of each channel of the training images."""
        few = self.dataset.train.inputs[:20_000].float() / 255
        mean, deviation = few.mean(dim=(0, 2, 3)), few.std(dim=(0, 2, 3)).clamp_min(1e-3)
        shaped = (values[:, None, None].to(self.place.device) for values in (mean, deviation))
        return next(shaped), next(shaped)

    @functools.cached_property
    def lengths(self) -> torch.Tensor | None:
        """Return how long each training sequence is, where they differ."""
        return lengths_of(self.splits["train"].inputs).cpu() if self.dataset.varies else None

    def bucketed(self, order: torch.Tensor, size: int, generator: torch.Generator) -> torch.Tensor:
        """Return an order in which batches hold sequences of like length, themselves in a random order.

        Within every so many batches examples are sorted by length; what is no whole batch stays last.
        """
        if self.lengths is None or size == 1:
            return order
        found = []
        for window in order.split(BUCKETS * size):
            batches = window[self.lengths[window].argsort(stable=True)].split(size)
            whole = [batch for batch in batches if len(batch) == size]
            mixed = torch.randperm(len(whole), generator=generator).tolist()
            found += [whole[place] for place in mixed] + [batch for batch in batches if len(batch) < size]
        return torch.cat(found)

    def shortened(self, inputs: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        """Return training examples without the places behind the end of all of them."""
        return inputs if self.lengths is None else inputs[:, : int(self.lengths[index].max())]

    def batches(
        self, order: torch.Tensor, size: Callable[[int], int], start: int, end: int
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield the training examples in an order, from one place in it to another.

        `size` tells how many come next, of those that are left.
        """
        inputs, targets = self.splits["train"].inputs, self.splits["train"].targets
        order = order.to(self.place.device)
        raw = inputs.dtype == torch.uint8
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
            chosen = self._numbers(chosen) if raw else self.shortened(chosen, index.cpu())
            yield chosen, targets.index_select(0, index)
