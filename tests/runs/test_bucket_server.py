"""The commands on a server that speaks Google Cloud Storage: what a run on a disk does, it does in a bucket.

Needs gcsfs and gcp-storage-emulator (gcs_server.py).
"""

import json
import signal
import socket
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import runs
import tiny
from folders import save

pytestmark = pytest.mark.slow


class Server:
    """What is in its bucket, asked without the libraries that are tested."""

    def __init__(self, port: int):
        self.address = f"http://127.0.0.1:{port}"
        self.environment = {
            "STORAGE_EMULATOR_HOST": self.address,
            "TENSORSTORE_GCS_HTTP_URL": self.address,
            "GOOGLE_AUTH_TOKEN_FOR_TESTING": "any",
            # It would ask Google itself of which kind the bucket is.
            "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",
        }

    def answers(self) -> bool:
        """Whether it has begun to."""
        try:
            self.ask("/storage/v1/b/bucket").close()
        except OSError:
            return False
        return True

    def names(self, folder: str) -> list[str]:
        """Of the objects below a folder, relative to it."""
        with self.ask(f"/storage/v1/b/bucket/o?prefix={folder}/") as answer:
            items = json.load(answer).get("items", [])
        return [item["name"].removeprefix(f"{folder}/") for item in items]

    def read(self, name: str) -> bytes:
        """What an object holds."""
        with self.ask(f"/storage/v1/b/bucket/o/{urllib.parse.quote(name, safe='')}?alt=media") as answer:
            return answer.read()  # type: ignore[no-any-return]

    def write(self, name: str, content: bytes) -> None:
        """Makes or replaces an object."""
        quoted = urllib.parse.quote(name, safe="")
        self.ask(f"/upload/storage/v1/b/bucket/o?uploadType=media&name={quoted}", content).close()

    def ask(self, request: str, content: bytes | None = None) -> Any:
        """An answer, to be closed."""
        headers = {"Content-Type": "application/octet-stream"}
        return urllib.request.urlopen(urllib.request.Request(self.address + request, content, headers))

    def steps(self, run: str) -> list[int]:
        """The checkpoints that are whole."""
        names = (name.split("/") for name in self.names(f"{run}/checkpoints"))
        return sorted(int(parts[0]) for parts in names if parts[1:] == ["commit_success.txt"])

    def download(self, folder: str, to: Path) -> Path:
        """All of a folder, on the disk."""
        for name in self.names(folder):
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            (to / name).write_bytes(self.read(f"{folder}/{name}"))
        return to

    def command(self, *arguments: str | Path, status: int = 0) -> str:
        """Runs `gaxjax ...` to its end; what it says."""
        code, output, errors = runs.finish(runs.start(*arguments, **self.environment))
        assert code == status, errors
        return output + errors


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One for all tests, each in a folder of its own."""
    pytest.importorskip("gcsfs")
    pytest.importorskip("gcp_storage_emulator")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    script = runs.REPOSITORY / "tests" / "gcs_server.py"
    process = subprocess.Popen(
        [sys.executable, script, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    found = Server(port)
    runs.until(found.answers, process, 30)
    yield found
    process.kill()
    process.wait()


def test_a_run_that_is_killed_ends_as_one_on_a_disk(
    server: Server, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    recipe, whole = tiny.copy(tmp_path_factory, tmp_path)
    command = ("train", recipe, "--workdir", "gs://bucket/killed")
    first = runs.start(*command, **server.environment)
    runs.until(lambda: server.steps("killed"), first)
    first.send_signal(signal.SIGSTOP)  # it lives, but does not come to its end under our eyes
    try:
        errors = server.command(*command, status=2)
        assert f"gs://bucket/killed is being trained by process {first.pid} on " in errors
        assert f"trained by process {first.pid} on " in server.command("status", "gs://bucket")
    finally:
        first.kill()
        first.communicate()
    assert "left no word" in server.command("status", "gs://bucket/killed")
    said = server.command(*command)
    assert f"gs://bucket/killed is taken over from process {first.pid} on " in said
    assert "going on from " in said
    assert ".lock" not in server.names("killed")
    runs.assert_same_run(whole, server.download("killed", tmp_path / "killed"), runs.STEPS)
    # Read, measured and shown from there, also to there.
    shown = ("--n", "4", "--out")
    server.command("sample", "gs://bucket/killed", *shown, "gs://bucket/shown/grid.png")
    server.command("sample", whole, *shown, tmp_path / "grid.png")
    assert server.read("shown/grid.png") == (tmp_path / "grid.png").read_bytes()
    measured = ("--metrics", "fid", "--features", "pixels", "--n", "128", "--real", "128")
    for _ in range(2):
        server.command("evaluate", "gs://bucket/killed", *measured)
    server.command("evaluate", whole, *measured)
    rows = [json.loads(line)["value"] for line in server.read("killed/results.jsonl").splitlines()]
    assert rows == [json.loads((whole / "results.jsonl").read_text())["value"]] * 2
    assert not list(runs.REPOSITORY.glob("gs:*"))


def test_a_damaged_checkpoint_is_passed_over(server: Server, tmp_path: Path) -> None:
    recipe = runs.write_recipe(tmp_path)
    command = ("train", f"{recipe}:short", "--workdir", "gs://bucket/damaged")
    server.command(*command)
    before, last = server.steps("damaged")[-2:]
    folder = f"damaged/checkpoints/{last:09d}/state"
    for name in server.names(folder):
        if name.startswith(("d/", "ocdbt.process_0/d/")):
            content = server.read(f"{folder}/{name}")
            server.write(f"{folder}/{name}", bytes(byte ^ 255 for byte in content))
    said = server.command(*command, "--kimg", "0.32")
    assert f"checkpoint {last} cannot be read, going on from checkpoint {before}" in said
    assert f"damaged_{last:09d}_0" in {name.split("/")[0] for name in server.names("damaged")}
    assert server.steps("damaged")[-1] == 20
    # Without any, the run is refused, and begun anew where that is asked for.
    for step in server.steps("damaged"):
        name = urllib.parse.quote(f"damaged/checkpoints/{step:09d}/commit_success.txt", safe="")
        request = urllib.request.Request(f"{server.address}/storage/v1/b/bucket/o/{name}", method="DELETE")
        urllib.request.urlopen(request).close()
    assert "but it has no checkpoint" in server.command(*command, "--kimg", "0.32", status=2)
    server.command(*command, "--kimg", "0.32", "--restart")
    names = server.names("damaged")
    assert server.steps("damaged")[-1] == 20 and "before_restart_0/metrics.jsonl" in names
    assert "before_restart_0/samples/0000000160.png" in names


def test_images_and_tables(server: Server, tmp_path: Path) -> None:
    images = tmp_path / "images"
    for number in range(32):
        path = save(images / f"{number}.png", 7 * number)
        server.write(f"images/{path.name}", path.read_bytes())
    recipe = runs.write_recipe(tmp_path)
    flags = ("--data.name", "folder", "--data.split", "", "--data.layout", "flat")
    for directory, workdir in ((images, tmp_path / "disk"), ("gs://bucket/images", "gs://bucket/folder")):
        server.command(
            "train", f"{recipe}:short", "--workdir", str(workdir), *flags, "--data.directory", str(directory)
        )
    run = server.download("folder", tmp_path / "folder")
    runs.assert_same_run(tmp_path / "disk", run, runs.steps(tmp_path / "disk")[-1])
    assert json.loads((run / "data.json").read_text()) == json.loads(
        (tmp_path / "disk" / "data.json").read_text()
    )
    table = ("--budget", "smoke", "--seeds", "1", "--only", "ring/minimax_alternating")
    first = server.command("table", "toys", "--out", "gs://bucket/table", *table)
    assert {"toys_ring.md", "toys_ring.csv", "toys_ring.json", "toys_ring.png"} <= set(server.names("table"))
    before = server.read("table/toys_ring.csv")
    again = server.command("table", "toys", "--out", "gs://bucket/table", *table)
    assert "starting" in first and "starting" not in again
    assert server.read("table/toys_ring.csv") == before
