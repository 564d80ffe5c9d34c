"""How docstrings become pages: as plain text, into which Markdown would read tags, links and emphasis."""

import re
from typing import Any

import griffe

SPECIAL = re.compile(r"([\\*\[\]<])")
DOCTEST = re.compile(r">>> .*(?:\n.+)*")


class PlainText(griffe.Extension):
    """Gives every docstring to Markdown so that it reads as it is written."""

    def on_instance(self, *, obj: Any, **_: Any) -> None:
        """Called for every module, class, function and attribute."""
        if obj.docstring:
            obj.docstring.value = "\n\n".join(map(to_markdown, obj.docstring.value.split("\n\n")))


def to_markdown(paragraph: str) -> str:
    """A paragraph of plain text as Markdown; doctests and what is indented are code."""
    if DOCTEST.fullmatch(paragraph.strip()):
        return f"```pycon\n{paragraph}\n```"
    if paragraph.startswith("    "):
        return paragraph
    # Every second part is between backquotes, where nothing is special.
    parts = paragraph.split("`")
    return "`".join(SPECIAL.sub(r"\\\1", part) if i % 2 == 0 else part for i, part in enumerate(parts))
