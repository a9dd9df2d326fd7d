"""A grid as a Markdown table, to paste into an issue."""

from fitcheck.render.grid import Grid


def draw(grid: Grid) -> str:
    """A pipe table with every column; lines above and below as paragraphs."""
    from tabulate import tabulate

    body = tabulate(
        [[cell.text.strip().replace("|", "\\|") for cell in row] for row in grid.rows],
        [c.heading for c in grid.columns],
        tablefmt="pipe",
        disable_numparse=True,
        colalign=[c.align for c in grid.columns] if grid.rows else None,
    )
    return "\n\n".join((*grid.above, body, *grid.below)) + "\n"
