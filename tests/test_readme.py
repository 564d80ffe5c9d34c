"""Every command of the README runs, and its recipe trains."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from gaxjax import cli
from gaxjax.bench import speed as bench

REPOSITORY = Path(__file__).resolve().parents[1]
README = (REPOSITORY / "README.md").read_text()
COMMANDS = [
    line.split("#")[0].strip()
    for block in re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
]
LINES = [line for line in COMMANDS if line.startswith("gaxjax ")]
NARROW = "--gan.generator.features 4 --gan.discriminator.features 4"
SHORT = f"--kimg 0.128 --batch-size 16 --samples 4 --log-kimg 0.064 {NARROW}"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory beside the recipes, as a reader's own checkout would be."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").symlink_to(REPOSITORY / "configs")
    return tmp_path


def test_first_commands_are_the_scripts() -> None:
    assert COMMANDS[:2] == ["bash launch/quickstart.sh", "bash tests/run.sh"]
    assert "tests/run.sh" in (REPOSITORY / ".ci" / "run").read_text()


def test_commands(here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    # It takes longer than all the rest of a benchmark; test_bench.py measures it.
    monkeypatch.setattr(bench, "matmul_rate", lambda dtype, device: 1e11)
    # IMAGE is a picture of one's own: what the samples are drawn to does as well.
    own = [line.replace("IMAGE", "grid.png") for line in LINES if "--data.directory" not in line]
    digits = [shlex.split(line)[1:] for line in own]
    assert {line[0] for line in digits} == {
        "train",
        "sample",
        "edit",
        "show",
        "prepare",
        "table",
        "evaluate",
        "bench",
    }
    for command in digits:
        if command[0] == "train" and "--help" not in command and "--dry-run" not in command:
            command = [*command, *shlex.split(SHORT)]
            if "configs/stylegan_small.py" in command:
                command = [*command, "--gan.generator.mapping-layers", "2"]
        if command[0] == "bench":
            command = [*command, *shlex.split(NARROW)]
        if command[:2] == ["table", "theory"]:  # whose numbers are looked at in test_theory.py
            command = [*command, "--steps", "50"]
        if "--help" in command:
            with pytest.raises(SystemExit) as ended:
                cli.main(command)
            assert ended.value.code == 0
        else:
            assert cli.main(command) == 0, capsys.readouterr().err
    assert (here / "grid.png").stat().st_size > 1000
    assert (here / "runs/digits/curves.png").exists()
    for name in ("seeds", "mix", "interpolate", "noise", "project", "arithmetic", "directions", "threes"):
        assert (here / f"{name}.png").exists() and (here / f"{name}.npz").exists()


@pytest.mark.parametrize("kind", ["folder", "named"])
def test_commands_on_data_of_ones_own(here: Path, shared_data: Path, kind: str) -> None:
    """The two lines with DIR and TFDS, on photographs of facades and on Fashion-MNIST."""
    own = [line for line in LINES if "--data.directory" in line]
    (line,) = [line for line in own if (" folder " in line) == (kind == "folder")]
    directory = shared_data / ("facades" if kind == "folder" else "tfds")
    command = line.replace("TFDS", str(directory)).replace("DIR", str(directory))
    extra = "--data.split train[:64]" if kind == "named" else "--data.split val"
    assert cli.main(shlex.split(f"{command} {SHORT} {extra}")[1:]) == 0


def test_recipe_of_ones_own(here: Path) -> None:
    (recipe,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (here / "mine.py").write_text(recipe)
    arguments = ["train", "mine.py", "--workdir", "runs/mine", *shlex.split(SHORT)]
    assert cli.main(arguments) == 0
    assert cli.main(["sample", "runs/mine", "--n", "4"]) == 0  # its class is found again


def test_launching(here: Path) -> None:
    pod = next(line for line in COMMANDS if "tpu_pod" in line)
    result = subprocess.run(["bash", "-c", pod], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert result.stdout.startswith("gcloud compute tpus tpu-vm create pod --accelerator-type=v4-16")


@pytest.mark.slow
def test_two_processes(here: Path) -> None:
    two = next(line for line in COMMANDS if "local.sh" in line).replace("launch/", f"{REPOSITORY}/launch/")
    path = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(here)}
    subprocess.run(
        ["bash", "-c", f"{two} {' '.join(SHORT.split())}"], cwd=here, env=path, check=True, timeout=300
    )
    assert len((here / "runs/two/metrics.jsonl").read_text().splitlines()) == 2


def test_recipes_are_all_listed() -> None:
    for path in (REPOSITORY / "configs").glob("*.py"):
        assert f"`{path.stem}`" in README
