"""What no single value can prove: is this file, laid over the built-in catalog, a good one?"""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from fitcheck import quantization
from fitcheck.catalog import (
    Catalog,
    ModelEntry,
    entry_problems,
    laid_over,
    listed,
    load_models,
    read_text,
    record,
    text,
)
from fitcheck.errors import BadFile, BadInput, Problem, UnknownName

Found = tuple[str, str]  # path below the entry, message
Check = Callable[[ModelEntry, Catalog], Iterator[Found]]

# Facts that must say where they come from, if they are given.
SOURCED: Final = ("config", "parameters", "licence", "released", "context_length", "languages")


def problems(path: Path) -> list[Problem]:
    """Every fault of a catalog file, with its line, in the file's order; empty for a good one.

    What hinders reading ends the search; an entry whose shape is wrong is not looked into further.
    """
    file = str(path)
    try:
        source = read_text(path)
        document, found = text.looked_at(source, file)
    except BadFile as error:
        return list(error.problems)
    except BadInput as error:
        return [Problem("", 0, "", str(error))]
    raw, more = listed(document, source, file)
    built_in = {entry.id: msgspec.to_builtins(entry) for entry in load_models()}
    merged = [(i, laid_over(built_in.get(entry["id"], {}), entry)) for i, entry in raw]
    shape = {i: entry_problems(entry, source, file, i) for i, entry in merged}
    good = [(i, record.convert(entry, ModelEntry)) for i, entry in merged if not shape[i]]
    entries = tuple(entry for _, entry in good)
    known = {e.id: e for e in load_models()} | {e.id: e for e in entries}
    catalog = Catalog(tuple(known.values()))
    deeper = [
        Problem(file, text.line_of(source, f"models[{i}].{where}"), f"models[{i}] {entry.id}", what)
        for i, entry in good
        for where, what in _found(entry, entries, catalog)
    ]
    told = (*found, *more, *(p for faults in shape.values() for p in faults), *deeper)
    return sorted(told, key=lambda problem: problem.line)


def _found(entry: ModelEntry, entries: tuple[ModelEntry, ...], catalog: Catalog) -> Iterator[Found]:
    if Counter(e.id for e in entries)[entry.id] > 1:
        yield "id", "is the id of two entries"
    for check in CHECKS:
        yield from check(entry, catalog)


def names_are_unique(entry: ModelEntry, catalog: Catalog) -> Iterator[Found]:
    """No id and no alias stands for two models."""
    others = {w.lower() for e in catalog if e.id != entry.id for w in e.names}
    for i, alias in enumerate(entry.aliases):
        if alias.lower() in others:
            yield f"aliases[{i}]", f"alias '{alias}' is another entry's name too"


def architecture_is_sound(entry: ModelEntry, catalog: Catalog) -> Iterator[Found]:
    """config makes a model, whose parameters add up to the number given."""
    try:
        model = catalog.model(entry)
    except BadInput as error:
        yield "config", str(error)
        return
    if model is None:
        if entry.downloadable:
            yield "", "has neither `config` nor `like`: nothing can be said of its memory"
    elif not entry.parameters_note and entry.parameters not in (None, model.parameters):
        found = f"is {entry.parameters}, but its architecture adds up to {model.parameters}"
        yield "parameters", found


def schemes_are_known(entry: ModelEntry, catalog: Catalog) -> Iterator[Found]:
    """Published quantizations and requirements name schemes that fitcheck has."""
    named = [(f"quantizations[{i}]", q.scheme) for i, q in enumerate(entry.quantizations)]
    named += [
        (f"requirements[{i}]", r.scheme) for i, r in enumerate(entry.requirements) if r.scheme
    ]
    for where, name in named:
        try:
            quantization.scheme(name)
        except UnknownName as error:
            yield f"{where}.scheme", str(error)


def facts_have_sources(entry: ModelEntry, catalog: Catalog) -> Iterator[Found]:
    """Each fact that is given says where it comes from."""
    for fact in SOURCED:
        if getattr(entry, fact) and fact not in entry.sources:
            yield fact, f"{fact} has no source: say in `sources` where it comes from"


CHECKS: Final[tuple[Check, ...]] = (
    names_are_unique,
    architecture_is_sound,
    schemes_are_known,
    facts_have_sources,
)
