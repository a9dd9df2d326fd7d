"""DeepSeek 1 to 3.2 and the models that share their latent attention.

Source of shapes and defaults: transformers 5.23.0, models/<model_type>; DeepSeek MoE: the hub's
modeling_deepseek.py. Layers that predict further tokens (MTP) are in no class of transformers;
their tensors are those of the published checkpoints.
"""

from collections.abc import Callable, Iterable, Sequence

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts
from fitcheck.architecture.families.llama import biased
from fitcheck.architecture.families.moe import dense_first, experts, shared_width
from fitcheck.architecture.families.sparse import CORRECTION, shared_biases
from fitcheck.architecture.families.stack import (
    PRE,
    Feed,
    Norms,
    Style,
    gated,
    mixture,
    norms,
    stack,
)
from fitcheck.architecture.feed_forward import Experts
from fitcheck.architecture.mixers import LatentAttention
from fitcheck.architecture.model import Layer, Model
from fitcheck.architecture.tensor import Tensor


def deepseek(c: Config) -> Model:
    """DeepSeek MoE 16B: ordinary attention, experts after the first layer."""
    c = c.over(n_routed_experts=64, num_experts_per_tok=6, n_shared_experts=2)
    c = c.over(moe_intermediate_size=1408)
    period = c.whole("moe_layer_freq", default=1)
    first = c.whole("first_k_dense_replace", default=0, least=0)
    sparse, dense = mixture(c, _experts(c)), gated(c)
    feeds = [
        sparse if i >= first and i % period == 0 else dense for i in range(parts.layer_count(c))
    ]
    return stack(c, feeds, biased(c))


def deepseek_v2(c: Config) -> Model:
    """DeepSeek V2: latent attention, queries through a low rank too but in the Lite model."""
    c = c.over(q_lora_rank=1536, kv_lora_rank=512, qk_nope_head_dim=128, qk_rope_head_dim=64)
    c = c.over(v_head_dim=128, n_routed_experts=64, n_shared_experts=2, first_k_dense_replace=0)
    c = c.over(num_experts_per_tok=6, moe_intermediate_size=1407)
    first = c.whole("first_k_dense_replace", least=0)
    bias = c.flag("mlp_bias")
    sparse = shared_biases(mixture(c, _experts(c)), bias)
    return latent_stack(c, dense_first(c, sparse, first, bias=bias))


def deepseek_v3(c: Config) -> Model:
    """DeepSeek V3, R1, Kimi K2: a router with corrected scores, one layer to predict ahead."""
    c = _v3_defaults(c).over(num_nextn_predict_layers=1)
    feeds = _corrected(c, c.whole("first_k_dense_replace", least=0))
    return latent_stack(c, feeds)


def _v3_defaults(c: Config) -> Config:
    c = c.over(q_lora_rank=1536, kv_lora_rank=512, qk_nope_head_dim=128, qk_rope_head_dim=64)
    c = c.over(v_head_dim=128, n_routed_experts=256, n_shared_experts=1, first_k_dense_replace=3)
    return c.over(num_experts_per_tok=8, moe_intermediate_size=2048)


def deepseek_v32(c: Config) -> Model:
    """DeepSeek V3.2: V3 whose attention reads the tokens that an indexer picks."""
    c = _v3_defaults(c).over(index_head_dim=128, index_n_heads=64, num_nextn_predict_layers=1)
    feeds = _corrected(c, c.whole("first_k_dense_replace", least=0))
    return latent_stack(c, feeds, indexed=[True] * parts.layer_count(c))


def glm_moe_dsa(c: Config) -> Model:
    """GLM 5: V3.2's attention; some layers use the indexer of the layer before."""
    c = c.over(q_lora_rank=2048, kv_lora_rank=512, qk_nope_head_dim=192, qk_rope_head_dim=64)
    c = c.over(v_head_dim=256, index_head_dim=128, index_n_heads=32)
    c = _v3_defaults(c)
    feeds = _corrected(c, c.whole("first_k_dense_replace", least=0))
    return latent_stack(c, feeds, indexed=own_indexer(c, _every_indexer(c)), copies=False)


def own_indexer(c: Config, default: list[bool]) -> list[bool]:
    """Which layers have an indexer: by `indexer_types`, by a pattern of F and S, or `default`."""
    count = parts.layer_count(c)
    types = c.items("indexer_types")
    pattern = c.values.get("index_topk_pattern")
    if types is None and pattern is not None:
        types = list(pattern) if isinstance(pattern, str) else c.items("index_topk_pattern")
    if types is not None:
        if len(types) != count:
            raise c.fault("indexer_types", f"has {len(types)} items for {count} layers")
        return [t not in ("shared", "S") for t in types]
    return default


def _every_indexer(c: Config) -> list[bool]:
    period = max(c.whole("index_topk_freq", default=1, least=0), 1)
    offset = c.whole("index_skip_topk_offset", default=2, least=0)
    return [max(i - offset + 1, 0) % period == 0 for i in range(parts.layer_count(c))]


def glm4_moe_lite(c: Config) -> Model:
    """GLM 4.7 Flash: V3 in small, experts after the first layer."""
    c = c.over(q_lora_rank=768, qk_nope_head_dim=192, v_head_dim=256, n_routed_experts=64)
    c = _v3_defaults(c.over(num_experts_per_tok=4, moe_intermediate_size=1536))
    return latent_stack(c, _corrected(c, 1))


def axk1(c: Config) -> Model:
    """A.X K1: V3 with a norm after the experts."""
    c = _v3_defaults(c.over(n_routed_experts=192, first_k_dense_replace=1))
    after = tuple(parts.norm("post_ffw_norm", c.whole("hidden_size"), "mlp.post_mlp_layernorm"))
    feeds = _corrected(c, c.whole("first_k_dense_replace", least=0), after)
    return latent_stack(c, feeds)


def minicpm3(c: Config) -> Model:
    """MiniCPM 3: latent attention with a dense MLP."""
    c = c.over(q_lora_rank=768, kv_lora_rank=256, qk_nope_head_dim=64, qk_rope_head_dim=32)
    c = c.over(v_head_dim=None)
    return latent_stack(c, [gated(c, bias=c.flag("mlp_bias"))] * parts.layer_count(c), tied=True)


def youtu(c: Config) -> Model:
    """Youtu-LLM: latent attention with a dense MLP."""
    c = _v3_defaults(c)
    return latent_stack(c, [gated(c)] * parts.layer_count(c), tied=True)


def longcat(c: Config) -> Model:
    """LongCat-Flash: each layer is two attentions and two MLPs with the experts across them.

    Experts that do nothing have a row in the router and no weights.
    """
    c = _v3_defaults(c.over(n_routed_experts=512, moe_topk=12, zero_expert_num=256))
    c = c.over(expert_ffn_hidden_size=2048)
    hidden_size, width = c.whole("hidden_size"), c.whole("ffn_hidden_size", "intermediate_size")
    a = latent(c)
    e = experts(c, "n_routed_experts", "moe_topk", "expert_ffn_hidden_size")
    rows = e.num_experts + c.whole("zero_expert_num", least=0)
    routed = parts.experts(hidden_size, e, router="mlp.router.classifier")
    tensors = [
        *parts.linear(
            "ffn_gate_inp", rows, hidden_size, "mlp.router.classifier", c.flag("router_bias")
        ),
        Tensor("exp_probs_b", (rows,), "bias", "mlp.router", "float32", True),
        *(t for t in routed if t.kind == "experts"),
    ]
    for i in (0, 1):
        names: Norms = tuple((role, f"{module}.{i}") for role, module in PRE)
        tensors += norms(hidden_size, Style(norms=names))
        tensors += latent_tensors(c, a, f"self_attn.{i}.")
        tensors += parts.gated_mlp(hidden_size, width, prefix=f"mlps.{i}.")
    both = Experts(
        num_experts=e.num_experts,
        num_experts_per_tok=e.num_experts_per_tok,
        intermediate_size=e.intermediate_size,
        dense_intermediate_size=width,
    )
    return parts.decoder(
        c.over(num_hidden_layers=c.optional_whole("num_layers")),
        Layer(mixers=(a, a), feed_forward=both, tensors=tuple(tensors)),
    )


def _experts(c: Config) -> Experts:
    return experts(
        c,
        "n_routed_experts",
        width="moe_intermediate_size",
        shared=shared_width(c, "n_shared_experts"),
    )


def _corrected(c: Config, first: int, extra: Iterable[Tensor] = ()) -> list[Feed]:
    return dense_first(c, mixture(c, _experts(c), correction=CORRECTION, extra=extra), first)


def latent(c: Config, *, indexed: bool = False) -> LatentAttention:
    """Latent attention by DeepSeek's keys; `indexed` if an indexer picks the tokens it reads."""
    return LatentAttention(
        num_attention_heads=c.whole("num_attention_heads"),
        q_lora_rank=c.optional_whole("q_lora_rank"),
        kv_lora_rank=c.whole("kv_lora_rank"),
        qk_nope_head_dim=c.whole("qk_nope_head_dim"),
        qk_rope_head_dim=c.whole("qk_rope_head_dim"),
        v_head_dim=c.optional_whole("v_head_dim") or parts.head_width(c),
        index_head_dim=c.whole("index_head_dim") if indexed else None,
    )


def latent_tensors(c: Config, a: LatentAttention, prefix: str = "self_attn.") -> Iterable[Tensor]:
    """The projections of latent attention, and the indexer's."""
    hidden_size, heads = c.whole("hidden_size"), a.num_attention_heads
    queries = heads * (a.qk_nope_head_dim + a.qk_rope_head_dim)
    bias = c.flag("attention_bias")
    if a.q_lora_rank is None:
        yield from parts.linear("attn_q", queries, hidden_size, f"{prefix}q_proj")
    else:
        rank = a.q_lora_rank
        yield from parts.linear("attn_q_a", rank, hidden_size, f"{prefix}q_a_proj", bias)
        yield from parts.norm("attn_q_a_norm", rank, f"{prefix}q_a_layernorm")
        yield from parts.linear("attn_q_b", queries, rank, f"{prefix}q_b_proj")
    compressed = a.kv_lora_rank + a.qk_rope_head_dim
    yield from parts.linear(
        "attn_kv_a_mqa", compressed, hidden_size, f"{prefix}kv_a_proj_with_mqa", bias
    )
    yield from parts.norm("attn_kv_a_norm", a.kv_lora_rank, f"{prefix}kv_a_layernorm")
    expanded = heads * (a.qk_nope_head_dim + a.v_head_dim)
    yield from parts.linear("attn_kv_b", expanded, a.kv_lora_rank, f"{prefix}kv_b_proj")
    gathered = heads * a.v_head_dim
    yield from parts.linear("attn_output", hidden_size, gathered, f"{prefix}o_proj", bias)
    if a.index_head_dim is not None:
        yield from _indexer(c, a.index_head_dim, f"{prefix}indexer.")


def _indexer(c: Config, head_dim: int, prefix: str) -> Iterable[Tensor]:
    hidden_size, heads = c.whole("hidden_size"), c.whole("index_n_heads")
    rank = c.whole("q_lora_rank")
    yield from parts.linear("indexer.attn_q_b", heads * head_dim, rank, f"{prefix}wq_b")
    yield from parts.linear("indexer.attn_k", head_dim, hidden_size, f"{prefix}wk")
    yield from parts.norm("indexer.k_norm", head_dim, f"{prefix}k_norm", True)
    yield from parts.linear("indexer.proj", heads, hidden_size, f"{prefix}weights_proj")


def latent_stack(
    c: Config,
    feeds: Sequence[Feed],
    *,
    indexed: Sequence[bool] | None = None,
    tied: bool = False,
    copies: bool = True,
) -> Model:
    """A decoder whose layers are latent attention and one of `feeds` each.

    `copies`: see `mtp_layers`, whose layers have an indexer if any layer has one.
    """
    first = {id(f): i for i, f in reversed(list(enumerate(feeds)))}
    seen = indexed or [False] * len(feeds)

    def layer(key: tuple[int, bool]) -> Layer:
        return latent_block(c, latent(c, indexed=key[1]), feeds[key[0]])

    layers = parts.each(zip((first[id(f)] for f in feeds), seen, strict=True), layer)
    last = latent(c, indexed=any(seen))
    ahead = mtp_layers(c, lambda: latent_block(c, last, feeds[-1]), copies=copies)
    return parts.decoder(c, layers, tied_by_default=tied, mtp_layers=ahead)


def latent_block(
    c: Config, a: LatentAttention, feed: Feed, extra: tuple[Tensor, ...] = ()
) -> Layer:
    """One layer of latent attention."""
    return Layer(
        mixers=(a,),
        feed_forward=feed.kind,
        tensors=(
            *norms(c.whole("hidden_size"), Style()),
            *latent_tensors(c, a),
            *extra,
            *feed.tensors,
        ),
    )


def mtp_layers(c: Config, last: Callable[[], Layer], copies: bool = True) -> tuple[Layer, ...]:
    """The layers that predict further tokens, each as `last` with what joins it to the model.

    `copies`: the checkpoint stores the model's embeddings and head with them again (DeepSeek, GLM
    4.5 and 4.7; not GLM 5). Source: DeepSeek V3's README_WEIGHTS.md; with them the tensors add up
    to the hub's totals of DeepSeek V3.2 and V4, GLM 4.7, 5.1 and 5.2 to the last number.
    """
    count = parts.layers_ahead(c)
    if not count:
        return ()
    layer = last()
    own = _joining(*parts.hidden_and_vocab(c), copies)
    ahead = Layer(
        mixers=layer.mixers, feed_forward=layer.feed_forward, tensors=(*layer.tensors, *own)
    )
    return (ahead,) * count


def _joining(hidden_size: int, vocab_size: int, copies: bool) -> Iterable[Tensor]:
    if copies:
        table = (vocab_size, hidden_size)
        yield Tensor("nextn.embed_tokens", table, "embedding", "embed_tokens")
    yield from parts.norm("nextn.enorm", hidden_size, "enorm")
    yield from parts.norm("nextn.hnorm", hidden_size, "hnorm")
    yield from parts.linear("nextn.eh_proj", hidden_size, 2 * hidden_size, "eh_proj")
    yield from parts.norm("nextn.shared_head_norm", hidden_size, "shared_head.norm")
    if copies:
        yield from parts.linear(
            "nextn.shared_head_head", vocab_size, hidden_size, "shared_head.head"
        )
