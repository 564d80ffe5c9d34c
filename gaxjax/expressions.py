"""Choices with numbers in them, as text: `unrolled(10)`, `Linear(0.5, 0.7, 0, 100)`. Nothing is evaluated."""

import ast
from collections.abc import Callable, Mapping
from typing import Any

from gaxjax.errors import InputError


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
