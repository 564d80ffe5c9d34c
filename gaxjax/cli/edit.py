"""gaxjax edit DIR NAME [--any-option value]; help is given without a run, too: gaxjax edit NAME --help"""

from gaxjax.cli.parsing import parse
from gaxjax.errors import InputError
from gaxjax.files.places import as_path


def main(arguments: list[str]) -> None:
    """Does something with the latents of a trained game, and writes the picture."""
    from gaxjax.generators.edits import NAMES, find_edit, list_edits

    usage = f"gaxjax edit DIR NAME [--help], NAME one of {', '.join(NAMES)}"
    first, *rest = [*arguments, "--help"] if len(arguments) < 2 else arguments
    if first in ("-h", "--help") or (rest == ["--help"] and first not in NAMES):
        print(f"gaxjax edit DIR NAME [--help]\n\n{list_edits()}")
        return
    # Help of an edit needs no run; a run whose directory is named like an edit has a NAME after it.
    if first in NAMES and rest[0] in ("-h", "--help"):
        first, rest = "DIR", [first, *rest]
    # Both are positional, and read by hand: which flags there are depends on the second.
    if first.startswith("-") or rest[0].startswith("-"):
        raise InputError(f"usage: {usage}")
    edit = parse(find_edit(rest[0]), rest[1:], f"edit {first} {rest[0]}")
    from gaxjax.generators.edits.edit import perform_edit
    from gaxjax.parallel.configure import configure_jax

    configure_jax()
    for line in perform_edit(as_path(first), edit):
        print(line)
