"""Translates images with a run and writes them, with a page: what the command `gaxjax translate` does."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from gaxjax.data.images import (
    DamagedError,
    check_halves,
    halves,
    list_damage,
    open_picture,
    upright_size,
    verify,
)
from gaxjax.data.listing import list_images
from gaxjax.errors import InputError, check_seed
from gaxjax.files import write_bytes
from gaxjax.generators.domains import Domain
from gaxjax.generators.translator import Translator
from gaxjax.parallel import tell
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
    resize: bool = False
    """whether images, and targets, are brought to the size that was learned"""
    checkpoint: Literal["last", "best"] = "last"


class Output(NamedTuple):
    """One of those that are made of each image."""

    column: str
    """of the page"""
    folder: Path
    """that it is written to, below `out`"""
    domain: Domain
    number: int
    """of what is drawn at random"""


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
    inputs = list_inputs(options)
    check_out(options)
    # What the game refuses comes before the folder is made; what it writes, after.
    best = options.checkpoint == "best"
    translator = Translator(options.run, options.direction, options.domains, options.resize, best)
    check_translator(translator, options)
    # First: it says whose the other files are.
    write_bytes(options.out / COMMAND, describe_command(options))
    rows = [translate_input(each, translator, options) for each in show_progress(inputs)]
    title = f"{options.run.name}, {translator.source} to {translator.target}"
    has_targets = bool(options.targets or options.halves)
    columns = ["input", *(output.column for output in list_outputs(translator, options.n))]
    columns += ["target"] * has_targets
    lines = [
        f"{len(inputs):,} images, {translator.describe_direction()}",
        # The first note is each image's size; a second is there where that does not fit.
        *translator.describe_fits(sum(len(row.notes) > 1 for row in rows)),
        *(describe_targets(rows) if has_targets else []),
    ]
    return [*lines, str(write_page(options.out / PAGE, title, lines, columns, rows))]


def describe_targets(rows: Sequence[Row]) -> list[str]:
    """A line on targets that are not as large as the outputs beside them; nothing to say of none."""
    # In the order of the page's columns: the input comes before outputs, which are all of one size.
    pairs = [(row.name, row.pictures[1], row.pictures[-1]) for row in rows]
    others = [pair for pair in pairs if pair[1][1:] != pair[2][1:]]
    if not others:
        return []
    name, output, target = others[0]
    return [
        f"{len(others)} targets are of another size than their outputs, such as that of {name}, "
        f"{target.width}x{target.height} beside {output.width}x{output.height}: --resize brings both to one"
    ]


def show_progress(inputs: Sequence[Input]) -> Iterable[Input]:
    """The same, and a bar of how many are done: a size that is new may take a minute to compile."""
    from tqdm import tqdm

    return tqdm(
        inputs, desc="translating", unit="image", leave=False, disable=len(inputs) < 2, mininterval=0.5
    )


def list_inputs(options: Translation) -> list[Input]:
    """Every image, with its target; InputError for those that cannot be used, of which each is named."""
    if not options.images:
        raise InputError("say what is translated: images, or folders of them")
    if options.targets and not options.targets.is_dir():
        raise InputError(f"--targets {options.targets} is not a folder of images")
    partners = name_files([options.targets]) if options.targets else {}
    inputs = [Input(name, file, partners.get(name)) for name, file in name_files(options.images).items()]
    damaged = []
    for each in inputs:
        if options.targets and not each.target:
            damaged.append((str(each.file), f"it has no target, an image of this name in {options.targets}"))
        # All before the first is translated, which takes far longer than to look at headers.
        for file in filter(None, (each.file, each.target)):
            try:
                verify(file)
                if options.halves:
                    check_halves(upright_size(file))
            except DamagedError as error:
                damaged.append((str(file), str(error)))
    if damaged:
        count = f"{len(damaged)} of {len(inputs)} images"
        raise InputError(f"{count} cannot be used:\n{list_damage(damaged)}")
    return inputs


def name_files(places: Sequence[Path]) -> dict[Path, Path]:
    """Files, and those in folders, by name without a suffix; InputError for two of one name.

    Of files in folders the subfolders are in the name, of others no folder is.
    """
    files: dict[Path, Path] = {}
    for place in places:
        if not place.exists():
            raise InputError(f"{place} does not exist; give images, or folders of them")
        listing = list_images(place) if place.is_dir() else None
        tell(listing.describe_others() if listing else "")
        inside = {place / file: file for file in listing.files} if listing else {}
        for file, relative in (inside or {place: Path(place.name)}).items():
            name = relative.with_suffix("")
            # Everything is written as PNG, so that 1.jpg and 1.png would be one file.
            if name in files:
                raise InputError(
                    f"{files[name]} and {file} have one name, {name}: rename one, or leave it out"
                )
            files[name] = file
    return files


def check_out(options: Translation) -> None:
    """InputError where the folder has files of anything but the same command."""
    out = options.out
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out} is a file; name a folder")
    if not out.exists() or not any(out.iterdir()):
        return
    # A folder without a command is somebody's own.
    maker = (out / COMMAND).read_bytes() if (out / COMMAND).exists() else b"something else"
    if maker != describe_command(options):
        raise InputError(
            f"{out} has files already, made by {maker.decode(errors='replace')}; only the same command "
            "replaces its files: use another --out"
        )


def describe_command(options: Translation) -> bytes:
    """All that says what is made, as JSON; where it goes does not."""
    fields = {name: value for name, value in asdict(options).items() if name != "out"}
    return json.dumps(fields, default=str).encode()


def check_translator(translator: Translator, options: Translation) -> None:
    """InputError for what the game is not asked for to any purpose."""
    game = type(translator.gan).__name__
    if options.n > 1 and not translator.is_random:
        raise InputError(
            f"--n {options.n}: {game} draws nothing at random, and all outputs would be alike: use 1"
        )
    if options.halves and translator.source not in "ab":
        raise InputError(f"--halves is of pairs a and b, and {game} translates single images: leave it out")


def list_outputs(translator: Translator, n: int) -> list[Output]:
    """Those of each image, in a folder each: there they have their own names, and can be measured."""
    outputs = []
    for domain in translator.domains:
        for number in range(n):
            names = [name for name in (domain.name, str(number + 1) if n > 1 else "") if name]
            # One name, one folder: a slash in a label would be two.
            folder = Path("outputs", *(name.replace("/", "_") for name in names))
            outputs.append(Output(" ".join(names) or "output", folder, domain, number))
    return outputs


def translate_input(each: Input, translator: Translator, options: Translation) -> Row:
    """Writes an image's pictures; returns its row of the page."""
    try:
        whole = open_picture(each.file, upright=True)
        picture, target = whole, open_picture(each.target, upright=True) if each.target else None
        # With --halves there are no --targets.
        if options.halves:
            # Which half is a is the data's matter.
            left_first = (translator.source == "a") != translator.recipe.data.swap
            picture, target = halves(whole) if left_first else tuple(reversed(halves(whole)))
    # Headers were looked at before; that pixels are cut short only decoding shows.
    except DamagedError as error:
        raise InputError(f"{each.file} or its target cannot be used: {error}") from error
    pixels, note = translator.read_pixels(picture)
    name = each.name.as_posix() + ".png"
    # In the order of the page's columns.
    images = {f"inputs/{name}": pixels}
    for output in list_outputs(translator, options.n):
        path = f"{output.folder.as_posix()}/{name}"
        images[path] = translator(pixels, output.domain, options.seed, output.number)
    if target is not None:
        images[f"targets/{name}"] = translator.fit(target, translator.target_shape)
    # Each as soon as it is there: whoever looks into the folder meanwhile sees whole pictures.
    for path, image in images.items():
        save_image(image, options.out / path)
    notes = ["{}x{}".format(*picture.size), *filter(None, [note])]
    pictures = [Picture(path, *image.shape[:2]) for path, image in images.items()]
    return Row(each.name.as_posix(), notes, pictures)
