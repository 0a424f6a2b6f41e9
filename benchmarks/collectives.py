"""What the devices tell each other in a compiled program, read off its HLO text."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Collective", "read_collectives"]

_BITS = {"pred": 8, "token": 0}
_COMPUTATION = re.compile(r"(ENTRY )?%?([\w.-]+) \(.*\{$")
_INSTRUCTION = re.compile(r"\s+(?:ROOT )?%?[\w.-]+ = (.*?) ([a-z][a-z0-9-]*)\(")
_ARRAY = re.compile(r"\b([a-z]+[0-9a-z]*)\[([0-9,]*)\]")
_TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"\}')
_CALLED = re.compile(
    r"\b(body|calls|to_apply|true_computation|false_computation)=%?([\w.-]+)"
    r"|\b(branch_computations)=\{([^}]*)\}"
)
_GROUPS = re.compile(r"replica_groups=(?:\{\{([0-9,]+)\}|\[\d+,(\d+)\])")
# Of the bytes B of the result, what each of n devices sends where they stand in a ring.
_SENT = {
    "all-reduce": lambda n: 2 * (n - 1) / n,
    "all-gather": lambda n: (n - 1) / n,
    "reduce-scatter": lambda n: n - 1,
    "all-to-all": lambda n: (n - 1) / n,
    "ragged-all-to-all": lambda n: (n - 1) / n,
    "collective-permute": lambda n: 1,
    "collective-broadcast": lambda n: 1,
}


class Collective(NamedTuple):
    """An instruction that all devices carry out together.

    Attributes:
      opcode: XLA's name of it.
      arrays: its results, as `f32[784,256]`, the largest first.
      bytes: of its results.
      devices: how many take part.
    """

    opcode: str
    arrays: tuple[str, ...]
    bytes: int
    devices: int

    @property
    def sent(self) -> float:
        """The bytes that each device sends, if the devices stand in a ring."""
        return _SENT[self.opcode](self.devices) * self.bytes


class _Computation(NamedTuple):
    collectives: list[Collective]
    called: list[tuple[str, int | None]]  # and how many times, if that is known


def read_collectives(hlo: str, *, devices: int) -> Counter[Collective]:
    """Count the collectives that one call of a compiled program carries out.

    What is in a loop counts as often as the loop goes round, what is in a branch as if taken.

    Args:
      hlo: the program's text, from `compiled.as_text()`.
      devices: how many the program is for.

    Returns:
      Each collective, and how many times it is carried out.

    Raises:
      ValueError: one is in a loop of unknown length.
    """
    computations, entry = _read(hlo, devices)
    found: Counter[Collective] = Counter()

    def visit(name: str, times: int | None) -> None:
        here = computations.get(name, _Computation([], []))
        for each in here.collectives:
            if times is None:
                raise ValueError(f"{each.opcode} is in a loop of unknown length")
            found[each] += times
        for callee, trips in here.called:
            visit(callee, None if times is None or trips is None else times * trips)

    visit(entry, 1)
    return found


def _read(hlo: str, devices: int) -> tuple[dict[str, _Computation], str]:
    """Read the computations by name, and the name of the one that is the program."""
    computations: dict[str, _Computation] = {}
    entry, here = "", _Computation([], [])
    for line in hlo.splitlines():
        if begun := _COMPUTATION.match(line):
            here = computations.setdefault(begun[2], _Computation([], []))
            entry = begun[2] if begun[1] else entry
        elif found := _INSTRUCTION.match(line):
            result, opcode = found.groups()
            started = opcode.removesuffix("-start")
            if started in _SENT:
                here.collectives.append(_collective(started, result, line, devices))
            here.called.extend(_called(opcode, line))
    return computations, entry


def _called(opcode: str, line: str) -> Iterator[tuple[str, int | None]]:
    trips: int | None = 1
    if opcode == "while":
        known = _TRIPS.search(line)
        trips = int(known[1]) if known else None
    for _, one, _, several in _CALLED.findall(line):
        for name in [one] if one else several.split(","):
            yield name.strip().removeprefix("%"), trips


def _collective(opcode: str, result: str, line: str, devices: int) -> Collective:
    arrays = [f"{dtype}[{shape}]" for dtype, shape in _ARRAY.findall(result)]
    if f" {opcode}-start(" in line and opcode in ("all-gather", "collective-permute"):
        arrays = [max(arrays, key=_bytes)]  # the others are the operand, and what it is noted in
    group = _GROUPS.search(line)
    size = devices
    if group is not None:
        size = len(group[1].split(",")) if group[1] else int(group[2])
    arrays.sort(key=_bytes, reverse=True)
    return Collective(opcode, tuple(arrays), sum(map(_bytes, arrays)), size)


def _bytes(array: str) -> int:
    """Return the size of an array as XLA writes it.

    >>> _bytes("f32[784,256]"), _bytes("bf16[3]"), _bytes("pred[]")
    (802816, 6, 1)
    """
    dtype, _, shape = array.rstrip("]").partition("[")
    bits = _BITS[dtype] if dtype in _BITS else int(re.findall(r"\d+", dtype)[0])
    return math.prod(map(int, filter(None, shape.split(",")))) * bits // 8
