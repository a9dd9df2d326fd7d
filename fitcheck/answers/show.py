"""One model: its facts, its parameters by part, and the publisher's claims beside ours."""

from collections.abc import Callable

import msgspec

from fitcheck.answers.asked import Ask
from fitcheck.answers.check import check
from fitcheck.answers.estimate import Estimate
from fitcheck.architecture import Experts, Model
from fitcheck.catalog import Requirement
from fitcheck.machine import Machine
from fitcheck.resolve import Subject


class Claim(msgspec.Struct, frozen=True):
    """What the publisher says, and what we find on the machine that they name."""

    requirement: Requirement
    ours: tuple[tuple[Machine, Estimate], ...]

    @property
    def agrees(self) -> bool | None:
        """Whether it runs there by our figures; None where the claim is not about inference."""
        verdicts = [e.fit.says_yes() for _, e in self.ours if e.fit is not None]
        return all(verdicts) if verdicts else None


class ShowAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The entry's facts, the model's parts, and the claims."""

    subject: Subject
    parts: tuple[tuple[str, int], ...]
    claims: tuple[Claim, ...]


def show(subject: Subject, named: Callable[[str], Machine]) -> ShowAnswer:
    """`named` makes a machine of the words that a requirement uses (`6GB`, `2x3090`)."""
    requirements = subject.entry.requirements if subject.entry else ()
    return ShowAnswer(
        subject=subject,
        parts=tuple(parts(subject.model)) if subject.model else (),
        claims=tuple(Claim(r, _ours(subject, r, named)) for r in requirements),
    )


def _ours(
    subject: Subject, r: Requirement, named: Callable[[str], Machine]
) -> tuple[tuple[Machine, Estimate], ...]:
    if r.purpose != "inference" or subject.model is None:
        return ()
    words = r.gpus or ((f"{r.memory_gb:g}GB",) if r.memory_gb else ())
    ask = Ask(
        precisions=(r.precision,) if r.precision and not r.scheme else (),
        quants=(r.scheme,) if r.scheme else (),
        context=r.context,
    )
    machines = [named(word) for word in words]
    rows = [check((subject,), m, ask, named=True, solve="table").rows[0] for m in machines]
    return tuple((m, e) for m, row in zip(machines, rows, strict=True) for e in row.estimates)


def parts(model: Model) -> list[tuple[str, int]]:
    """Parameters by part: embeddings, attention or state space, MLPs, experts, norms, towers."""
    found: dict[str, int] = {}
    for tensor in model.tensors:
        name = _OUTSIDE.get(tensor.role, "other")
        found[name] = found.get(name, 0) + tensor.numel
    for layer, count in model.kinds:
        for tensor in layer.tensors:
            name = _inside(tensor.role, tensor.kind, isinstance(layer.feed_forward, Experts))
            found[name] = found.get(name, 0) + tensor.numel * count
    for tower in model.towers:
        found[tower.name] = found.get(tower.name, 0) + tower.parameters
    return list(found.items())


_OUTSIDE = {"token_embd": "embeddings", "position_embd": "embeddings", "output": "head"}


def _inside(role: str, kind: str, has_experts: bool) -> str:
    if kind in ("norm", "bias"):
        return "norms and biases"
    if kind == "experts":
        return "experts"
    if role == "ffn_gate_inp":
        return "router"
    if role.startswith("ffn_"):
        return "shared and dense MLPs" if has_experts else "MLPs"
    if role.startswith("attn"):
        return "attention"
    return "state space"
