"""Graphs: what a network is made of, and everything that can be said of it before it runs."""
