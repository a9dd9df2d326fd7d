"""One model told in lines: facts, dimensions, parameters by part, claims beside ours."""

from collections.abc import Iterator

from fitcheck.answers.show import Claim, ShowAnswer
from fitcheck.units import gib


def text(answer: ShowAnswer) -> str:
    """The whole entry."""
    return "\n".join(_lines(answer)) + "\n"


def _lines(answer: ShowAnswer) -> Iterator[str]:
    s, model = answer.subject, answer.subject.model
    yield f"{s.name} ({s.id})"
    yield from _facts(answer)
    if model is not None:
        yield ""
        layers = f"{len(model.layers)} layers of {model.hidden_size}"
        yield f"architecture      {model.model_type}, {layers}"
        yield f"vocabulary        {model.vocab_size:,}"
        yield f"context           {model.context_length or 'not stated'}"
        yield f"parameters        {model.parameters:,}"
        if model.active_parameters != model.parameters:
            yield f"active            {model.active_parameters:,} for one token"
        for name, count in answer.parts:
            yield f"  {name:<22}{count:>18,}  {100 * count / model.parameters:5.1f} %"
    if answer.claims:
        yield ""
        yield "What the publisher says, and what we find:"
        for claim in answer.claims:
            yield from _claim(claim)
    yield from (f"note: {note}" for note in s.notes)


def _facts(answer: ShowAnswer) -> Iterator[str]:
    entry = answer.subject.entry
    if entry is None:
        yield f"read from a {answer.subject.source}"
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
    }
    yield from (f"{name:<18}{value}" for name, value in facts.items() if value)
    if entry.parameters_note:
        yield f"{'counted':<18}{entry.parameters_note}"


def _claim(claim: Claim) -> Iterator[str]:
    r = claim.requirement
    yield f'- "{r.states}"  ({r.source})'
    if r.purpose != "inference":
        yield f"  said of {r.purpose}, which is not held against a card here"
    for machine, e in claim.ours:
        assert e.fit is not None
        total = e.memory.total
        span = f"{gib(total.low)} to {gib(total.high)}"
        yield (
            f"  {machine.name}: {e.fit.verdict}. {e.scheme.word} at context {e.workload.context} "
            f"takes {gib(total.expected)} GiB ({span}) of {gib(e.fit.usable)}"
        )
    if r.explains:
        yield f"  why: {r.explains}"
