"""The peak of vLLM's profiling run: what it keeps free beside weights and cache.

At start-up vLLM computes `max_num_batched_tokens` tokens of `max_num_seqs` sequences and samples
once with every sampling option; the higher of the two moments is left free. Source: vLLM 0.33.0,
v1/worker/gpu/model_runner.py (profile_run, _dummy_sampler_run), v1/worker/gpu/sample/sampler.py,
model_executor/layers/fused_moe/experts/triton_moe.py (workspace_shapes); flashinfer 0.7.2,
sampling.py (top_k_top_p_sampling_from_logits).
"""

from collections.abc import Iterator
from typing import Final, assert_never

import msgspec

from fitcheck.architecture import (
    Attention,
    CompressedAttention,
    CrossAttention,
    DenseMLP,
    Experts,
    FeedForward,
    GatedDeltaNet,
    LatentAttention,
    LinearAttention,
    Mamba,
    Mamba2,
    Mixer,
    Model,
    RecurrentBlock,
    ShortConv,
)
from fitcheck.engines.base import Term
from fitcheck.engines.vllm.parallel import Parallel
from fitcheck.units import Bytes, ceil_div

RUNNER: Final = "vLLM 0.33.0, v1/worker/gpu/model_runner.py, profile_run"
SAMPLER: Final = "vLLM 0.33.0, v1/worker/gpu/sample/sampler.py; flashinfer 0.7.2, sampling.py"
EXPERTS: Final = "vLLM 0.33.0, fused_moe/experts/triton_moe.py, workspace_shapes"
PENALTIES: Final = "vLLM 0.33.0, v1/worker/gpu/sample/penalties.py"

# The residual, its norm and what the last block gave: held against the profiles that vLLM 0.6
# printed of Llama 3.1 8B with 20000 and 29000 tokens, 2.07 and 2.99 GiB, for which three make 2.06
# and 2.99 (vLLM issue 10517).
RESIDUALS: Final = 3
# Logits in 16 bits, in fp32, with all but the top k masked out, and their probabilities.
LOGIT_BYTES: Final = 2 + 4 + 4 + 4


class Widths(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers that are alive for each token, on one rank.

    `block` beside the residuals in the widest layer; `experts` and `hidden` (the token's k copies)
    of the largest mixture of experts, 0 where there is none.
    """

    hidden_size: int
    block: int
    top_k: int
    expert: int
    gates: int


def widths(model: Model, over: Parallel) -> Widths:
    """The widest of the model's layers."""
    ranks = over.tensor
    block, largest = 0, (0, 0, 0)
    for layer, _ in model.kinds:
        inside = [_mixer(m, ranks) for m in layer.mixers]
        forward = layer.feed_forward
        if forward is not None:
            inside.append(_dense(forward, ranks))
        if isinstance(forward, Experts):
            width = over.of_expert(forward.intermediate_size)
            mine = (forward.num_experts_per_tok, width, 2 if forward.gated else 1)
            largest = max(largest, mine)
        alive = sum(inside) if layer.parallel else max(inside, default=0)
        block = max(block, alive)
    return Widths(
        hidden_size=model.hidden_size,
        block=block,
        top_k=largest[0],
        expert=largest[1],
        gates=largest[2],
    )


def _dense(forward: FeedForward, ranks: int) -> int:
    """Gate, up and their product; or up and what the activation makes of it."""
    match forward:
        case DenseMLP(intermediate_size=width):
            every = width
        case Experts():
            every = forward.shared_intermediate_size + forward.dense_intermediate_size
        case _:
            assert_never(forward)
    return (3 if forward.gated else 2) * ceil_div(every, ranks)


def _mixer(mixer: Mixer, ranks: int) -> int:
    """What goes into the layer's kernel and what comes out."""
    match mixer:
        case Attention():
            queries = mixer.num_attention_heads * (2 * mixer.head_dim + mixer.value_head_dim)
            heads = max(ranks, mixer.num_key_value_heads)
            every = queries + heads * (2 * mixer.head_dim + mixer.value_head_dim)
        case LatentAttention():
            head = 2 * (mixer.qk_nope_head_dim + mixer.qk_rope_head_dim)
            head += mixer.qk_nope_head_dim + 2 * mixer.v_head_dim
            every = mixer.num_attention_heads * head
        case CompressedAttention():
            every = 3 * mixer.num_attention_heads * mixer.head_dim
        case CrossAttention():
            every = 4 * mixer.num_attention_heads * mixer.head_dim
        case Mamba():
            every = 5 * mixer.d_inner
        case Mamba2():
            every = 3 * mixer.d_inner + 2 * mixer.conv_dim
        case GatedDeltaNet():
            every = 2 * mixer.conv_dim + 3 * mixer.num_value_heads * mixer.value_head_dim
        case ShortConv():
            every = 5 * mixer.channels
        case LinearAttention():
            every = 4 * mixer.num_heads * (mixer.key_head_dim + mixer.value_head_dim)
        case RecurrentBlock():
            every = 5 * mixer.lru_width
        case _:
            assert_never(mixer)
    return ceil_div(every, ranks)


class Step(msgspec.Struct, frozen=True):
    """One profiling run: so many tokens of so many sequences, over so many numbers each.

    `replicas` bring their tokens to each other's experts.
    """

    tokens: int
    sequences: int
    item: int = 2
    replicas: int = 1


def terms(model: Model, w: Widths, step: Step, cards: int) -> Iterator[Term]:
    """Activations of the run and the experts' workspaces, on `cards` ranks together."""
    forward = w.block + RESIDUALS * w.hidden_size
    sampled = step.sequences * model.vocab_size
    peak = max(
        step.tokens * forward * step.item,
        step.tokens * w.hidden_size * step.item + sampled * LOGIT_BYTES,
    )
    yield Term(
        component="activations",
        name="the profiling run's peak",
        size=Bytes(cards * peak),
        formula="cards * max(tokens * (block + residuals * hidden_size) * itemsize,"
        " tokens * hidden_size * itemsize + sequences * vocab_size * logit_bytes)",
        values={
            "cards": cards,
            "tokens": step.tokens,
            "block": w.block,
            "residuals": RESIDUALS,
            "hidden_size": w.hidden_size,
            "itemsize": step.item,
            "sequences": step.sequences,
            "vocab_size": model.vocab_size,
            "logit_bytes": LOGIT_BYTES,
        },
        source=f"{RUNNER}; {SAMPLER}",
    )
    if w.top_k:
        yield _workspace(w, step, cards)


def _workspace(w: Widths, step: Step, cards: int) -> Term:
    first = max(w.expert, w.hidden_size)
    second = max(w.gates * w.expert, w.hidden_size)
    return Term(
        component="activations",
        name="experts' workspaces",
        size=Bytes(cards * step.replicas * step.tokens * w.top_k * (first + second) * step.item),
        formula="cards * replicas * tokens * top_k * (max(expert_size, hidden_size)"
        " + max(gates * expert_size, hidden_size)) * itemsize",
        values={
            "cards": cards,
            "replicas": step.replicas,
            "tokens": step.tokens,
            "top_k": w.top_k,
            "expert_size": w.expert,
            "hidden_size": w.hidden_size,
            "gates": w.gates,
            "itemsize": step.item,
        },
        source=EXPERTS,
    )


def penalties(model: Model, sequences: int, cards: int) -> Term:
    """Counters of every token for every sequence, which the runner keeps from the start."""
    words = ceil_div(model.vocab_size, 32)
    return Term(
        component="overhead",
        name="counters for sampling penalties",
        size=Bytes(cards * sequences * (model.vocab_size + words) * 4),
        formula="cards * sequences * (vocab_size + ceil_div(vocab_size, 32)) * 4",
        values={"cards": cards, "sequences": sequences, "vocab_size": model.vocab_size},
        source=PENALTIES,
    )
