"""gaxjax sample DIR [--n 64] [--seed 0] | [--seeds 0-63] [--label 7] [--out grid.png] [--psi 0.7]"""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import tyro

from gaxjax.cli.parsing import parse
from gaxjax.errors import InputError


@dataclasses.dataclass(frozen=True)
class Sample:
    """Samples from a run's checkpoint."""

    workdir: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DIR")]
    """directory of a run"""
    # None where a flag was left out: --seeds goes without --n and --seed.
    n: Annotated[
        int | None, tyro.conf.arg(metavar="INT", help_behavior_hint="(default: 64, or 8 of each class)")
    ] = None
    """how many"""
    out: Path = Path("grid.png")
    """picture; of clips one of strips of frames (.png) and a film (.gif), and at .mp4 that too. Files that
    are there are replaced; of --seeds by the same command alone"""
    seed: Annotated[int | None, tyro.conf.arg(metavar="INT", help_behavior_hint="(default: 0)")] = None
    """of the latents"""
    seeds: str | None = None
    """one for each latent, such as 0-63,70, in place of --n and --seed; the latents are kept beside it"""
    psi: str = "1"
    """truncation of styles: a number, or one for each layer"""
    cutoff: Annotated[int | None, tyro.conf.arg(metavar="INT", help_behavior_hint="(default: all)")] = None
    """layers that are truncated"""
    frames: Annotated[
        int | None, tyro.conf.arg(metavar="INT", help_behavior_hint="(default: as trained on)")
    ] = None
    """length of clips, of a game that makes any"""
    sampling: str = ""
    """how samples are drawn, as other options of the game's own ("crossed=True", "scales=1")"""
    label: Annotated[
        int | None, tyro.conf.arg(metavar="INT", help_behavior_hint="(default: a row for each; of --seeds 0)")
    ] = None
    """class of all samples, of a conditional game"""
    code: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """NAME=VALUE of a code, such as c1=7, in all samples; several times for several"""
    checkpoint: Literal["last", "best"] = "last"
    """of the run; best: that measured as such, of a run with evaluation.best"""


def main(arguments: list[str]) -> None:
    """Writes a picture of samples of a run."""
    options = parse(Sample, arguments, "sample")
    from gaxjax.parallel.configure import configure_jax

    configure_jax()
    *lines, files = sample(options) if options.seeds is None else sample_seeds(options)
    print(*lines, f"samples: {files}", sep="\n")


def sample(options: Sample) -> list[str]:
    """So many samples from latents of one seed; the files in a line."""
    from gaxjax.generators.samples import write_samples
    from gaxjax.generators.truncation import parse_psi

    files = write_samples(
        options.workdir,
        options.n,
        options.out,
        options.seed or 0,
        parse_psi(options.psi),
        options.cutoff,
        best=options.checkpoint == "best",
        codes=options.code,
        label=options.label,
        frames=options.frames,
        sampling=options.sampling,
    )
    return [", ".join(map(str, files))]


def sample_seeds(options: Sample) -> list[str]:
    """A sample for each of the seeds; a line on what is kept of these, and the picture."""
    from gaxjax.generators.edits.samples import write_seed_samples

    if options.n is not None or options.seed is not None:
        raise InputError("--seeds names every latent: leave --n and --seed out")
    if options.frames is not None:
        raise InputError("--frames is the length of clips, and --seeds makes images: leave one of them out")
    if options.sampling:
        raise InputError(
            "--sampling is of --n samples, and --seeds makes each by itself: leave one of them out"
        )
    names = ("seeds", "out", "psi", "cutoff", "label", "code", "checkpoint")
    return write_seed_samples(options.workdir, **{name: getattr(options, name) for name in names})
