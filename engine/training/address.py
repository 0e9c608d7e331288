"""Addresses: how a node, a weight or a whole network is named where an experiment has several: `role:path`.

Where there is one network its role is left out. A role with nothing behind the colon is the whole network.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from torch import nn

from engine.errors import VitrineError
from engine.registry import did_you_mean, shortened

SIGN = ":"
T = TypeVar("T")


def address(role: str, path: str, roles: Collection[str]) -> str:
    """Return how something in one network is named, beside all others there are."""
    return f"{role}{SIGN}{path}" if len(roles) > 1 else path


def place(name: str, roles: Sequence[str]) -> tuple[str, str]:
    """Return which network an address means, and what in it, or say in words that it means none."""
    role, sign, path = name.partition(SIGN)
    if not sign:
        if len(roles) == 1:
            return roles[0], name
        several = " or ".join(address(one, name, roles) for one in roles[:3])
        raise VitrineError(
            f"There are {len(roles)} networks: say of which {shortened(name)} is.", cure=f"Like {several}."
        )
    if role not in roles:
        raise VitrineError(f"There is no network {shortened(role)}.{did_you_mean(role, roles)}")
    return role, path


def role_of(name: str, roles: Sequence[str]) -> str:
    """Return which network an address means."""
    return place(name, roles)[0]


def of_role(names: Iterable[str], role: str, roles: Sequence[str]) -> list[str]:
    """Return those of the names that lie in one network, as paths within it."""
    return [path for path, _ in of_role_with(((name, None) for name in names), role, roles)]


def of_role_with(pairs: Iterable[tuple[str, T]], role: str, roles: Sequence[str]) -> list[tuple[str, T]]:
    """Return those that lie in one network, as paths within it, each with what is said of it."""
    return [(path, said) for name, said in pairs for where, path in [place(name, roles)] if where == role]


def weights(networks: Mapping[str, nn.Module]) -> Iterator[tuple[str, nn.Parameter]]:
    """Yield every weight with its address."""
    for role, network in networks.items():
        for name, parameter in network.named_parameters():
            yield address(role, name.replace("_orig_mod.", ""), networks), parameter
