"""Live: the channel from runs to browsers; one computation however many watch."""
