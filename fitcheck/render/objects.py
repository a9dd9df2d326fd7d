"""Answers → plain objects, as contract and schema names promise them to programs.

Written out by hand, one function for each `schema`: renaming a field inside must not change what
scripts read. Sizes are whole bytes.
"""

from typing import Final

from fitcheck.answers.check import CheckAnswer
from fitcheck.answers.compare import CompareAnswer
from fitcheck.answers.estimate import Estimate
from fitcheck.answers.local import Stored
from fitcheck.answers.plan import PlanAnswer
from fitcheck.answers.show import Claim, ShowAnswer
from fitcheck.answers.upgrade import OPENS, Gain, UpgradeAnswer
from fitcheck.answers.ways import Step, Way
from fitcheck.engines import ENGINES
from fitcheck.engines.base import COMPONENTS, Engine, Memory, Offload
from fitcheck.engines.capabilities import least_capability
from fitcheck.engines.option import Option
from fitcheck.errors import BadInput, Problem
from fitcheck.fit import Fit, OnCard
from fitcheck.machine import Card, Machine
from fitcheck.quantization import Scheme
from fitcheck.render.grid import Object
from fitcheck.resolve import Subject


def estimate(e: Estimate) -> Object:
    """`fitcheck.estimate/1`, with `fit` where it was held against a machine."""
    found: Object = {
        "schema": "fitcheck.estimate/1",
        "model": subject(e.subject),
        "engine": e.engine,
        "quantization": e.scheme.word,
        "workload": {
            "context": e.workload.context,
            "prompt": e.workload.prompt,
            "batch": e.workload.batch,
            "kv_cache": e.workload.kv_cache,
            "attention": e.workload.attention,
        },
        "memory": memory(e.memory),
        "file_bytes": e.file_bytes,
        "notes": list(e.notes),
    }
    for name in ("ubatch", "parallel", "gpu_memory_utilization"):
        if getattr(e.workload, name) is not None:
            found["workload"][name] = getattr(e.workload, name)
    if e.scheme.common:
        found["layout"] = e.scheme.name
    if e.fit is not None:
        found["fit"] = fit(e.fit)
    return found


def memory(m: Memory) -> Object:
    """Bytes of each component, and the range of what is on the cards."""
    components: Object = {name: m.component(name) for name in COMPONENTS}
    low, expected, high = m.total.low, m.total.expected, m.total.high
    return components | {"total": {"low": low, "expected": expected, "high": high}}


def subject(s: Subject) -> Object:
    """The model that an estimate is about."""
    return {
        "id": s.id,
        "name": s.name,
        "parameters": s.model.parameters if s.model else None,
        "active_parameters": s.model.active_parameters if s.model else None,
        "source": s.source,
    }


def fit(f: Fit) -> Object:
    """The verdict and what it stands on."""
    return {
        "verdict": f.verdict,
        "usable": f.usable,
        "headroom": f.headroom,
        "cards": f.cards,
        "split": None if f.split is None else list(f.split),
        "per_card": [on_card(one) for one in f.per_card] or None,
        "limiting_card": f.limiting_card,
        "max_context": f.max_context,
        "max_context_sure": f.max_context_sure,
        "max_batch": f.max_batch,
        "cards_needed": f.cards_needed,
        "offload": None if f.offload is None else offload(f.offload),
        "limited_by": f.limited_by,
        "reasons": list(f.reasons),
    }


def on_card(one: OnCard) -> Object:
    """One of several cards: what it offers, and what of each component is on it."""
    return {
        "card": one.card,
        "usable": one.usable,
        "headroom": one.headroom,
        **memory(one.memory),
    }


def offload(o: Offload) -> Object:
    """How much is on the cards, how much in RAM, and the engine's words for it."""
    return {
        "layers_on_cards": o.layers_on_cards,
        "layers": o.layers,
        "host": o.host,
        "settings": dict(o.settings),
        "how": o.how,
        "read_per_token": o.read,
        "pace": o.pace,
    }


def card(c: Card) -> Object:
    """One card, unknown figures null."""
    return {
        "id": c.id,
        "name": c.name,
        "vendor": c.vendor,
        "total": c.total,
        "reserved": c.reserved,
        "used": c.used,
        "free": c.free,
        "usable": c.available,
        "kept_free": c.kept_free,
        "compute_capability": c.compute_capability,
        "unified": c.unified,
        "architecture": c.architecture or None,
        "bf16": c.bf16,
        "fp8": c.fp8,
        "fp4": c.fp4,
        "int8": c.int8,
        "bandwidth_gb_s": c.bandwidth,
        "fp16_tflops": c.fp16_tflops,
        "int8_tops": c.int8_tops,
        "nominal_gb": c.nominal_gb,
        "index": c.index,
        "source": c.source or None,
    }


def machine(m: Machine) -> Object:
    """The cards that a question was about, and the memory beside them."""
    return {
        "name": m.name,
        "cards": [card(c) for c in m.cards],
        "ram_total": m.ram_total,
        "ram_available": m.ram_available,
        "link": m.link,
        "assumed_empty": m.assumed_empty,
        "kept_free": m.kept_free,
        "driver": m.driver,
        "unseen": [{"asked": u.asked, "why": u.why} for u in m.unseen],
        "notes": list(m.notes),
    }


def check(answer: CheckAnswer) -> Object:
    """`fitcheck.check/1`: an estimate with its fit for every model and scheme."""
    return {
        "schema": "fitcheck.check/1",
        "machine": machine(answer.machine),
        "results": [estimate(e) for row in answer.rows for e in row.estimates],
        "unknown": [
            {"id": row.subject.id, "why": row.unknown} for row in answer.rows if row.unknown
        ],
    }


def terms(e: Estimate) -> list[Object]:
    """Every summand of an estimate with its formula, numbers and source."""
    return [
        {
            "component": t.component,
            "name": t.name,
            "bytes": t.size,
            "formula": t.formula,
            "values": dict(t.values),
            "source": t.source,
        }
        for t in e.memory.terms
    ]


def explained(e: Estimate) -> Object:
    """`fitcheck.explain/1`: the estimate and its terms."""
    return {**estimate(e), "schema": "fitcheck.explain/1", "terms": terms(e)}


def compare(answer: CompareAnswer) -> Object:
    """`fitcheck.compare/1`: a check's results for each machine."""
    return {
        "schema": "fitcheck.compare/1",
        "machines": [{**check(c), "schema": "fitcheck.check/1"} for c in answer.checks],
    }


def compare_rows(answer: CompareAnswer) -> list[Object]:
    """Every result with the machine that it was found on."""
    return [
        {"machine": c.machine.name, **result}
        for c in answer.checks
        for result in check(c)["results"]
    ]


def plan(answer: PlanAnswer) -> Object:
    """`fitcheck.plan/1`: what each kind of card does with the model, on one what is best."""
    return {
        "schema": "fitcheck.plan/1",
        "model": subject(answer.subject),
        "best": answer.best.scheme.word if answer.best else None,
        "ways": [way(w) for w in answer.ways],
        "next_steps": [step(s) for s in answer.steps],
        "budget": answer.budget,
        "without_price": answer.unpriced,
        "machines": [machine(o.machine) for o in answer.options],
        "results": [
            {"machine": o.machine.name, **estimate(e)}
            for o in answer.options
            for e in o.row.estimates
        ],
    }


def upgrade(answer: UpgradeAnswer) -> Object:
    """`fitcheck.upgrade/1`: for each machine to move to, what it opens, model by model."""
    return {
        "schema": "fitcheck.upgrade/1",
        "from": answer.origin.name,
        "to": [
            {
                "machine": target.machine.name,
                "opens": {what: len(target.opened(what)) for what in OPENS},
                "models": [gain(g) for g in target.gains if answer.named or g.opens != "nothing"],
            }
            for target in answer.targets
        ],
    }


def upgrade_rows(answer: UpgradeAnswer) -> list[Object]:
    """Every model and machine, flat."""
    return [
        {"machine": target["machine"], **model}
        for target in upgrade(answer)["to"]
        for model in target["models"]
    ]


def gain(g: Gain) -> Object:
    """What one model runs in, before and after."""
    return {
        "id": g.subject.id,
        "opens": g.opens,
        "before": None if g.before is None else _runs(g.before),
        "after": None if g.after is None else _runs(g.after),
    }


def _runs(e: Estimate) -> Object:
    assert e.fit is not None
    return {
        "precision": e.column,
        "quantization": e.scheme.name,
        "engine": e.engine,
        "verdict": e.fit.verdict,
        "max_context": e.fit.longest,
    }


def way(w: Way) -> Object:
    """One of the least machines that run a model, how it is divided there, and what it costs."""
    e = w.estimate
    return {
        "kind": w.kind,
        "machine": w.machine.name,
        "cards": len(w.machine.cards),
        "nodes": w.machine.nodes,
        "quantization": e.scheme.name,
        "engine": e.engine,
        "verdict": "offload" if w.kind == "offload" else w.fit.verdict,
        "headroom": w.headroom,
        "max_context": None if w.kind == "offload" else w.fit.max_context,
        "max_batch": None if w.kind == "offload" else w.fit.max_batch,
        "host": w.host,
        "disk": e.file_bytes,
        "how": w.fit.offload.how if w.kind == "offload" and w.fit.offload else None,
        "price_usd_hour": w.price,
    }


def step(s: Step) -> Object:
    """What almost holds a model, by how much it does not, and the next larger thing that does."""
    return {
        "machine": s.machine.name,
        "quantization": s.estimate.scheme.name,
        "lacks": s.lacks,
        "next": way(s.up) if s.up else None,
    }


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
    """Bytes of one linear layer packed by a scheme, as the contract promises them."""
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
