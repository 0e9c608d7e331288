"""Answers: what a network says of examples, and how it fares."""
