"""What a run keeps in a bucket besides its checkpoints: files of rows, its lock, its recipe, its past.

The bucket is in memory, and knows what a real one knows: objects that are written whole, and refused where
they have changed.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import runs
import tensorstore
import tiny
from buckets import MemoryBucket, memory_bucket

from gaxjax.cli import main
from gaxjax.errors import InputError, Unwritable, describe_system_error
from gaxjax.files.places import as_path, is_there
from gaxjax.metrics.result import Result
from gaxjax.recipe.serialization import describe, load_recipe
from gaxjax.runs import bucket, lock, rows
from gaxjax.runs.checkpoint import steps_in
from gaxjax.runs.checkpoint_files import check_readable, remove_checkpoint
from gaxjax.runs.history import set_aside
from gaxjax.runs.holder import Holder, this_process
from gaxjax.runs.literal import check_place
from gaxjax.runs.lock import Lock, hold
from gaxjax.runs.lock_file import as_text
from gaxjax.runs.record import (
    Record,
    append_results,
    check_run,
    open_run,
    read_metrics,
    read_results,
    read_run,
)
from gaxjax.runs.rows import RowWriter, append_rows, cut_torn, read_rows
from gaxjax.runs.status import find_runs, read_status
from gaxjax.runs.tensorboard import TensorBoard
from gaxjax.runs.weights_and_biases import WeightsAndBiases
from gaxjax.training.profile import Profile

__all__ = ["memory_bucket"]

RUN = "gs://bucket/runs/a"


def upload(factory: pytest.TempPathFactory, folder: Path, system: MemoryBucket) -> Path:
    """A finished run of two checkpoints, in the bucket; its place there."""
    _, run = tiny.copy(factory, folder)
    system.put(str(run), RUN, recursive=True)
    for step in steps_in(run / "checkpoints"):
        system.pipe(f"{RUN}/checkpoints/{step:09d}/{bucket.COMMIT}", b"done")
    return as_path(RUN)


def test_an_object_is_replaced_by_who_has_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """By tensorstore's own conditions; of two that add to one, neither loses its part."""
    store = tensorstore.KvStore.open({"driver": "memory"}).result()
    monkeypatch.setattr(bucket, "open_store", lambda folder: store)
    path = as_path_without_package("gs://bucket/a")
    absent, first = bucket.read_object(path)
    assert absent is None
    second = bucket.replace_object(path, b"one\n", first)
    assert second and bucket.replace_object(path, b"two\n", first) is None

    def add_meanwhile(path: Path) -> tuple[bytes | None, bytes]:
        monkeypatch.undo()
        monkeypatch.setattr(bucket, "open_store", lambda folder: store)
        stale = bucket.read_object(path)
        bucket.append_object(path, b"two\n")
        return stale

    monkeypatch.setattr(bucket, "read_object", add_meanwhile)
    bucket.append_object(path, b"three\n")
    text, last = bucket.read_object(path)
    assert text == b"one\ntwo\nthree\n"
    assert bucket.replace_object(path, None, second) is None
    assert bucket.replace_object(path, None, last) and bucket.read_object(path)[0] is None


def as_path_without_package(text: str) -> Path:
    """An address as a path, whether the package for it is there or not."""
    from etils import epath

    return epath.Path(text)  # type: ignore[no-any-return]


def test_where_runs_are_kept(memory_bucket: MemoryBucket) -> None:
    assert bucket.store_spec(as_path("gs://bucket/a b/c")) == {
        "driver": "gcs",
        "bucket": "bucket",
        "path": "a b/c/",
    }
    check_place(as_path(RUN))
    with pytest.raises(InputError, match=f"{RUN}: profiles are on a disk alone"):
        Profile(as_path(RUN), 3)
    with pytest.raises(InputError, match=f"{RUN}: files of W&B are on a disk alone"):
        WeightsAndBiases(as_path(RUN), "project", {})
    with pytest.raises(InputError, match="s3://bucket/run: runs are kept on a disk or at gs:// alone"):
        check_place(as_path_without_package("s3://bucket/run"))


def test_files_of_rows(memory_bucket: MemoryBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    path = as_path(f"{RUN}/a.jsonl")
    assert read_rows(path, dict) == []
    append_rows(path, [{"a": 1}])
    append_rows(path, [{"a": 2}, {"a": 3}])
    memory_bucket.pipe(str(path), memory_bucket.cat(str(path)) + b'{"a": 4')  # brought there from a disk
    cut_torn(path)
    assert read_rows(path, dict) == [{"a": 1}, {"a": 2}, {"a": 3}]
    # One that is written as the run goes is there at each checkpoint, and in between from time to time.
    writer = RowWriter(path)
    writer.add({"a": 4})
    assert len(read_rows(path, dict)) == 3
    writer.flush()
    assert len(read_rows(path, dict)) == 4
    monkeypatch.setattr(rows, "UPLOAD", 0.0)
    writer.add({"a": 5})
    assert len(read_rows(path, dict)) == 5
    monkeypatch.undo()


def test_record_goes_on(memory_bucket: MemoryBucket) -> None:
    workdir = as_path(RUN)
    image = np.zeros((1, 4, 4, 1))
    for begin, ends in ((0, (10, 20)), (10, (20, 30))):
        with Record(workdir, begin, 10 * begin) as record:
            for step in ends:
                record.add_metrics(step, 10 * step, {"player/loss": float("nan")})
                record.add_picture(10 * step, image, None, {})
                record.add_results([Result("swd", 1.0, checkpoint=10 * step)])
    assert [row["step"] for row in read_metrics(workdir)] == [10, 20, 30]
    assert [result.checkpoint for result in read_results(workdir)] == [100, 200, 300]
    board = TensorBoard(workdir / "tensorboard", 0)
    board.log(10, {"player/loss": 1.0})
    board.log_image(10, "samples", workdir / "samples" / "0000000100.png")
    board.finish()
    names = {name.removeprefix("/bucket/runs/a/") for name in memory_bucket.find(RUN)}
    assert {"curves.png", "samples.gif", "moments.png", "samples/0000000300.png"} < names
    assert sum(name.startswith("tensorboard/events.out.tfevents.") for name in names) >= 1


def write_lock(system: MemoryBucket, **differing: object) -> Holder:
    """A lock in the bucket like this process's own, but for some fields."""
    holder = replace(this_process(), **differing)  # type: ignore[arg-type]
    system.pipe(f"{RUN}/.lock", as_text(holder))
    return holder


def test_lock(
    memory_bucket: MemoryBucket, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lock, "STALE", 0.2)
    monkeypatch.setattr(lock, "POLL", 0.05)
    workdir = as_path(RUN)
    with hold(workdir), pytest.raises(InputError, match="gs://bucket/runs/a is being trained by process"):
        Lock(workdir).attempt()
    assert not memory_bucket.exists(f"{RUN}/.lock")
    # Of a process that is gone from this machine, at once; of another machine, once it has stood still.
    for differing in ({"process": 2**22 + 1}, {"kernel": "another", "host": "far"}):
        holder = write_lock(memory_bucket, **differing)
        with hold(workdir) as held:
            assert f"{workdir} is taken over from {holder}" in capsys.readouterr().err
            assert held
            held.check()
    # Two that take over at once: the late one finds the other's, and leaves it alone.
    write_lock(memory_bucket, process=2**22 + 1)
    text = memory_bucket.cat(f"{RUN}/.lock")
    early, late = Lock(workdir), Lock(workdir)
    assert early.attempt() and late._remove(text, "the one that is gone") is False
    # And one that slept meanwhile neither writes into it nor takes it away.
    with early:
        write_lock(memory_bucket, host="other")
        early._beat()
        with pytest.raises(Unwritable, match=r"was taken over by process \d+ on other"):
            early.check()
    assert json.loads(memory_bucket.cat(f"{RUN}/.lock"))["host"] == "other"


def test_a_run_is_read_where_it_is(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    memory_bucket: MemoryBucket,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = upload(tmp_path_factory, tmp_path, memory_bucket)
    memory_bucket.pipe(f"{RUN}/modules/beside.py", b"VALUE = 1\n")  # with it, the recipe's file is imported
    assert describe(read_run(run)) == describe(read_run(tmp_path / "run"))
    assert find_runs(as_path("gs://bucket")) == [run]
    steps = steps_in(tmp_path / "run" / "checkpoints")
    status = read_status(run)
    assert (status.checkpoint, status.images, status.holder) == (steps[-1], status.total, "")
    assert status.age is not None and 0 <= status.age < 600
    capsys.readouterr()
    assert main(["status", "gs://bucket/runs"]) == 0
    assert capsys.readouterr().out.startswith(f"{RUN}: 100.0% of ")
    # A checkpoint that was begun, or whose removal was, is none.
    memory_bucket.pipe(f"{RUN}/checkpoints/{steps[-1] + 1:09d}/state/a", b"half")
    check_readable(run / "checkpoints" / f"{steps[-1]:09d}")
    assert steps_in(run / "checkpoints") == steps
    remove_checkpoint(run / "checkpoints" / f"{steps[-1]:09d}", run / ".dropped")
    assert steps_in(run / "checkpoints") == steps[:-1]
    assert not memory_bucket.find(f"{RUN}/checkpoints/{steps[-1]:09d}")


def test_a_record_is_set_aside(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, memory_bucket: MemoryBucket
) -> None:
    run = upload(tmp_path_factory, tmp_path, memory_bucket)
    before = {name.rpartition("/")[2] for name in memory_bucket.find(f"{RUN}/samples")}
    aside = set_aside(run, 0, 0)
    assert aside == run / "before_restart_0"
    assert {name.rpartition("/")[2] for name in memory_bucket.find(f"{aside}/samples")} == before
    assert is_there(aside / "metrics.jsonl") and not is_there(run / "metrics.jsonl")
    assert memory_bucket.find(f"{aside}/tensorboard") and not memory_bucket.find(f"{RUN}/tensorboard")


def test_a_directory_is_made_and_others_are_left_alone(
    tmp_path: Path, memory_bucket: MemoryBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, config = load_recipe(runs.write_recipe(tmp_path))
    run = as_path(RUN)
    memory_bucket.pipe(f"{RUN}/.hidden", b"")
    open_run(run, recipe, config)
    assert describe(read_run(run)) == describe(recipe)
    with pytest.raises(InputError, match="holds a run of another recipe"):
        check_run(run, replace(recipe, seed=recipe.seed + 1))
    memory_bucket.pipe("gs://bucket/photos/a.jpg", b"")
    with pytest.raises(InputError, match="gs://bucket/photos is there and is not a run of gaxjax"):
        check_run(as_path("gs://bucket/photos"), recipe)
    append_results(run, [Result("swd", 1.0)])

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("403, no right")

    # Not taken for a run that is not there yet, which would be begun anew.
    monkeypatch.setattr(MemoryBucket, "info", refuse)
    with pytest.raises(InputError, match=r"gs://bucket/runs/a cannot be reached \(403, no right\)"):
        check_run(run, recipe)


def test_what_a_bucket_refuses_is_no_damage() -> None:
    assert describe_system_error(ValueError("PERMISSION_DENIED: Error reading gs://b/a")).startswith(
        "PERMISSION"
    )
    assert describe_system_error(ValueError("DATA_LOSS: checksum")) == ""
