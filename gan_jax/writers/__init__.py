"""What a run leaves while it trains: metrics as JSON lines and TensorBoard events, and progress."""

from gan_jax.writers.jsonl import JsonlWriter, read_jsonl, truncate_after
from gan_jax.writers.progress import Progress
from gan_jax.writers.tensorboard import TensorBoardWriter

__all__ = ["JsonlWriter", "Progress", "TensorBoardWriter", "read_jsonl", "truncate_after"]
