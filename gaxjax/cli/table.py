"""gaxjax table [NAME] [--out DIR] [--workers ray | slurm | local:N] [--any-option value]"""

import functools
from pathlib import Path
from typing import Any

from gaxjax.cli.parsing import first_argument, parse


def main(arguments: list[str]) -> None:
    """Makes a table of a paper and prints it, or lists those that there are."""
    from gaxjax import tables

    if not arguments or arguments[0] in ("-h", "--help"):
        print(
            "gaxjax table NAME [--out DIR] [--workers ray[:ADDRESS] | slurm[:N] | local:N] [--help]\n\n"
            f"{tables.list_tables()}"
        )
        return
    name, flags = first_argument(arguments, "table NAME [--out DIR]")
    make = tables.find_table(name)

    # A table's options are its arguments; bound and not yet called, for what they say of workers comes first.
    @functools.wraps(make)
    def bind(*values: Any, **options: Any) -> functools.partial[str]:
        return functools.partial(make, *values, **options)

    # Each table has a folder of its own unless it is told one.
    bound = parse(functools.partial(bind, out=Path("tables") / name), flags, f"table {name}")
    import jax

    from gaxjax.parallel.configure import configure_jax

    workers = bound.keywords.get("workers")
    if workers and workers.workers:
        # The devices are the workers': this process only waits, and would take a GPU's memory meanwhile.
        jax.config.update("jax_platforms", "cpu")
    configure_jax()
    print(bound())
