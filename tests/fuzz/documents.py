"""JSON documents that something happened to."""

import copy
import json

from hypothesis import strategies as st

__all__ = ["broken", "leaves"]

WORDS = (
    "",
    "../up",
    "/etc/passwd",
    "~",
    "a\x00b",
    "a\nb",
    "\ud800",
    "mnist",
    "nan",
    "1",
    "é",
    "x" * 5000,
)
NUMBERS = (
    0,
    -1,
    1,
    2,
    0.5,
    -0.0,
    1e308,
    1e-320,
    float("nan"),
    float("inf"),
    2**31,
    2**63,
    2**64,
    -(2**70),
    10**400,
)


DEEP = b"[" * 2000


def leaves():
    """Draw any JSON value, small or strange."""
    plain = st.none() | st.booleans() | st.sampled_from((*NUMBERS, *WORDS))
    return st.recursive(
        plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=2),
        max_leaves=4,
    )  # fmt: skip


@st.composite
def broken(draw, document):
    """Draw the bytes of a document with a value replaced, added or gone, or of no document."""
    kind = draw(st.sampled_from(("replaced", "replaced", "replaced", "gone", "added", "bytes")))
    whole = json.dumps(document)
    if kind == "bytes":
        cut = draw(st.integers(0, len(whole)))
        odd = (
            b"",
            b"null",
            DEEP,
            b"\xff\xfe",
            b"\xef\xbb\xbf" + whole.encode(),
            b"{}",
            b"[]",
            b'""',
            b"1e999",
        )
        return draw(st.sampled_from((*odd, whole[:cut].encode())) | st.binary(max_size=20))
    changed = copy.deepcopy(document)
    place, key = changed, None
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw(st.sampled_from(keys))
        if (
            not isinstance(place[key], (dict, list))
            or not place[key]
            or not draw(st.integers(0, 3))
        ):
            break
        place = place[key]
    if kind == "gone":
        del place[key]
    elif kind == "added" and isinstance(place, dict):
        place[draw(st.sampled_from(("extra", "workdir", "profile", "devices", "")))] = draw(
            leaves()
        )
    else:
        place[key] = draw(leaves())
    return json.dumps(changed).encode()
