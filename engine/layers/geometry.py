"""Arithmetic that sliding windows share, whatever they compute inside."""

from collections.abc import Sequence

from engine.layers.base import Refusal, Shape, Window, pair, times
from engine.layers.formula import Formula, formula

AXES = {1: ("length",), 2: ("height", "width")}

Margins = int | tuple[int, int] | str


def spread(value: int | tuple[int, int], axes: int) -> tuple[int, ...]:
    """Return one number for each axis."""
    return pair(value)[:axes]


def margins(padding: Margins, kernel: tuple[int, ...], dilation: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Return what padding adds before and after, along each axis."""
    if padding == "valid":
        return ((0, 0),) * len(kernel)
    whole = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    if padding == "causal":
        return tuple((w, 0) for w in whole)
    if padding == "same":
        return tuple((w // 2, w - w // 2) for w in whole)
    assert not isinstance(padding, str)
    return tuple((p, p) for p in spread(padding, len(kernel)))


def no_room(
    given: Shape, kernel: tuple[int, ...], pads: tuple[tuple[int, int], ...], dilation: tuple[int, ...]
) -> Refusal | None:
    """Return that the window is larger than what it slides over, or None."""
    places = given.sizes[1:]
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    room = [size + sum(p) for size, p in zip(places, pads, strict=True)]
    if all(r <= have for r, have in zip(reach, room, strict=True)):
        return None
    window = "×".join(map(str, reach)) if max(dilation) > 1 else "×".join(map(str, kernel))
    received = "×".join(map(str, places))
    return Refusal(f"room for a {window} kernel", received, "Use a smaller kernel, padding, or remove {source}.")


def output_sizes(
    given: Shape,
    gives: Shape,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    pads: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...],
    ceil: bool = False,
) -> tuple[Formula, ...]:
    """Return the output size along each axis; one formula for both where they agree."""
    found = []
    for axis, name in enumerate(AXES[len(kernel)]):
        before, after = pads[axis]
        numbers = {
            "size": given.sizes[1 + axis],
            "padding": before if before == after else before + after,
            "dilation": dilation[axis],
            "kernel": kernel[axis],
            "stride": stride[axis],
        }
        padded = "size + 2 * padding" if before == after else "size + padding"
        more = " + stride - 1" if ceil else ""  # one more place for what is left over
        rule = f"({padded} - dilation * (kernel - 1) - 1{more}) // stride + 1"
        result = formula(name, rule, **numbers)
        if ceil and result.value > gives.sizes[1 + axis]:
            # Torch drops a last window that would begin in the padding.
            result = formula(name, rule.removesuffix(" + 1"), **numbers)
        found.append(result)
    if len(found) == 2 and found[0].numbers == found[1].numbers:
        return (Formula("height and width", found[0].rule, found[0].numbers, found[0].value),)
    return tuple(found)


def met(
    given: Shape,
    gives: Shape,
    kernel: Sequence[int],
    stride: Sequence[int],
    pads: Sequence[tuple[int, int]],
    dilation: Sequence[int] = (1, 1),
) -> dict[str, int]:
    """Return for each axis how often a place of the kernel meets one of the input, rather than padding."""
    found = {}
    for axis, name in enumerate(AXES[len(kernel)]):
        starts = [place * stride[axis] - pads[axis][0] for place in range(gives.sizes[1 + axis])]
        reaches = [d * dilation[axis] for d in range(kernel[axis])]
        size = given.sizes[1 + axis]

        found[f"met_in_{name}"] = sum(sum(0 <= start + reach < size for start in starts) for reach in reaches)
    return found


def less(what: str, pads: Sequence[tuple[int, int]], rule: str, numbers: dict[str, int]) -> tuple[Formula, ...]:
    """Return how many connections there are without those that lead outside, where there are any."""
    return (formula(f"connections, less {what}", rule, **numbers),) if any(map(any, pads)) else ()


def places(gives: Shape) -> dict[str, int]:
    """Return the named sizes of the output's places."""
    return dict(zip(AXES[gives.rank - 1], gives.sizes[1:], strict=True))


def windows(
    kernel: tuple[int, ...], stride: tuple[int, ...], pads: tuple[tuple[int, int], ...], dilation: tuple[int, ...]
) -> tuple[Window, ...]:
    """Return what each output place sees, along each axis."""
    return tuple(
        Window(s, ((-p[0], d * (k - 1) - p[0]),)) for k, s, p, d in zip(kernel, stride, pads, dilation, strict=True)
    )


def painted(kernel: int, stride: int, padding: int) -> Window:
    """Return what outputs see where every input paints a kernel: those inputs whose kernel covers them."""

    def reach(place: int) -> tuple[int, int]:
        last = (place + padding) // stride
        first = -((kernel - 1 - padding - place) // stride)
        return min(first, last), last

    return Window(1, tuple(reach(place) for place in range(stride)))


def kernel_words(kernel: int | tuple[int, int], stride: int | tuple[int, int]) -> str:
    """Return '5×5', with the stride where it is not 1."""
    return times(kernel) + (f" /{stride if isinstance(stride, int) else times(stride)}" if stride != 1 else "")


def adaptive(size: int, wanted: int) -> Window:
    """Return the window of adaptive pooling: output i sees ⌊i·size/wanted⌋ to ⌈(i+1)·size/wanted⌉ − 1."""
    return Window(size, tuple((i * size // wanted, -(-(i + 1) * size // wanted) - 1) for i in range(wanted)))
