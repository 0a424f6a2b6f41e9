"""Arrays of any shape and type, and what a function may make of them."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import strategies as st

__all__ = ["FLOATS", "arrays", "kinds", "outcome", "shapes"]

FLOATS = ("float16", "bfloat16", "float32")
OTHERS = ("int8", "uint8", "int32", "uint32", "bool", "complex64")
SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, 1e4, -1e4, 1e-30)


def shapes(least=0, most=5):
    """Draw a shape with few axes of few entries."""
    return st.lists(st.sampled_from((1, 2, 2, 3, 4, 0)), min_size=least, max_size=most).map(tuple)


def kinds():
    """Draw a dtype, a float often."""
    return st.sampled_from(FLOATS * 2 + OTHERS)


@st.composite
def arrays(draw, shape=None, dtype=None):
    """Draw an array of a shape, or of one that a strategy draws; its numbers are finite."""
    shape = draw(shapes()) if shape is None else shape if isinstance(shape, tuple) else draw(shape)
    dtype = draw(kinds()) if dtype is None else dtype
    seed = draw(st.integers(0, 9))
    values = np.random.RandomState(seed).normal(size=shape)
    if values.size:
        values.flat[0] = draw(st.sampled_from(SPECIAL))
    with np.errstate(invalid="ignore", over="ignore"):
        return jnp.asarray(
            np.asarray(values).astype(np.int32).astype(dtype) if dtype in OTHERS[:5] else values,
            dtype,
        )


def outcome(function, *arguments, **keywords):
    """Return what a function makes of arguments, or the line by which it refuses them."""
    try:
        return function(*arguments, **keywords)
    except (ValueError, TypeError) as error:
        line = str(error)
        assert len(line.splitlines()) == 1, line
        return line


def is_float(array):
    return jnp.issubdtype(jnp.result_type(array), jnp.floating)


def wide(*given):
    """Return the type of a result: float32 or better."""
    return jnp.result_type(jnp.float32, *(jax.dtypes.result_type(x) for x in given))
