"""What a compiled program launches, read from its text: kernels, what they move, and how often they run.

Texts are those of `compiled.as_text()`, of programs for TPUs, GPUs and CPUs alike.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from gaxjax.bench.targets.arrays import parse_arrays

NO_KERNELS = {
    *("parameter", "constant", "tuple", "get-tuple-element", "bitcast"),
    *("conditional", "while", "call", "after-all", "partition-id"),
}
LARGE = 2**22
"""Bytes that a layout change moves to be told: more than most kernels have."""


@dataclass(frozen=True)
class Instruction:
    """A line of a program that is launched."""

    name: str
    operation: str
    """such as fusion, all-reduce, copy-start"""
    kind: str
    """the same in more detail, such as "fusion kLoop" or "__cudnn$convForward\""""
    output: str
    """arrays, such as bf16[32,64,64,128]{3,2,1,0}"""
    inputs: str
    """the same, of all arguments"""
    attributes: str
    """what stands behind the arguments"""
    times: int = 1
    """how often a step runs it, if it does: more than once in a loop of known length"""
    conditional: bool = False
    """whether a step may go without it, as without lazy penalties"""
    arguments: str = ""
    """names, or the value of a constant"""

    @property
    def origin(self) -> str:
        """Where in the model it comes from, as far as is known."""
        found = re.search(r"op_name=\"([^\"]+)\"", self.attributes)
        return found[1] if found else ""

    @property
    def traffic(self) -> int:
        """Bytes that it reads from and writes to the large memory once, padding included."""
        if self.operation == "slice-start":
            # Of its argument a part, which is the result: from the large memory, and to where that lies.
            _, part, *_ = parse_arrays(self.output)
            return part.padded_nbytes * (1 + (part.space == 0))
        # What starts another asynchronous copy has its source among its outputs, beside the target.
        both = self.operation.endswith("-start") and self.operation != "all-reduce-start"
        arrays = parse_arrays(self.output if both else f"{self.inputs} {self.output}")
        return sum(a.padded_nbytes for a in arrays if a.space == 0)

    @property
    def changes_layout(self) -> bool:
        """Whether it moves much to change no value."""
        return self.traffic > LARGE and (self.kind in ("copy", "transpose") or "transpose" in self.name)


def parse_instructions(program: str) -> list[Instruction]:
    """All that a program launches, in its order."""
    # Computations inside fusions and reductions are parts of a kernel, and launched by nobody: only what the
    # entry reaches through loops, branches and calls is.
    computations, entry = split_computations(program)
    reached = dict(reach(computations, entry, 1, False))
    return [
        replace(line, times=times, conditional=conditional)
        for name, (times, conditional) in reached.items()
        for line in computations[name]
        if line.operation not in NO_KERNELS and not line.operation.endswith(("-done", "-update"))
    ]


def split_computations(program: str) -> tuple[dict[str, list[Instruction]], str]:
    """Every computation's lines, by its name, and the name of the entry."""
    computations: dict[str, list[Instruction]] = {}
    entry, lines, outputs = "", list[Instruction](), dict[str, str]()
    for text in program.splitlines():
        # A computation's first line; outputs are by name within it.
        if header := re.match(r"(ENTRY )?%?([\w.\-]+) \(.*\{$", text):
            lines, outputs = computations.setdefault(header[2], []), {}
            entry = header[2] if header[1] else entry
            continue
        match = re.match(r"\s+(?:ROOT )?%([\w.\-]+) = (\(.*?\)+|\S+) ([\w\-]+)\((.*)", text)
        if not match:
            continue
        name, output, operation, rest = match.groups()
        outputs[name] = output
        # Up to the closing parenthesis: attributes behind it name computations and not arrays.
        arguments, _, attributes = rest.partition("), ")
        inputs = " ".join(outputs.get(a, "") for a in re.findall(r"%([\w.\-]+)", arguments))
        call = re.search(r"custom_call_target=\"([^\"]+)\"", attributes)
        shape = re.search(r"\bkind=(\w+)", attributes)
        kind = call[1] if call else f"{operation} {shape[1]}" if shape else operation
        line = Instruction(name, operation, kind, output, inputs, attributes, arguments=arguments.strip(")"))
        lines.append(line)
    return computations, entry


def reach(
    computations: dict[str, list[Instruction]], name: str, times: int, conditional: bool
) -> Iterator[tuple[str, tuple[int, bool]]]:
    """(computation, (how often it runs, whether it may not)) of this one and those that it calls."""
    yield name, (times, conditional)
    for line in computations.get(name, []):
        text = line.attributes
        if line.operation == "while":
            bodies, branch = re.findall(r"body=%?([\w.\-]+)", text), False
            each = count_trips(line, computations)
        elif line.operation == "conditional":
            listed = re.findall(r"branch_computations=\{([^}]*)\}", text)
            bodies = [b.strip().lstrip("%") for group in listed for b in group.split(",")]
            bodies += re.findall(r"(?:true|false)_computation=%?([\w.\-]+)", text)
            each, branch = 1, True
        elif line.operation == "call":
            bodies, each, branch = re.findall(r"to_apply=%?([\w.\-]+)", text), 1, False
        else:
            continue
        for body in bodies:
            yield from reach(computations, body, times * each, conditional or branch)


def count_trips(loop: Instruction, computations: dict[str, list[Instruction]]) -> int:
    """How often a loop's body runs; of a length that is not known, once."""
    if length := re.search(r"known_trip_count\D+(\d+)", loop.attributes):
        return int(length[1])
    # Programs for TPUs do not say it. JAX's scans count from 0, as long as that is less than their length.
    condition = re.search(r"condition=%?([\w.\-]+)", loop.attributes)
    lines = computations.get(condition[1], []) if condition else []
    if not lines or not re.match("direction=LT\\b", lines[-1].attributes):
        return 1
    values = {line.name: line.arguments for line in lines if line.operation == "constant"}
    limit = values.get(lines[-1].arguments.rpartition("%")[2], "")
    return int(limit) if limit.isdecimal() else 1
