"""Reasons: what in an example, or in the network, an answer rests on."""
