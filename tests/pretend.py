"""Pretend: a graphics card that is none, so that what one would refuse is seen without one.

A tensor "on cuda" holds one of the processor's, does all that torch asks of it there, and refuses what CUDA refuses.
Random numbers are drawn from a state of its own. How exactly a card computes, and what in 16 bits, it does not tell.
"""

import contextlib
import threading
from collections.abc import Generator
from typing import Any
from unittest.mock import patch

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

CUDA = torch.device("cuda", 0)  # what is said,
HIDDEN = "lazy:0"  # and what torch's parts in C++ are told: a device whose way back runs on the thread that asks for it
aten = torch.ops.aten
FROM_PLACE_TO_PLACE = {aten.copy_, aten._to_copy, aten._pack_padded_sequence, aten._pad_packed_sequence}
INDEXED = {aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_, aten._unsafe_index}
LISTS = {aten.cat, aten.stack, aten.index_select, aten.gather, aten.searchsorted}  # that take no number from elsewhere
OF_FLOATS = {aten.mm, aten.bmm, aten.addmm, aten.baddbmm, aten.convolution, aten.mv, aten.addmv, aten.dot}
CELLS = {torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu}
draws_from = [torch.Generator().manual_seed(0).get_state()]  # the device's own random state


class Pretended(torch.Tensor):
    """A tensor that lies on the device, as far as anybody is told."""

    __slots__ = ("held",)  # apart from what engines keep with a tensor
    held: torch.Tensor
    device = property(lambda self: CUDA)
    is_cuda = property(lambda self: True)
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> "Pretended":
        """Return a tensor of the device that holds one of the processor's."""
        told = {"dtype": held.dtype, "strides": held.stride(), "storage_offset": held.storage_offset()}
        made = torch.Tensor._make_wrapper_subclass(cls, held.shape, device=HIDDEN, **told)
        made.held = held
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return done(func, args, kwargs or {})

    def take(self, other: "Pretended") -> None:
        torch.Tensor.data.__set__(self, other)
        self.held = other.held

    data = property(lambda self: self.detach(), take)

    def tolist(self) -> Any:
        return self.held.tolist()  # torch fetches plain numbers from any device

    def numpy(self, *_: Any, **__: Any) -> Any:
        raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() first.")

    __array__ = numpy

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.held.detach().__reduce_ex__(protocol)  # checkpoints are read to the processor

    def __deepcopy__(self, memo: dict[int, Any]) -> "Pretended":
        if id(self) not in memo:
            assert self.is_leaf, "torch copies no tensor that was worked out"
            copied = memo[id(self)] = self.detach().clone().requires_grad_(self.requires_grad)
            copied._is_param = getattr(self, "_is_param", False)
            copied.grad = None if self.grad is None else self.grad.clone()
        return memo[id(self)]


def is_here(value: Any) -> bool:  # by either of its names
    return isinstance(value, torch.device | str) and str(value).split(":")[0] in ("cuda", "lazy")


def is_apart(value: Any) -> bool:  # a tensor of the processor's
    return isinstance(value, torch.Tensor) and not isinstance(value, Pretended)


def done(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Do an operation on what the device's tensors hold, as CUDA would do or refuse it."""
    flat, form = tree_flatten((args, kwargs))
    ours = [one for one in flat if isinstance(one, Pretended)]
    named = kwargs.get("device")
    if not ours and not is_here(named):
        return func(*args, **kwargs)
    refuse(func, args, [one for one in flat if isinstance(one, torch.Tensor)], bool(ours))
    bare = [one.held if isinstance(one, Pretended) else torch.device("cpu") if is_here(one) else one for one in flat]
    plain, options = tree_unflatten(bare, form)
    with own_random() if torch.Tag.nondeterministic_seeded in func.tags else contextlib.nullcontext():
        given = func(*plain, **options)
    if named is not None and not is_here(named):
        return given
    known = {id(one.held): one for one in ours}  # what is changed in place stays itself

    def here(one: Any) -> Any:
        return (known[id(one)] if id(one) in known else Pretended(one)) if is_apart(one) else one

    if func.overloadpacket in (aten._pack_padded_sequence, aten._pad_packed_sequence):
        return here(given[0]), given[1]  # lengths stay with the processor
    return tree_map(here, given)


def refuse(func: Any, args: Any, every: list[torch.Tensor], ours: bool) -> None:
    """Raise what CUDA would raise."""
    packet, apart = func.overloadpacket, [one for one in every if is_apart(one)]
    if packet is aten.histogram or (packet in OF_FLOATS and not every[0].is_floating_point()):
        raise NotImplementedError(f"{func} is not implemented for {every[0].dtype} on CUDA")
    if packet is aten._pack_padded_sequence and isinstance(args[1], Pretended):
        raise RuntimeError("'lengths' argument should be a 1D CPU int64 tensor, but got 1D cuda:0 Long tensor")
    if packet in FROM_PLACE_TO_PLACE or not ours:
        return
    if packet in INDEXED:
        if is_apart(args[0]):
            raise RuntimeError("indices should be either on cpu or on the same device as the indexed tensor (cpu)")
        apart = [one for one in args[2:3] if is_apart(one)]
    changed = func._schema.is_mutable and bool(args) and is_apart(args[0])
    if changed or any(one.dim() or packet in LISTS for one in apart):
        raise RuntimeError(f"Expected all tensors to be on the same device, but found cuda:0 and cpu! ({func})")


@contextlib.contextmanager
def own_random() -> Generator[None, None, None]:
    """While entered, random numbers come from the device's state, and the processor's stays as it is."""
    with torch.random.fork_rng([]):
        torch.set_rng_state(draws_from[0])
        yield
        draws_from[0] = torch.get_rng_state()


def recurrent(func: Any, args: Any) -> Any:
    """Let a recurrent layer read as cuDNN would; the processor does it, and gradients find their way back."""
    with own_random():
        given = func(*tree_map(lambda one: one.cpu() if isinstance(one, Pretended) else one, args))
    given = tree_map(lambda one: one.to(HIDDEN), given)
    _, learns, *_ = (one for one in args if isinstance(one, bool))  # whether there are biases comes first
    if not learns and given[0].requires_grad and torch.backends.cudnn.enabled:
        for one in given:
            one.register_hook(untrained)
    return given


def untrained(_: torch.Tensor) -> None:
    raise RuntimeError("cudnn RNN backward can only be called in training mode")


class Kernels(TorchDispatchMode):
    """Hears of operations in which there is no tensor of the device yet: those that make one."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return done(func, args, kwargs or {})


class Calls(TorchFunctionMode):
    """Lets torch take the device's name, and recurrent layers be those of cuDNN."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.device:
            return func(*args, **(kwargs or {}))
        args, kwargs = tree_map(lambda one: HIDDEN if is_here(one) else one, (args, kwargs or {}))
        here = func in CELLS and isinstance(args[0], Pretended)
        return recurrent(func, args) if here else func(*args, **kwargs)


run = threading.Thread.run


def run_too(thread: threading.Thread) -> None:  # that has the device as well
    with Kernels(), Calls():
        run(thread)


@contextlib.contextmanager
def pretending() -> Generator[torch.device, None, None]:
    """While entered, this thread, and all that begin meanwhile, have a CUDA device."""

    def draw_as(state: torch.Tensor, *_: Any) -> None:
        draws_from[0] = state.clone()

    cuda = {
        "is_available": lambda: True,
        "is_bf16_supported": lambda *_: True,
        "get_rng_state": lambda *_: draws_from[0].clone(),
        "set_rng_state": draw_as,
        "manual_seed_all": lambda seed: draw_as(torch.Generator().manual_seed(int(seed) + 1).get_state()),
    }
    with contextlib.ExitStack() as stack:
        for name, made in cuda.items():
            stack.enter_context(patch.object(torch.cuda, name, made))
        stack.enter_context(patch.object(threading.Thread, "run", run_too))
        stack.enter_context(patch.object(torch.nn.RNNBase, "flatten_parameters", lambda layer: None))
        stack.callback(torch._C._set_only_lift_cpu_tensors, torch._C._only_lift_cpu_tensors())
        torch._C._set_only_lift_cpu_tensors(True)  # what is made from numbers is made at home, and then moved
        stack.enter_context(Kernels())
        stack.enter_context(Calls())
        yield CUDA
