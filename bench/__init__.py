"""Benchmarks of the whole program: what it adds to a turn, how fast it falls silent, how fast it starts. `make bench` runs them."""
