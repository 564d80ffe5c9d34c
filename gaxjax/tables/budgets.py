"""What a search over settings came to: the best, what a budget of so many runs finds, the spread of seeds.

Figures of Lucic et al. 2018 (arXiv 1711.10337): the least FID found as a function of the budget, with one
standard deviation, and the FID of all settings beside each other [memory].
"""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gaxjax.files import write_bytes
from gaxjax.pictures.images import new_figure, save_figure
from gaxjax.tables.lucic2018_search import Search
from gaxjax.tables.verdict import format_table

BUDGETS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)


def best_of(values: Sequence[float], budget: int) -> tuple[float, float]:
    """Mean and standard deviation of the least of so many runs, drawn with replacement from those there are.

    The study draws 5,000 such samples [memory]; this is what they come to, exactly.

    >>> best_of([1.0, 3.0], 1), best_of([1.0, 3.0], 2)
    ((2.0, 1.0), (1.5, 0.8660254037844386))
    """
    ordered = np.sort(np.asarray(values, float))
    # The least of the draws is at or above rank i if every one is: ((n - i) / n) ** budget.
    tail = (np.arange(len(ordered), -1, -1) / len(ordered)) ** budget
    weights = tail[:-1] - tail[1:]
    mean = float(weights @ ordered)
    return mean, math.sqrt(float(weights @ (ordered - mean) ** 2))


def finite_values(search: Search) -> list[float]:
    """With the worst that was measured in place of what came to nothing, or no mean would be finite."""
    # Not left out: a model that diverges half of the time would look better than one that never does.
    worst = max((value for value in search.values if math.isfinite(value)), default=math.nan)
    return [value if math.isfinite(value) else worst for value in search.values]


def summarize_searches(searches: Mapping[str, Search]) -> str:
    """Tables in Markdown: the settings' spread with the best one, and the best of each budget."""
    spread = [["model", "settings", "came to nothing", "best", "quartiles", "best setting"]]
    count = max(len(search.values) for search in searches.values())
    budgets = [budget for budget in BUDGETS if budget < count] + [count]
    table = [["best of", *map(str, budgets)]]
    for search in searches.values():
        lost = sum(not math.isfinite(value) for value in search.values)
        head = [search.title, str(len(search.values)), str(lost)]
        if search.best is None:
            spread.append([*head, "", "", ""])
            continue
        values = finite_values(search)
        quartiles = ", ".join(f"{value:.4g}" for value in np.percentile(values, (25, 50, 75)))
        best = describe_setting(search.settings[search.best])
        spread.append([*head, f"{min(values):.4g} (setting {search.best})", quartiles, best])
        means = [best_of(values, budget) for budget in budgets]
        table.append([search.title, *(f"{mean:.4g} ± {deviation:.2g}" for mean, deviation in means)])
    note = (
        "One run of each setting. Best of so many settings, mean ± standard deviation over draws of them "
        "with replacement; a run that came to nothing counts there as the model's worst."
    )
    return f"{format_table(spread)}\n\n{note}\n\n{format_table(table)}"


def describe_setting(setting: Mapping[str, float | str]) -> str:
    """Parameters with their values, for people."""
    return ", ".join(
        f"{name} {value}" if isinstance(value, str) else f"{name} {value:.3g}"
        for name, value in setting.items()
    )


def write_settings(path: Path, searches: Mapping[str, Search]) -> Path:
    """Every setting with its value, as CSV; the value is empty where a run came to nothing."""
    names = list(dict.fromkeys(name for s in searches.values() for setting in s.settings for name in setting))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["model", "setting", *names, "fid"])
    for model, search in searches.items():
        for i, (setting, value) in enumerate(zip(search.settings, search.values, strict=True)):
            own = [setting.get(name, "") for name in names]
            writer.writerow([model, i, *own, value if math.isfinite(value) else ""])
    return write_bytes(path, text.getvalue().encode())


def draw_searches(path: Path, searches: Mapping[str, Search], seeds: Mapping[str, Sequence[float]]) -> Path:
    """Three pictures: all settings, the best of each budget, and the best setting's seeds, by title."""
    figure, axes = new_figure(1, 3)
    (left, middle, right) = axes[0]
    found = {model: search for model, search in searches.items() if search.best is not None}
    for place, search in enumerate(found.values()):
        values, color = finite_values(search), f"C{place}"
        measured = [value for value in search.values if math.isfinite(value)]
        draw_column(left, place, measured, color)
        draw_column(right, place, seeds.get(search.title, ()), color)
        budgets = np.arange(1, len(values) + 1)
        means, deviations = np.transpose([best_of(values, int(budget)) for budget in budgets])
        middle.plot(budgets, means, color=color, label=search.title)
        # No draw is below the best, and a logarithm has no room below 0.
        low = np.maximum(means - deviations, min(values))
        middle.fill_between(budgets, low, means + deviations, color=color, alpha=0.2, lw=0)
    titles = ("settings", "best of a budget", "seeds of the best setting")
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set(title=title, yscale="log")
        # Values of one decade, as after short runs, have minor ticks alone; and powers take the margin.
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_formatter("{x:g}")
        axis.tick_params(axis="y", which="minor", labelsize=6)
    left.set_ylabel("FID")
    for axis in (left, right):
        axis.set_xticks(range(len(found)), [search.title for search in found.values()], rotation=30, size=7)
    middle.set(xlabel="settings")
    if found:
        middle.legend(fontsize=7)
    return save_figure(figure, path)


def draw_column(axis: Any, place: int, values: Sequence[float], color: str) -> None:
    """Values as points above each other."""
    axis.plot([place] * len(values), values, "o", color=color, alpha=0.5, ms=4)
