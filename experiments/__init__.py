"""One page per experiment: run it with `python -m experiments.NAME`."""
