"""Decoders of Llama's kind: attention with its own projections, then an MLP or experts.

Most families are this with other biases, norms, windows or experts. A `Style` says how a family's
blocks differ from Llama's, a `Feed` is what follows attention, `stack` puts them together.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal

import msgspec

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts
from fitcheck.architecture.feed_forward import DenseMLP, Experts, FeedForward
from fitcheck.architecture.mixers import Attention, Position
from fitcheck.architecture.model import Layer, Model
from fitcheck.architecture.tensor import Tensor

Norms = tuple[tuple[str, str], ...]

# Role and module of a block's norms: before attention and MLP, after both, or on either side.
PRE: Final[Norms] = (("attn_norm", "input_layernorm"), ("ffn_norm", "post_attention_layernorm"))
POST: Final[Norms] = (
    ("post_attention_norm", "post_attention_layernorm"),
    ("post_ffw_norm", "post_feedforward_layernorm"),
)
SANDWICH: Final[Norms] = (
    ("attn_norm", "input_layernorm"),
    ("post_attention_norm", "post_attention_layernorm"),
    ("ffn_norm", "pre_feedforward_layernorm"),
    ("post_ffw_norm", "post_feedforward_layernorm"),
)
# The same with GLM 4's names.
GLM4: Final[Norms] = (
    ("attn_norm", "input_layernorm"),
    ("post_attention_norm", "post_self_attn_layernorm"),
    ("ffn_norm", "post_attention_layernorm"),
    ("post_ffw_norm", "post_mlp_layernorm"),
)
# Attention and MLP read the same normed input.
SHARED: Final[Norms] = (("attn_norm", "input_layernorm"),)


class Style(msgspec.Struct, frozen=True, kw_only=True):
    """How a family's blocks differ from Llama's.

    `bias` is on q, k and v. `qk_norm` is of one head's width (`head`), of all heads' together
    (`full`), or one for each head (`heads`).
    """

    norms: Norms = PRE
    norm_bias: bool = False
    bias: bool = False
    out_bias: bool = False
    qk_norm: Literal["", "head", "full", "heads"] = ""
    qk_norm_bias: bool = False
    qk_names: tuple[str, str] = ("q_norm", "k_norm")
    parallel: bool = False
    bidirectional: bool = False
    sinks: bool = False
    prefix: str = "self_attn."
    out: str = "o_proj"


LLAMA: Final = Style()


class Feed(msgspec.Struct, frozen=True):
    """What follows attention in a block, and its weights."""

    kind: FeedForward
    tensors: tuple[Tensor, ...]


def stack(
    c: Config,
    feed: Feed | Sequence[Feed],
    style: Style = LLAMA,
    *,
    windows: Sequence[int | None] | None = None,
    positions: Sequence[Position] | None = None,
    extra: tuple[Tensor, ...] = (),
    tied: bool = False,
    tensors: tuple[Tensor, ...] | None = None,
    mtp_layers: tuple[Layer, ...] = (),
) -> Model:
    """A decoder of such blocks.

    `feed`, `windows` and `positions` are one for all layers or one for each; `extra` tensors stand
    in every block. `tied` is what the class takes where config.json does not say.
    """
    count = parts.layer_count(c)
    feeds = [feed] * count if isinstance(feed, Feed) else feed
    numbers = {id(f): i for i, f in enumerate(feeds)}
    everywhere: Sequence[Position] = ["rope"] * count

    def layer(key: tuple[int, int | None, Position]) -> Layer:
        a = parts.attention(
            c, sliding_window=key[1], position=key[2], bidirectional=style.bidirectional
        )
        return block(c, a, feeds[key[0]], style, extra)

    keys = zip(
        (numbers[id(f)] for f in feeds),
        windows or [None] * count,
        positions or everywhere,
        strict=True,
    )
    return parts.decoder(
        c,
        parts.each(keys, layer),
        tied_by_default=tied,
        norm_bias=style.norm_bias,
        tensors=tensors,
        mtp_layers=mtp_layers,
    )


def named(
    c: Config,
    layer: Layer | Sequence[Layer],
    *,
    embeddings: str = "model.embed_tokens",
    final_norm: str = "model.norm",
    head: str = "lm_head",
    layers_path: str = "model.layers",
    norm_bias: bool = False,
    head_bias: bool = False,
    tied: bool = False,
    extra: Iterable[Tensor] = (),
) -> Model:
    """A decoder whose outer modules have names of their own; `extra` tensors lie outside of layers.

    `tied` is what the class takes where config.json does not say.
    """
    outer = parts.outer_tensors(
        c,
        tied=c.flag("tie_word_embeddings", default=tied),
        norm_bias=norm_bias,
        head_bias=head_bias,
        embeddings=embeddings,
        final_norm=final_norm,
        head=head,
    )
    return parts.decoder(
        c, layer, tensors=(*outer, *extra), tied_by_default=tied, layers_path=layers_path
    )


def block(
    c: Config, a: Attention, feed: Feed, style: Style = LLAMA, extra: tuple[Tensor, ...] = ()
) -> Layer:
    """One layer: norms, attention, and what follows it."""
    hidden_size = c.whole(*parts.HIDDEN)
    return Layer(
        mixers=(a,),
        feed_forward=feed.kind,
        tensors=(
            *norms(hidden_size, style),
            *parts.split_attention(
                hidden_size,
                a,
                bias=style.bias,
                out_bias=style.out_bias,
                prefix=style.prefix,
                out=style.out,
            ),
            *qk_norms(a, style),
            *extra,
            *feed.tensors,
        ),
        parallel=style.parallel,
    )


def fused_block(
    c: Config,
    a: Attention,
    feed: Feed,
    style: Style,
    *,
    qkv: str,
    out: str,
    extra: tuple[Tensor, ...] = (),
) -> Layer:
    """One layer whose queries, keys and values come from one matrix."""
    hidden_size = c.whole(*parts.HIDDEN)
    return Layer(
        mixers=(a,),
        feed_forward=feed.kind,
        tensors=(
            *norms(hidden_size, style),
            *parts.fused_attention(
                hidden_size, a, qkv=qkv, out=out, bias=style.bias, out_bias=style.out_bias
            ),
            *qk_norms(a, style),
            *extra,
            *feed.tensors,
        ),
        parallel=style.parallel,
    )


def norms(hidden_size: int, style: Style) -> Iterable[Tensor]:
    """The norms of a block."""
    for role, module in style.norms:
        yield from parts.norm(role, hidden_size, module, style.norm_bias)


def qk_norms(a: Attention, style: Style) -> Iterable[Tensor]:
    """The norms of queries and keys, and the learned attention sinks, if a family has them."""
    prefix = style.prefix
    if style.sinks:
        yield Tensor("attn_sinks", (a.num_attention_heads,), "state", f"{prefix}sinks")
    if not style.qk_norm:
        return
    for role, name, heads in (
        ("attn_q_norm", style.qk_names[0], a.num_attention_heads),
        ("attn_k_norm", style.qk_names[1], a.num_key_value_heads),
    ):
        width = {"head": (a.head_dim,), "full": (heads * a.head_dim,), "heads": (heads, a.head_dim)}
        yield Tensor(role, width[style.qk_norm], "norm", f"{prefix}{name}")
        if style.qk_norm_bias:
            yield Tensor(f"{role}.bias", width[style.qk_norm], "norm", f"{prefix}{name}")


def gated(c: Config, *keys: str, bias: bool = False, prefix: str = "mlp.") -> Feed:
    """An MLP with a gate, as wide as `intermediate_size` or what `keys` say."""
    hidden_size, width = c.whole(*parts.HIDDEN), c.whole(*(keys or ("intermediate_size",)))
    return Feed(
        DenseMLP(intermediate_size=width),
        tuple(parts.gated_mlp(hidden_size, width, bias=bias, prefix=prefix)),
    )


def fused(c: Config, *, bias: bool = False, prefix: str = "mlp.") -> Feed:
    """An MLP whose gate and up projections are one matrix."""
    hidden_size, width = c.whole(*parts.HIDDEN), c.whole("intermediate_size")
    return Feed(
        DenseMLP(intermediate_size=width, fused=True),
        (
            *parts.linear("ffn_gate_up", 2 * width, hidden_size, f"{prefix}gate_up_proj", bias),
            *parts.linear("ffn_down", hidden_size, width, f"{prefix}down_proj", bias),
        ),
    )


def plain(
    c: Config,
    *,
    width: int | None = None,
    up: str = "mlp.up_proj",
    down: str = "mlp.down_proj",
    bias: bool = False,
) -> Feed:
    """An MLP without a gate."""
    hidden_size = c.whole(*parts.HIDDEN)
    width = width or c.whole("intermediate_size")
    return Feed(
        DenseMLP(intermediate_size=width, gated=False),
        tuple(parts.plain_mlp(hidden_size, width, up, down, bias=bias)),
    )


def mixture(
    c: Config,
    e: Experts,
    *,
    router: str = "mlp.gate",
    prefix: str = "mlp.experts.0.",
    names: tuple[str, str, str] = ("gate_proj", "up_proj", "down_proj"),
    shared: str = "mlp.shared_experts.",
    correction: str = "",
    extra: Iterable[Tensor] = (),
) -> Feed:
    """Routed experts, and the shared one if `e` has any.

    `correction` is the module of the router's score correction (DeepSeek V3), a buffer in fp32.
    """
    hidden_size = c.whole(*parts.HIDDEN)
    tensors = [*parts.experts(hidden_size, e, router=router, prefix=prefix, names=names), *extra]
    if correction:
        scores = Tensor("exp_probs_b", (e.num_experts,), "bias", correction, "float32", True)
        tensors.insert(1, scores)
    if e.shared_intermediate_size:
        tensors += parts.shared_expert(hidden_size, e.shared_intermediate_size, prefix=shared)
    return Feed(e, tuple(tensors))


def windows(c: Config, full: Sequence[bool] | None = None) -> list[int | None]:
    """The window of each layer: by `layer_types`, else everywhere but where `full` says so.

    None where a layer sees everything, and everywhere if there is no `sliding_window`.
    """
    count = parts.layer_count(c)
    types = layer_types(c)
    if types is not None:
        full = [t not in ("sliding_attention", "sliding", "local") for t in types]
    window = c.optional_whole("sliding_window", least=-1) or 0
    return [None if f or window < 1 else window for f in full or [False] * count]


def layer_types(c: Config) -> list[str] | None:
    """`layer_types` as config.json lists them, one a layer, or None."""
    return kinds(c, "layer_types")


def kinds(c: Config, key: str) -> list[str] | None:
    """A list of words under `key`, one a layer, or None where it is not there."""
    found = c.items(key)
    if found is None:
        return None
    count = parts.layer_count(c)
    if len(found) != count:
        raise c.fault(key, f"has {len(found)} items for {count} layers")
    return [str(kind) for kind in found]


def every(count: int, period: int) -> list[bool]:
    """True for each `period`-th layer."""
    return [(i + 1) % period == 0 for i in range(count)]


def paired(
    kinds: Iterable[parts.Key], feeds: Sequence[Feed], build: Callable[[parts.Key, Feed], Layer]
) -> tuple[Layer, ...]:
    """The layer that `build` makes for each kind and feed; equal pairs get one object."""
    found = {id(feed): feed for feed in feeds}
    keys = zip(kinds, map(id, feeds), strict=True)
    return parts.each(keys, lambda key: build(key[0], found[key[1]]))
