"""Zamba2: Mamba 2 throughout, and a few attention blocks that many layers share."""

from collections.abc import Iterable

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts, stack
from fitcheck.architecture.families.state_space import mamba2_tensors
from fitcheck.architecture.feed_forward import DenseMLP
from fitcheck.architecture.mixers import Attention, Mamba2
from fitcheck.architecture.model import Layer, Model
from fitcheck.architecture.tensor import Tensor


def zamba2(c: Config) -> Model:
    """Zamba2: layers called hybrid run a shared block of attention and MLP before their mixer.

    A shared block's weights are listed with the first layer that uses it; each use keeps a cache of
    its own. Every use has low-rank adapters of its own inside the block. The class shares nothing,
    blocks neither, unless `tie_word_embeddings` is true.
    Source: transformers 5.23.0, models/zamba2/modeling_zamba2.py.
    """
    c = c.over(tie_word_embeddings=True)
    kinds = stack.kinds(c, "layers_block_type") or stack.layer_types(c) or _default_kinds(c)
    uses = _uses(kinds)
    blocks = c.whole("num_mem_blocks", default=1)
    tied, total = c.flag("tie_word_embeddings"), len([u for u in uses if u is not None])
    layers = parts.each(
        (None if use is None else min(use, blocks) if tied else use % blocks for use in uses),
        lambda use: _layer(c, use, blocks, total),
    )
    outer = parts.outer_tensors(c, tied=tied, final_norm="model.final_layernorm")
    return parts.decoder(c, layers, tensors=outer)


def _default_kinds(c: Config) -> list[str]:
    """The class's own pattern, which fits its 54 layers only."""
    count = parts.layer_count(c)
    hybrid = {*range(6, 43, 6), 47, 51}
    if count != 54:
        raise c.missing("layers_block_type")
    return ["hybrid" if i in hybrid else "mamba" for i in range(count)]


def _uses(kinds: list[str]) -> list[int | None]:
    """For each layer, how many hybrid ones came before it, None where it is none itself."""
    seen = 0
    found: list[int | None] = []
    for kind in kinds:
        found.append(seen if kind == "hybrid" else None)
        seen += kind == "hybrid"
    return found


def _layer(c: Config, use: int | None, blocks: int, uses: int) -> Layer:
    hidden_size = c.whole("hidden_size")
    m = _mixer(c, hidden_size)
    bias = c.flag("add_bias_linear")
    prefix = "mamba." if use is None else "mamba_decoder.mamba."
    own = (
        *parts.norm("attn_norm", hidden_size, f"{prefix.removesuffix('mamba.')}input_layernorm"),
        *mamba2_tensors(hidden_size, m, prefix=prefix, bias=bias, out_bias=bias),
    )
    if use is None:
        return Layer(mixers=(m,), feed_forward=None, tensors=own)
    a = _attention(c, hidden_size)
    width = c.whole("intermediate_size", default=4 * hidden_size)
    shared = tuple(_block(c, a, width, len(range(use, uses, blocks)))) if use < blocks else ()
    joint = Tensor("shared_out", (hidden_size, hidden_size), "linear", "linear")
    return Layer(
        mixers=(a, m),
        feed_forward=DenseMLP(intermediate_size=width, fused=True),
        tensors=(*shared, joint, *own),
    )


def _mixer(c: Config, hidden_size: int) -> Mamba2:
    heads = c.whole("n_mamba_heads", default=8)
    return Mamba2(
        num_heads=heads,
        head_dim=c.whole("mamba_expand", default=2) * hidden_size // heads,
        d_state=c.whole("mamba_d_state", default=64),
        n_groups=c.whole("mamba_ngroups", default=1),
        d_conv=c.whole("mamba_d_conv", default=4),
    )


def _attention(c: Config, hidden_size: int) -> Attention:
    """Heads over the hidden state and the embeddings side by side."""
    heads = c.whole("num_attention_heads")
    head_dim = 2 * hidden_size // heads
    return Attention(
        num_attention_heads=heads,
        num_key_value_heads=parts.key_value_heads(c, "num_key_value_heads"),
        head_dim=head_dim,
        value_head_dim=head_dim,
        position="rope" if c.flag("use_mem_rope") else "none",
    )


def _block(c: Config, a: Attention, width: int, uses: int) -> Iterable[Tensor]:
    hidden_size, at = c.whole("hidden_size"), "shared_transformer."
    attn, feed, bias = f"{at}self_attn.", f"{at}feed_forward.", c.flag("add_bias_linear")
    double, queries = 2 * hidden_size, a.num_attention_heads * a.head_dim
    keys = a.num_key_value_heads * a.head_dim
    yield from parts.norm("attn_norm", double, f"{at}input_layernorm")
    yield Tensor("attn_q", (queries, double), "linear", f"{attn}q_proj")
    yield Tensor("attn_k", (keys, double), "linear", f"{attn}k_proj")
    yield Tensor("attn_v", (keys, double), "linear", f"{attn}v_proj")
    yield Tensor("attn_output", (hidden_size, queries), "linear", f"{attn}o_proj")
    yield from parts.norm("ffn_norm", hidden_size, f"{at}pre_ff_layernorm")
    yield from parts.linear("ffn_gate_up", 2 * width, hidden_size, f"{feed}gate_up_proj", bias)
    yield from parts.linear("ffn_down", hidden_size, width, f"{feed}down_proj", bias)
    rank = c.whole("adapter_rank", default=128)
    for _ in range(uses):
        yield from _adapter("ffn_gate_up", rank, hidden_size, 2 * width, f"{feed}gate_up_proj")
        if c.flag("use_shared_attention_adapter"):
            for name in "qkv":
                yield from _adapter(f"attn_{name}", rank, double, double, f"{attn}linear_{name}")


def _adapter(role: str, rank: int, in_: int, out: int, module: str) -> Iterable[Tensor]:
    yield Tensor(f"{role}.lora_a", (rank, in_), "linear", f"{module}_adapter_list.0")
    yield Tensor(f"{role}.lora_b", (out, rank), "linear", f"{module}_adapter_list.1")
