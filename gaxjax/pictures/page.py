"""A page of pictures side by side: HTML that needs nothing but the pictures, which it links to."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from gaxjax.files import write_bytes

SIDE = 192
"""Pixels on the screen that the longer side of a smaller picture is enlarged towards, in whole pixels."""
STYLE = """
body { font: 14px sans-serif; margin: 24px; background: #fff; color: #222 }
table { border-collapse: collapse }
th, td { padding: 4px 8px; text-align: left; vertical-align: top }
thead th { position: sticky; top: 0; background: #fff }
tbody th { font-weight: normal; max-width: 240px; overflow-wrap: anywhere }
small { color: #666 }
.enlarged { image-rendering: pixelated }
"""


class Picture(NamedTuple):
    """One that is shown."""

    link: str
    """its path from the page's folder, with slashes"""
    height: int
    width: int


class Row(NamedTuple):
    """Pictures that belong together."""

    name: str
    notes: Sequence[str]
    """in a line below the name"""
    pictures: Sequence[Picture]


def write_page(
    path: Path, title: str, lines: Sequence[str], columns: Sequence[str], rows: Sequence[Row]
) -> Path:
    """Writes a table with a row for each example and a column for each kind of picture."""
    # The first column is of names, which say what they are.
    head = "".join(f"<th>{escape(column)}</th>" for column in ["", *columns])
    body = "\n".join(map(draw_row, rows))
    about = "".join(f"<p>{escape(line)}</p>\n" for line in lines)
    page = f"""<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style></head>
<body>
<h1>{escape(title)}</h1>
{about}<table>
<thead><tr>{head}</tr></thead>
<tbody>
{body}
</tbody>
</table>
</body>
</html>
"""
    return write_bytes(path, page.encode())


def draw_row(row: Row) -> str:
    """The row as HTML."""
    note = f"<br><small>{escape('; '.join(row.notes))}</small>" if row.notes else ""
    cells = "".join(f"<td>{draw_picture(picture)}</td>" for picture in row.pictures)
    return f"<tr><th>{escape(row.name)}{note}</th>{cells}</tr>"


def draw_picture(picture: Picture) -> str:
    """The picture as HTML, and a link to it at its own size."""
    # A space, a question mark or a quote in a name means something in an address or in HTML.
    link = escape(quote(picture.link))
    # By whole pixels, so that single pixels of a small picture are seen as squares, all alike.
    scale = max(1, round(SIDE / max(picture.height, picture.width)))
    # Read when they come into view: a page may have thousands.
    size = f'width="{picture.width * scale}" height="{picture.height * scale}" loading="lazy"'
    kind = ' class="enlarged"' if scale > 1 else ""
    return f'<a href="{link}"><img src="{link}" alt="{escape(picture.link)}" {size}{kind}></a>'
