"""What each layer keeps in vLLM's cache: a page of bytes for every block of tokens.

Pages are one rank's. Source: vLLM 0.33.0, v1/kv_cache_interface.py (FullAttentionSpec,
SlidingWindowSpec, ChunkedLocalAttentionSpec, MLAAttentionSpec, MambaSpec),
layers/mamba/mamba_utils.py (shapes and types of states), as on Hopper cards, where its
FlashAttention backends are chosen.
"""

from collections.abc import Iterator
from typing import Final, Literal, assert_never

import msgspec

from fitcheck.architecture import (
    Attention,
    CompressedAttention,
    CrossAttention,
    GatedDeltaNet,
    LatentAttention,
    Layer,
    LinearAttention,
    Mamba,
    Mamba2,
    Mixer,
    Model,
    RecurrentBlock,
    ShortConv,
)
from fitcheck.engines.vllm.cache_types import CacheType
from fitcheck.engines.vllm.division import kv_heads, ssm_groups
from fitcheck.errors import BadInput
from fitcheck.units import ceil_div, round_up

Kind = Literal["full", "window", "chunk", "state", "encoder"]

# config/cache.py, DEFAULT_BLOCK_SIZE.
BLOCK_TOKENS: Final = 16
# mla/flashmla_sparse.py, mla/indexer.py: sparse MLA and its indexer read pages of 64 tokens;
# minimax_m3/common/sparse_attention.py: of 128.
SPARSE_LATENT_BLOCK: Final = 64
SPARSE_BLOCK: Final = 128
# flash_attn.py, _get_sm90_fa4_fp8_kv_block_size: FP8 with heads of 512.
WIDE_FP8_HEAD: Final = 512
WIDE_FP8_BLOCK: Final = 64
# mla/indexer.py: an FP8 key, and a scale in fp32 for 128 numbers of it.
INDEX_SCALED: Final = 128


class Pages(msgspec.Struct, frozen=True, kw_only=True):
    """One layer's pages.

    `block_size` tokens take `page` bytes. A window or chunk is of `window` tokens. A state takes
    `state_blocks` pages a sequence, whatever its length. An encoder's output has room for what
    may be encoded at once. `latent` pages cannot be padded.
    """

    kind: Kind
    block_size: int
    page: int
    window: int = 0
    state_blocks: int = 0
    latent: bool = False

    def blocks(self, context: int, tokens: int, steps: int) -> int:
        """Pages that one sequence may hold, with `steps` batches of `tokens` on their way."""
        match self.kind:
            case "full":
                return ceil_div(context, self.block_size)
            case "window":
                seen = min(self.window - 1 + steps * tokens, context)
                return ceil_div(seen, self.block_size) + 1
            case "chunk":
                return ceil_div(min(self.window + steps * tokens, context), self.block_size)
            case "state":
                return self.state_blocks
            case "encoder":
                return ceil_div(tokens, self.block_size)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What pages depend on beside the model."""

    ranks: int
    cache_type: CacheType
    block_size: int = BLOCK_TOKENS
    prefix_caching: bool = True
    item: int = 2


def pages(model: Model, asked: Asked) -> list[Pages]:
    """The pages of every layer that keeps something, in order; a hybrid's are of equal size."""
    made: dict[int, list[Pages]] = {}
    block = _block_size(model, asked)
    found = []
    for layer in model.layers:
        if id(layer) not in made:
            made[id(layer)] = list(_of_layer(layer, model, asked, block))
        found += made[id(layer)]
    return _windows_in_full(model, _aligned(model, asked, found))


def _of_layer(layer: Layer, model: Model, asked: Asked, block: int) -> Iterator[Pages]:
    for mixer in layer.mixers:
        yield from _of_mixer(mixer, model, asked, block)


def _of_mixer(mixer: Mixer, model: Model, asked: Asked, block: int) -> Iterator[Pages]:
    match mixer:
        case Attention():
            yield from _attention(mixer, asked, block)
        case LatentAttention():
            yield from _latent(mixer, asked, block)
        case CompressedAttention():
            yield from _compressed(mixer)
        case CrossAttention():
            heads = _cross_heads(mixer, asked.ranks)
            page = block * heads * 2 * asked.cache_type.row(mixer.head_dim)
            yield Pages(kind="encoder", block_size=block, page=page)
        case Mamba() | Mamba2() | GatedDeltaNet() | ShortConv():
            yield _state(mixer, model, asked)
        case LinearAttention() | RecurrentBlock():
            raise BadInput(f"vLLM does not run the recurrent layers of {model.model_type} models")
        case _:
            assert_never(mixer)


def _cross_heads(mixer: CrossAttention, ranks: int) -> int:
    return max(1, mixer.num_key_value_heads // ranks)


def token_bytes(mixer: Attention, asked: Asked) -> int:
    """Bytes that a token takes in a layer on one rank."""
    cached = asked.cache_type
    row = cached.row(mixer.head_dim) + cached.row(mixer.value_head_dim)
    return kv_heads(mixer, asked.ranks) * row


def _attention(mixer: Attention, asked: Asked, block: int) -> Iterator[Pages]:
    if mixer.shares_cache or mixer.bidirectional:
        return
    kind: Kind = "full"
    if mixer.sliding_window is not None:
        kind = "chunk" if mixer.chunked else "window"
    yield Pages(
        kind=kind,
        block_size=block,
        page=block * token_bytes(mixer, asked),
        window=mixer.sliding_window or 0,
    )
    if mixer.index_head_dim is not None:
        page = block * mixer.index_head_dim * asked.item
        yield Pages(kind="full", block_size=block, page=page, latent=True)


def _latent(mixer: LatentAttention, asked: Asked, block: int) -> Iterator[Pages]:
    if not asked.cache_type.latent:
        raise BadInput(f"vLLM keeps no latent rows in {asked.cache_type.name}")
    if mixer.index_head_dim is not None:
        page = block * _index_key(mixer.index_head_dim)
        yield Pages(kind="full", block_size=block, page=page, latent=True)
    row = asked.cache_type.row(mixer.values_per_token)
    yield Pages(kind="full", block_size=block, page=block * row, latent=True)


def _index_key(width: int) -> int:
    return width + 4 * ceil_div(width, INDEX_SCALED)


# DeepSeek V4 keeps 448 numbers in FP8, 64 in 16 bits and 8 bytes of scales of each row; pages end
# on whole 576 bytes, which FlashMLA reads. A window of 128 in blocks of 64, entries in blocks of
# 256 tokens, values and gates of tokens that fill no entry yet in fp32. Source: vLLM 0.33.0,
# models/deepseek_v4/attention.py and compressor.py.
_V4_ROW: Final = 584
_V4_ALIGNMENT: Final = 576
_V4_WINDOW_BLOCK: Final = 64
_V4_ENTRY_BLOCK: Final = 256
_V4_TAIL_BLOCKS: Final = {4: 4, 128: 8}
_V4_OVERLAP: Final = {4: 2, 128: 1}


def _compressed(mixer: CompressedAttention) -> Iterator[Pages]:
    window = mixer.sliding_window
    yield _v4("window", _V4_WINDOW_BLOCK, _V4_WINDOW_BLOCK * _V4_ROW, window)
    ratio = mixer.compress_ratio
    if not ratio:
        return
    if ratio not in _V4_TAIL_BLOCKS:
        raise BadInput(f"vLLM does not run a compression of {ratio} tokens to an entry")
    entries = _V4_ENTRY_BLOCK // ratio
    if mixer.index_head_dim is not None:
        yield _v4("full", _V4_ENTRY_BLOCK, entries * _index_key(mixer.index_head_dim))
        yield _tail(ratio, mixer.index_head_dim)
    yield _v4("full", _V4_ENTRY_BLOCK, entries * _V4_ROW)
    yield _tail(ratio, mixer.head_dim)


def _tail(ratio: int, width: int) -> Pages:
    block, overlap = _V4_TAIL_BLOCKS[ratio], _V4_OVERLAP[ratio]
    return _v4("window", block, block * 2 * overlap * width * 4, overlap * ratio)


def _v4(kind: Kind, block: int, page: int, window: int = 0) -> Pages:
    page = round_up(page, _V4_ALIGNMENT)
    return Pages(kind=kind, block_size=block, page=page, window=window, latent=True)


StateSpace = Mamba | Mamba2 | GatedDeltaNet | ShortConv

# The recurrent state's bytes a number; convolution states and all others are in the model's type.
# Source: model_executor/models/config.py (NemotronHForCausalLMConfig, Qwen3_5ForConditional-
# GenerationConfig: mamba_ssm_dtype), mamba_utils.py (kda_state_dtype).
_FP32_STATE: Final = frozenset(
    {
        "nemotron_h",
        "qwen3_5",
        "qwen3_5_text",
        "qwen3_5_moe",
        "qwen3_5_moe_text",
        "kimi_linear",
        "kimi_k3",
    }
)
# A sequence holds its state, the next one and, where the kernel can export it, one from the
# middle of a prefill. Source: MambaSpec.max_memory_usage_bytes with mamba_cache_mode `align`;
# mamba_mixer2.py and gdn/qwen_gdn_linear_attn.py, num_prefill_checkpoint_blocks.
_STATES: Final = 2
_CHECKPOINTED: Final = (Mamba2, GatedDeltaNet)
# gdn/qwen_gdn_linear_attn.py, FLASHINFER_GDN_CHECKPOINT_ALIGNMENT, on Hopper.
_GDN_ALIGNMENT: Final = 64


def _state(mixer: StateSpace, model: Model, asked: Asked) -> Pages:
    convolution, recurrent = state_numbers(mixer, asked.ranks)
    item = 4 if model.model_type in _FP32_STATE else asked.item
    blocks = _STATES + isinstance(mixer, _CHECKPOINTED) if asked.prefix_caching else 1
    return Pages(
        kind="state",
        block_size=asked.block_size,
        page=convolution * asked.item + recurrent * item,
        state_blocks=blocks,
    )


def state_numbers(mixer: StateSpace, ranks: int) -> tuple[int, int]:
    """Numbers of the convolution's state and of the recurrent one, on one rank."""
    match mixer:
        case Mamba():
            channels = _share(mixer.d_inner, ranks)
            return channels * (mixer.d_conv - 1), channels * mixer.d_state
        case Mamba2():
            channels = mixer.d_inner + 2 * ssm_groups(mixer, ranks) * mixer.d_state
            recurrent = _share(mixer.num_heads, ranks) * mixer.head_dim * mixer.d_state
            return _share(channels, ranks) * (mixer.d_conv - 1), recurrent
        case GatedDeltaNet():
            matrices = mixer.key_head_dim * mixer.value_head_dim
            recurrent = _share(mixer.num_value_heads, ranks) * matrices
            return _share(mixer.conv_dim, ranks) * (mixer.d_conv - 1), recurrent
        case ShortConv():
            return _share(mixer.channels, ranks) * (mixer.d_conv - 1), 0


def _share(number: int, ranks: int) -> int:
    if number % ranks:
        raise BadInput(f"vLLM cannot divide a state of {number} over {ranks} cards")
    return number // ranks


def _mixers(model: Model) -> Iterator[Mixer]:
    for layer, _ in model.kinds:
        yield from layer.mixers


def _block_size(model: Model, asked: Asked) -> int:
    """Tokens of a block before states are fitted in: what every attention backend can read."""
    least = asked.block_size
    fp8 = asked.cache_type.name in ("fp8", "fp8_e4m3")
    for mixer in _mixers(model):
        if isinstance(mixer, LatentAttention) and mixer.index_head_dim is not None:
            least = max(least, SPARSE_LATENT_BLOCK)
        if isinstance(mixer, Attention) and mixer.index_head_dim is not None:
            least = max(least, SPARSE_BLOCK)
        if isinstance(mixer, Attention) and fp8 and mixer.head_dim == WIDE_FP8_HEAD:
            least = max(least, WIDE_FP8_BLOCK)
    return least


def _aligned(model: Model, asked: Asked, found: list[Pages]) -> list[Pages]:
    """Blocks of a hybrid are made so long that a page of attention holds a state.

    Source: platforms/interface.py, _align_hybrid_block_size.
    """
    states = [p.page for p in found if p.kind == "state"]
    attention = [p for p in found if p.kind != "state"]
    recurrent = any(
        isinstance(m, Mamba | Mamba2 | GatedDeltaNet | ShortConv) for m in _mixers(model)
    )
    if not states or not attention or not recurrent:
        return found
    a_token = attention[0].page // attention[0].block_size
    grain = _grain(model, asked, attention[0])
    block = max(attention[0].block_size, grain * ceil_div(max(states), grain * a_token))
    page = block * a_token
    return [
        msgspec.structs.replace(
            p,
            block_size=block,
            page=page if p.kind == "state" else p.page // p.block_size * block,
        )
        for p in found
    ]


def _grain(model: Model, asked: Asked, attention: Pages) -> int:
    grain = 128 if attention.latent else attention.block_size
    deltas = any(isinstance(m, GatedDeltaNet) for m in _mixers(model))
    return round_up(grain, _GDN_ALIGNMENT) if deltas and asked.prefix_caching else grain


def window_of_all(model: Model) -> int | None:
    """The window, if every layer has the same and nothing else is kept; else None."""
    windows = {
        mixer.sliding_window if isinstance(mixer, Attention) and not mixer.chunked else None
        for mixer in _mixers(model)
    }
    return windows.pop() if len(windows) == 1 else None


def _windows_in_full(model: Model, found: list[Pages]) -> list[Pages]:
    """Where every layer has the same window, the cache is not told of it by the model's class.

    Models with windows in some layers name them layer by layer (`layer_types`). One window for all
    (Mistral 7B v0.1, Phi 3 mini) is an engine-wide setting, which the rows that this is held
    against were made without; counting in full is never too little.
    """
    if window_of_all(model) is None:
        return found
    return [msgspec.structs.replace(p, kind="full", window=0) for p in found]


def in_full(found: list[Pages]) -> list[Pages]:
    """Without the hybrid cache manager: every layer keeps all tokens if one does.

    Source: v1/core/kv_cache_planning.py, unify_hybrid_kv_cache_specs.
    """
    if not any(p.kind == "full" for p in found):
        return found
    return [
        msgspec.structs.replace(p, kind="full", window=0) if p.kind in ("window", "chunk") else p
        for p in found
    ]
