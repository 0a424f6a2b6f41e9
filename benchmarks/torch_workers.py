"""Two PyTorch processes side by side, each with one thread and half of a sweep's seeds."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import numpy as np

from benchmarks.gate import Side

__all__ = ["two_workers"]


@contextmanager
def two_workers(seeds: int, batches: np.ndarray) -> Iterator[Side]:
    """Start two processes that play seeds of `mlp2d` whenever asked, and end them afterwards.

    Args:
      seeds: how many games, split evenly.
      batches: [K, B, 2], the reals of each step.

    Yields:
      A side whose call takes `seeds * K` steps; starting the processes is not part of it.
    """
    context = multiprocessing.get_context("spawn")
    pairs = [context.Pipe() for _ in range(2)]
    pipes = [here for here, _ in pairs]
    workers = [
        context.Process(target=_work, args=(there, seeds // 2, batches), daemon=True)
        for _, there in pairs
    ]
    for worker, (_, there) in zip(workers, pairs, strict=True):
        worker.start()
        there.close()

    def run(calls: int) -> None:
        for _ in range(calls):
            for pipe in pipes:
                pipe.send("go")
            for pipe in pipes:
                pipe.recv()

    try:
        for pipe in pipes:
            pipe.recv()
        yield Side(run, steps=seeds * len(batches))
    finally:
        for pipe in pipes:
            pipe.close()
        for worker in workers:
            worker.join()


def _work(pipe: Connection, seeds: int, batches: np.ndarray) -> None:
    """Play a sweep for each message, until there are no more."""
    import torch

    from benchmarks import torch_games

    torch.set_num_threads(1)
    games = [torch_games.mlp2d() for _ in range(seeds)]
    reals = torch.from_numpy(batches)
    pipe.send("ready")
    while True:
        try:
            pipe.recv()
        except EOFError:
            return
        torch_games.sweep(games, reals)
        pipe.send("done")
