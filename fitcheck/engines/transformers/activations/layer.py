"""The script of one layer of each kind, and of what comes after the last."""

from fitcheck.architecture import (
    Attention,
    CompressedAttention,
    CrossAttention,
    DenseMLP,
    Experts,
    GatedDeltaNet,
    LatentAttention,
    Layer,
    LinearAttention,
    Mamba,
    Mamba2,
    Mixer,
    RecurrentBlock,
    ShortConv,
)
from fitcheck.engines.transformers.activations.attention import attention
from fitcheck.engines.transformers.activations.experts import experts
from fitcheck.engines.transformers.activations.feed_forward import dense
from fitcheck.engines.transformers.activations.latent import latent_attention
from fitcheck.engines.transformers.activations.recurrent import (
    delta_net,
    linear_attention,
    mamba,
    mamba2,
    rg_lru,
    short_conv,
)
from fitcheck.engines.transformers.activations.script import (
    CONTEXT,
    PAIR,
    SCORE,
    SEQUENCE,
    TOKEN,
    Piece,
    Script,
)
from fitcheck.engines.transformers.activations.step import Pass, in_fp32, norm


def layer(p: Pass, this: Layer, first: bool, later: int) -> Script:
    """One layer: what its model holds meanwhile, its attention, its MLP.

    `first` says that it is the first and only one of its kind, whose input is the embeddings;
    `later` how many numbers a token's later layers will put into the cache.
    """
    s = Script()
    base = outside(s, p)
    if later:
        sign = {"sign": -1, "values": later, "itemsize": p.itemsize}
        s.take("what later layers will cache", TOKEN, sign)
    stream = in_fp32(p.hidden) if p.style.fp32_stream else p.hidden
    source = base[-1] if first else s.take("the layer's input", TOKEN, stream)
    roles = frozenset(t.role for t in this.tensors)
    block = _parallel if this.parallel else _post if p.style.post else _sequential
    block(s, p, this, roles)
    s.drop(*([] if first else [source]))
    return s


def _sequential(s: Script, p: Pass, this: Layer, roles: frozenset[str]) -> None:
    normed = norm(s, p, p.hidden)
    mixed, kept = _mixers(s, p, this, roles)
    kept += _held(s, normed, p.style.keep_normed)
    residual = s.take("the layer's input plus attention", TOKEN, p.hidden)
    kept += [piece for one in mixed for piece in _held(s, one, p.style.keep_mixed)]
    if this.feed_forward is None:
        s.drop(residual, *kept)
        return
    normed = norm(s, p, p.hidden)
    fed = _fed(s, p, this, normed if p.style.drop_normed else None)
    s.drop(*([] if p.style.drop_normed else [normed]))
    output = s.take("the layer's output", TOKEN, p.hidden)
    s.drop(fed, residual, *kept, output)


def _held(s: Script, piece: Piece, held: bool) -> list[Piece]:
    if not held:
        s.drop(piece)
    return [piece] if held else []


def _parallel(s: Script, p: Pass, this: Layer, roles: frozenset[str]) -> None:
    """Attention and MLP read the same input, normed once or for each (GPT-J, Falcon, Cohere)."""
    normed = [norm(s, p, p.hidden)]
    if "attn_norm_2" in roles:
        normed.append(norm(s, p, p.hidden))
    mixed, kept = _mixers(s, p, this, roles)
    fed = _fed(s, p, this)
    s.drop(*normed)
    output = s.take("the layer's output", TOKEN, p.hidden)
    s.drop(fed, *mixed, *kept, output)


def _post(s: Script, p: Pass, this: Layer, roles: frozenset[str]) -> None:
    """Norms behind attention and MLP, none before them (OLMo 2, EXAONE 4)."""
    mixed, kept = _mixers(s, p, this, roles)
    normed = norm(s, p, p.hidden)
    s.drop(*mixed)
    residual = s.swap(normed, "the layer's input plus attention", TOKEN, p.hidden)
    fed = _fed(s, p, this)
    normed = norm(s, p, p.hidden)
    s.drop(fed)
    output = s.take("the layer's output", TOKEN, p.hidden)
    s.drop(normed, residual, *kept, output)


def _mixers(
    s: Script, p: Pass, this: Layer, roles: frozenset[str]
) -> tuple[list[Piece], list[Piece]]:
    """Every mixer's output, side by side where there are several (Falcon-H1), and what stays."""
    outputs: list[Piece] = []
    kept: list[Piece] = []
    for mixer in sorted(this.mixers, key=lambda m: isinstance(m, Attention)):
        output, held = _mixer(s, p, mixer, roles)
        outputs.append(output)
        kept += held
    return outputs, kept


def _mixer(s: Script, p: Pass, mixer: Mixer, roles: frozenset[str]) -> tuple[Piece, list[Piece]]:
    match mixer:
        case Attention():
            return attention(s, p, mixer, roles)
        case LatentAttention():
            return latent_attention(s, p, mixer)
        case Mamba():
            return mamba(s, p, mixer), []
        case Mamba2():
            return mamba2(s, p, mixer), []
        case GatedDeltaNet():
            return delta_net(s, p, mixer), []
        case ShortConv():
            return short_conv(s, p, mixer), []
        case RecurrentBlock():
            return rg_lru(s, p, mixer), []
        case LinearAttention():
            return linear_attention(s, p, mixer), []
        case CompressedAttention():
            return attention(s, p, _as_shared_key(mixer), roles)
        case CrossAttention():
            return s.take("attention's output, projected", TOKEN, p.hidden), []


def _as_shared_key(mixer: CompressedAttention) -> Attention:
    """One row for all heads, seen through a window; its entries were not measured."""
    return Attention(
        num_attention_heads=mixer.num_attention_heads,
        num_key_value_heads=1,
        head_dim=mixer.head_dim,
        value_head_dim=mixer.head_dim,
        sliding_window=mixer.sliding_window,
    )


def _fed(s: Script, p: Pass, this: Layer, spent: Piece | None = None) -> Piece:
    if isinstance(this.feed_forward, DenseMLP):
        return dense(s, p, this.feed_forward, spent)
    if isinstance(this.feed_forward, Experts):
        return experts(s, p, this.feed_forward)
    raise NotImplementedError


def outside(s: Script, p: Pass) -> list[Piece]:
    """What generate and the model's own forward hold while a layer runs; embeddings last."""
    pieces = [_ids(s, p)]
    if p.phase == "decode":
        last = {"vocab_size": p.vocab_size, "itemsize": 4}
        pieces.append(s.take("logits of the step before, in fp32", SEQUENCE, last))
    if p.rotated:
        itemsize = p.style.rope.table_bytes or p.itemsize
        table = {"cos_and_sin": 2 * p.style.rope.tables, "rotated": p.rotated}
        pieces.append(s.take("table of rotations", TOKEN, {**table, "itemsize": itemsize}))
    if p.mask_bytes:
        unit = SCORE if p.attention == "eager" or p.padded else PAIR
        pieces.append(s.take("masks", unit, {"bytes": p.mask_bytes}))
    if p.style.previous and p.attention == "eager":
        scores = {"num_attention_heads": p.heads, "itemsize": p.style.softmax.kept}
        pieces.append(s.take("attention weights of the layer before", SCORE, scores))
    if p.layer_embeddings:
        wide = {"copies": 2, "layer_embeddings": p.layer_embeddings, "itemsize": p.itemsize}
        pieces.append(s.take("embeddings of every layer", TOKEN, wide))
    embedded = {"copies": p.style.embeddings, **p.hidden}
    pieces.append(s.take("embedded tokens", TOKEN, embedded))
    return pieces


def _ids(s: Script, p: Pass) -> Piece:
    """Whole numbers of eight bytes: token ids, positions, the mask as given, and their copies."""
    if p.phase == "prefill":
        return s.take("token ids, positions, mask", TOKEN, {"tensors": 4, "itemsize": 8})
    return s.take(
        "token ids, positions, mask", CONTEXT, {"tensors": 5 + p.style.ids, "itemsize": 8}
    )


def head(p: Pass) -> Script:
    """The final norm, the logits of the last token and the step that picks the next."""
    s = Script()
    base = outside(s, p)
    output = s.take("the last layer's output", TOKEN, p.hidden)
    normed = norm(s, p, p.hidden)
    s.drop(output, *base[1 if p.phase == "prefill" else 2 :])
    logits = {"vocab_size": p.vocab_size, "itemsize": p.itemsize}
    if p.era.all_logits:
        every = s.take("logits of every token", TOKEN, logits)
        if p.float_logits:
            s.swap(every, "logits of every token, in fp32", TOKEN, in_fp32(logits))
    else:
        s.take("logits", SEQUENCE, logits)
    s.drop(normed)
    s.take("logits in fp32", SEQUENCE, in_fp32(logits))
    return s
