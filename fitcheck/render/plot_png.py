"""A plot as PNG, by matplotlib where that is installed."""

from io import BytesIO

from fitcheck.errors import BadInput
from fitcheck.render.plot import Plot
from fitcheck.render.plot_svg import COLOURS


def draw(plot: Plot) -> bytes:
    """The file's bytes. Raises BadInput where matplotlib is missing."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise BadInput(
            "PNG is drawn by matplotlib, which is not installed: "
            "pip install 'llm-fitcheck[plot]', or write an .svg, which needs nothing"
        ) from None
    figure = Figure(figsize=(8, 4.8), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for number, line in enumerate(plot.lines):
        contexts, heights = zip(*line.points, strict=True)
        axes.plot(contexts, heights, label=line.name, color=COLOURS[number % len(COLOURS)])
    for level in plot.levels:
        axes.axhline(level.height, color="black", linestyle="--", label=level.name)
    ticks = plot.context_ticks
    axes.set_xscale("log", base=2)
    axes.set_xticks([t for t, _ in ticks], labels=[label for _, label in ticks])
    axes.set_title("\n".join(plot.title_lines), fontsize="medium")
    axes.set(xlabel="context, tokens", ylabel="GiB", ylim=(0, plot.top))
    axes.legend()
    out = BytesIO()
    figure.savefig(out, format="png")
    return out.getvalue()
