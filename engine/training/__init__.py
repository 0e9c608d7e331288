"""Experiments, and how they are learned."""

from engine.training.experiment import Experiment

__all__ = ["Experiment"]
