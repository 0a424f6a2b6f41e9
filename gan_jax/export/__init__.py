"""A trained generator as a folder that needs nothing but JAX to sample from."""

from gan_jax.export.writing import check_new, export_generator

__all__ = ["check_new", "export_generator"]
