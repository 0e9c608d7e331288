"""Learning: how losses, weights and activity change from step to step."""
