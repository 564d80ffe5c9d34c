"""gaxjax table [NAME] [--out DIR] [--any-option value]"""

import functools
from pathlib import Path

from gaxjax.cli.parsing import first_argument, parse


def main(arguments: list[str]) -> None:
    """Makes a table of a paper and prints it, or lists those that there are."""
    from gaxjax import tables

    if not arguments or arguments[0] in ("-h", "--help"):
        print(f"gaxjax table NAME [--out DIR] [--help]\n\n{tables.list_tables()}")
        return
    name, flags = first_argument(arguments, "table NAME [--out DIR]")
    # Each table has a folder of its own unless it is told one.
    make = functools.partial(tables.find_table(name), out=Path("tables") / name)
    from gaxjax.parallel.configure import configure_jax

    # Before the flags are parsed, for that calls the function: a table's options are its arguments.
    configure_jax()
    print(parse(make, flags, f"table {name}"))
