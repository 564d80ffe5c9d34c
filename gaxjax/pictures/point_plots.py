"""Points and what lies between them: densities on a line, a scatter plot of the plane, and D over both.

All limits come from the data, so that pictures of one run can be compared.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

LINE, PLANE = 401, 61
"""How many places there are along a line, and along each side of a square."""


def probe_points(batch: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """{"image": places over and around a batch's points, [N, 1] or [N, 2]}; empty if it has no points."""
    # 0, without axes, for batches of other names: these have no points.
    real = np.asarray(batch.get("image", 0))
    if real.ndim != 2 or real.shape[1] not in (1, 2):
        return {}
    low, high = plot_window(real)
    if real.shape[1] == 1:
        return {"image": np.linspace(low, high, LINE, dtype=np.float32)[:, None]}
    # [61, 61, 2] -> [3721, 2]; `draw_plane` takes what D says of them back to 61 x 61.
    side = np.linspace(low, high, PLANE, dtype=np.float32)
    return {"image": np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)}


def plot_window(points: np.ndarray) -> tuple[float, float]:
    """Where a picture of points [n, 1] or [n, 2] begins and ends, along every axis."""
    if points.shape[1] == 2:
        # A square around zero with half as much again: samples that leave the data are seen, and D where none
        # are. 1.0 for data that are all at zero.
        extent = 1.5 * float(np.abs(points).max()) or 1.0
        return -extent, extent
    low, high = float(points.min()), float(points.max())
    margin = (high - low) / 4 or 1.0
    return low - margin, high + margin


def density(points: np.ndarray, line: np.ndarray) -> np.ndarray:
    """A kernel estimate of the density of points [n] at equal distances along a line [m], [m].

    The kernel is normal and its width a share of the line's length that depends on n alone (n^-1/5, as in
    Silverman 1986), so that data and model are smoothed alike.
    """
    distance = line[1] - line[0]
    # Bins whose centers are the line's points.
    edges = np.append(line, line[-1] + distance) - distance / 2
    # Of the window, and not of the points' own deviation: a model that has collapsed must look collapsed.
    width = (line[-1] - line[0]) / 25 * len(points) ** -0.2
    # [2 m - 1]: one kernel for all counts, a convolution of a histogram instead of n normals at m places.
    offsets = np.arange(-(len(line) - 1), len(line)) * distance
    kernel = np.exp(-0.5 * (offsets / width) ** 2)
    counts = np.histogram(points, edges)[0]
    smooth = np.convolve(counts, kernel / kernel.sum(), mode="same")
    # `same` is as long as the longer one, the kernel.
    middle = (len(smooth) - len(line)) // 2
    return smooth[middle : middle + len(line)] / (len(points) * distance)


def optimal_discriminator(data: np.ndarray, model: np.ndarray, least: float = 0.03) -> np.ndarray:
    """D* = p_data / (p_data + p_g) of densities [m]. Goodfellow et al. 2014, proposition 1.

    nan where both together are less than that share of the data's maximum: no example says what D should be.
    """
    both = data + model
    return np.where(both > least * data.max(), data / np.maximum(both, 1e-30), np.nan)


def draw_line(axis: Any, points: np.ndarray, real: np.ndarray | None, verdict: Mapping[str, Any]) -> None:
    """The densities of points [n, 1] and of real ones, D and D*. Goodfellow et al. 2014, figure 1."""
    low, high = plot_window(points if real is None else real)
    line = np.linspace(low, high, LINE)
    model = density(points[:, 0], line)
    data = model if real is None else density(real[:, 0], line)
    if real is not None:
        axis.fill_between(line, data, color="0.82", linewidth=0, label="data")
    axis.plot(line, model, color="C0", label="model")
    # By the data alone, so that pictures of a run can be compared; what a collapsed model has above is cut
    # off.
    axis.set(xlim=(low, high), ylim=(0, 1.6 * data.max()), ylabel="density")
    lines = axis.get_legend_handles_labels()
    if verdict:
        # D in [0, 1] on an axis of its own, over densities of any height.
        above = axis.twinx()
        for name, values in verdict.items():
            above.plot(line, values, color="C3", label=name)
        if "D" in verdict:
            above.plot(line, optimal_discriminator(data, model), "k--", linewidth=1, label="optimal D")
            above.set(ylim=(0, 1.2), yticks=np.linspace(0, 1, 6), ylabel="D")  # the legend is above 1
        lines = tuple(a + b for a, b in zip(lines, above.get_legend_handles_labels(), strict=True))
    axis.legend(*lines, loc="upper center", ncols=4, fontsize="small", handlelength=1.5)


def draw_plane(axis: Any, points: np.ndarray, real: np.ndarray | None, verdict: Mapping[str, Any]) -> None:
    """A scatter plot of points [n, 2] over real ones, over what the discriminator says of every place."""
    low, high = plot_window(points if real is None else real)
    side = np.linspace(low, high, PLANE)
    for name, values in verdict.items():
        # Probabilities have fixed levels, in all pictures the same; logits or critics have those of their own
        # range.
        levels = np.linspace(0, 1, 11) if name == "D" else 10
        height = np.reshape(values, (PLANE, PLANE))
        surface = axis.contourf(side, side, height, levels, cmap="PRGn", alpha=0.4)
        axis.figure.colorbar(surface, ax=axis, label=name)
    if real is not None:
        shade = "0.35" if verdict else "0.75"
        axis.scatter(real[:, 0], real[:, 1], s=12, c=shade, label="data", linewidths=0)
        axis.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    axis.scatter(points[:, 0], points[:, 1], s=4, c="C0", label="model", linewidths=0)
    axis.legend(loc="upper right", markerscale=2)
