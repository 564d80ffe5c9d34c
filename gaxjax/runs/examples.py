"""What samples need of the data that a run was trained on, kept with the run, so that it needs no data.

examples.npz: shapes, the number of classes, and where samples are made of more than labels, such as of images
to translate, the examples of the sample grids.
"""

import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.extend.core import Var

from gaxjax.data import Source, open_source
from gaxjax.data.points import Points
from gaxjax.data.source import Batch, Spec
from gaxjax.errors import InputError
from gaxjax.files import write_arrays
from gaxjax.game import GAN, sample
from gaxjax.programs.program import StageProgram, abstract_batch
from gaxjax.recipe import Recipe

FILE, NOTE = "examples.npz", "note"


class Examples(NamedTuple):
    """Of a run's data."""

    spec: Spec
    """shape and dtype of one example, by name"""
    classes: int | None
    """of the labels, if there are any"""
    arrays: Batch
    """the examples, [samples, ...] by name; none where samples are made of labels or of nothing"""

    @property
    def number(self) -> int | None:
        """Examples that there are; None: any."""
        return min((len(array) for array in self.arrays.values()), default=None)

    def batch(self, n: int) -> Batch | None:
        """So many, spread over those that there are, or with classes in order; None: there are fewer."""
        if self.number is None:
            zeros: Batch = {name: np.zeros((n, *x.shape), x.dtype) for name, x in self.spec.items()}
            # Classes in order, as the grids have them.
            labels = np.arange(n) * (self.classes or 0) // n
            return zeros | {"label": labels.astype(np.int32)} if "label" in self.spec else zeros
        if n > self.number:
            return None
        rows = np.linspace(0, self.number - 1, n).astype(np.int64)
        return {name: array[rows] for name, array in self.arrays.items()}


def write_examples(workdir: Path, source: Source, programs: Sequence[StageProgram]) -> None:
    """Writes what samples need, once; nothing for points, which are drawn and not read."""
    path, samples = workdir / FILE, programs[0].recipe.samples
    if path.exists() or isinstance(source, Points):
        return
    # Traced and not asked of the game: samples of labels alone need no image, and one of a game of one's own
    # need not say what it reads.
    batch = abstract_batch(source.spec, samples)
    names: set[str] = set()
    for program in programs:

        def sample_batch(batch: Any, state: Any, gan: GAN = program.stage.gan) -> Any:
            return sample(gan, state, batch, jax.random.key(0))

        names |= needed_names(sample_batch, batch, program.state)
    # Whole examples, so that what belongs together stays so.
    arrays = fixed_batch(source, samples) if names - {"label"} else {}
    shapes = {name: [x.shape, np.dtype(x.dtype).name] for name, x in source.spec.items()}
    note = json.dumps({"spec": shapes, "classes": source.classes})
    write_arrays(path, {NOTE: np.array(note), **{f"example {name}": x for name, x in arrays.items()}})


def needed_names(function: Callable[..., Any], batch: Mapping[str, Any], state: Any) -> set[str]:
    """The names in a batch whose values, and not their shapes alone, a function of batch and state needs."""
    program = jax.make_jaxpr(function)(batch, state).jaxpr
    variables = {x for x in program.outvars if isinstance(x, Var)}
    # From the results back. All that goes into an equation counts, also into a whole loop or function, of
    # which it may use a part: too much may be kept, never too little.
    for equation in reversed(program.eqns):
        if not variables.isdisjoint(equation.outvars):
            variables |= {x for x in equation.invars if isinstance(x, Var)}
    return {name for name, x in zip(sorted(batch), program.invars, strict=False) if x in variables}


def read_examples(workdir: Path) -> Examples | None:
    """What a run keeps; None where it was begun without."""
    path = workdir / FILE
    if not path.exists():
        return None
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
            arrays = {name.removeprefix("example "): stored[name] for name in stored if name != NOTE}
            note = json.loads(str(stored[NOTE]))
        spec = {name: jax.ShapeDtypeStruct(shape, dtype) for name, (shape, dtype) in note["spec"].items()}
        return Examples(spec, note["classes"], arrays)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path} cannot be read ({error}): remove it, and the data are opened in its place"
        ) from error


def read_shapes(workdir: Path, recipe: Recipe) -> tuple[Spec, int | None]:
    """Shapes and dtypes of an example, and the number of classes: from the run, or else from its data."""
    source = read_examples(workdir) or open_source(recipe.data)
    return source.spec, source.classes


def fixed_batch(source: Source, n: int) -> dict[str, np.ndarray]:
    """The examples that go with the sample grids (sources, labels), spread over the set; classes in order."""
    if not source.classes:
        return source.take(np.linspace(0, len(source) - 1, n).astype(np.int64))
    if source.labels is not None:
        return source.take(rows_of_classes(source.labels, n))
    # Where labels are not known, from some more examples: a class without any there has no row.
    more = max(n, min(16 * n, len(source)))
    batch = source.take(np.linspace(0, len(source) - 1, more).astype(np.int64))
    rows = rows_of_classes(batch["label"], n)
    return {name: values[rows] for name, values in batch.items()}


def rows_of_classes(labels: np.ndarray, n: int) -> np.ndarray:
    """Indices of n examples, as many of each class that there is, classes in order.

    >>> rows_of_classes(np.array([0, 0, 5, 0, 2, 0]), 6)
    array([0, 3, 4, 4, 2, 2])
    """
    classes = np.unique(labels)
    # Equal parts as far as whole numbers go; of more classes than cells, some have none.
    row_labels, rows = np.unique(classes[np.arange(n) * len(classes) // n], return_counts=True)
    indices = []
    for label, row in zip(row_labels, rows, strict=True):
        members = np.flatnonzero(labels == label)
        # Spread over those of the class, and each again and again where there are fewer than cells.
        indices.append(members[np.arange(row) * len(members) // row])
    return np.concatenate(indices)
