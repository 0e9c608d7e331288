"""Pages: widgets and calls, nothing that computes."""
