"""A grid as a Markdown table, to paste into an issue."""

from fitcheck.render.grid import Grid


def draw(grid: Grid) -> str:
    """A pipe table with every column; lines above and below as paragraphs; then those after it."""
    paragraphs = (*grid.above, *([_table(grid)] if grid.columns else []), *grid.below)
    text = "\n\n".join(paragraphs) + "\n"
    return "\n".join((text, *map(draw, grid.then)))


def _table(grid: Grid) -> str:
    from tabulate import tabulate

    return tabulate(
        [[cell.text.strip().replace("|", "\\|") for cell in row] for row in grid.rows],
        [c.heading for c in grid.columns],
        tablefmt="pipe",
        disable_numparse=True,
        colalign=[c.align for c in grid.columns] if grid.rows else None,
    )
