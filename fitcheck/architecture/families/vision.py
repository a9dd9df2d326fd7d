"""Models with a vision encoder of their own: InternVL, Llama 3.2 and 4, Step 3.7, MiniMax M3."""

from collections.abc import Iterable
from typing import Final

import msgspec

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts, stack
from fitcheck.architecture.families.language import (
    Language,
    Outer,
    joined,
    language_model,
    without,
)
from fitcheck.architecture.families.towers import intern, llama
from fitcheck.architecture.families.towers.encoder import Block, block, blocks, patches
from fitcheck.architecture.families.towers.projector import projector, two_matrices
from fitcheck.architecture.families.towers.vit import grid, side
from fitcheck.architecture.feed_forward import DenseMLP
from fitcheck.architecture.mixers import CrossAttention
from fitcheck.architecture.model import Layer, Model, Tower
from fitcheck.architecture.tensor import Tensor

PROJECTOR: Final = "model.multi_modal_projector."


def _vision(tensors: Iterable[Tensor]) -> Tower:
    return Tower(name="vision", tensors=tuple(tensors))


def internvl(c: Config, language: Language) -> Model:
    """InternVL 3 and 3.5 by transformers' class: patches shuffled, a norm, two matrices."""
    inner = language_model(c, language, Outer(default="qwen2", tied=True))
    v = c.section("vision_config")
    if v is None:
        return without(inner, "vision")
    tensors = intern.internvl(v, "model.vision_tower.")
    shuffled = v.whole("hidden_size", default=1024) * _shuffled(c)
    at = PROJECTOR
    join = _normed(shuffled, inner.hidden_size, at, ("layer_norm", "linear_1", "linear_2"))
    return joined(inner, _vision(tensors), projector(join))


def internvl_chat(c: Config, language: Language) -> Model:
    """InternVL 1.5 to 3 by the hub's own code (modeling_internvl_chat.py)."""
    inside, head = "language_model.model.", "language_model."
    outer = Outer(default="internlm2", inside=inside, head=head)
    inner = language_model(c, language, outer)
    v = c.section("vision_config")
    if v is None:
        return without(inner, "vision")
    shuffled = v.whole("hidden_size", default=1024) * _shuffled(c)
    join = _normed(shuffled, inner.hidden_size, "mlp1.", ("0", "1", "3"))
    return joined(inner, _vision(intern.internvl_chat(v, "vision_model.")), projector(join))


def _shuffled(c: Config) -> int:
    """How many patches become one token."""
    ratio = c.number("downsample_ratio", 0.5)
    if not 0 < ratio <= 1:
        raise c.fault("downsample_ratio", f"is {ratio:g}, not between 0 and 1")
    return int(1 / ratio) ** 2


def _normed(in_: int, out: int, at: str, names: tuple[str, str, str]) -> Iterable[Tensor]:
    yield from parts.norm("mm.input_norm", in_, f"{at}{names[0]}", True)
    yield from two_matrices(in_, out, out, at, names=names[1:])


STEP_NOTE: Final = "config.json has no text_config: the class's own dimensions are assumed"


def step3p7(c: Config, language: Language) -> Model:
    """Step 3.7 Flash.

    Without text_config its class takes its own dimensions, whatever is said at the top; what layers
    see is then read from there, where the hub's own format has it.
    """
    flat = None
    if "text_config" not in c and "hidden_size" in c:
        seen = {key: c.values[key] for key in ("layer_types", "sliding_window") if key in c}
        flat = Config(seen, c.name, c.path)
    inner = language_model(c, language, Outer(default="step3p5", fixed=True), flat)
    if flat is not None:
        inner = msgspec.structs.replace(inner, approximate=(*inner.approximate, STEP_NOTE))
    v = c.section("vision_config") or Config({})
    width = v.whole("width", "hidden_size", default=1536)
    bias = c.flag("projector_bias")
    matrix = parts.linear("mm.model.fc", inner.hidden_size, 4 * width, PROJECTOR[:-1], bias)
    return joined(inner, _vision(intern.step3p7(v, "model.vision_model.")), projector(matrix))


# The tower of both published Llama 4 models: vision_config of meta-llama/Llama-4-Scout-17B-16E and
# Maverick-17B-128E; with it Scout has the 108,641,793,536 parameters that the hub counts.
LLAMA4_TOWER: Final[dict[str, object]] = {
    "hidden_size": 1408,
    "intermediate_size": 5632,
    "num_hidden_layers": 34,
    "image_size": 336,
    "patch_size": 14,
    "projector_input_dim": 4096,
    "projector_output_dim": 4096,
    "vision_output_dim": 4096,
}
LLAMA4_NOTE: Final = (
    "config.json has no vision_config: the tower of the published models is assumed"
)


def llama4(c: Config, language: Language) -> Model:
    """Scout and Maverick, which share one vision tower."""
    inside, head = "language_model.model.", "language_model."
    outer = Outer(default="llama4_text", fixed=True, inside=inside, head=head)
    inner = language_model(c, language, outer)
    v = c.section("vision_config")
    if v is None:
        inner = msgspec.structs.replace(inner, approximate=(*inner.approximate, LLAMA4_NOTE))
        v = Config(LLAMA4_TOWER)
    tower = _vision(llama.llama4(v, "vision_model."))
    width = v.whole("vision_output_dim", default=7680)
    module = "multi_modal_projector.linear_1"
    matrix = parts.linear("mm.model.fc", inner.hidden_size, width, module)
    return joined(inner, tower, projector(matrix))


def mllama(c: Config, language: Language) -> Model:
    """Llama 3.2 Vision: some layers of the text attend to the picture instead of the text.

    Eight more rows of embeddings than tokens, never tied.
    Source: transformers 5.23.0, models/mllama/modeling_mllama.py.
    """
    v = llama.mllama_defaults(c.section("vision_config") or Config({}))
    tokens = v.whole("max_num_tiles") * (grid(v) + 1)
    inner = language_model(
        c.having(tie_word_embeddings=False),
        lambda text: mllama_text(text, tokens),
        Outer(default="mllama_text_model", fixed=True),
    )
    tower = _vision(llama.mllama(v, "model.vision_model."))
    matrix = parts.linear(
        "mm.0", inner.hidden_size, v.whole("vision_output_dim"), PROJECTOR[:-1], True
    )
    return joined(inner, tower, projector(matrix, tokens))


def mllama_text(c: Config, tokens: int = 6404) -> Model:
    """The language model; a picture of four tiles is `tokens` long (4 * 1601)."""
    c = c.over(num_key_value_heads=8, cross_attention_layers=[3, 8, 13, 18, 23, 28, 33, 38])
    c = c.having(tie_word_embeddings=False)
    hidden_size, vocab_size = parts.hidden_and_vocab(c)
    crossed = c.items("cross_attention_layers") or []
    a, feed = parts.attention(c), stack.gated(c)
    own = stack.block(c, a, feed)
    cross = _cross_layer(c, tokens)
    layers = [cross if i in crossed else own for i in range(parts.layer_count(c))]
    embeddings, *rest = parts.outer_tensors(c, tied=False)
    wider = Tensor(
        embeddings.role, (vocab_size + 8, hidden_size), embeddings.kind, embeddings.module
    )
    return parts.decoder(c, layers, tensors=(wider, *rest))


def _cross_layer(c: Config, tokens: int) -> Layer:
    hidden_size, a = c.whole("hidden_size"), parts.attention(c)
    width = c.whole("intermediate_size")
    x = CrossAttention(
        num_attention_heads=a.num_attention_heads,
        num_key_value_heads=a.num_key_value_heads,
        head_dim=a.head_dim,
        source_tokens=tokens,
    )
    return Layer(
        mixers=(x,),
        feed_forward=DenseMLP(intermediate_size=width),
        tensors=(
            *parts.block_norms(hidden_size),
            *parts.split_attention(hidden_size, a, qk_norm=True, prefix="cross_attn."),
            *parts.gated_mlp(hidden_size, width),
            Tensor("cross_attn_attn_gate", (1,), "state", "cross_attn_attn_gate"),
            Tensor("cross_attn_mlp_gate", (1,), "state", "cross_attn_mlp_gate"),
        ),
    )


def minimax_m3_vl(c: Config, language: Language) -> Model:
    """MiniMax M3: CLIP's blocks over patches of video; tokens are projected, then merged by four.

    Source: transformers 5.23.0, models/minimax_m3_vl/modeling_minimax_m3_vl.py.
    """
    outer = Outer(default="minimax_m3_vl_text", fixed=True, text_may_tie=True)
    inner = language_model(c, language, outer)
    v = c.section("vision_config")
    if v is None:
        return without(inner, "vision")
    v = v.over(hidden_size=1280, intermediate_size=5120, num_hidden_layers=32, patch_size=14)
    h, between = inner.hidden_size, c.whole("projector_hidden_size", default=6144)
    merged = h * v.whole("spatial_merge_size", default=2) ** 2
    merge = ("merge_linear_1", "merge_linear_2")
    tensors = (
        *two_matrices(v.whole("hidden_size"), between, h, PROJECTOR),
        *two_matrices(merged, between, h, PROJECTOR, names=merge),
    )
    return joined(inner, _vision(_minimax_tower(v, "model.vision_tower.")), projector(tensors))


def _minimax_tower(v: Config, at: str) -> Iterable[Tensor]:
    width = v.whole("hidden_size")
    yield from patches(
        width,
        side(v, "patch_size"),
        f"{at}embeddings.proj",
        bias=False,
        channels=v.whole("num_channels", default=3),
        frames=v.whole("temporal_patch_size", default=2),
    )
    yield from parts.norm("v.pre_ln", width, f"{at}pre_layrnorm", True)
    one = block(Block(), width, v.whole("intermediate_size"))
    yield from blocks(f"{at}layers.", v.layer_count("num_hidden_layers"), one)
