"""An estimate taught: every term with its formula, the numbers put in, and where it comes from."""

import re
from collections.abc import Iterator

from fitcheck.answers.estimate import Estimate
from fitcheck.engines.base import COMPONENTS, Component, Term
from fitcheck.render import as_markdown
from fitcheck.render.grid import Cell, Column, Grid, size


def text(found: tuple[Estimate, ...]) -> str:
    """One block for each estimate, components in the order that they are taken."""
    return "\n".join("\n".join(_block(e)) + "\n" for e in found)


def markdown(found: tuple[Estimate, ...]) -> str:
    """The same as a table for each component, to paste."""
    return "\n".join(part for e in found for part in _tables(e))


def _tables(e: Estimate) -> Iterator[str]:
    columns = tuple(map(Column, ("TERM", "SIZE", "FORMULA", "NUMBERS", "SOURCE")))
    yield f"# {_title(e)}\n"
    for component, terms in _by_component(e):
        yield f"## {_heading(e, component)}\n"
        rows = tuple(
            tuple(map(Cell, (t.name, size(t.size), f"`{t.formula}`", f"`{numbers(t)}`", t.source)))
            for t in terms
        )
        yield as_markdown.draw(Grid(columns=columns, rows=rows))
    yield from (f"{line}\n" for line in _below(e))


def _by_component(e: Estimate) -> Iterator[tuple[Component, list[Term]]]:
    """Each component once, with all that an engine tells of it in several places."""
    for component in COMPONENTS:
        terms = [term for term in e.memory.terms if term.component == component]
        if terms:
            yield component, terms


def _title(e: Estimate) -> str:
    w = e.workload
    return f"{e.subject.name}, {e.scheme.word} in {e.engine}, context {w.context}, batch {w.batch}"


def _heading(e: Estimate, component: Component) -> str:
    where = "RAM, beside the card" if component == "host" else component
    return f"{where}: {size(e.memory.component(component))}"


def _below(e: Estimate) -> Iterator[str]:
    total = e.memory.total
    yield f"expected on the card: {size(total.expected)} ({total.expected:,} bytes)"
    yield f"a measured figure should fall between {size(total.low)} and {size(total.high)}"
    yield from (f"note: {note}" for note in e.notes)


def _block(e: Estimate) -> Iterator[str]:
    yield _title(e)
    for component, terms in _by_component(e):
        yield ""
        yield _heading(e, component)
        for term in terms:
            yield from _term(term)
    yield ""
    yield from _below(e)


def _term(term: Term) -> Iterator[str]:
    yield f"  {term.name}: {size(term.size)} ({term.size:,} bytes)"
    yield f"    = {term.formula}"
    yield f"    = {numbers(term)}"
    yield f"    {term.source}"


def numbers(term: Term) -> str:
    """The formula with each name replaced by its number, thousands marked."""

    def put_in(match: re.Match[str]) -> str:
        value = term.values.get(match[0])
        if value is None:
            return match[0]
        return f"{value:,}" if isinstance(value, int) else f"{value:g}"

    return re.sub(r"[A-Za-z_]\w*", put_in, term.formula)
