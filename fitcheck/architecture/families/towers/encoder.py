"""Blocks of an encoder, and their names.

Roles are those of llama.cpp's second file (mmproj): `v.blk.3.attn_q` is `v.attn_q` here, `a.` is
in front for sound, `mm.` for what joins a tower to the language model.
"""

from collections.abc import Iterable, Sequence

import msgspec

from fitcheck.architecture.families import parts
from fitcheck.architecture.tensor import Tensor


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """How the blocks of an encoder are built, and what their modules are called.

    `attention` names three projections, or one where they are fused; `mlp` two, or gate, up and
    down where there are three.
    """

    norms: tuple[str, str] = ("layer_norm1", "layer_norm2")
    norm_bias: bool = True
    attention: tuple[str, ...] = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
    attention_bias: bool = True
    key_bias: bool = True
    out: str = "self_attn.out_proj"
    out_bias: bool = True
    mlp: tuple[str, ...] = ("mlp.fc1", "mlp.fc2")
    mlp_bias: bool = True
    prefix: str = "v"


def block(b: Block, width: int, inner: int, extra: Iterable[Tensor] = ()) -> list[Tensor]:
    """One block's tensors; `width` is what it reads and writes, `inner` the MLP's width."""
    at = b.prefix
    return [
        *parts.norm(f"{at}.ln1", width, b.norms[0], b.norm_bias),
        *_attention(b, width),
        *parts.linear(f"{at}.attn_out", width, width, b.out, b.out_bias),
        *parts.norm(f"{at}.ln2", width, b.norms[1], b.norm_bias),
        *_mlp(b, width, inner),
        *extra,
    ]


def _attention(b: Block, width: int) -> Iterable[Tensor]:
    if len(b.attention) == 1:
        at, module = f"{b.prefix}.attn_qkv", b.attention[0]
        yield from parts.linear(at, 3 * width, width, module, b.attention_bias)
        return
    for name, module in zip("qkv", b.attention, strict=True):
        bias = b.attention_bias and (name != "k" or b.key_bias)
        yield from parts.linear(f"{b.prefix}.attn_{name}", width, width, module, bias)


def _mlp(b: Block, width: int, inner: int) -> Iterable[Tensor]:
    *up, down = b.mlp
    for name, module in zip(("gate", "up")[-len(up) :], up, strict=True):
        yield from parts.linear(f"{b.prefix}.ffn_{name}", inner, width, module, b.mlp_bias)
    yield from parts.linear(f"{b.prefix}.ffn_down", width, inner, down, b.mlp_bias)


def blocks(path: str, count: int, tensors: Sequence[Tensor]) -> Iterable[Tensor]:
    """The same block `count` times, below `path`."""
    for i in range(count):
        for t in tensors:
            yield Tensor(t.role, t.shape, t.kind, f"{path}{i}.{t.module}", t.dtype, t.buffer)


def patches(
    width: int, patch: int, module: str, *, bias: bool, channels: int = 3, frames: int = 0
) -> Iterable[Tensor]:
    """The convolution that makes a patch a token; `frames` where it spans several of a video."""
    depth = (frames,) if frames else ()
    yield Tensor("v.patch_embd", (width, channels, *depth, patch, patch), "conv", module)
    if bias:
        yield Tensor("v.patch_embd.bias", (width,), "bias", module)


def positions(rows: int, width: int, module: str, role: str = "v.position_embd") -> Tensor:
    """Learned positions."""
    return Tensor(role, (rows, width), "embedding", module)
