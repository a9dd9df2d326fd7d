"""DeepSeek V4: attention over a window and over compressed entries, between hyper-connections.

Source of shapes and defaults: transformers 5.23.0, models/deepseek_v4; modules by the checkpoint's
names (conversion_mapping.py there), roles by llama.cpp's (src/models/deepseek4.cpp at 0c1e57098).
"""

from collections.abc import Iterable
from typing import Final

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts
from fitcheck.architecture.families.moe import experts, shared_width
from fitcheck.architecture.families.stack import kinds
from fitcheck.architecture.feed_forward import Experts
from fitcheck.architecture.mixers import CompressedAttention
from fitcheck.architecture.model import Layer, Model
from fitcheck.architecture.tensor import Tensor

# Tokens to an entry, by the layer type's name.
RATIOS: Final = {
    "sliding_attention": 0,
    "compressed_sparse_attention": 4,
    "heavily_compressed_attention": 128,
}


def deepseek_v4(c: Config) -> Model:
    """DeepSeek V4 Flash and Pro; the first layers send a token to experts by a table."""
    c = c.over(head_dim=512, q_lora_rank=1024, o_lora_rank=1024, o_groups=8, hc_mult=4)
    c = c.over(sliding_window=128, index_head_dim=128, index_n_heads=64, n_routed_experts=256)
    c = c.over(num_experts_per_tok=6, n_shared_experts=1, moe_intermediate_size=2048)
    keys = list(zip(_ratios(c), _hashed(c), strict=True))
    layers = parts.each(keys, lambda key: _layer(c, *key))
    mtp = (_mtp_layer(c),) * parts.layers_ahead(c)
    outer = (
        *parts.outer_tensors(
            c, tied=c.flag("tie_word_embeddings"), embeddings="embed", head="head"
        ),
        *gathering(c, "output_hc_", "hc_head_"),
    )
    return parts.decoder(c, layers, tensors=outer, mtp_layers=mtp, layers_path="layers")


def _ratios(c: Config) -> list[int]:
    """Tokens to an entry for each layer, by `layer_types` or the older `compress_ratios`."""
    count = parts.layer_count(c)
    types = kinds(c, "layer_types")
    if types is not None:
        unknown = [t for t in types if t not in RATIOS]
        if unknown:
            raise c.fault("layer_types", f"has {unknown[0]!r}, which DeepSeek V4 has not")
        return [RATIOS[t] for t in types]
    ratios = c.items("compress_ratios")
    if ratios is None:
        return [128 if i < 2 or i % 2 == 0 else 4 for i in range(count)]
    if len(ratios) < count or any(r not in RATIOS.values() for r in ratios):
        raise c.fault("compress_ratios", f"is no list of 0, 4 and 128 for {count} layers")
    return [r for r in ratios if isinstance(r, int)][:count]


def _hashed(c: Config) -> list[bool]:
    """Which layers find their experts in a table instead of by a router's choice."""
    types = kinds(c, "mlp_layer_types")
    if types is not None:
        return [t == "hash_moe" for t in types]
    first = c.whole("num_hash_layers", default=3, least=0)
    return [i < first for i in range(parts.layer_count(c))]


def _layer(c: Config, ratio: int, hashed: bool) -> Layer:
    a = CompressedAttention(
        num_attention_heads=c.whole("num_attention_heads"),
        head_dim=c.whole("head_dim"),
        sliding_window=c.whole("sliding_window"),
        q_lora_rank=c.whole("q_lora_rank"),
        compress_ratio=ratio,
        index_head_dim=c.whole("index_head_dim") if ratio == 4 else None,
    )
    shared = shared_width(c, "n_shared_experts")
    e = experts(c, "n_routed_experts", width="moe_intermediate_size", shared=shared)
    hidden_size = c.whole("hidden_size")
    return Layer(
        mixers=(a,),
        feed_forward=e,
        tensors=(
            *_fp32_norm("attn_norm", hidden_size, "attn_norm"),
            *_fp32_norm("ffn_norm", hidden_size, "ffn_norm"),
            *_attention(c, hidden_size, a),
            *_compressor(hidden_size, a),
            *_indexer(c, hidden_size, a),
            *_experts(c, hidden_size, e, hashed),
            *_connections(c, "hc_attn_"),
            *_connections(c, "hc_ffn_"),
        ),
    )


def _fp32_norm(role: str, size: int, module: str) -> Iterable[Tensor]:
    yield Tensor(role, (size,), "norm", module, "float32")


def _attention(c: Config, hidden_size: int, a: CompressedAttention) -> Iterable[Tensor]:
    heads, width, rank = a.num_attention_heads, a.head_dim, a.q_lora_rank
    groups, out_rank = c.whole("o_groups"), c.whole("o_lora_rank")
    if heads * width % groups:
        raise c.fault("o_groups", f"is {groups}, which does not divide {heads} heads of {width}")
    yield Tensor("attn_sinks", (heads,), "state", "attn.attn_sink", "float32")
    yield from parts.linear("attn_q_a", rank, hidden_size, "attn.wq_a")
    yield from _fp32_norm("attn_q_a_norm", rank, "attn.q_norm")
    yield from parts.linear("attn_q_b", heads * width, rank, "attn.wq_b")
    yield from parts.linear("attn_kv", width, hidden_size, "attn.wkv")
    yield from _fp32_norm("attn_kv_a_norm", width, "attn.kv_norm")
    gathered = heads * width // groups
    yield from parts.linear("attn_output_a", groups * out_rank, gathered, "attn.wo_a")
    yield from parts.linear("attn_output_b", hidden_size, groups * out_rank, "attn.wo_b")


def _compressor(hidden_size: int, a: CompressedAttention) -> Iterable[Tensor]:
    """What makes an entry of several tokens; overlapping windows need two series of it."""
    if not a.compress_ratio:
        return
    series = 1 if a.index_head_dim is None else 2
    yield from _pooling(
        "attn_compressor_", "attn.compressor.", hidden_size, a.head_dim, series, a.compress_ratio
    )


def _pooling(
    role: str, at: str, hidden_size: int, width: int, series: int, ratio: int
) -> Iterable[Tensor]:
    yield from parts.linear(f"{role}kv", series * width, hidden_size, f"{at}wkv")
    yield from parts.linear(f"{role}gate", series * width, hidden_size, f"{at}wgate")
    yield Tensor(f"{role}ape", (ratio, series * width), "state", f"{at}ape", "float32")
    yield from _fp32_norm(f"{role}norm", width, f"{at}norm")


def _indexer(c: Config, hidden_size: int, a: CompressedAttention) -> Iterable[Tensor]:
    if a.index_head_dim is None:
        return
    heads, width, at = c.whole("index_n_heads"), a.index_head_dim, "attn.indexer."
    yield from parts.linear("indexer.proj", heads, hidden_size, f"{at}weights_proj")
    yield from parts.linear("indexer.attn_q_b", heads * width, a.q_lora_rank, f"{at}wq_b")
    inner = f"{at}compressor."
    yield from _pooling("indexer_compressor_", inner, hidden_size, width, 2, a.compress_ratio)


def _experts(c: Config, hidden_size: int, e: Experts, hashed: bool) -> Iterable[Tensor]:
    names = ("w1", "w3", "w2")
    yield from parts.experts(
        hidden_size, e, router="ffn.gate", prefix="ffn.experts.0.", names=names
    )
    if hashed:
        table = (c.whole("vocab_size"), e.num_experts_per_tok)
        yield Tensor("ffn_gate_tid2eid", table, "state", "ffn.gate.tid2eid", "int64", True)
    else:
        yield Tensor("exp_probs_b", (e.num_experts,), "bias", "ffn.gate.bias", "float32", True)
    if e.shared_intermediate_size:
        yield from parts.shared_expert(
            hidden_size, e.shared_intermediate_size, prefix="ffn.shared_experts.", names=names
        )


def _connections(c: Config, role: str) -> Iterable[Tensor]:
    """A hyper-connection: how `hc_mult` streams are read, written and mixed."""
    streams = c.whole("hc_mult")
    rows = (2 + streams) * streams
    yield from mixing(role, role, rows, streams * c.whole("hidden_size"), 3)


def gathering(c: Config, role: str, module: str) -> Iterable[Tensor]:
    """How the streams become one before the last norm."""
    streams = c.whole("hc_mult")
    yield from mixing(role, module, streams, streams * c.whole("hidden_size"), 1)


def mixing(role: str, module: str, rows: int, columns: int, scales: int) -> Iterable[Tensor]:
    """The three weights of a hyper-connection."""
    yield Tensor(f"{role}fn", (rows, columns), "state", f"{module}fn", "float32")
    yield Tensor(f"{role}base", (rows,), "state", f"{module}base", "float32")
    yield Tensor(f"{role}scale", (scales,), "state", f"{module}scale", "float32")


def _mtp_layer(c: Config) -> Layer:
    """A layer that predicts a further token: window only, no table, as llama.cpp loads it."""
    layer = _layer(c, 0, False)
    hidden_size = c.whole("hidden_size")
    own = (
        *parts.norm("nextn.enorm", hidden_size, "enorm"),
        *parts.norm("nextn.hnorm", hidden_size, "hnorm"),
        *parts.linear("nextn.e_proj", hidden_size, hidden_size, "e_proj"),
        *parts.linear("nextn.h_proj", hidden_size, hidden_size, "h_proj"),
        *parts.norm("nextn.shared_head_norm", hidden_size, "norm"),
        *gathering(c, "nextn.hc_head_", "hc_head_"),
    )
    return Layer(
        mixers=layer.mixers, feed_forward=layer.feed_forward, tensors=(*layer.tensors, *own)
    )
