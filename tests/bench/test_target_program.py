"""The reader of compiled programs, on texts that were written by hand."""

from pathlib import Path

import pytest

from gaxjax.bench.targets import report
from gaxjax.bench.targets.arrays import parse_arrays
from gaxjax.bench.targets.chips import CHIPS
from gaxjax.bench.targets.collectives import find_collectives
from gaxjax.bench.targets.instructions import parse_instructions

PAGE = Path(__file__).resolve().parents[2] / "docs/targets.md"
GPU = """\
HloModule jit_step, is_scheduled=true

%fused_computation (param_0: f32[2,3]) -> f32[2,3] {
  %param_0 = f32[2,3]{1,0} parameter(0)
  ROOT %negate.1 = f32[2,3]{1,0} negate(%param_0)
}

%branch_0 (arg: (bf16[2048,2048])) -> (bf16[2048,2048]) {
  %arg = (bf16[2048,2048]{1,0}) parameter(0)
  %inside = bf16[2048,2048]{1,0} get-tuple-element(%arg), index=0
  %copy.7 = bf16[2048,2048]{0,1} copy(%inside)
  ROOT %tuple.1 = (bf16[2048,2048]{0,1}) tuple(%copy.7)
}

%branch_1 (arg.1: (bf16[2048,2048])) -> (bf16[2048,2048]) {
  ROOT %arg.1 = (bf16[2048,2048]{1,0}) parameter(0)
}

ENTRY %main.9 (x: f32[2,3], k: f32[3,3,4,4]) -> f32[2,3] {
  %x = f32[2,3]{1,0} parameter(0)
  %k = f32[3,3,4,4]{3,2,1,0} parameter(1)
  %loop_fusion = f32[2,3]{1,0} fusion(%x), kind=kLoop, calls=%fused_computation, metadata={op_name="step/neg"}
  %conv.2 = (f32[5]{0}, u8[16]{0}) custom-call(%k, %x), custom_call_target="__cudnn$convForward"
  %due = (bf16[2048,2048]{1,0}) conditional(%x, %k), branch_computations={%branch_0, %branch_1}
  ROOT %result = f32[2,3]{1,0} get-tuple-element(%conv.2), index=0
}
"""
TPU = """\
HloModule jit_advance, is_scheduled=true

%add (a: f32[], b: f32[]) -> f32[] {
  %a = f32[]{:T(128)} parameter(0)
  %b = f32[]{:T(128)} parameter(1)
  ROOT %sum = f32[]{:T(128)} add(%a, %b)
}

%body (carry: f32[4,64]) -> f32[4,64] {
  %carry = f32[4,64]{1,0:T(4,128)} parameter(0)
  ROOT %all-reduce.1 = f32[4,64]{1,0:T(4,128)S(1)} all-reduce(%carry), to_apply=%add, \
metadata={op_name="jit(advance)/transpose(jvp(loss))/discriminator/Conv_0/conv_general_dilated"}
}

%condition (carry.1: (s32[], f32[4,64])) -> pred[] {
  %length = s32[]{:T(128)} constant(5)
  %carry.1 = (s32[]{:T(128)}, f32[4,64]{1,0:T(4,128)}) parameter(0)
  %i = s32[]{:T(128)} get-tuple-element(%carry.1), index=0
  ROOT %lt.1 = pred[]{:T(512)} compare(%i, %length), direction=LT
}

ENTRY %main (p: bf16[3,8], w: f32[4,64]) -> f32[4,64] {
  %p = bf16[3,8]{1,0:T(8,128)(2,1)} parameter(0)
  %w = f32[4,64]{1,0:T(4,128)} parameter(1)
  %copy-start.1 = (bf16[3,8]{1,0:T(8,128)(2,1)S(1)}, bf16[3,8]{1,0:T(8,128)(2,1)}, u32[]{:S(2)}) \
copy-start(%p)
  %slice-start.1 = ((f32[4,64]{1,0:T(4,128)}), f32[2,64]{1,0:T(2,128)S(1)}, s32[]{:S(2)}) slice-start(%w)
  %copy-done.1 = bf16[3,8]{1,0:T(8,128)(2,1)S(1)} copy-done(%copy-start.1)
  %sums = (f32[64]{0:T(128)S(1)}, f32[64]{0:T(128)S(1)}) all-reduce(%w, %w), to_apply=%add, \
metadata={op_name="jit(advance)/jvp(loss)/generator/BatchNorm_2/reduce_sum"}
  %back = (f32[64]{0:T(128)}, f32[64]{0:T(128)S(1)}, u32[]{:S(2)}) copy-start(%sums)
  %gather = (bf16[3,8]{1,0}, bf16[6,8]{1,0}) all-gather-start(%copy-done.1), dimensions={0}
  %gathered = bf16[6,8]{1,0} all-gather-done(%gather)
  ROOT %loop = f32[4,64]{1,0:T(4,128)} while(%w), condition=%condition, body=%body
}
"""


def test_kernels_and_what_they_move() -> None:
    fusion, conv, copy = parse_instructions(GPU)
    assert (copy.kind, copy.traffic, copy.conditional, copy.changes_layout) == (
        "copy",
        2 * 2 * 2048**2,
        True,
        True,
    )
    assert (fusion.kind, fusion.traffic, fusion.origin) == ("fusion kLoop", 2 * 24, "step/neg")
    assert not fusion.conditional and not fusion.changes_layout
    assert (conv.kind, conv.traffic) == ("__cudnn$convForward", 20 + 16 + 4 * 144 + 24)


def test_table_of_kernels() -> None:
    lines = list(report.format_kernels(parse_instructions(GPU), CHIPS["h100"], top=1))
    assert "| all | 2 | 0.00 | 0.00 | 1 | 0.02 |" in lines
    assert "1 change a layout, of 0.02 GiB:" in lines
    assert lines[-1] == "- 16 MiB: copy.7, copy, "


def test_arrays_take_whole_tiles() -> None:
    text = "bf16[64,8,8,96]{3,0,2,1:T(8,128)(2,1)S(1)} f32[3,5]{0,1:T(2,128)} f32[300]{0:T(256)} s4[3]{0}"
    packed, turned, flat, small = parse_arrays(text)
    assert (packed.nbytes, packed.padded_nbytes, packed.space) == (64 * 64 * 96 * 2, 64 * 64 * 128 * 2, 1)
    # Minor is the axis of 3: 5 x 3 in tiles of 2 x 128.
    assert (turned.nbytes, turned.padded_nbytes, turned.space) == (60, 6 * 128 * 4, 0)
    assert (flat.padded_nbytes, small.nbytes) == (512 * 4, 2)


def test_loops_count_and_memory_on_the_chip_does_not() -> None:
    lines = {line.name: line for line in parse_instructions(TPU)}
    assert set(lines) == {"copy-start.1", "slice-start.1", "sums", "back", "gather", "all-reduce.1"}
    # Read from the large memory, 8 x 128 of 2 bytes, and written to the small one.
    assert lines["copy-start.1"].traffic == 2048
    # A part alone, and what goes back.
    assert lines["slice-start.1"].traffic == 2 * 128 * 4 and lines["back"].traffic == 128 * 4
    assert lines["sums"].traffic == 2 * 4 * 128 * 4
    assert (lines["all-reduce.1"].times, lines["sums"].times) == (5, 1)


def test_lengths_of_loops() -> None:
    """As the compiler says it, else as a scan asks for it; one that waits for something else counts once."""
    for text, other, times in (
        ("body=%body", 'body=%body, backend_config={"known_trip_count":{"n":"7"}}', 7),
        ("compare(%i, %length)", "compare(%i, %i)", 1),
        ("direction=LT", "direction=NE", 1),
    ):
        lines = {line.name: line for line in parse_instructions(TPU.replace(text, other))}
        assert lines["all-reduce.1"].times == times


def test_collectives() -> None:
    sums, gather, gradient = find_collectives(parse_instructions(TPU))
    assert (sums.operation, sums.nbytes, sums.arrays) == ("all-reduce", 2048, 2)
    assert (gather.operation, gather.nbytes, gather.arrays) == ("all-gather", 6 * 8 * 2, 1)
    assert (gradient.nbytes, gradient.times, gradient.conditional) == (1024, 5, False)


def test_table_of_collectives() -> None:
    head, _, first, *_ = report.format_collectives(find_collectives(parse_instructions(TPU)), devices=4)
    assert head.count("|") == first.count("|") == 8
    # The largest over its times comes first; around a ring of 4 three halves of it are sent, in a tree all of
    # it twice.
    assert first == ("| all-reduce | 1 | 5 | 1.0 | 1.5 | 2.0 | discriminator/Conv_0/conv_general_dilated |")
    assert list(report.format_collectives([], 1)) == ["Nothing is sent from one device to another."]


@pytest.mark.parametrize("name", list(CHIPS))
def test_every_chip_says_its_rates_and_where_they_are_from(name: str) -> None:
    chip = CHIPS[name]
    assert chip.name == name and chip.source and chip.domain >= 8
    # As the page has them.
    rates = [chip.bfloat16 / 1e12, chip.float32 / 1e12, round(chip.memory / 1e9), chip.bandwidth / 1e9]
    row = " | ".join([name, *(f"{rate:g}" for rate in (*rates, chip.link / 1e9)), f"{chip.domain:,}"])
    assert f"| {row} | " in PAGE.read_text() and chip.source in PAGE.read_text()
    # Of one order in all of these years: a figure in other units would stand out.
    assert 1e14 < chip.float32 <= chip.bfloat16 < 1e16 and 1e10 < chip.memory < 1e12
    assert 1e11 < chip.link < chip.bandwidth < 1e13 and chip.network < chip.link
