"""Routed experts: the prompt goes through them sorted, a single token takes their weights along.

While the prompt is read, tokens are copied once for each expert they are sent to, sorted by expert,
and multiplied group by group (`grouped_mm`). For the steps after it, generate switches to
`batched_mm`, which copies the weights of every chosen expert for every token: at a batch of
sixteen that is more than the cache of most models.

Source: transformers 5.23.0, integrations/moe.py and generation/utils.py,
_optimize_model_for_decode (2026).
"""

from fitcheck.architecture import DenseMLP, Experts
from fitcheck.engines.transformers.activations.feed_forward import dense, gated
from fitcheck.engines.transformers.activations.script import (
    ONCE,
    SEQUENCE,
    TOKEN,
    Piece,
    Script,
    Shape,
)
from fitcheck.engines.transformers.activations.step import Pass
from fitcheck.units import ceil_div


def experts(s: Script, p: Pass, f: Experts) -> Piece:
    """The block of experts with its router and the expert that every token passes."""
    if p.style.all_experts:
        return _every(s, p, f)
    held = [_shared(s, p, f)] if f.shared_intermediate_size and p.style.shared_first else []
    if f.dense_intermediate_size:
        dense_width = {"intermediate_size": f.dense_intermediate_size, "itemsize": p.itemsize}
        held.append(gated(s, p, dense_width, fused=False))
    held += _router(s, p, f)
    routed = _routed(s, p, f)
    if f.shared_intermediate_size and not p.style.shared_first:
        shared = _shared(s, p, f)
        routed = s.swap(routed, "routed and shared output", TOKEN, p.hidden)
        s.drop(shared)
    s.drop(*held)
    return routed


def _shared(s: Script, p: Pass, f: Experts) -> Piece:
    width = f.shared_intermediate_size
    if f.gated:
        wide = {"shared_intermediate_size": width, "itemsize": p.itemsize}
        return gated(s, p, wide, fused=False, suffix="_shexp")
    return dense(s, p, DenseMLP(intermediate_size=width, gated=False), None)


def _router(s: Script, p: Pass, f: Experts) -> list[Piece]:
    """Scores of all experts, the chosen ones' weights and numbers: held while they work."""
    chosen = {"num_experts_per_tok": f.num_experts_per_tok}
    scored = {"num_experts": f.num_experts, "itemsize": p.style.router_bytes or p.itemsize}
    if p.style.router_bytes:
        wide = {"hidden_size": p.hidden_size, "itemsize": 4}
        row = s.take("tokens in fp32 for the router", TOKEN, wide)
        s.drop(s.take("router in fp32", ONCE, {"num_experts": f.num_experts, **wide}), row)
    return [
        s.take("router's logits", TOKEN, scored),
        s.take("chosen experts' weights", TOKEN, {**chosen, "itemsize": _weight_bytes(p)}),
        s.take("chosen experts' numbers", TOKEN, {**chosen, "itemsize": 8}),
    ]


def _weight_bytes(p: Pass) -> int:
    return p.style.routed_bytes or p.itemsize


def _gate(s: Script, p: Pass, wide: Shape, has_gate: bool) -> Piece:
    """The experts' inner width after the activation."""
    if not has_gate:
        up = s.take("experts' up", TOKEN, wide)
        return s.swap(up, "experts' up, activated", TOKEN, wide)
    both = s.take("experts' gate and up", TOKEN, {"two": 2, **wide})
    inner = _clamped(s, wide) if p.style.clamped_experts else _multiplied(s, wide)
    s.drop(both)
    return inner


def _multiplied(s: Script, wide: Shape) -> Piece:
    gate = s.take("experts' gate, activated", TOKEN, wide)
    return s.swap(gate, "experts' gate times up", TOKEN, wide)


def _clamped(s: Script, wide: Shape) -> Piece:
    """gpt-oss: gate and up clamped, gate * sigmoid(alpha * gate), (up + 1) * that."""
    gate = s.take("experts' gate, clamped", TOKEN, wide)
    up = s.take("experts' up, clamped", TOKEN, wide)
    scaled = s.take("gate, scaled", TOKEN, wide)
    sigmoid = s.swap(scaled, "gate's sigmoid", TOKEN, wide)
    glu = s.swap(sigmoid, "gate, activated", TOKEN, wide)
    one = s.take("up plus one", TOKEN, wide)
    product = s.take("experts' gate times up", TOKEN, wide)
    s.drop(one, gate, up, glu)
    return product


def _grouped(s: Script, p: Pass, f: Experts) -> Piece:
    chosen = {"num_experts_per_tok": f.num_experts_per_tok}
    wide = {**chosen, "expert_intermediate_size": f.intermediate_size, "itemsize": p.itemsize}
    row = {**chosen, **p.hidden}
    weighted_row = {**row, "itemsize": max(_weight_bytes(p), p.itemsize)}
    order = [s.take("sorted order", TOKEN, {"tensors": 2, **chosen, "itemsize": 8})]
    order.append(s.take("tokens, one copy for each of their experts", TOKEN, row))
    order.append(s.take("sorted weights", TOKEN, {**chosen, "itemsize": _weight_bytes(p)}))
    order.append(s.take("experts' numbers to count", TOKEN, {**chosen, "itemsize": 4}))
    bias = [s.take("experts' biases", TOKEN, {"two": 2, **wide})] if p.style.expert_bias else []
    inner = _gate(s, p, wide, f.gated)
    if bias:
        bias = [s.swap(bias[0], "experts' down biases", TOKEN, row)]
    down = s.swap(inner, "experts' output", TOKEN, row)
    weighted = s.take("experts' output, weighted", TOKEN, weighted_row)
    order.append(s.take("order to go back to", TOKEN, {**chosen, "itemsize": 8}))
    back = s.swap(weighted, "experts' output in the tokens' order", TOKEN, weighted_row)
    total = s.take("sum over experts", TOKEN, {**p.hidden, "itemsize": weighted_row["itemsize"]})
    s.drop(back, down, *order, *bias)
    return total if weighted_row == row else s.swap(total, "routed output", TOKEN, p.hidden)


def _routed(s: Script, p: Pass, f: Experts) -> Piece:
    if p.era.looped:
        return _every_clamped(s, p, f) if p.style.clamped_experts else _looped(s, p, f)
    return _grouped(s, p, f) if p.phase == "prefill" else _batched(s, p, f)


def _looped(s: Script, p: Pass, f: Experts) -> Piece:
    """Before 5.0: one expert after the other, each with its share of the tokens if all get alike.

    Source: transformers 4.57.6, models/mixtral/modeling_mixtral.py, MixtralSparseMoeBlock.
    """
    total = s.take("sum over experts", TOKEN, p.hidden)
    each = f.num_experts * f.num_experts_per_tok
    mask = s.take("which token goes to which expert", TOKEN, {"pairs": each, "itemsize": 8})
    share = {"numbers": ceil_div(f.num_experts_per_tok * p.hidden_size, f.num_experts)}
    row = {**share, "itemsize": p.itemsize}
    inner = ceil_div(f.num_experts_per_tok * f.intermediate_size, f.num_experts)
    wide = {"inner_numbers": inner, "itemsize": p.itemsize}
    tokens = s.take("one expert's tokens", TOKEN, row)
    up = _multiplied(s, wide) if f.gated else s.take("one expert's up", TOKEN, wide)
    output = s.swap(up, "one expert's output", TOKEN, row)
    s.drop(s.take("one expert's output, weighted", TOKEN, row))
    s.drop(output, tokens, mask)
    return total


def _every_clamped(s: Script, p: Pass, f: Experts) -> Piece:
    """gpt-oss before 5.0: every token through every expert, weighted afterwards.

    Source: transformers 4.57.6, models/gpt_oss/modeling_gpt_oss.py, GptOssExperts.
    """
    every = {"num_experts": f.num_experts}
    wide = {**every, "expert_intermediate_size": f.intermediate_size, "itemsize": p.itemsize}
    row = {**every, **p.hidden}
    copies = s.take("tokens, one copy for each expert", TOKEN, row)
    both = s.take("experts' gate and up", TOKEN, {"two": 2, **wide})
    both = s.swap(both, "experts' gate and up, with biases", TOKEN, {"two": 2, **wide})
    product = _clamped(s, wide)
    output = s.swap(product, "experts' output", TOKEN, row)
    s.drop(both, copies)
    output = s.swap(output, "experts' output, with biases", TOKEN, row)
    output = s.swap(output, "experts' output, weighted", TOKEN, row)
    return s.swap(output, "sum over experts", TOKEN, p.hidden)


def _batched(s: Script, p: Pass, f: Experts) -> Piece:
    chosen = {"num_experts_per_tok": f.num_experts_per_tok}
    wide = {**chosen, "expert_intermediate_size": f.intermediate_size, "itemsize": p.itemsize}
    row = {**chosen, **p.hidden}
    rows = s.take("tokens, one copy for each of their experts", TOKEN, row)
    matrix = {**chosen, "expert_intermediate_size": f.intermediate_size, **p.hidden}
    first = {"two": 2, **matrix} if f.gated else matrix
    up = s.take("weights of the chosen experts, gate and up", SEQUENCE, first)
    inner = _gate(s, p, wide, f.gated)
    down = s.take("weights of the chosen experts, down", SEQUENCE, matrix)
    s.drop(up)
    output = s.swap(inner, "experts' output", TOKEN, row)
    weighted = s.take("experts' output, weighted", TOKEN, row)
    total = s.take("sum over experts", TOKEN, p.hidden)
    s.drop(weighted, output, down, rows)
    return total


def _every(s: Script, p: Pass, f: Experts) -> Piece:
    """Llama 4 sends every token to every expert and weighs what comes back."""
    every = {"num_experts": f.num_experts}
    row = {**every, **p.hidden}
    wide = {**every, "expert_intermediate_size": f.intermediate_size, "itemsize": p.itemsize}
    scores = s.take(
        "router's scores and logits", TOKEN, {"two": 2, **every, "itemsize": p.itemsize}
    )
    copies = s.take("tokens, one copy for each expert", TOKEN, row)
    copies = s.swap(copies, "tokens, one copy for each expert, weighted", TOKEN, row)
    both = s.take("experts' gate and up", TOKEN, {"two": 2, **wide})
    gate = s.take("experts' gate, activated", TOKEN, wide)
    product = s.take("experts' gate times up", TOKEN, wide)
    s.drop(gate)
    output = s.swap(product, "experts' output", TOKEN, row)
    s.drop(both)
    held = [_shared(s, p, f)] if f.shared_intermediate_size else []
    total = s.take("sum over experts", TOKEN, p.hidden)
    s.drop(output, copies, scores, *held)
    return total
