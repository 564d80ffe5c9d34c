"""Values and lists of numbers as they are written on the command line: `Unrolled(10)`, `0-3,7`.

The only place where text becomes a value; nothing is evaluated. In Python they are the values themselves.
"""

import ast
import dataclasses
import inspect
from collections.abc import Callable, Mapping
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import tyro

from gaxjax.errors import InputError, check_seed

T = TypeVar("T")

MAX_NUMBERS = 1_000_000
"""Numbers of one list: what is beyond is a slip, and may not fit into memory."""


def parse_options(text: str) -> dict[str, Any]:
    """Numbers by name, as they are written on the command line.

    >>> parse_options("psi=0.7, cutoff=4")
    {'psi': 0.7, 'cutoff': 4}
    """
    return dict(parse_choice(f"options({text})", {"options": dict}, "NAME=NUMBER, NAME=NUMBER"))


def parse_choice(text: str, choices: Mapping[str, Callable[..., Any]], usage: str) -> Any:
    """The choice of that name; where numbers follow in parentheses, what it makes of them.

    Raises InputError, with the usage, for anything else.

    >>> parse_choice("pow(2, exp=3)", {"pow": pow}, "pow(base, exp)")
    8
    >>> parse_choice("pow", {"pow": pow}, "pow(base, exp)") is pow
    True
    """
    try:
        # Parsed and looked up, never evaluated: text can call nothing but a choice.
        tree = ast.parse(text.strip(), mode="eval").body
        if not isinstance(tree, ast.Call):
            return choices[ast.unparse(tree)]
        arguments = [ast.literal_eval(argument) for argument in tree.args]
        options = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in tree.keywords}
        return choices[ast.unparse(tree.func)](*arguments, **options)
    # The choice's own refusal says more than the usage does.
    except InputError:
        raise
    except (SyntaxError, KeyError, ValueError, TypeError) as error:
        raise InputError(f"{text!r} is not one of: {usage}") from error


def parse_value(text: str, base: type[T]) -> T:
    """The value of a subclass of `base`, all of them dataclasses, by its name and its fields.

    Capitals and underscores of a name do not matter. InputError, with all that there are, for anything else,
    and for a field's value that is not of its type. A subclass in a recipe's own file is known too.

    >>> from gaxjax.objectives import Objective
    >>> parse_value("LeastSquares(a=-1, b=1, c=0)", Objective), parse_value("least_squares", Objective)
    (LeastSquares(a=-1, b=1, c=0), LeastSquares(a=0.0, b=1.0, c=1.0))
    >>> parse_value("ZeroSum(Minimax(0.9))", Objective)
    ZeroSum(objective=Minimax(real_target=0.9))
    """
    # Asked anew each time: a recipe's file that has just been imported brings its own.
    kinds = {plain_name(kind.__name__): kind for kind in subclasses(base)}

    def value(node: ast.expr) -> Any:
        if isinstance(node, ast.Name):
            return kinds[plain_name(node.id)]()
        if isinstance(node, ast.Call):
            kind = kinds[plain_name(ast.unparse(node.func))]
            options = {str(word.arg): value(word.value) for word in node.keywords}
            given = inspect.signature(kind).bind(*map(value, node.args), **options)
            check_types(kind, given.arguments)
            return kind(*given.args, **given.kwargs)
        return ast.literal_eval(node)

    try:
        parsed = value(ast.parse(text.strip(), mode="eval").body)
        if isinstance(parsed, base):
            return parsed
    except InputError:
        raise
    except (SyntaxError, KeyError, ValueError, TypeError):
        pass
    raise InputError(f"{text!r} is not one of: {', '.join(map(usage_of, kinds.values()))}")


def check_types(kind: type[Any], given: Mapping[str, Any]) -> None:
    """InputError where a field is not of its type: dataclasses take anything, and JAX fails far from here."""
    types = get_type_hints(kind)
    for name, value in given.items():
        if not is_of_type(value, types[name]):
            raise InputError(f"{kind.__name__}({name}={value!r}): must be {describe_type(types[name])}")


def is_of_type(value: Any, kind: Any) -> bool:
    """Whether a value that was written is of a field's type; of types that no text can break, True.

    >>> is_of_type(1, float), is_of_type(True, float), is_of_type((1, "a"), tuple[int, ...])
    (True, False, False)
    """
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return any(is_of_type(value, part) for part in parts)
    if origin is Literal:
        return value in parts
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        parts = parts[:1] * len(value) if parts[1:] == (...,) else parts
        return len(value) == len(parts) and all(map(is_of_type, value, parts))
    if kind in (int, float):  # True is an int to Python, and a whole number is a number
        return isinstance(value, int if kind is int else int | float) and not isinstance(value, bool)
    return kind is Any or not isinstance(kind, type) or isinstance(value, kind)


def describe_type(kind: Any) -> str:
    """A field's type in words.

    >>> describe_type(float), describe_type(Literal["two", "one"])
    ('a number', "'two' or 'one'")
    """
    if get_origin(kind) is Literal:
        return " or ".join(map(repr, get_args(kind)))
    words = {float: "a number", int: "a whole number", str: "text in quotes", bool: "True or False"}
    return words.get(kind) or (f"a value of {kind.__name__}" if isinstance(kind, type) else str(kind))


def plain_name(name: str) -> str:
    """A class's name without what people forget: LeastSquares and least_squares are one."""
    return name.replace("_", "").lower()


def subclasses(base: type[Any]) -> list[type[Any]]:
    """All of them, and theirs; without abstract ones."""
    below = [kind for direct in base.__subclasses__() for kind in (direct, *subclasses(direct))]
    # An abstract class is no value that one could ask for.
    return [kind for kind in below if not getattr(kind, "__abstractmethods__", None)]


def usage_of(kind: type[Any]) -> str:
    """How a value is written: LeastSquares(a, b, c)."""
    names = ", ".join(field.name for field in dataclasses.fields(kind) if field.init)
    return f"{kind.__name__}({names})" if names else kind.__name__


def text_flag(base: type[Any], metavar: str) -> Any:
    """What makes a field of that class a flag of one word, for `typing.Annotated`."""

    def from_words(words: list[str]) -> Any:
        try:
            return parse_value(words[0], base)
        except InputError as error:
            raise ValueError(str(error)) from error  # what tyro reports under the flag's name

    return tyro.constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar=metavar,
        instance_from_str=from_words,
        is_instance=lambda value: isinstance(value, base),
        str_from_instance=lambda value: [repr(value)],
    )


REGISTRY = tyro.constructors.ConstructorRegistry()
"""What the parser of flags is told besides its own rules."""


@REGISTRY.struct_rule
def tuple_flags(info: Any) -> Any:
    """A tuple of values has a flag for all of them, each a word, beside those of each one's fields.

    Such a tuple is of an abstract dataclass, as penalties are: its subclasses are what can be written.
    """
    parts = get_args(info.type) if get_origin(info.type) is tuple else ()
    base: Any = parts[0] if parts else None
    now = info.default
    of_values = inspect.isabstract(base) and dataclasses.is_dataclass(base)
    if not of_values or not isinstance(now, tuple):
        return None

    def from_words(words: list[str]) -> tuple[Any, ...]:
        try:
            return tuple(parse_value(word, base) for word in words if word)
        except InputError as error:
            raise ValueError(str(error)) from error

    def make(text: tuple[Any, ...], **fields: Any) -> tuple[Any, ...]:
        by_field = tuple(fields.values())
        # What was not written is the default itself. Of two spellings at once, one would go unheard.
        if text is now or text == by_field:
            return by_field
        if by_field != now:
            written = " ".join(map(repr, text))
            raise InputError(f"{written or 'nothing'} is all of them: leave out the flags of single fields")
        return text

    word = tyro.constructors.PrimitiveConstructorSpec(
        nargs="*",
        metavar=f"[{base.__name__.upper()} ...]",
        instance_from_str=from_words,
        is_instance=lambda value: isinstance(value, tuple),
        str_from_instance=lambda value: list(map(repr, value)),
    )
    # Its name is empty, so that its flag is that of the tuple.
    kind: Any = Annotated[tuple, word, tyro.conf.arg(name="")]
    about = "all of them, in place of these, each in quotes; nothing after it: none"
    field = tyro.constructors.StructFieldSpec
    fields = [field(str(i), type(value), value) for i, value in enumerate(now)]
    return tyro.constructors.StructConstructorSpec(make, (field("text", kind, now, about), *fields))


def parse_numbers(text: str, flag: str) -> tuple[int, ...]:
    """Whole numbers and ranges of them, both ends included; InputError, naming the flag, for anything else.

    >>> parse_numbers("0-3,7", "--seeds")
    (0, 1, 2, 3, 7)
    """
    values: list[int] = []
    for part in text.split(","):
        # A lone number is a range that ends where it begins: `last` is empty.
        first, _, last = part.strip().partition("-")
        # isdecimal, not isdigit, which holds for superscripts, and int() does not take these.
        if not (first.isdecimal() and (last or first).isdecimal()) or part.strip().endswith("-"):
            raise InputError(f"{flag} is numbers and ranges, such as 0-3,7; got {text!r}")
        if int(last or first) < int(first):
            raise InputError(f"{flag}: the range {part.strip()} ends before it begins")
        check_seed(int(last or first), f"each number of {flag}")
        # Before the range is made, which would fill the memory first.
        if len(values) + int(last or first) - int(first) >= MAX_NUMBERS:
            raise InputError(f"{flag} is at most {MAX_NUMBERS:,} numbers; got more in {text!r}")
        values.extend(range(int(first), int(last or first) + 1))
    return tuple(values)
