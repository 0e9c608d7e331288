"""Exports: a run's network as files that other programs read."""

from pathlib import Path
from typing import Any

import torch

from engine.errors import VitrineError
from engine.fields import Fields
from engine.graph.source import source
from engine.training.address import address
from engine.training.evaluating import resting
from engine.training.learner import Learner

KINDS = ("safetensors", "pt", "onnx", "source")


def export(learner: Learner, to: str, path: Path) -> Path:
    """Write the networks to a file, and return the file; of several, weights are called by their addresses."""
    if to not in KINDS:
        raise VitrineError(f"There is no export to {to!r}.", cure=f"Choose one of: {', '.join(KINDS)}.")
    with resting(learner.networks):
        networks = {role: network.eval().cpu() for role, network in learner.networks.items()}
        weights = {
            address(role, name, networks): value.contiguous()
            for role, network in networks.items()
            for name, value in network.state_dict().items()
        }
        if to == "safetensors":
            from safetensors.torch import save_file

            save_file(weights, path)
        elif to == "pt":
            torch.save(weights, path)
        elif to == "source":
            path.write_text(source(learner.experiment.graphs, learner.experiment.name), encoding="utf-8")
        elif len(networks) > 1:
            raise VitrineError(
                f"An ONNX file holds one network; here are {len(networks)}.", cure="Export the source and the weights."
            )
        else:
            _onnx(next(iter(networks.values())), learner, path)
    return path


def _onnx(network: Any, learner: Learner, path: Path) -> None:
    if any(layer.sequence for layer in network.graph.inputs.values()) or isinstance(learner.train.inputs, Fields):
        raise VitrineError(
            "ONNX files are written of networks with one input, whose examples have one length.",
            cure="Export the source and the weights.",
        )
    try:
        import onnxscript  # noqa: F401  torch's exporter needs it
    except ImportError:
        raise VitrineError(
            "Exporting to ONNX needs the extra 'export'.", cure="pip install 'vitrine[export]'"
        ) from None
    example = learner.train.inputs[:2].cpu()
    shapes = {"inputs": ({0: torch.export.Dim("batch")},)}
    torch.onnx.export(network, (example,), path, dynamo=True, dynamic_shapes=shapes, external_data=False, verbose=False)
