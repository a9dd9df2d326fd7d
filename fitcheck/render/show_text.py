"""One model told: facts, dimensions, parameters by part, claims beside ours."""

from collections.abc import Iterable, Iterator
from textwrap import wrap
from typing import Final

from fitcheck.answers.show import Claim, ShowAnswer
from fitcheck.render import as_markdown, as_table
from fitcheck.render.grid import Cell, Column, Grid
from fitcheck.units import gib

_INDENT: Final = 18  # where what is said of a fact begins
_CLAIMS: Final = "What the publisher says, and what we find:"


def text(answer: ShowAnswer, width: int) -> str:
    """The whole entry for a terminal of so many columns."""
    return "\n".join(_lines(answer, width)) + "\n"


def markdown(answer: ShowAnswer) -> str:
    """The same as tables and a list, to paste."""
    facts = (*_facts(answer), *_dimensions(answer))
    blocks = [_table((Column(answer.subject.name), Column(answer.subject.id)), facts)]
    if answer.parts:
        columns = (Column("PART"), Column("PARAMETERS", "right"), Column("PER CENT", "right"))
        blocks.append(_table(columns, _parts(answer)))
    if answer.claims:
        said = (f"  - {line}" if i else f"- {line}" for c in answer.claims for i, line in _claim(c))
        blocks.append("\n".join((_CLAIMS, "", *said)) + "\n")
    blocks += [f"note: {note}\n" for note in answer.subject.notes]
    return "\n".join(blocks)


def _table(columns: tuple[Column, ...], rows: Iterable[tuple[str, ...]]) -> str:
    cells = tuple(tuple(map(Cell, row)) for row in rows)
    return as_markdown.draw(Grid(columns=columns, rows=cells))


def _lines(answer: ShowAnswer, width: int) -> Iterator[str]:
    yield f"{answer.subject.name} ({answer.subject.id})"
    yield from _folded(_facts(answer), width)
    dimensions = list(_dimensions(answer))
    yield from ["", *_folded(dimensions, width)] if dimensions else []
    yield from (f"  {name:<22}{count:>18}  {share:>5} %" for name, count, share in _parts(answer))
    if answer.claims:
        yield ""
        yield _CLAIMS
    for claim in answer.claims:
        lines = (f"  {line}" if i else f"- {line}" for i, line in _claim(claim))
        yield from as_table.folded(lines, width)
    yield from as_table.folded((f"note: {note}" for note in answer.subject.notes), width)


def _folded(facts: Iterable[tuple[str, str]], width: int) -> Iterator[str]:
    """A fact a line, or on several under its own beginning."""
    for name, value in facts:
        for i, line in enumerate(
            wrap(value, max(width - _INDENT, _INDENT), break_on_hyphens=False)
        ):
            yield f"{'' if i else name:<{_INDENT}}{line}"


def _facts(answer: ShowAnswer) -> Iterator[tuple[str, str]]:
    entry = answer.subject.entry
    if entry is None:
        yield "read from", f"a {answer.subject.source}"
        return
    facts = {
        "by": entry.organisation,
        "family": entry.family,
        "released": entry.released,
        "licence": entry.licence,
        "languages": ", ".join(entry.languages),
        "modality": entry.modality,
        "derived from": entry.derived_from,
        "repository": entry.repository if entry.downloadable else "closed, not downloadable",
        "also called": ", ".join(entry.aliases),
        "published as": ", ".join(q.scheme for q in entry.quantizations),
        "counted": entry.parameters_note,
    }
    yield from ((name, value) for name, value in facts.items() if value)


def _dimensions(answer: ShowAnswer) -> Iterator[tuple[str, str]]:
    model = answer.subject.model
    if model is None:
        return
    yield "architecture", f"{model.model_type}, {len(model.layers)} layers of {model.hidden_size}"
    yield "vocabulary", f"{model.vocab_size:,}"
    yield "context", str(model.context_length or "not stated")
    yield "parameters", f"{model.parameters:,}"
    if model.active_parameters != model.parameters:
        yield "active", f"{model.active_parameters:,} for one token"


def _parts(answer: ShowAnswer) -> Iterator[tuple[str, str, str]]:
    """Name, parameters and per cent of each part."""
    whole = sum(count for _, count in answer.parts)
    for name, count in answer.parts:
        yield name, f"{count:,}", f"{100 * count / whole:.1f}"


def _claim(claim: Claim) -> Iterator[tuple[int, str]]:
    """The statement (0), and below it (1) what we find on each machine that it names."""
    r = claim.requirement
    yield 0, f'"{r.states}" ({r.source})'
    if r.purpose != "inference":
        yield 1, f"said of {r.purpose}, which is not held against a card here"
    for machine, e in claim.ours:
        assert e.fit is not None
        total = e.memory.total
        span = f"{gib(total.low)} to {gib(total.high)}"
        yield (
            1,
            f"{machine.name}: {e.fit.verdict}. {e.scheme.word} at context {e.workload.context} "
            f"takes {gib(total.expected)} GiB ({span}) of {gib(e.fit.usable)}",
        )
    if r.explains:
        yield 1, f"why: {r.explains}"
