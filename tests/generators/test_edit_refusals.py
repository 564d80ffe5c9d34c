"""Edits that cannot be: each is refused in a line, before anything is written."""

import shlex
import shutil
from pathlib import Path

import pytest
import runs

from gaxjax import cli
from gaxjax.errors import InputError
from gaxjax.expressions import parse_numbers
from gaxjax.gans.stylegan import StyleGAN
from gaxjax.generators.edits import NAMES
from gaxjax.generators.edits.layers import select_layers
from gaxjax.generators.truncation import check_psi, parse_psi
from gaxjax.networks.progressive import Discriminator
from gaxjax.networks.style import Generator


@pytest.fixture(scope="module")
def folder(
    style_run: Path, conditional_run: Path, coded_run: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Runs of a StyleGAN, a conditional DCGAN, an InfoGAN and a game without latents: `styled`, `runs`."""
    folder = tmp_path_factory.mktemp("runs")
    for name, run in {"style": style_run, "dcgan": conditional_run, "infogan": coded_run}.items():
        shutil.copytree(run, folder / name)
    recipe = runs.write_recipe(folder)
    assert cli.main(["train", f"{recipe}:short", "--workdir", str(folder / "own")]) == 0
    return folder


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("sample dcgan --psi 0.7", "Adversarial has none: leave --psi and --cutoff out"),
        ("sample dcgan --psi 0.7 --seeds 0", "Adversarial has none: leave --psi and --cutoff out"),
        ("sample style --psi 1,0.5 --seeds 0", "--psi has 2 numbers, but there are 4 layers"),
        ("sample style --psi half --seeds 0", "--psi is a number, or one for each layer"),
        ("sample style --seeds 0 --cutoff 2", "--cutoff 2 is how many layers --psi is for"),
        ("sample style --seeds 3-1", "the range 3-1 ends before it begins"),
        ("sample style --seeds 0 --n 4", "--seeds names every latent: leave --n and --seed out"),
        ("sample style --seeds 0 --sampling psi=1", "--sampling is of --n samples, and --seeds makes each"),
        (
            "sample style --sampling crossed=True",
            "options of samples 'crossed=True': StyleGAN takes psi, cutoff",
        ),
        ("sample style --sampling psi=1 --psi 0.5", "--sampling 'psi=1' and --psi say the same: give one of"),
        ("sample style --label 1", "--label 1: the game cannot be asked for it; it is told no classes"),
        ("sample dcgan --label 10", "--label 10: the game cannot be asked for it; its classes are 0 to 9"),
        ("sample dcgan --label -1 --n 4", "--label -1: the game cannot be asked for it; its classes are 0"),
        ("sample style --seeds 0 --label 1", "--label 1: the game cannot be asked for it; it is told no"),
        ("sample dcgan --seeds 0 --label 10", "its classes are 0 to 9"),
        ("sample dcgan --seeds 0 --label 10 --out there.png", "its classes are 0 to 9"),
        (
            "sample dcgan --seeds 0 --label 9 --out there.png",
            "there.png: there already, made by something else",
        ),
        (
            "sample own --seeds 0",
            "Duel makes nothing of single latents, which edits and --seeds are about: it has no generate",
        ),
        ("sample style --seeds 0 --out grid.jpg", "the picture is a PNG"),
        ("edit dcgan mix --rows 0 --columns 1", "mixing takes styles, and Adversarial has none"),
        (
            "edit style mix --rows 0 --columns 1 --layers fine",
            "fine: this generator has none (4-8, 16-32",
        ),
        ("edit style mix --rows 0 --columns 1 --layers 3-4", "0: 4, 1: 4, 2: 8, 3: 8"),
        (
            "edit style mix --rows 0 --columns 1 --layers low",
            "--layers is coarse, middle, fine or numbers",
        ),
        ("edit dcgan interpolate --seeds 0,1 --space w", "--space w is about styles, and Adversarial"),
        ("edit style interpolate --seeds 0", "there are two seeds or more"),
        ("edit dcgan noise", "noise is added to layers of styles, and Adversarial has none"),
        ("edit style noise --count 1", "--count is 2 or more"),
        ("edit dcgan project image.png", "projecting looks for a w, and Adversarial has none"),
        ("edit style project image.png", "image.png is not a file"),
        ("edit style project tiny.py", "tiny.py cannot be used: not an image"),
        ("edit style project tiny.py --psi 0.5", "no --psi"),
        ("edit dcgan arithmetic --plus 0 --minus 1 --also 2 --space w", "Adversarial has none"),
        ("edit style arithmetic --plus 0 --minus -1 --also 2", "--minus is numbers and ranges"),
        ("edit dcgan directions", "latents spread alike in every direction, so theirs would say nothing"),
        (
            "edit dcgan directions --label 3",
            "latents spread alike in every direction, so theirs would say nothing",
        ),
        ("edit style directions --label 3 --classifier cats", "there is no classifier of 'cats'"),
        ("edit style directions --label 10", "--label 10: the classes are 0 to 9"),
        ("sample dcgan --code c1=1", "Adversarial has no codes: they are the parts of a field `code`"),
        ("sample infogan --seeds 0 --code digit=10", "--code digit=10: its classes are 0 to 9"),
        ("edit infogan traverse", "name codes by --code, or take all by --factors; there are digit (c1)"),
        ("edit infogan nearest", "digits has no split 'test' with examples in it"),
        ("edit style stretch", "unknown edit 'stretch'; known: mix, interpolate"),
        ("edit mix --rows 0", "usage: gaxjax edit DIR NAME"),
        ("edit nowhere noise", "nowhere is not a run directory"),
    ],
)
def test_refused(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    message: str,
) -> None:
    monkeypatch.chdir(folder)
    (folder / "there.png").touch()  # a picture of unknown making
    before = sorted(folder.rglob("*"))
    assert cli.main(shlex.split(command)) == 2
    assert message in capsys.readouterr().err
    assert sorted(folder.rglob("*")) == before


def test_progan_has_no_styles() -> None:
    generator = Generator((8, 8, 1), modulation="none", start="latents")
    with pytest.raises(InputError, match=r"a ProGAN \(modulation none\) has none"):
        check_psi(StyleGAN(generator, Discriminator((8, 8, 1))), 0.5, None)


@pytest.mark.parametrize("text", ["", "a", "1-", "-1", "1,,2", "1.5", "1-2-3"])
def test_no_numbers(text: str) -> None:
    with pytest.raises(InputError, match=r"--seeds is numbers and ranges, such as 0-3,7"):
        parse_numbers(text, "--seeds")


def test_layers_by_size() -> None:
    sides = {f"layer_{i}": 4 << (i // 2) for i in range(12)}
    assert select_layers("coarse", sides) == ["layer_0", "layer_1", "layer_2", "layer_3"]
    assert select_layers("middle", sides) == ["layer_4", "layer_5", "layer_6", "layer_7"]
    assert select_layers("fine", sides) == ["layer_8", "layer_9", "layer_10", "layer_11"]
    assert select_layers("9-10,0", sides) == ["layer_0", "layer_9", "layer_10"]
    assert parse_psi("1") == 1.0


@pytest.mark.parametrize("name", NAMES)
def test_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["edit", name, "--help"], ["edit", "run", name, "--help"]):
        with pytest.raises(SystemExit) as stop:
            cli.main(command)
        assert stop.value.code == 0
        text = capsys.readouterr().out
        assert "--label" in text and "--psi" in text and "--out" in text


def test_listing(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["edit"], ["edit", "--help"], ["edit", "run"]):
        assert cli.main(command) == 0
        said = capsys.readouterr().out
        assert all(f"\n  {name} " in said for name in NAMES)
