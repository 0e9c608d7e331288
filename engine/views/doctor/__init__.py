"""Doctor: what goes wrong while networks learn, with the evidence, and what can be done about it."""
