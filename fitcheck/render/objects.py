"""Answers → plain objects, as contract and schema names promise them to programs.

Written out by hand, one function for each `schema`: renaming a field inside must not change what
scripts read. Sizes are whole bytes.
"""

from fitcheck.answers.check import CheckAnswer
from fitcheck.answers.compare import CompareAnswer
from fitcheck.answers.estimate import Estimate
from fitcheck.engines.base import COMPONENTS, Memory, Offload
from fitcheck.fit import Fit, OnCard
from fitcheck.machine import Card, Machine
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
