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
    load_models,
    raw_entries,
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
    """Every fault of a catalog file, with its line; empty for a good one."""
    file = str(path)
    try:
        source = read_text(path)
        raw = raw_entries(source, file)
    except BadFile as error:
        return list(error.problems)
    except BadInput as error:
        return [Problem("", 0, "", str(error))]
    built_in = {entry.id: msgspec.to_builtins(entry) for entry in load_models()}
    merged = [laid_over(built_in.get(entry["id"], {}), entry) for entry in raw]
    shape = [p for i, entry in enumerate(merged) for p in entry_problems(entry, source, file, i)]
    if shape:
        return shape
    entries = record.convert(merged, tuple[ModelEntry, ...])
    catalog = Catalog(
        tuple(({e.id: e for e in load_models()} | {e.id: e for e in entries}).values())
    )
    return [
        Problem(file, text.line_of(source, f"models[{i}].{where}"), f"models[{i}] {entry.id}", what)
        for i, entry in enumerate(entries)
        for where, what in _found(entry, entries, catalog)
    ]


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
