"""What each instruction of a compiled program does, read off its HLO text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["KINDS", "Instruction", "read_instructions"]

KINDS = (
    "convolution",
    "matrix product",
    "collective",
    "reduction",
    "elementwise",
    "copy, transpose",
    "random numbers",
    "loop, call",
    "other",
)

_OPCODES = {
    "convolution": "convolution",
    "matrix product": "dot ragged-dot scaled-dot",
    "collective": "all-gather all-reduce all-to-all collective-broadcast collective-permute "
    "ragged-all-to-all reduce-scatter recv send",
    "reduction": "reduce reduce-window select-and-scatter",
    "copy, transpose": "broadcast concatenate copy dynamic-slice dynamic-update-slice gather iota "
    "pad reshape reverse scatter slice transpose",
    "random numbers": "rng rng-bit-generator rng-get-and-update-state",
    "loop, call": "call conditional while",
    "other": "cholesky custom-call fft infeed outfeed sort topk triangular-solve",
    "": "bitcast constant get-tuple-element parameter tuple",
}
_KIND_OF = {opcode: kind for kind, opcodes in _OPCODES.items() for opcode in opcodes.split()}

_COMPUTATION = re.compile(r"(?:ENTRY )?%?([\w.-]+) \(.*\{$")
_INSTRUCTION = re.compile(r"\s+(?:ROOT )?%?([\w.-]+) = .*? ([a-z][a-z0-9-]*)\(")
_FUSED = re.compile(r"\bcalls=%?([\w.-]+)")
_SOURCE = re.compile(r'\bop_name="([^"]*)"')
_LIBRARY = re.compile(r'\bcustom_call_target="([^"]*)"')
# Of a drawing, XLA keeps the names of the functions of `jax.random` that drew.
_RANDOM = re.compile(r"threefry|random_bits|rng_|jit\(_(bernoulli|normal|randint|uniform)")


class Instruction(NamedTuple):
    """What is known of one instruction.

    Attributes:
      opcode: XLA's name of the operation.
      kind: one of `KINDS`; "" for what takes no time.
      source: where in the JAX program it comes from, `jit(step)/Generator/Dense_0/dot_general`.
    """

    opcode: str
    kind: str
    source: str = ""

    @property
    def holds_others(self) -> bool:
        """Whether other instructions run inside it."""
        return _KIND_OF.get(self.opcode) == "loop, call"


def read_instructions(hlo: str) -> dict[str, Instruction]:
    """Read the instructions of a compiled program by name.

    A fusion is of the kind that weighs most of those in it: one with a matrix product and additions
    is a matrix product, whatever library runs it.

    Args:
      hlo: the program's text, from `compiled.as_text()`.

    Returns:
      The instructions, those within fusions too.

    Example:
      >>> read_instructions("  %y = f32[8]{0} tanh(%x)")["y"].kind
      'elementwise'
    """
    instructions: dict[str, Instruction] = {}
    kinds_within: dict[str, list[str]] = {}
    kinds: list[str] = []
    for line in hlo.splitlines():
        if computation := _COMPUTATION.match(line):
            kinds = kinds_within.setdefault(computation[1], [])
        elif found := _INSTRUCTION.match(line):
            name, opcode = found.groups()
            source = _SOURCE.search(line)
            # A computation stands before those that call it.
            fused = _FUSED.search(line)
            instruction = _instruction(
                opcode.removesuffix("-start").removesuffix("-done"),
                source[1] if source else "",
                kinds_within.get(fused[1]) if fused else None,
                _LIBRARY.search(line),
            )
            instructions[name] = instruction
            kinds.append(instruction.kind)
    return instructions


def _instruction(
    opcode: str, source: str, fused: Sequence[str] | None, library: re.Match[str] | None
) -> Instruction:
    kind = _KIND_OF.get(opcode, "elementwise")
    if fused is not None:
        kind = min(filter(None, fused), key=KINDS.index, default="copy, transpose")
    elif library:
        kind = _library_kind(library[1])
    if _RANDOM.search(source) and kind in ("elementwise", "copy, transpose", "loop, call"):
        kind = "random numbers"
    return Instruction(opcode, kind, source)


def _library_kind(target: str) -> str:
    """Tell by its name what a library's function does, e.g. `__cublas$gemm`."""
    if re.search("conv", target, re.IGNORECASE):
        return "convolution"
    if re.search("gemm|matmul|dot", target, re.IGNORECASE):
        return "matrix product"
    return "random numbers" if _RANDOM.search(target) else "other"
