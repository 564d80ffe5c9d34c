"""Options of the compiler: passed where it has them, and only to it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gaxjax.parallel import compiler


def test_programs_compile_with_the_options() -> None:
    options = compiler.options()
    assert options.items() >= compiler.KEEP_BARRIERS.items()
    assert jax.jit(lambda x: x + 1, compiler_options=options)(1) == 2


def test_an_option_that_the_compiler_has_not_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "FAST", {"xla_cpu_no_such_option": "1"})
    compiler.has_fast_options.cache_clear()
    try:
        assert compiler.options() == compiler.KEEP_BARRIERS
    finally:
        compiler.has_fast_options.cache_clear()


def test_programs_for_others_than_cpus_have_none() -> None:
    assert compiler.options("tpu") == compiler.options("cuda") == {}


def test_barriers_stay() -> None:
    """What is kept from being computed once is not computed once."""

    def twice(x: jax.Array) -> jax.Array:
        return jnp.sin(x) + jnp.sin(jax.lax.optimization_barrier(x))

    compiled = jax.jit(twice, compiler_options=compiler.options()).lower(np.ones(4, np.float32)).compile()
    assert compiled.as_text().count("sine(") == 2


def test_a_function_of_a_module_is_compiled_when_it_is_called() -> None:
    traced = []

    @compiler.jit
    def added(x: jax.Array, y: jax.Array) -> jax.Array:
        traced.append(x.shape)
        return x + y

    assert not traced
    assert added(1, y=2) == added(3, y=0) == 3
    assert len(traced) == 1
