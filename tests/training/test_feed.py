"""What steps are fed: the same examples from devices as from the host, and any number of steps in a call."""

import json
from pathlib import Path

import jax
import numpy as np
import pytest
import runs

from gaxjax import cli, parallel
from gaxjax.data import Data, Loader, Source, assemble_batch, open_source, reduce_images
from gaxjax.data.jitter import Jittered
from gaxjax.data.labeled import Labeled
from gaxjax.data.opening import InMemory
from gaxjax.data.stacked import StackedDigits
from gaxjax.errors import InputError
from gaxjax.programs.events import Events
from gaxjax.runs import open as open_run


@pytest.fixture(scope="module")
def digits() -> Source:
    return open_source(Data("digits", shape=(8, 8, 1)))


def pairs(folder: Path) -> Source:
    """Twenty halves of images, in orders of their own."""
    from PIL import Image

    draw = np.random.default_rng(0)
    for number in range(20):
        image = draw.integers(0, 256, (4, 8, 3), dtype=np.uint8)
        Image.fromarray(image).save(folder / f"{number}.png")
    data = Data("folder", shape=(4, 4, 3), directory=str(folder), layout="halves", paired=False)
    return open_source(data)


@pytest.mark.parametrize("kind", ["kept", "stacked", "reduced", "unpaired", "labeled", "jittered"])
@pytest.mark.parametrize("flip", [False, True])
def test_what_is_gathered_on_the_device_is_what_would_have_been_loaded(
    kind: str, flip: bool, digits: Source, tmp_path: Path
) -> None:
    source = {
        "kept": lambda: digits,
        "stacked": lambda: StackedDigits(digits),
        "reduced": lambda: reduce_images(digits, (4, 4, 1)),
        "unpaired": lambda: pairs(tmp_path),
        "labeled": lambda: Labeled(digits, 40, share=0.5),
        "jittered": lambda: Jittered(digits, (7, 7, 1)),
    }[kind]()
    assert source.tables is not None
    gather = jax.jit(lambda tables, chosen: assemble_batch(source, tables, chosen))
    tables = jax.device_put(source.tables)
    options = {"batch_size": 6, "minibatches": 2, "seed": 3, "flip": flip}
    with Loader(source, **options) as loader, Loader(source, choose=True, **options) as chooser:
        for _ in range(4):
            expected, chosen = next(loader), next(chooser)
            assert sum(x.nbytes for x in chosen.values()) <= sum(x.nbytes for x in expected.values()) / 4
            found = gather(tables, chosen)
            assert found.keys() == expected.keys()
            for name, values in expected.items():
                assert found[name].dtype == values.dtype
                np.testing.assert_array_equal(found[name], values)


def test_a_reduced_set_is_reduced_once(digits: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    small = reduce_images(digits, (4, 4, 1))
    first = small.take(np.arange(5))
    monkeypatch.setattr(type(small), "block_means", lambda *_: pytest.fail("reduced again"))
    np.testing.assert_array_equal(small.take(np.arange(5))["image"], first["image"])


def test_a_source_without_tables_cannot_choose() -> None:
    source = open_source(Data("ring", shape=(2,)))
    assert not isinstance(source, InMemory) and source.tables is None
    with pytest.raises(InputError, match="Points has no tables to choose from; use choose=False"):
        Loader(source, 4, choose=True)


def test_calls_end_at_every_event() -> None:
    every = {"log": 7, "sample": 10, "checkpoint": 25}
    for step, first, longest in ((0, 0, 1), (0, 0, 4), (13, 5, 1000), (31, 5, 8)):
        ends = list(np.cumsum([step, *Events(first, 60, every).call_lengths(step, longest)]))
        assert ends[0] == step and ends[-1] == 60
        assert max(np.diff(ends)) <= longest
        events = {
            s for s in range(step + 1, 61) if s % 7 == 0 or (s - first) % 10 == 0 or (s - first) % 25 == 0
        }
        assert events <= set(ends)


def test_what_is_due_is_counted_from_the_stage_but_for_rows() -> None:
    events = Events(5, 17, {"log": 4, "sample": 4})
    due = {name: [step for step in range(5, 18) if events.due(name, step)] for name in events.intervals}
    assert due == {"log": [8, 12, 16, 17], "sample": [5, 9, 13, 17]}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return runs.write_recipe(tmp_path_factory.mktemp("recipe"))


def outcome(recipe: Path, workdir: Path, *flags: str) -> dict[str, np.ndarray]:
    """Everything that a run ends with, and its rows."""
    assert cli.main(["train", f"{recipe}:short", "--workdir", str(workdir), *flags]) == 0
    state = open_run(workdir).state
    rows = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    timed = ("seconds", "images_per_second")
    numbers = [[x for name, x in sorted(row.items()) if name not in timed] for row in rows]
    leaves = {jax.tree_util.keystr(path): x for path, x in jax.tree_util.tree_leaves_with_path(state)}
    return {**{name: np.asarray(x) for name, x in leaves.items()}, "rows": np.array(numbers)}


@pytest.fixture(scope="module")
def one_at_a_time(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    return outcome(recipe, tmp_path_factory.mktemp("one") / "run")


def assert_equal(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert found.keys() == expected.keys() and len(found) > 20
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def test_how_steps_are_sent_off_changes_no_bit_even_between_two_starts(
    recipe: Path, one_at_a_time: dict[str, np.ndarray], tmp_path: Path
) -> None:
    outcome(recipe, tmp_path / "run", "--kimg", "0.048", "--data.resident", "0")  # three steps
    found = outcome(recipe, tmp_path / "run", "--steps-per-call", "3")
    assert len(found.pop("rows")) == 1 + len(
        one_at_a_time["rows"]
    )  # the first start's end has a row of its own
    assert_equal(found, {name: x for name, x in one_at_a_time.items() if name != "rows"})


def test_nothing_comes_from_the_host_inside_a_call(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guard of the loop would see it: here the key is one of the host's."""
    pmapped = parallel.pmapped

    def careless(*arguments: object) -> object:
        advance = pmapped(*arguments)  # type: ignore[arg-type]
        return lambda carry, fed, key: advance(carry, fed._replace(steps=np.int32(1)), key)

    monkeypatch.setattr(parallel, "pmapped", careless)
    with pytest.raises(Exception, match="Disallowed host-to-device transfer"):
        cli.main(["train", f"{recipe}:short", "--workdir", str(tmp_path / "run"), "--steps-per-call", "2"])


def test_steps_per_call_is_checked(recipe: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.main(["train", str(recipe), "--workdir", str(tmp_path / "x"), "--steps-per-call", "0"]) == 2
    assert "steps_per_call must be at least 1; got 0" in capsys.readouterr().err
