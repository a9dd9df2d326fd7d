"""Answers → plain objects, as contract and schema names promise them to programs.

Written out by hand, one function for each `schema`: renaming a field inside must not change what
scripts read. Sizes are whole bytes.
"""

from typing import Any

from fitcheck.answers.check import CheckAnswer
from fitcheck.answers.estimate import Estimate
from fitcheck.fit import Fit
from fitcheck.machine import Card, Machine
from fitcheck.resolve import Subject

Object = dict[str, Any]


def estimate(e: Estimate) -> Object:
    """`fitcheck.estimate/1`, with `fit` where it was held against a machine."""
    memory, total = e.memory, e.memory.total
    found: Object = {
        "schema": "fitcheck.estimate/1",
        "model": subject(e.subject),
        "engine": e.engine,
        "quantization": e.scheme.name,
        "workload": {
            "context": e.workload.context,
            "prompt": e.workload.prompt,
            "batch": e.workload.batch,
            "kv_cache": e.workload.kv_cache,
            "attention": e.workload.attention,
        },
        "memory": {
            "weights": memory.component("weights"),
            "kv_cache": memory.component("kv_cache"),
            "recurrent_state": memory.component("recurrent_state"),
            "activations": memory.component("activations"),
            "overhead": memory.component("overhead"),
            "host": memory.component("host"),
            "total": {"low": total.low, "expected": total.expected, "high": total.high},
        },
        "file_bytes": e.file_bytes,
        "notes": list(e.notes),
    }
    for name in ("ubatch", "parallel", "gpu_memory_utilization"):
        if getattr(e.workload, name) is not None:
            found["workload"][name] = getattr(e.workload, name)
    if e.fit is not None:
        found["fit"] = fit(e.fit)
    return found


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
        "max_context": f.max_context,
        "max_context_sure": f.max_context_sure,
        "max_batch": f.max_batch,
        "cards_needed": f.cards_needed,
        "limited_by": f.limited_by,
        "reasons": list(f.reasons),
    }


def card(c: Card) -> Object:
    """One card, unknown figures null."""
    return {
        "id": c.id,
        "name": c.name,
        "vendor": c.vendor,
        "total": c.total,
        "reserved": c.reserved,
        "free": c.free,
        "usable": c.available,
        "compute_capability": c.compute_capability,
        "unified": c.unified,
    }


def machine(m: Machine) -> Object:
    """The cards that a question was about, and the memory beside them."""
    return {
        "name": m.name,
        "cards": [card(c) for c in m.cards],
        "ram_total": m.ram_total,
        "ram_available": m.ram_available,
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
