"""The pieces that families are put together from.

Each function returns tensors of one layer, or a record that says what they do. Shapes are
PyTorch's: (out, in). Roles are GGUF's names (gguf-py, constants.py). `module` paths are those of
the Llama classes in transformers unless a family passes its own.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Final, TypeVar

from fitcheck.architecture.config import Config
from fitcheck.architecture.feed_forward import Experts
from fitcheck.architecture.mixers import Attention, Position
from fitcheck.architecture.model import Layer, Model, Tower
from fitcheck.architecture.tensor import Tensor

Key = TypeVar("Key", bound=Hashable)

HIDDEN: Final = ("hidden_size", "n_embd", "d_model")
HEADS: Final = ("num_attention_heads", "n_head", "n_heads", "num_heads")
LAYERS: Final = ("num_hidden_layers", "n_layer", "num_layers", "n_layers")


def attention(
    c: Config,
    *,
    sliding_window: int | None = None,
    position: Position = "rope",
    bidirectional: bool = False,
) -> Attention:
    """The attention that the usual keys describe."""
    heads = c.whole(*HEADS)
    head_dim = c.optional_whole("head_dim") or head_width(c)
    return Attention(
        num_attention_heads=heads,
        num_key_value_heads=key_value_heads(c, "num_key_value_heads", "num_kv_heads", "n_head_kv"),
        head_dim=head_dim,
        value_head_dim=head_dim,
        sliding_window=sliding_window,
        bidirectional=bidirectional,
        position=position,
    )


def head_width(c: Config) -> int:
    """hidden_size over the heads, where no head_dim is given."""
    hidden_size, heads = c.whole(*HIDDEN), c.whole(*HEADS)
    if hidden_size % heads:
        raise c.fault(HEADS[0], f"is {heads}, which does not divide hidden_size {hidden_size}")
    return hidden_size // heads


def key_value_heads(c: Config, *keys: str) -> int:
    """The heads of keys and values: as many as there are heads where nothing is said."""
    heads = c.whole(*HEADS)
    groups = c.whole(*keys, default=heads)
    if heads % groups:
        raise c.fault(keys[0], f"is {groups}, which does not divide {heads} attention heads")
    return groups


def linear(role: str, out: int, in_: int, module: str, bias: bool = False) -> Iterable[Tensor]:
    """A matrix and its bias."""
    yield Tensor(role, (out, in_), "linear", module)
    if bias:
        yield Tensor(f"{role}.bias", (out,), "bias", module)


def norm(role: str, size: int, module: str, bias: bool = False) -> Iterable[Tensor]:
    """A normalisation's scale, and its shift if it has one (LayerNorm)."""
    yield Tensor(role, (size,), "norm", module)
    if bias:
        yield Tensor(f"{role}.bias", (size,), "norm", module)


def split_attention(
    hidden_size: int,
    a: Attention,
    *,
    bias: bool = False,
    out_bias: bool = False,
    qk_norm: bool = False,
    prefix: str = "self_attn.",
    out: str = "o_proj",
) -> Iterable[Tensor]:
    """Separate q, k, v and output projections; `qk_norm` norms each head's queries and keys."""
    queries = a.num_attention_heads * a.head_dim
    keys = a.num_key_value_heads * a.head_dim
    values = a.num_key_value_heads * a.value_head_dim
    yield from linear("attn_q", queries, hidden_size, f"{prefix}q_proj", bias)
    yield from linear("attn_k", keys, hidden_size, f"{prefix}k_proj", bias)
    yield from linear("attn_v", values, hidden_size, f"{prefix}v_proj", bias)
    gathered = a.num_attention_heads * a.value_head_dim
    yield from linear("attn_output", hidden_size, gathered, f"{prefix}{out}", out_bias)
    if qk_norm:
        yield from norm("attn_q_norm", a.head_dim, f"{prefix}q_norm")
        yield from norm("attn_k_norm", a.head_dim, f"{prefix}k_norm")


def fused_attention(
    hidden_size: int, a: Attention, *, qkv: str, out: str, bias: bool = True, out_bias: bool = True
) -> Iterable[Tensor]:
    """One matrix for queries, keys and values, and the output projection."""
    kept = a.num_key_value_heads * (a.head_dim + a.value_head_dim)
    width = a.num_attention_heads * a.head_dim
    yield from linear("attn_qkv", width + kept, hidden_size, qkv, bias)
    gathered = a.num_attention_heads * a.value_head_dim
    yield from linear("attn_output", hidden_size, gathered, out, out_bias)


def gated_mlp(
    hidden_size: int, intermediate_size: int, *, bias: bool = False, prefix: str = "mlp."
) -> Iterable[Tensor]:
    """Gate, up and down: SwiGLU and its kin."""
    yield from linear("ffn_gate", intermediate_size, hidden_size, f"{prefix}gate_proj", bias)
    yield from linear("ffn_up", intermediate_size, hidden_size, f"{prefix}up_proj", bias)
    yield from linear("ffn_down", hidden_size, intermediate_size, f"{prefix}down_proj", bias)


def plain_mlp(
    hidden_size: int, intermediate_size: int, up: str, down: str, *, bias: bool = True
) -> Iterable[Tensor]:
    """Up and down without a gate; `up` and `down` are the modules' paths."""
    yield from linear("ffn_up", intermediate_size, hidden_size, up, bias)
    yield from linear("ffn_down", hidden_size, intermediate_size, down, bias)


def experts(
    hidden_size: int,
    e: Experts,
    *,
    router: str = "mlp.gate",
    prefix: str = "mlp.experts.0.",
    names: tuple[str, str, str] = ("gate_proj", "up_proj", "down_proj"),
) -> Iterable[Tensor]:
    """The router and the stacked routed experts; the first expert's module stands for all."""
    n, ff = e.num_experts, e.intermediate_size
    gate, up, down = names
    yield Tensor("ffn_gate_inp", (n, hidden_size), "linear", router)
    if e.gated:
        yield Tensor("ffn_gate_exps", (n, ff, hidden_size), "experts", f"{prefix}{gate}")
    yield Tensor("ffn_up_exps", (n, ff, hidden_size), "experts", f"{prefix}{up}")
    yield Tensor("ffn_down_exps", (n, hidden_size, ff), "experts", f"{prefix}{down}")


def shared_expert(
    hidden_size: int,
    intermediate_size: int,
    *,
    gated: bool = True,
    prefix: str,
    names: tuple[str, str, str] = ("gate_proj", "up_proj", "down_proj"),
) -> Iterable[Tensor]:
    """The expert that every token passes."""
    gate, up, down = names
    inner = (intermediate_size, hidden_size)
    if gated:
        yield Tensor("ffn_gate_shexp", inner, "linear", f"{prefix}{gate}")
    yield Tensor("ffn_up_shexp", inner, "linear", f"{prefix}{up}")
    yield Tensor("ffn_down_shexp", inner[::-1], "linear", f"{prefix}{down}")


def block_norms(hidden_size: int, *, bias: bool = False) -> Iterable[Tensor]:
    """The norm before attention and the norm before the MLP."""
    yield from norm("attn_norm", hidden_size, "input_layernorm", bias)
    yield from norm("ffn_norm", hidden_size, "post_attention_layernorm", bias)


def outer_tensors(
    c: Config,
    *,
    tied: bool,
    norm_bias: bool = False,
    head_bias: bool = False,
    embeddings: str = "model.embed_tokens",
    final_norm: str = "model.norm",
    head: str = "lm_head",
) -> tuple[Tensor, ...]:
    """Token embeddings, the final norm, and the head where it is not the embeddings again."""
    hidden_size, vocab_size = hidden_and_vocab(c)
    found = [Tensor("token_embd", (vocab_size, hidden_size), "embedding", embeddings)]
    found += norm("output_norm", hidden_size, final_norm, norm_bias)
    if not tied:
        found += linear("output", vocab_size, hidden_size, head)
    if head_bias:
        found.append(Tensor("output.bias", (vocab_size,), "bias", head))
    return tuple(found)


def layer_count(c: Config) -> int:
    """How many layers there are, under any of the key's names."""
    return c.layer_count(*LAYERS)


def layers_ahead(c: Config, key: str = "num_nextn_predict_layers") -> int:
    """How many layers predict further tokens (MTP), few enough to be listed."""
    count = c.whole(key, default=0, least=0)
    if count > 64:
        raise c.fault(key, f"is {count}, which no model has")
    return count


def hidden_and_vocab(c: Config) -> tuple[int, int]:
    """hidden_size and vocab_size under any of their names."""
    return c.whole(*HIDDEN), c.whole("vocab_size", "padded_vocab_size")


def decoder(
    c: Config,
    layer: Layer | Sequence[Layer] | Callable[[int], Layer],
    *,
    tied_by_default: bool = False,
    tensors: tuple[Tensor, ...] | None = None,
    towers: tuple[Tower, ...] = (),
    mtp_layers: tuple[Layer, ...] = (),
    norm_bias: bool = False,
    layers_path: str = "model.layers",
) -> Model:
    """A stack of layers between embeddings and a head, with the usual names.

    `layer` is the one kind of layer, or all layers, or what says which kind layer i is; layers of
    the same kind must be the same object (see `each`). `tied_by_default` is what the family's class
    takes when config.json does not say `tie_word_embeddings`.
    """
    hidden_size, vocab_size = hidden_and_vocab(c)
    tied = c.flag("tie_word_embeddings", default=tied_by_default)
    return Model(
        model_type=c.model_type,
        hidden_size=hidden_size,
        vocab_size=vocab_size,
        context_length=context_length(c),
        layers=_all_layers(layer, layer_count(c)),
        tensors=tensors
        if tensors is not None
        else outer_tensors(c, tied=tied, norm_bias=norm_bias),
        layers_path=layers_path,
        tie_word_embeddings=tied,
        towers=towers,
        mtp_layers=mtp_layers,
        dtype=c.dtype,
    )


def _all_layers(
    layer: Layer | Sequence[Layer] | Callable[[int], Layer], count: int
) -> tuple[Layer, ...]:
    if isinstance(layer, Layer):
        return (layer,) * count
    return tuple(layer(i) for i in range(count)) if callable(layer) else tuple(layer)


def each(keys: Iterable[Key], build: Callable[[Key], Layer]) -> tuple[Layer, ...]:
    """The layer that `build` makes for each key; equal keys get one object."""
    built: dict[Key, Layer] = {}
    return tuple(built[k] if k in built else built.setdefault(k, build(k)) for k in keys)


def context_length(c: Config) -> int | None:
    """The longest sequence that the model was made for, None where config.json does not say."""
    return c.optional_whole(
        "max_position_embeddings",
        "n_positions",
        "max_sequence_length",
        "seq_length",
        "n_ctx",
        "max_seq_len",
        "model_max_length",
        "max_context_length",
    )
