"""The engine: build, count, run and explain networks, without any browser."""
