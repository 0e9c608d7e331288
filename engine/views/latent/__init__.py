"""Latent: codes of examples, where they lie, and what is made of codes that no example has."""
