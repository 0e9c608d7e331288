"""Runs: trainings of experiments, kept in a store and a folder each."""
