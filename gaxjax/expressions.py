"""Choices with numbers, and lists of numbers, as text: `unrolled(10)`, `0-3,7`. Nothing is evaluated."""

import ast
from collections.abc import Callable, Mapping
from typing import Any

from gaxjax.errors import InputError, check_seed

MOST = 1_000_000
"""Numbers of one list: what is beyond is a slip, and may not fit into memory."""


def options(text: str) -> dict[str, Any]:
    """Numbers by name, as they are written on the command line.

    >>> options("psi=0.7, cutoff=4")
    {'psi': 0.7, 'cutoff': 4}
    """
    return dict(named(f"options({text})", {"options": dict}, "NAME=NUMBER, NAME=NUMBER"))


def named(text: str, choices: Mapping[str, Callable[..., Any]], usage: str) -> Any:
    """The choice of that name; where numbers follow in parentheses, what it makes of them.

    Raises InputError, with the usage, for anything else.

    >>> named("pow(2, exp=3)", {"pow": pow}, "pow(base, exp)")
    8
    >>> named("pow", {"pow": pow}, "pow(base, exp)") is pow
    True
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        if not isinstance(tree, ast.Call):
            return choices[ast.unparse(tree)]
        arguments = [ast.literal_eval(argument) for argument in tree.args]
        options = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in tree.keywords}
        return choices[ast.unparse(tree.func)](*arguments, **options)
    except InputError:
        raise
    except (SyntaxError, KeyError, ValueError, TypeError) as error:
        raise InputError(f"{text!r} is not one of: {usage}") from error


def numbers(text: str, flag: str) -> tuple[int, ...]:
    """Whole numbers and ranges of them, both ends included; InputError, naming the flag, for anything else.

    >>> numbers("0-3,7", "--seeds")
    (0, 1, 2, 3, 7)
    """
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if not (first.isdecimal() and (last or first).isdecimal()) or part.strip().endswith("-"):
            raise InputError(f"{flag} is numbers and ranges, such as 0-3,7; got {text!r}")
        if int(last or first) < int(first):
            raise InputError(f"{flag}: the range {part.strip()} ends before it begins")
        check_seed(int(last or first), f"each number of {flag}")
        if len(found) + int(last or first) - int(first) >= MOST:
            raise InputError(f"{flag} is at most {MOST:,} numbers; got more in {text!r}")
        found.extend(range(int(first), int(last or first) + 1))
    return tuple(found)
