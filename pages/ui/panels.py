"""Panels: what stands on a lab's board, as plain values in the session."""

from typing import Any


def sized(wide: int, rows: float) -> dict[str, float]:
    """Return the size of a panel, within what a board has room for: twelfths of its width, and rows."""
    return {"wide": min(12, max(3, wide)), "rows": round(2 * min(4, max(0.5, rows))) / 2}


class Panels:
    """The panels of one board; every method reads or writes the lab's state."""

    def __init__(self, state: dict[str, Any]):
        self._state = state

    @property
    def all(self) -> list[dict[str, Any]]:
        """Return the panels: each a key, and a view with its options."""
        return self._state["board"]

    def add(self, view: dict[str, Any]) -> None:
        """Put a panel on the board, in the first place, where it is seen."""
        number = 1 + max((int(panel["key"]) for panel in self.all), default=0)
        self._state["board"] = [{"key": str(number), "view": view}, *self.all]

    def add_series(self) -> None:
        """Add what tells of a series as a whole, unless it is there."""
        if all(panel["view"]["kind"] != "spread" for panel in self.all):
            self.add({"kind": "spread"})

    def arrange(self, told: object) -> None:
        """Move a panel to another one's place, or give it another size, as a browser tells."""
        match told:
            case {"panel": str(key), "to": str(other)}:
                self.move(key, other)
            case {"panel": str(key), "size": {"wide": int(wide), "rows": int() | float() as rows}}:
                self.resize(key, wide, rows)

    def move(self, key: str, other: str) -> None:
        """Put a panel in another one's place; those between make room."""
        keys = [panel["key"] for panel in self.all]
        if key in keys and other in keys:
            by_key = {panel["key"]: panel for panel in self.all}
            place = keys.index(other)
            keys.remove(key)
            keys.insert(place, key)
            self._state["board"] = [by_key[one] for one in keys]

    def resize(self, key: str, wide: int, rows: float) -> None:
        """Let a panel take so many twelfths of the board's width, and so many rows."""
        size = sized(wide, rows)
        self._state["board"] = [panel | ({"size": size} if panel["key"] == key else {}) for panel in self.all]

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
