"""Lets `python -m engine` be the command `vitrine`."""

from engine.cli import main

main()
