"""Panels: what stands on a lab's board, as plain values in the session."""

from typing import Any


class Panels:
    """The panels of one board; every method reads or writes the lab's state."""

    def __init__(self, state: dict[str, Any]):
        self._state = state

    @property
    def all(self) -> list[dict[str, Any]]:
        """Return the panels: each a key, and a view with its options."""
        return self._state["board"]

    def add(self, view: dict[str, Any]) -> None:
        """Add a panel to the board."""
        number = 1 + max((int(panel["key"]) for panel in self.all), default=0)
        self._state["board"] = [*self.all, {"key": str(number), "view": view}]

    def add_series(self) -> None:
        """Add what tells of a series as a whole, unless it is there."""
        if all(panel["view"]["kind"] != "spread" for panel in self.all):
            self.add({"kind": "spread"})
            self._state["board"] = [self.all[-1], *self.all[:-1]]

    def change(self, key: str, view: dict[str, Any] | None) -> None:
        """Give a panel other options, or take it away."""
        kept = [panel if panel["key"] != key else panel | {"view": view} for panel in self.all]
        self._state["board"] = [panel for panel in kept if panel["view"]]

    def single_out(self, neuron: dict[str, Any] | None) -> None:
        """Let the surface show one neuron, or the whole network again."""
        if panel := next((panel for panel in self.all if panel["view"]["kind"] == "surface"), None):
            whole = {name: value for name, value in panel["view"].items() if name not in ("node", "unit")}
            before = {name: panel["view"].get(name) for name in neuron or {}}
            self.change(panel["key"], whole | ({} if neuron == before or not neuron else neuron))
