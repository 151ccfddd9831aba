"""The paper evidence is drawn on: a finding as title, n and window beneath it, a limit line, few colours."""

import io
import textwrap
from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

BLUE, ORANGE, GREY, GREEN = "#0072B2", "#D55E00", "#6E6E6E", "#009E73"  # Okabe and Ito, and a grey
WIDTH, DPI, COLOURS = 7.6, 100, 256  # inches; 760 pixels, so that it prints sharply and weighs 20 kB
LINE = 84  # signs of a title that fit into a line


def png(figure: Figure) -> bytes:
    """The figure as a PNG of few colours that says nothing of who drew it when."""
    figure.set_dpi(DPI)
    drawn = FigureCanvasAgg(figure)
    drawn.draw()
    held = io.BytesIO()
    image = Image.frombuffer("RGBA", drawn.get_width_height(), drawn.buffer_rgba(), "raw", "RGBA", 0, 1)
    image.convert("RGB").quantize(COLOURS, Image.Quantize.MEDIANCUT).save(held, "PNG")
    return held.getvalue()


def below(window: Mapping[str, str], n: int) -> str:
    """n and the window, as every plot says them.

    >>> below({"from": "2026-01-01T00:00:00+00:00", "to": "2026-03-31T00:00:00+00:00"}, 1200)
    'n = 1,200, 2026-01-01 to 2026-03-31'
    """
    first, last = window["from"][:10], window["to"][:10]
    return f"n = {n:,}, {first if first == last else f'{first} to {last}'}"


def canvas(
    finding: str, note: str, panels: int = 1, height: float = 3.9, width: float = WIDTH
) -> tuple[Figure, list[Axes]]:
    """A figure with its finding as title, `note` (n, window, limits) beneath, and its panels.

    Margins are fixed: an automatic layout takes longer than the drawing itself.
    """
    lines = textwrap.wrap(finding, int(LINE * width / WIDTH))[:3]
    figure = Figure(figsize=(width, height))
    grid = figure.subplots(1, panels, squeeze=False)[0]
    top = 1 - (0.52 + 0.19 * len(lines)) / height
    figure.subplots_adjust(left=0.09, right=0.975, top=top, bottom=0.55 / height, wspace=0.26)
    figure.text(0.02, 1 - 0.08 / height, "\n".join(lines), va="top", fontsize=10.5, fontweight="bold")
    at = 1 - (0.12 + 0.19 * len(lines)) / height
    figure.text(0.02, at, note, va="top", fontsize=8.5, color=GREY)
    for axes in grid:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    return figure, list(grid)


def named(axes: Axes, x: str, y: str, legend: bool = True) -> None:
    """What the axes measure, and the legend where lines have names."""
    axes.set_xlabel(x, fontsize=8.5)
    axes.set_ylabel(y, fontsize=8.5)
    if legend:
        axes.legend(fontsize=8, frameon=False)
