"""Translates images with a run and writes them, with a page: what the command `gaxjax translate` does."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from gaxjax.data.images import DamagedError, halves, list_damage, open_picture, verify
from gaxjax.data.listing import list_images
from gaxjax.errors import InputError, check_seed
from gaxjax.files import write_bytes
from gaxjax.generators.domains import Domain
from gaxjax.generators.translator import Translator, pixels_of_picture
from gaxjax.pictures.images import save_image
from gaxjax.pictures.page import Picture, Row, write_page

COMMAND, PAGE = "command.json", "index.html"
"""What made a folder of translations, and their page."""


@dataclass(frozen=True)
class Translation:
    """What is translated, into what."""

    run: Path
    images: tuple[Path, ...]
    """files, and folders of them"""
    out: Path
    """folder: its subfolders inputs, outputs and targets keep the names of the images"""
    direction: str = ""
    """such as "a-to-b"; empty: the game's first"""
    domains: tuple[str, ...] = ()
    """that a game with several is asked for; none: all"""
    n: int = 1
    """outputs of each image"""
    seed: int = 0
    """of what is random"""
    targets: Path | None = None
    """folder of images of the same names that are shown beside"""
    halves: bool = False
    """whether images are pairs side by side: one half is translated, and the other is its target"""
    checkpoint: Literal["last", "best"] = "last"


class Input(NamedTuple):
    """One image to translate."""

    name: Path
    """without a suffix, relative to the folders of what is written"""
    file: Path
    target: Path | None


def translate(options: Translation) -> list[str]:
    """Does it and writes the files, each whole or not at all; what there is to say, the page's path last.

    Raises InputError before anything is written where something cannot be used or would be overwritten.
    """
    if options.n < 1:
        raise InputError(f"--n, the number of outputs, must be at least 1; got {options.n}")
    check_seed(options.seed, "--seed")
    if options.halves and options.targets:
        raise InputError("--halves takes the other half as the target: leave --targets out")
    inputs = list_inputs(options.images, options.targets)
    check_out(options)
    translator = Translator(options.run, options.direction, options.domains, options.checkpoint == "best")
    check_translator(translator, options)
    # First: it says whose the other files are.
    write_bytes(options.out / COMMAND, describe_command(options))
    rows = [translate_input(each, translator, options) for each in inputs]
    title = f"{options.run.name}, {translator.source} to {translator.target}"
    columns = ["input", *(label for label, *_ in kinds(translator, options.n))]
    columns += ["target"] if options.targets or options.halves else []
    lines = [
        f"{len(inputs):,} images, {translator.describe_direction()}",
        *translator.describe_fits(sum("; " in row.note for row in rows)),
    ]
    return [*lines, str(write_page(options.out / PAGE, title, lines, columns, rows))]


def list_inputs(images: Sequence[Path], targets: Path | None) -> list[Input]:
    """Every image, with its target; InputError for those that cannot be used, of which each is named."""
    if not images:
        raise InputError("say what is translated: images, or folders of them")
    inputs: dict[Path, Input] = {}
    partners = partners_of(targets) if targets else {}
    damaged = []
    for file, name in list_files(images):
        if name in inputs:
            raise InputError(
                f"{inputs[name].file} and {file} would both be written as {name}.png: rename one"
            )
        inputs[name] = Input(name, file, partners.get(name))
        try:
            verify(file)
        except DamagedError as error:
            damaged.append((str(file), str(error)))
        if targets and name not in partners:
            damaged.append((str(file), f"it has no target, an image of this name in {targets}"))
    if damaged:
        count = f"{len(damaged)} of {len(inputs)} images"
        raise InputError(f"{count} cannot be used:\n{list_damage(damaged)}")
    return list(inputs.values())


def list_files(images: Sequence[Path]) -> Iterator[tuple[Path, Path]]:
    """(file, its name without a suffix) of files, and of those in folders with the subfolders in the name."""
    for path in images:
        if path.is_dir():
            yield from ((path / file, file.with_suffix("")) for file in list_images(path).files)
        elif path.exists():
            yield path, Path(path.name).with_suffix("")
        else:
            raise InputError(f"{path} does not exist; give images, or folders of them")


def partners_of(targets: Path) -> dict[Path, Path]:
    """The images of a folder by name without a suffix."""
    if not targets.is_dir():
        raise InputError(f"--targets {targets} is not a folder of images")
    return {name: file for file, name in list_files([targets])}


def check_out(options: Translation) -> None:
    """InputError where the folder has files of anything but the same command."""
    out = options.out
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out} is a file; name a folder")
    if not out.exists() or not any(out.iterdir()):
        return
    maker = (out / COMMAND).read_bytes() if (out / COMMAND).exists() else b"something else"
    if maker != describe_command(options):
        raise InputError(
            f"{out} has files already, made by {maker.decode(errors='replace')}; only the same command "
            "replaces its files: use another --out"
        )


def describe_command(options: Translation) -> bytes:
    """All that says what is made, as JSON; where it goes does not."""
    return json.dumps(
        {name: value for name, value in asdict(options).items() if name != "out"}, default=str
    ).encode()


def check_translator(translator: Translator, options: Translation) -> None:
    """InputError for what the game is not asked for to any purpose."""
    game = type(translator.gan).__name__
    if options.n > 1 and not translator.is_random:
        raise InputError(
            f"--n {options.n}: {game} draws nothing at random, and all outputs would be alike: use 1"
        )
    if options.halves and translator.source not in "ab":
        raise InputError(f"--halves is of pairs a and b, and {game} translates single images: leave it out")


def kinds(translator: Translator, n: int) -> list[tuple[str, Path, Domain, int]]:
    """(column, folder, domain, number) of each output of an image."""
    several = len(translator.domains) > 1 or bool(translator.domains[0].name)
    found = []
    for domain in translator.domains:
        for number in range(n):
            names = [domain.name] * several + [str(number + 1)] * (n > 1)
            # One name, one folder: a slash in a label would be two.
            folder = Path("outputs", *(name.replace("/", "_") for name in names))
            found.append((" ".join(names) or "output", folder, domain, number))
    return found


def translate_input(each: Input, translator: Translator, options: Translation) -> Row:
    """Writes an image's pictures; returns its row of the page."""
    try:
        whole = open_picture(each.file, upright=True)
        picture, target = whole, open_picture(each.target, upright=True) if each.target else None
        if options.halves:
            # Which half is a is the data's matter.
            left_first = (translator.source == "a") != translator.recipe.data.swap
            picture, target = halves(whole) if left_first else tuple(reversed(halves(whole)))
    except DamagedError as error:
        raise InputError(f"{each.file} or its target cannot be used: {error}") from error
    pixels, note = translator.read(picture)
    name = each.name.as_posix() + ".png"
    shown = {f"inputs/{name}": pixels_of_picture(picture, translator.trained[2])}
    for _, folder, domain, number in kinds(translator, options.n):
        shown[f"{folder.as_posix()}/{name}"] = translator(pixels, domain, options.seed, number)
    if target is not None:
        shown[f"targets/{name}"] = pixels_of_picture(target, translator.trained[2])
    for path, image in shown.items():
        save_image(image, options.out / path)
    size = "{}x{}".format(*picture.size)
    pictures = [Picture(path, *image.shape[:2]) for path, image in shown.items()]
    return Row(each.name.as_posix(), f"{size}; {note}" if note else size, pictures)
