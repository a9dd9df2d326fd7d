"""The vision towers of Llama 3.2 Vision and Llama 4.

Source: transformers 5.23.0, models/mllama/modeling_mllama.py and models/llama4/modeling_llama4.py.
"""

from collections.abc import Iterable
from typing import Final

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts
from fitcheck.architecture.families.towers.encoder import Block, block, blocks, patches, positions
from fitcheck.architecture.families.towers.vit import grid, side
from fitcheck.architecture.tensor import Tensor

NORMS: Final = ("input_layernorm", "post_attention_layernorm")
MLLAMA: Final = Block(norms=NORMS, attention_bias=False, out="self_attn.o_proj", out_bias=False)
LLAMA4: Final = Block(norms=NORMS, out="self_attn.o_proj")


def mllama_defaults(c: Config) -> Config:
    """What the class takes for what vision_config leaves out."""
    c = c.over(hidden_size=1280, num_hidden_layers=32, num_global_layers=8)
    c = c.over(intermediate_size=5120, vision_output_dim=7680)
    return c.over(image_size=448, patch_size=14, max_num_tiles=4, num_channels=3)


def mllama(c: Config, at: str) -> Iterable[Tensor]:
    """Tiles with embeddings for each shape of picture, then layers over all tiles, gated."""
    c = mllama_defaults(c)
    width, inner, tiles = (
        c.whole("hidden_size"),
        c.whole("intermediate_size"),
        c.whole("max_num_tiles"),
    )
    rows, tokens = len(c.items("supported_aspect_ratios") or range(8)) + 1, grid(c) + 1
    yield Tensor("v.class_embd", (width,), "embedding", f"{at}class_embedding")
    channels, patch = c.whole("num_channels"), side(c, "patch_size")
    yield from patches(width, patch, f"{at}patch_embedding", bias=False, channels=channels)
    inside = f"{at}gated_positional_embedding."
    yield Tensor("v.position_embd.gate", (1,), "state", f"{inside}gate")
    yield positions(tokens, width, f"{inside}embedding")
    yield positions(rows, tiles * tokens * width, f"{inside}tile_embedding", "v.tile_position_embd")
    for name in ("pre", "post"):
        inside = f"{at}{name}_tile_positional_embedding."
        yield Tensor(f"v.{name}_tile_position_embd.gate", (1,), "state", f"{inside}gate")
        yield positions(rows, tiles * width, f"{inside}embedding", f"v.{name}_tile_position_embd")
        yield from parts.norm(f"v.{name}_ln", width, f"{at}layernorm_{name}", True)
    local = block(MLLAMA, width, inner)
    yield from blocks(f"{at}transformer.layers.", c.layer_count("num_hidden_layers"), local)
    gates = (
        Tensor("v.gate_attn", (1,), "state", "gate_attn"),
        Tensor("v.gate_ffn", (1,), "state", "gate_ffn"),
    )
    whole = block(MLLAMA, width, inner, gates)
    yield from blocks(f"{at}global_transformer.layers.", c.layer_count("num_global_layers"), whole)


def llama4(c: Config, at: str) -> Iterable[Tensor]:
    """Patches by a matrix; four of them are shuffled into one before the adapter's two matrices."""
    c = c.over(hidden_size=768, num_hidden_layers=34, intermediate_size=5632, num_channels=3)
    c = c.over(image_size=448, patch_size=14, projector_input_dim=4096, projector_output_dim=4096)
    width, inner = c.whole("hidden_size"), c.whole("intermediate_size")
    size = c.whole("num_channels") * side(c, "patch_size") ** 2
    yield Tensor("v.class_embd", (width,), "embedding", f"{at}class_embedding")
    yield positions(grid(c) + 1, width, f"{at}positional_embedding_vlm")
    yield Tensor("v.patch_embd", (width, size), "linear", f"{at}patch_embedding.linear")
    yield from parts.norm("v.pre_ln", width, f"{at}layernorm_pre", True)
    yield from parts.norm("v.post_ln", width, f"{at}layernorm_post", True)
    one = block(LLAMA4, width, inner)
    yield from blocks(f"{at}model.layers.", c.layer_count("num_hidden_layers"), one)
    between, out = c.whole("projector_input_dim"), c.whole("projector_output_dim")
    module = f"{at}vision_adapter.mlp."
    yield Tensor("mm.model.mlp.1", (between, inner), "linear", f"{module}fc1")
    yield Tensor("mm.model.mlp.2", (out, out), "linear", f"{module}fc2")
