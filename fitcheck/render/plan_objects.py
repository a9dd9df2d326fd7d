"""The answers of `plan` and `upgrade` as plain objects, as their schemas promise."""

from fitcheck.answers.estimate import Estimate
from fitcheck.answers.plan import PlanAnswer
from fitcheck.answers.upgrade import OPENS, Gain, UpgradeAnswer
from fitcheck.answers.ways import Step, Way
from fitcheck.render.grid import Object
from fitcheck.render.objects import estimate, machine, subject


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
