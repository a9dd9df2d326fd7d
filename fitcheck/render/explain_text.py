"""An estimate taught: every term with its formula, the numbers put in, and where it comes from."""

import re
from collections.abc import Iterator
from itertools import groupby

from fitcheck.answers.estimate import Estimate
from fitcheck.engines.base import Term
from fitcheck.render.grid import size


def text(found: tuple[Estimate, ...]) -> str:
    """One block for each estimate, components in the order that they are taken."""
    return "\n".join("\n".join(_block(e)) + "\n" for e in found)


def _block(e: Estimate) -> Iterator[str]:
    w = e.workload
    yield f"{e.subject.name}, {e.scheme.word} in {e.engine}, context {w.context}, batch {w.batch}"
    for component, terms in groupby(e.memory.terms, key=lambda t: t.component):
        yield ""
        where = "RAM, beside the card" if component == "host" else component
        yield f"{where}: {size(e.memory.component(component))}"
        for term in terms:
            yield from _term(term)
    total = e.memory.total
    yield ""
    yield f"expected on the card: {size(total.expected)} ({total.expected:,} bytes)"
    yield f"a measured figure should fall between {size(total.low)} and {size(total.high)}"
    yield from (f"note: {note}" for note in e.notes)


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
