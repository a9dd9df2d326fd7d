"""One weight tensor: what it is for, its shape, and what a quantizer sees in it."""

from math import prod
from typing import Literal

import msgspec

# linear     a matrix that multiplies activations: the thing that quantizers pack
# experts    such matrices of a layer's routed experts, stacked: (num_experts, out, in)
# embedding  a table that is looked up: tokens, positions
# norm       scales (and shifts) of a normalisation
# bias       one number per output
# conv       a short convolution's kernel
# state      a state-space model's small parameters (A, D, dt), gates and other odd vectors
Kind = Literal["linear", "experts", "embedding", "norm", "bias", "conv", "state"]


class Tensor(msgspec.Struct, frozen=True):
    """A weight tensor as PyTorch stores it.

    `role` is what GGUF calls it (`attn_q`, `ffn_down_exps`, `token_embd`): the one vocabulary that
    spans families. `shape` is (out, in) for matrices, experts in front. `module` is the path of
    the module that holds it in a Hugging Face model, below its layer (`self_attn.q_proj`), or
    whole outside of layers (`lm_head`). `dtype` is set where it is loaded in a type that is not the
    model's own. A `buffer` is stored and loaded like a weight but is no parameter (the correction
    that DeepSeek V3 adds to its router's scores), so that parameter counts leave it out. An
    `unloaded` one is in the checkpoint and in GGUF files but transformers has no use for it (keys
    of layers that read another layer's cache); it is marked a buffer too.
    """

    role: str
    shape: tuple[int, ...]
    kind: Kind = "linear"
    module: str = ""
    dtype: str = ""
    buffer: bool = False
    unloaded: bool = False

    @property
    def numel(self) -> int:
        """Numbers in it."""
        return prod(self.shape)
