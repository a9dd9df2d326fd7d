"""Decoders of Llama's kind whose experts are many, small, and joined by a shared one.

Source of shapes and defaults: transformers 5.23.0, models/<model_type>; names as the checkpoints
have them (conversion_mapping.py there says which were renamed on loading).
"""

from collections.abc import Sequence

import msgspec

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts
from fitcheck.architecture.families.llama import (
    biased,
    cohere2_layers,
    cohere2_style,
    exaone_windows,
)
from fitcheck.architecture.families.moe import dense_first, experts, shared_width
from fitcheck.architecture.families.qwen import sparse_feeds
from fitcheck.architecture.families.stack import (
    GLM4,
    SANDWICH,
    Feed,
    Norms,
    Style,
    block,
    every,
    gated,
    mixture,
    stack,
    windows,
)
from fitcheck.architecture.mixers import Attention, Position
from fitcheck.architecture.model import Layer, Model
from fitcheck.architecture.tensor import Tensor

CORRECTION = "mlp.gate.e_score_correction_bias"


def ernie_moe(c: Config) -> Model:
    """ERNIE 4.5 MoE: experts between two layer numbers; router and its correction kept in fp32."""
    c = c.over(num_key_value_heads=4, moe_num_experts=64, moe_k=6, moe_intermediate_size=1536)
    c = c.over(moe_num_shared_experts=2, moe_layer_start_index=1, moe_layer_end_index=-1)
    bias = c.flag("use_bias")
    e = experts(
        c,
        "moe_num_experts",
        "moe_k",
        "moe_intermediate_size",
        shared_width(c, "moe_num_shared_experts"),
    )
    correction = "mlp.moe_statics.e_score_correction_bias"
    static = Tensor("exp_probs_b", (1, e.num_experts), "bias", correction, "float32")
    outer = parts.outer_tensors(c, tied=c.flag("tie_word_embeddings", default=True), head_bias=bias)
    feeds = _ernie_feeds(c, _in_fp32(shared_biases(mixture(c, e, extra=(static,)), bias)))
    style = Style(bias=bias, out_bias=bias)
    ahead = _ernie_mtp(c, style) * parts.layers_ahead(c)
    return stack(c, feeds, style, tied=True, tensors=outer, mtp_layers=ahead)


def _ernie_mtp(c: Config, style: Style) -> tuple[Layer]:
    """A dense layer that predicts a further token, with the norms and the matrix that join it.

    The hub's ERNIE-4.5-21B-A3B holds 123,217,920 weights more than the model: these.
    """
    hidden_size = c.whole("hidden_size")
    joint = (
        *parts.norm("nextn.enorm", hidden_size, "mtp_emb_norm.0"),
        *parts.norm("nextn.hnorm", hidden_size, "mtp_hidden_norm.0"),
        *parts.linear("nextn.eh_proj", hidden_size, 2 * hidden_size, "mtp_linear_proj.0"),
    )
    return (block(c, parts.attention(c), gated(c, bias=c.flag("use_bias")), style, joint),)


def _in_fp32(feed: Feed) -> Feed:
    """With the router in fp32."""
    return Feed(
        feed.kind,
        tuple(
            msgspec.structs.replace(t, dtype="float32") if t.role == "ffn_gate_inp" else t
            for t in feed.tensors
        ),
    )


def shared_biases(feed: Feed, bias: bool) -> Feed:
    """With biases on the shared expert, if it has any."""
    shared = [t for t in feed.tensors if bias and t.role.endswith("_shexp")]
    biases = (Tensor(f"{t.role}.bias", t.shape[:1], "bias", t.module) for t in shared)
    return Feed(feed.kind, (*feed.tensors, *biases))


def _ernie_feeds(c: Config, sparse: Feed) -> Sequence[Feed]:
    count = parts.layer_count(c)
    start = c.whole("moe_layer_start_index", least=0)
    end = c.whole("moe_layer_end_index", least=-1)
    last = count - 1 if end == -1 else end
    step = c.whole("moe_layer_interval", default=1)
    dense = gated(c, bias=c.flag("use_bias"))
    return [sparse if (i + 1) % step == 0 and start <= i <= last else dense for i in range(count)]


def dots1(c: Config) -> Model:
    """dots.llm1: experts after the first layers, a norm on each head, windows late if at all."""
    c = c.over(num_key_value_heads=32, moe_intermediate_size=1408, sliding_window=4096)
    c = c.over(first_k_dense_replace=0, max_window_layers=62)
    bias = c.flag("attention_bias")
    style = Style(bias=bias, out_bias=bias, qk_norm="head")
    late = c.whole("max_window_layers", least=0)
    full = [i < late for i in range(parts.layer_count(c))]
    return stack(c, corrected_feeds(c), style, windows=windows(c, full))


def corrected_feeds(
    c: Config, key: str = "n_routed_experts", shared: str = "n_shared_experts", bias: bool = False
) -> list[Feed]:
    """Experts behind a router whose scores are corrected, after the first dense layers."""
    e = experts(c, key, width="moe_intermediate_size", shared=shared_width(c, shared))
    first = c.whole("first_k_dense_replace", default=1, least=0)
    sparse = shared_biases(mixture(c, e, correction=CORRECTION), bias)
    return dense_first(c, sparse, first, bias=bias)


def exaone_moe(c: Config) -> Model:
    """K-EXAONE: windows by a pattern, experts after the first layer, a norm on each head."""
    c = c.over(num_key_value_heads=32, sliding_window=4096, sliding_window_pattern=4)
    c = c.over(num_experts=64, num_experts_per_tok=8, moe_intermediate_size=1024)
    feeds = corrected_feeds(c.over(num_shared_experts=1), "num_experts", "num_shared_experts")
    return stack(c, feeds, Style(qk_norm="head"), windows=exaone_windows(c))


def solar_open(c: Config) -> Model:
    """Solar Open: experts in every layer."""
    c = c.over(num_key_value_heads=8, head_dim=128, n_routed_experts=128, num_experts_per_tok=8)
    c = c.over(moe_intermediate_size=1280, n_shared_experts=1, first_k_dense_replace=0)
    return stack(c, corrected_feeds(c), Style(bias=c.flag("attention_bias")))


def mellum(c: Config) -> Model:
    """Mellum 2: windows and dense layers as listed, a norm on each head."""
    c = c.over(num_key_value_heads=4, head_dim=128, num_local_experts=64, num_experts_per_tok=8)
    c = c.over(moe_intermediate_size=896, sliding_window=1024)
    e = experts(c, "num_local_experts", width="moe_intermediate_size")
    bias = c.flag("attention_bias")
    style = Style(bias=bias, out_bias=bias, qk_norm="head")
    return stack(c, dense_first(c, mixture(c, e), 0), style, windows=_listed_windows(c))


def _listed_windows(c: Config) -> list[int | None]:
    """Windows where `layer_types` says so and nowhere else."""
    return windows(c, [True] * parts.layer_count(c))


def kolibri1(c: Config) -> Model:
    """Kolibri 1: norms on either side, a window in four layers of five."""
    c = c.over(num_key_value_heads=4, head_dim=128, num_local_experts=384, num_experts_per_tok=6)
    c = c.over(moe_intermediate_size=512, shared_expert_intermediate_size=512, sliding_window=513)
    shared = c.whole("shared_expert_intermediate_size", least=0)
    e = experts(c, "num_local_experts", width="moe_intermediate_size", shared=shared)
    feed = mixture(c, e, correction=CORRECTION)
    style = Style(norms=GLM4, qk_norm="head")
    return stack(c, feed, style, windows=windows(c, every(parts.layer_count(c), 5)))


def aria(c: Config) -> Model:
    """Aria's text part: experts kept as two stacks, and shared ones."""
    c = c.over(moe_num_experts=8, moe_topk=2, moe_num_shared_experts=2)
    e = experts(
        c,
        "moe_num_experts",
        "moe_topk",
        shared=shared_width(c, "moe_num_shared_experts", "intermediate_size"),
    )
    feed = mixture(c, e, router="mlp.router", prefix="mlp.experts.", names=("fc1", "fc1", "fc2"))
    return stack(c, shared_biases(feed, c.flag("mlp_bias")), biased(c))


def afmoe(c: Config) -> Model:
    """Arcee's Trinity: norms on either side, gated attention, a window in three layers of four."""
    c = c.over(head_dim=128, sliding_window=1024, moe_intermediate_size=1408, num_shared_experts=2)
    c = c.over(num_experts=64, num_experts_per_tok=6, num_dense_layers=1)
    e = experts(
        c,
        "num_experts",
        width="moe_intermediate_size",
        shared=shared_width(c, "num_shared_experts"),
    )
    scores = Tensor("exp_probs_b", (e.num_experts,), "bias", "mlp.expert_bias", "float32")
    sparse = mixture(c, e, router="mlp.router.gate", extra=(scores,))
    norms: Norms = (
        *SANDWICH[:2],
        ("ffn_norm", "pre_mlp_layernorm"),
        ("post_ffw_norm", "post_mlp_layernorm"),
    )
    bias = c.flag("attention_bias")
    style = Style(bias=bias, out_bias=bias, norms=norms, qk_norm="head")
    full = every(parts.layer_count(c), c.whole("global_attn_every_n_layers", default=4))
    feeds = dense_first(c, sparse, c.whole("num_dense_layers", least=0))
    seen = windows(c, full)
    positions: list[Position] = ["rope" if w else "none" for w in seen]
    gate = _attention_gate(c)
    return stack(c, feeds, style, windows=seen, positions=positions, extra=gate)


def beam(c: Config) -> Model:
    """Beam: norms on either side, gated attention, a window in five layers of six."""
    c = c.over(num_key_value_heads=8, head_dim=128, sliding_window=512, num_experts=256)
    c = c.over(num_experts_per_tok=8, moe_intermediate_size=2560)
    e = experts(c, "num_experts", width="moe_intermediate_size")
    bias = c.flag("attention_bias")
    style = Style(bias=bias, out_bias=bias, norms=SANDWICH, qk_norm="head")
    count = parts.layer_count(c)
    full = [i % 6 == 5 or i == count - 1 for i in range(count)]
    heads = c.whole("num_attention_heads")
    gate = (*_attention_gate(c), Tensor("attn_gate.bias", (heads,), "bias", "self_attn.gate_bias"))
    feeds = dense_first(c, mixture(c, e, correction=CORRECTION), 3)
    return stack(c, feeds, style, windows=windows(c, full), extra=gate)


def flint(c: Config) -> Model:
    """Flint: attention sinks, a window in three layers of four, two dense layers first."""
    c = c.over(num_key_value_heads=4, head_dim=128, sliding_window=513, num_experts=256)
    c = c.over(num_experts_per_tok=6, moe_intermediate_size=512)
    c = c.over(shared_expert_intermediate_size=1024, mlp_only_layers=[0, 1])
    shared = c.whole("shared_expert_intermediate_size", least=0)
    e = experts(c, "num_experts", width="moe_intermediate_size", shared=shared)
    sparse = mixture(c, e, shared="mlp.shared_expert.", correction=CORRECTION)
    bias = c.flag("attention_bias")
    style = Style(bias=bias, out_bias=bias, qk_norm="head", sinks=True)
    count = parts.layer_count(c)
    full = [i < 2 or i % 4 == 1 or i == count - 1 for i in range(count)]
    return stack(c, sparse_feeds(c, sparse), style, windows=windows(c, full))


def _attention_gate(c: Config) -> tuple[Tensor, ...]:
    a = parts.attention(c)
    width = a.num_attention_heads * a.head_dim
    return tuple(parts.linear("attn_gate", width, c.whole("hidden_size"), "self_attn.gate_proj"))


def laguna(c: Config) -> Model:
    """Laguna: heads gated, and as many in each layer as a list says."""
    c = c.over(num_key_value_heads=8, head_dim=128, sliding_window=512, num_experts=256)
    c = c.over(
        num_experts_per_tok=8, moe_intermediate_size=512, shared_expert_intermediate_size=512
    )
    shared = c.whole("shared_expert_intermediate_size", least=0)
    e = experts(c, "num_experts", width="moe_intermediate_size", shared=shared)
    scores = Tensor("exp_probs_b", (e.num_experts,), "bias", CORRECTION, "float32")
    feeds = dense_first(c, mixture(c, e, extra=(scores,)), 1)
    count = parts.layer_count(c)
    heads = c.items("num_attention_heads_per_layer") or [c.whole("num_attention_heads")] * count
    if len(heads) != count:
        raise c.fault("num_attention_heads_per_layer", f"has {len(heads)} items for {count} layers")
    bias = c.flag("attention_bias")
    style = Style(bias=bias, out_bias=bias, qk_norm="head")

    def layer(key: tuple[int | None, object, int]) -> Layer:
        window, heads_here, i = key
        own = c.replaced(num_attention_heads=heads_here)
        a = parts.attention(own, sliding_window=window)
        return block(own, a, feeds[i], style, _head_gate(own, a))

    first = {id(f): i for i, f in reversed(list(enumerate(feeds)))}
    keys = zip(_listed_windows(c), heads, (first[id(f)] for f in feeds), strict=True)
    return parts.decoder(c, parts.each(keys, layer))


def _head_gate(c: Config, a: Attention) -> tuple[Tensor, ...]:
    """One gate a head, or one for each number of the heads where `gating` says so."""
    narrow = c.values.get("gating", True) in (True, "per-head")
    width = a.num_attention_heads * (1 if narrow else a.head_dim)
    return tuple(parts.linear("attn_gate", width, c.whole("hidden_size"), "self_attn.g_proj"))


def cohere2_moe(c: Config) -> Model:
    """Command A's sparse kin: Command R7B with experts."""
    c = c.over(head_dim=128, num_experts=8, num_experts_per_tok=2, num_shared_experts=0)
    e = experts(c, "num_experts", shared=shared_width(c, "num_shared_experts", "intermediate_size"))
    first = c.whole("first_k_dense_replace", default=0, least=0)
    dense = gated(c, "prefix_dense_intermediate_size", "intermediate_size")
    feeds = dense_first(c, mixture(c, e), first, dense)
    seen, positions = cohere2_layers(c)
    return stack(c, feeds, cohere2_style(c), windows=seen, positions=positions, tied=True)


def mimo_v2(c: Config) -> Model:
    """MiMo V2 Flash: windows in five layers of six, with sinks and twice the key-value heads."""
    c = c.over(num_key_value_heads=4, head_dim=192, v_head_dim=128, n_routed_experts=256)
    c = c.over(num_experts_per_tok=8, moe_intermediate_size=2048)
    e = experts(c, "n_routed_experts", width="moe_intermediate_size")
    feeds = dense_first(c, mixture(c, e, correction=CORRECTION), 1)
    seen = _mimo_windows(c)
    bias = c.flag("attention_bias")
    first = {id(f): i for i, f in reversed(list(enumerate(feeds)))}

    def layer(key: tuple[int | None, int]) -> Layer:
        style = Style(bias=bias, sinks=key[0] is not None)
        return block(c, _mimo_attention(c, key[0]), feeds[key[1]], style)

    keys = zip(seen, (first[id(f)] for f in feeds), strict=True)
    return parts.decoder(c, parts.each(keys, layer))


def _mimo_attention(c: Config, window: int | None) -> Attention:
    a = parts.attention(c, sliding_window=window)
    heads = a.num_key_value_heads
    return msgspec.structs.replace(
        a,
        num_key_value_heads=heads if window is None else 2 * heads,
        value_head_dim=c.whole("v_head_dim"),
    )


def _mimo_windows(c: Config) -> list[int | None]:
    """`sliding_window_size` of the published files leaves the token itself out."""
    count = parts.layer_count(c)
    size = c.optional_whole("sliding_window_size")
    window = (
        c.over(sliding_window=129).optional_whole("sliding_window") if size is None else size + 1
    )
    listed = c.items("hybrid_layer_pattern")
    pattern = [i == 0 or (i + 1) % 6 == 0 for i in range(count)]
    if listed is not None and len(listed) == count:
        pattern = [not windowed for windowed in listed]
    return windows(c.replaced(sliding_window=window), pattern)
