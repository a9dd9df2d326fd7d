"""What there is as plain objects: models, schemes, engines, options, faults of a catalog."""

from typing import Final

from fitcheck.answers.local import Stored
from fitcheck.answers.show import Claim, ShowAnswer
from fitcheck.engines import ENGINES
from fitcheck.engines.base import Engine
from fitcheck.engines.capabilities import least_capability
from fitcheck.engines.option import Option
from fitcheck.errors import BadInput, Problem
from fitcheck.quantization import Scheme
from fitcheck.render.grid import Object
from fitcheck.render.objects import estimate, subject
from fitcheck.resolve import Subject


def model(s: Subject) -> Object:
    """One entry of the catalog, as `models` lists it."""
    entry = s.entry
    facts: Object = {**subject(s), "context_length": s.model.context_length if s.model else None}
    if entry is None:
        return facts
    return facts | {
        "family": entry.family,
        "organisation": entry.organisation,
        "released": entry.released,
        "licence": entry.licence,
        "languages": list(entry.languages),
        "modality": entry.modality,
        "derived_from": entry.derived_from,
        "repository": entry.repository,
        "downloadable": entry.downloadable,
        "aliases": list(entry.aliases),
    }


def show(answer: ShowAnswer) -> Object:
    """`fitcheck.show/1`: the entry, its parameters by part, and the claims beside ours."""
    entry = answer.subject.entry
    return {
        "schema": "fitcheck.show/1",
        **model(answer.subject),
        "parts": dict(answer.parts),
        "quantizations": [q.scheme for q in entry.quantizations] if entry else [],
        "requirements": [claim(c) for c in answer.claims],
        "sources": dict(entry.sources) if entry else {},
        "notes": list(answer.subject.notes),
    }


def claim(c: Claim) -> Object:
    """A publisher's statement and our figures for the same question."""
    r = c.requirement
    return {
        "states": r.states,
        "source": r.source,
        "purpose": r.purpose,
        "precision": r.precision,
        "memory_gb": r.memory_gb,
        "gpus": list(r.gpus),
        "agrees": c.agrees,
        "explains": r.explains or None,
        "ours": [{"machine": m.name, **estimate(e)} for m, e in c.ours],
    }


def stored(s: Stored) -> Object:
    """A model in another program's store; `why` says what keeps it from being asked about."""
    model = s.subject.model if s.subject else None
    return {
        "name": s.found.name,
        "store": s.found.store,
        "format": s.found.form,
        "quantization": s.quantization or None,
        "parameters": model.parameters if model else None,
        "bytes": s.found.size,
        "path": s.found.path,
        "why": s.why or None,
    }


def scheme(s: Scheme) -> Object:
    """One quantization scheme."""
    return {
        "name": s.name,
        "title": s.title,
        "aliases": list(s.aliases),
        "precision": s.precision,
        "bits": s.bits,
        "bits_per_weight": s.bits_per_weight,
        "engines": list(s.engines),
        "compute_capability": next(iter(least_capabilities(s).values()), None),
        "compute_capabilities": least_capabilities(s),
        "quality": s.quality,
        "source": s.source,
    }


def least_capabilities(s: Scheme, *, own: bool = False) -> dict[str, float | None]:
    """The least compute capability that the scheme runs on, engine by engine; None if any.

    `own` leaves out what an engine asks for whatever the scheme.
    """
    rules = {name: ENGINES[name].rules for name in s.engines}
    if own:
        rules = {name: [r for r in all_ if "*" not in r.schemes] for name, all_ in rules.items()}
    return {name: least_capability(found, s) for name, found in rules.items()}


LAYER_HEADINGS: Final = {"scheme": "SCHEME", "in": "IN", "out": "OUT", "bytes": "BYTES"}


def layer(s: Scheme, in_features: int, out_features: int) -> Object:
    """Bytes of one linear layer packed by a scheme, as the contract promises them.

    Raises BadInput for a mixture, which has no one layout.
    """
    if s.layout is None:
        raise BadInput(f"{s.name} is a mixture: each tensor of a model has a type of its own")
    size = s.layout.size(in_features, out_features)
    return {"scheme": s.name, "in": in_features, "out": out_features, "bytes": size}


def engine(e: Engine) -> Object:
    """One engine."""
    return {"name": e.name, "title": e.title, "defaults": e.defaults}


def option(o: Option) -> Object:
    """One option of an engine; `option` is null for what only programs may set."""
    return {
        "option": o.flag if o.typed else None,
        "name": o.name,
        "engines_own": o.own or None,
        "default": o.default,
        "meaning": o.meaning,
        "source": o.source,
    }


PROBLEM_HEADINGS: Final = {"file": "FILE", "line": "LINE", "path": "PATH", "message": "FAULT"}


def problem(p: Problem) -> Object:
    """One fault of a catalog file."""
    return {"file": p.file, "line": p.line or None, "path": p.path, "message": p.message}
