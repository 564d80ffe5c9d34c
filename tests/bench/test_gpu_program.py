"""The reader of programs that were compiled for GPUs, on one that was written by hand."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
PROGRAM = """\
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

ENTRY %main.9 (x: f32[2,3], k: f32[3,3,4,4]) -> f32[2,3] {
  %x = f32[2,3]{1,0} parameter(0)
  %k = f32[3,3,4,4]{3,2,1,0} parameter(1)
  %loop_fusion = f32[2,3]{1,0} fusion(%x), kind=kLoop, calls=%fused_computation, metadata={op_name="step/neg"}
  %conv.2 = (f32[5]{0}, u8[16]{0}) custom-call(%k, %x), custom_call_target="__cudnn$convForward"
  ROOT %result = f32[2,3]{1,0} get-tuple-element(%conv.2), index=0
}
"""


@pytest.fixture
def gpu_program() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        import gpu_program

        yield gpu_program


def test_kernels_and_what_they_move(gpu_program: Any) -> None:
    copy, fusion, conv = gpu_program.parse_kernels(PROGRAM)
    assert (copy.kind, copy.moved, copy.conditional, copy.changes_layout) == (
        "copy",
        2 * 2 * 2048**2,
        True,
        True,
    )
    assert (fusion.kind, fusion.moved, fusion.origin) == ("fusion kLoop", 2 * 24, "step/neg")
    assert not fusion.conditional and not fusion.changes_layout
    assert (conv.kind, conv.moved) == ("__cudnn$convForward", 20 + 16 + 4 * 144 + 24)


def test_report(gpu_program: Any) -> None:
    report = gpu_program.format_report(PROGRAM, top=1)
    assert "| all | 2 | 0.00 | 0.00 | 1 | 0.02 |" in report
    assert "1 change a layout, of 0.02 GiB:" in report
    assert report.endswith("- 16 MiB: copy.7, copy, ")
