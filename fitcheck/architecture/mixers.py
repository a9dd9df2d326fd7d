"""How a layer lets tokens see each other, and what it must remember to do so.

A mixer says how many numbers one sequence keeps: `cached_values` grows with the tokens seen (the
KV cache), `state_values` does not (recurrent and convolution state). Bytes, padding and paging are
the engine's affair.
"""

from typing import Literal

import msgspec

Position = Literal["rope", "alibi", "learned", "none"]


class Attention(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Multi-head, grouped-query or multi-query attention, over all tokens or over a window.

    `num_key_value_heads` equal to `num_attention_heads` is MHA, 1 is MQA, between them GQA.
    `sliding_window` tokens are seen if it is set; `chunked` windows start anew instead of sliding
    (Llama 4). With `shares_cache` the layer reads another layer's keys and values (Gemma 3n).
    A `bidirectional` layer sees the whole text at once and keeps nothing of it (BERT).
    `index_head_dim` is set where an indexer keeps a key per token of its own (MiniMax M3).
    """

    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    value_head_dim: int
    sliding_window: int | None = None
    chunked: bool = False
    shares_cache: bool = False
    bidirectional: bool = False
    index_head_dim: int | None = None
    position: Position = "rope"

    @property
    def values_per_token(self) -> int:
        """Numbers kept for one token: a key and a value for every key-value head."""
        if self.shares_cache or self.bidirectional:
            return 0
        return self.num_key_value_heads * (self.head_dim + self.value_head_dim)

    def cached_values(self, tokens: int) -> int:
        """Numbers kept after `tokens` tokens of one sequence."""
        seen = tokens if self.sliding_window is None else min(tokens, self.sliding_window)
        return seen * self.values_per_token

    def state_values(self) -> int:
        """Attention has no state but its cache."""
        return 0


class LatentAttention(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Multi-head latent attention (DeepSeek V2): a token keeps one latent row and a rope key.

    `q_lora_rank` is None where queries are projected directly. `index_head_dim` is set where an
    indexer keeps a key per token of its own (DeepSeek V3.2's sparse attention).
    """

    num_attention_heads: int
    q_lora_rank: int | None
    kv_lora_rank: int
    qk_nope_head_dim: int
    qk_rope_head_dim: int
    v_head_dim: int
    index_head_dim: int | None = None

    @property
    def values_per_token(self) -> int:
        """Numbers kept for one token if the latent row is what is cached."""
        return self.kv_lora_rank + self.qk_rope_head_dim

    def cached_values(self, tokens: int) -> int:
        """Numbers kept after `tokens` tokens of one sequence, latent."""
        return tokens * self.values_per_token

    def state_values(self) -> int:
        """No state but the cache."""
        return 0


class CompressedAttention(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """DeepSeek V4's attention: the last tokens as they are, older ones many to an entry.

    One row of head_dim is key and value of all heads. Of `compress_ratio` tokens one entry is kept
    (0: only the window), and one more of `index_head_dim` where an indexer picks among them; its
    windows overlap, which doubles what is kept of a window that is not yet full.
    """

    num_attention_heads: int
    head_dim: int
    sliding_window: int
    q_lora_rank: int
    compress_ratio: int = 0
    index_head_dim: int | None = None

    @property
    def values_per_token(self) -> int:
        """Numbers kept for one token of the window."""
        return self.head_dim

    def cached_values(self, tokens: int) -> int:
        """Numbers kept after `tokens` tokens of one sequence: the window and the entries."""
        entries = tokens // self.compress_ratio if self.compress_ratio else 0
        width = self.head_dim + (self.index_head_dim or 0)
        return min(tokens, self.sliding_window) * self.head_dim + entries * width

    def state_values(self) -> int:
        """Values and gates of tokens that fill no entry yet, at most."""
        overlap = 2 if self.index_head_dim is not None else 1
        width = self.head_dim + (self.index_head_dim or 0)
        return 2 * overlap * width * self.compress_ratio


class Mamba(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Mamba 1: a selective state-space layer (d_inner channels of d_state numbers)."""

    d_inner: int
    d_state: int
    d_conv: int
    dt_rank: int

    def cached_values(self, tokens: int) -> int:
        """Nothing grows with the tokens."""
        return 0

    def state_values(self) -> int:
        """The state and the convolution's last inputs, for one sequence."""
        return self.d_inner * (self.d_state + self.d_conv - 1)


class Mamba2(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Mamba 2: num_heads of head_dim channels; B and C shared by n_groups."""

    num_heads: int
    head_dim: int
    d_state: int
    n_groups: int
    d_conv: int

    @property
    def d_inner(self) -> int:
        """Channels of all heads."""
        return self.num_heads * self.head_dim

    @property
    def conv_dim(self) -> int:
        """Channels that pass the convolution: x, B and C."""
        return self.d_inner + 2 * self.n_groups * self.d_state

    def cached_values(self, tokens: int) -> int:
        """Nothing grows with the tokens."""
        return 0

    def state_values(self) -> int:
        """The state and the convolution's last inputs, for one sequence."""
        return self.d_inner * self.d_state + (self.d_conv - 1) * self.conv_dim


class GatedDeltaNet(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Linear attention by the gated delta rule (Qwen3-Next, Qwen3.5; Kimi's KDA)."""

    num_key_heads: int
    num_value_heads: int
    key_head_dim: int
    value_head_dim: int
    d_conv: int

    @property
    def conv_dim(self) -> int:
        """Channels that pass the convolution: queries, keys and values."""
        return (
            2 * self.num_key_heads * self.key_head_dim + self.num_value_heads * self.value_head_dim
        )

    def cached_values(self, tokens: int) -> int:
        """Nothing grows with the tokens."""
        return 0

    def state_values(self) -> int:
        """A matrix of key by value a head, and the convolution's last inputs, for one sequence."""
        matrices = self.num_value_heads * self.key_head_dim * self.value_head_dim
        return matrices + (self.d_conv - 1) * self.conv_dim


class LinearAttention(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Linear attention without a convolution (MiniMax's lightning attention, RWKV's matrices)."""

    num_heads: int
    key_head_dim: int
    value_head_dim: int
    extra_state: int = 0

    def cached_values(self, tokens: int) -> int:
        """Nothing grows with the tokens."""
        return 0

    def state_values(self) -> int:
        """A matrix of key by value a head and what else the layer keeps, for one sequence."""
        return self.num_heads * self.key_head_dim * self.value_head_dim + self.extra_state


class ShortConv(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A gated short convolution in attention's place (LFM2)."""

    channels: int
    d_conv: int

    def cached_values(self, tokens: int) -> int:
        """Nothing grows with the tokens."""
        return 0

    def state_values(self) -> int:
        """The convolution's last inputs, for one sequence."""
        return self.channels * (self.d_conv - 1)


class RecurrentBlock(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """RG-LRU: one number a channel, behind a short convolution (RecurrentGemma)."""

    lru_width: int
    d_conv: int

    def cached_values(self, tokens: int) -> int:
        """Nothing grows with the tokens."""
        return 0

    def state_values(self) -> int:
        """The recurrence and the convolution's last inputs, for one sequence."""
        return self.lru_width * self.d_conv


class CrossAttention(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Attention to another tower's tokens, cached once for the images or the audio given."""

    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    source_tokens: int

    def cached_values(self, tokens: int) -> int:
        """Keys and values of the tower's tokens, however long the text."""
        return 2 * self.source_tokens * self.num_key_value_heads * self.head_dim

    def state_values(self) -> int:
        """No state but the cache."""
        return 0


Mixer = (
    Attention
    | LatentAttention
    | CompressedAttention
    | Mamba
    | Mamba2
    | GatedDeltaNet
    | LinearAttention
    | ShortConv
    | RecurrentBlock
    | CrossAttention
)
