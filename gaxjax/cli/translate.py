"""gaxjax translate DIR IMAGES... --out OUT [--direction a-to-b] [--domain NAME] [--n 10] [--targets DIR]"""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import tyro

from gaxjax.cli.parsing import parse


@dataclasses.dataclass(frozen=True)
class Translate:
    """Translates images by a run's checkpoint, and writes a page that shows them side by side."""

    workdir: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DIR")]
    """directory of a run"""
    images: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="IMAGES...")]
    """image files, and folders of them, of any size"""
    out: Annotated[Path, tyro.conf.arg(metavar="OUT")]
    """folder: index.html, and inputs, outputs and targets under the names of the images. Files that are there
    are replaced by the same command alone"""
    direction: Annotated[str, tyro.conf.arg(help_behavior_hint="(default: the game's first)")] = ""
    """such as a-to-b"""
    domain: Annotated[
        tyro.conf.UseAppendAction[tuple[str, ...]], tyro.conf.arg(help_behavior_hint="(default: all)")
    ] = ()
    """of a game with several: a class by name or number, or attributes, NAME=1,NAME=0; several times for
    several"""
    n: int = 1
    """outputs of each image, where something is drawn at random"""
    seed: int = 0
    """of what is drawn"""
    targets: Annotated[Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="(default: none)")] = None
    """folder of images of the same names, which are shown beside"""
    halves: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """images are pairs side by side: one half is translated, and the other is its target"""
    checkpoint: Literal["last", "best"] = "last"
    """of the run; best: that measured as such, of a run with evaluation.best"""


def main(arguments: list[str]) -> None:
    """Writes translations of images, and their page."""
    options = parse(Translate, arguments, "translate")
    from gaxjax.parallel.configure import configure_jax

    configure_jax()
    from gaxjax.generators.translation import Translation, translate

    fields = {name: value for name, value in vars(options).items() if name not in ("workdir", "domain")}
    for line in translate(Translation(run=options.workdir, domains=options.domain, **fields)):
        print(line)
