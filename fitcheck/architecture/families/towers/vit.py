"""Vision transformers: CLIP, SigLIP, Pixtral, InternViT, EVA."""

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts
from fitcheck.architecture.families.towers.encoder import Block, block, blocks, patches, positions
from fitcheck.architecture.model import Tower
from fitcheck.architecture.tensor import Tensor

CLIP: Final = Block()
PIXTRAL: Final = Block(
    norms=("attention_norm", "ffn_norm"),
    norm_bias=False,
    attention=("attention.q_proj", "attention.k_proj", "attention.v_proj"),
    attention_bias=False,
    out="attention.o_proj",
    out_bias=False,
    mlp=("feed_forward.gate_proj", "feed_forward.up_proj", "feed_forward.down_proj"),
    mlp_bias=False,
)
EVA: Final = Block(attention=("self_attn.qkv",), out="self_attn.projection")


def side(c: Config, key: str = "image_size", default: int | None = None) -> int:
    """`image_size` or `patch_size`: one number, or two that are equal."""
    value = c.values.get(key)
    if isinstance(value, list | tuple) and value and all(v == value[0] for v in value):
        return c.having(**{key: value[0]}).whole(key)
    return c.whole(key, default=default)


def grid(c: Config) -> int:
    """How many patches an image of the size given has."""
    return (side(c) // side(c, "patch_size")) ** 2


def clip(c: Config, at: str) -> Iterable[Tensor]:
    """CLIP: a class token, a norm before the blocks and one after.

    Source: transformers 5.23.0, models/clip/modeling_clip.py.
    """
    c = c.over(hidden_size=768, intermediate_size=3072, num_hidden_layers=12)
    c = c.over(num_channels=3, image_size=224, patch_size=32)
    width = c.whole("hidden_size")
    yield Tensor("v.class_embd", (width,), "embedding", f"{at}embeddings.class_embedding")
    yield from patches(
        width,
        side(c, "patch_size"),
        f"{at}embeddings.patch_embedding",
        bias=False,
        channels=c.whole("num_channels"),
    )
    yield positions(grid(c) + 1, width, f"{at}embeddings.position_embedding")
    yield from parts.norm("v.pre_ln", width, f"{at}pre_layrnorm", True)
    yield from _encoder(c, CLIP, f"{at}encoder.layers.")
    yield from parts.norm("v.post_ln", width, f"{at}post_layernorm", True)


def _encoder(c: Config, b: Block, at: str, extra: Iterable[Tensor] = ()) -> Iterable[Tensor]:
    one = block(b, c.whole("hidden_size"), c.whole("intermediate_size"), extra)
    return blocks(at, c.layer_count("num_hidden_layers"), one)


def siglip(c: Config, at: str) -> Iterable[Tensor]:
    """SigLIP, and the towers of Idefics 3 and SmolVLM; a pooling head only if it is asked for.

    Source: transformers 5.23.0, models/siglip/modeling_siglip.py.
    """
    c = c.over(hidden_size=768, intermediate_size=3072, num_hidden_layers=12)
    c = c.over(num_channels=3, image_size=224, patch_size=16)
    width, patch = c.whole("hidden_size"), side(c, "patch_size")
    module = f"{at}embeddings.patch_embedding"
    yield from patches(width, patch, module, bias=True, channels=c.whole("num_channels"))
    yield positions(grid(c), width, f"{at}embeddings.position_embedding")
    yield from _encoder(c, CLIP, f"{at}encoder.layers.")
    yield from parts.norm("v.post_ln", width, f"{at}post_layernorm", True)


def siglip_with_head(c: Config, at: str) -> Iterable[Tensor]:
    """SigLIP with the head that its own class has unless told otherwise."""
    return (*siglip(c, at), *_pooling_head(c, f"{at}head."))


def siglip2_with_head(c: Config, at: str) -> Iterable[Tensor]:
    """SigLIP 2 with the head that its own class has unless told otherwise."""
    return (*siglip2(c, at), *_pooling_head(c, f"{at}head."))


def _pooling_head(c: Config, at: str) -> Iterable[Tensor]:
    if not c.flag("vision_use_head", default=True):
        return
    width, inner = c.whole("hidden_size", default=768), c.whole("intermediate_size", default=3072)
    yield Tensor("v.head_probe", (1, 1, width), "embedding", f"{at}probe")
    yield from parts.linear("v.head_attn_qkv", 3 * width, width, f"{at}attention.in_proj", True)
    yield from parts.linear("v.head_attn_out", width, width, f"{at}attention.out_proj", True)
    yield from parts.norm("v.head_ln", width, f"{at}layernorm", True)
    yield from parts.linear("v.head_ffn_up", inner, width, f"{at}mlp.fc1", True)
    yield from parts.linear("v.head_ffn_down", width, inner, f"{at}mlp.fc2", True)


def siglip2(c: Config, at: str) -> Iterable[Tensor]:
    """SigLIP 2 for images of any shape: patches by a matrix, a grid of positions.

    Source: transformers 5.23.0, models/siglip2/modeling_siglip2.py.
    """
    c = c.over(hidden_size=768, intermediate_size=3072, num_hidden_layers=12)
    c = c.over(num_channels=3, num_patches=256, patch_size=16)
    width = c.whole("hidden_size")
    size = c.whole("num_channels") * side(c, "patch_size") ** 2
    yield from parts.linear("v.patch_embd", width, size, f"{at}embeddings.patch_embedding", True)
    yield positions(c.whole("num_patches"), width, f"{at}embeddings.position_embedding")
    yield from _encoder(c, CLIP, f"{at}encoder.layers.")
    yield from parts.norm("v.post_ln", width, f"{at}post_layernorm", True)


def pixtral(c: Config, at: str) -> Iterable[Tensor]:
    """Pixtral: rotary positions, gated MLPs, no biases.

    Source: transformers 5.23.0, models/pixtral/modeling_pixtral.py.
    """
    c = c.over(hidden_size=1024, intermediate_size=4096, num_hidden_layers=24)
    c = c.over(num_channels=3, patch_size=16)
    width, patch = c.whole("hidden_size"), side(c, "patch_size")
    channels = c.whole("num_channels")
    yield from patches(width, patch, f"{at}patch_conv", bias=False, channels=channels)
    yield from parts.norm("v.pre_ln", width, f"{at}ln_pre")
    yield from _encoder(c, PIXTRAL, f"{at}transformer.layers.")


def eva(c: Config, at: str, *, bias: bool = True, key_bias: bool = True) -> Iterable[Tensor]:
    """EVA ViT-g as BLIP-2 has it; the class keeps a bias for keys (zeros) that the original lacks.

    Source: transformers 5.23.0, models/blip_2/modeling_blip_2.py.
    """
    c = c.over(hidden_size=1408, intermediate_size=6144, num_hidden_layers=39)
    c = c.over(image_size=224, patch_size=14)
    width, inside = c.whole("hidden_size"), f"{at}embeddings."
    yield Tensor("v.class_embd", (1, 1, width), "embedding", f"{inside}class_embedding")
    rows = (1, grid(c) + 1, width)
    yield Tensor("v.position_embd", rows, "embedding", f"{inside}position_embedding")
    yield from patches(width, side(c, "patch_size"), f"{inside}patch_embedding", bias=True)
    own = Tensor("v.attn_qkv.bias", (2 * width,), "bias", EVA.attention[0])
    one = msgspec.structs.replace(EVA, attention_bias=bias and key_bias)
    extra = (own,) if bias and not key_bias else ()
    yield from _encoder(c, one, f"{at}encoder.layers.", extra)
    yield from parts.norm("v.post_ln", width, f"{at}post_layernorm", True)


# Which encoder a vision_config's `model_type` names.
ENCODERS: Final[dict[str, Callable[[Config, str], Iterable[Tensor]]]] = {
    "clip_vision_model": clip,
    "idefics3": siglip,
    "idefics3_vision": siglip,
    "pixtral": pixtral,
    "siglip2_vision_model": siglip2_with_head,
    "siglip_vision_model": siglip_with_head,
    "smolvlm": siglip,
    "smolvlm_vision": siglip,
}


def encoder(c: Config, at: str, default: str, tokens: int | None = None) -> Tower:
    """The vision tower that a vision_config describes."""
    name = c.model_type or default
    read = ENCODERS.get(name)
    if read is None:
        raise c.fault("model_type", f"'{name[:40]}' is no vision encoder that is known here")
    return Tower(name="vision", tensors=tuple(read(c, at)), output_tokens=tokens)
