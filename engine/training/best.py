"""Best: the weights to go back to, where a recipe stops early."""

from dataclasses import dataclass, field

import torch

from engine.training.recipe import Recipe


@dataclass
class Best:
    """The best validation score so far, and since how many epochs it stands."""

    score: float = float("-inf")
    epochs: int = 0
    weights: dict[str, dict[str, torch.Tensor]] = field(default_factory=dict)

    def stuck(self, recipe: Recipe) -> bool:
        """Return whether no epoch has been better for as long as the recipe is patient."""
        return bool(recipe.patience) and self.epochs >= (recipe.patience or 0)

    def last_words(self, recipe: Recipe, epoch: int) -> str:
        """Return that learning stopped early and what was kept, where it was so."""
        if not self.stuck(recipe):
            return ""
        words = f"Stopped early: {self.epochs} epochs without a better validation score."
        return f"{words} The weights are those of epoch {epoch - self.epochs}." if self.weights else words
