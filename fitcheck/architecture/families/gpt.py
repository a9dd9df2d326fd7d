"""GPT-1 to GPT-3 and their open successors: Neo, J, CodeGen, MOSS, BigCode, OPT, Cerebras.

Source of shapes and defaults: transformers 5.23.0, models/<model_type>; MOSS: the hub's
modeling_moss.py, CodeGen's shapes; GPT-3: Brown et al. 2020, table 2.1. Matrices that GPT-2 keeps
as (in, out) are given as (out, in) here.
"""

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts
from fitcheck.architecture.families.stack import (
    Feed,
    Norms,
    Style,
    block,
    fused_block,
    named,
    plain,
)
from fitcheck.architecture.mixers import Attention, Position
from fitcheck.architecture.model import Layer, Model
from fitcheck.architecture.tensor import Tensor

NORMS: Norms = (("attn_norm", "ln_1"), ("ffn_norm", "ln_2"))


def gpt2(c: Config) -> Model:
    """GPT-2 and 3, Cerebras-GPT, DialoGPT: learned positions, biases throughout, tied."""
    style = Style(norms=NORMS, norm_bias=True, bias=True, out_bias=True)
    return _learned(c, _gpt_block(c, parts.attention(c, position="learned"), style))


def gpt_bigcode(c: Config) -> Model:
    """SantaCoder and StarCoder: GPT-2 with one head of keys and values."""
    groups = 1 if c.flag("multi_query", default=True) else None
    return gpt2(c.replaced(num_key_value_heads=groups))


def openai_gpt(c: Config) -> Model:
    """GPT-1: GPT-2 without a last norm."""
    style = Style(norms=NORMS, norm_bias=True, bias=True, out_bias=True)
    layer = _gpt_block(c, parts.attention(c, position="learned"), style)
    outer = _outer(c, "transformer.tokens_embed", "transformer.positions_embed")
    kept = tuple(t for t in outer if not t.role.startswith("output_norm"))
    return parts.decoder(c, layer, tensors=kept, tied_by_default=True, layers_path="transformer.h")


def _gpt_block(c: Config, a: Attention, style: Style) -> Layer:
    feed = plain(c, width=_inner(c), up="mlp.c_fc", down="mlp.c_proj", bias=True)
    return fused_block(c, a, feed, style, qkv="attn.c_attn", out="attn.c_proj")


def _inner(c: Config) -> int:
    return c.whole("n_inner", "intermediate_size", default=4 * c.whole(*parts.HIDDEN))


def _learned(c: Config, layer: Layer) -> Model:
    return parts.decoder(
        c, layer, tensors=_outer(c), tied_by_default=True, layers_path="transformer.h"
    )


def _outer(
    c: Config,
    embeddings: str = "transformer.wte",
    positions: str = "transformer.wpe",
    final_norm: str = "transformer.ln_f",
) -> tuple[Tensor, ...]:
    """Embeddings of tokens and positions, the last norm, the head if it is not tied."""
    outer = parts.outer_tensors(
        c,
        tied=c.flag("tie_word_embeddings", default=True),
        norm_bias=True,
        embeddings=embeddings,
        final_norm=final_norm,
    )
    hidden_size = c.whole(*parts.HIDDEN)
    count = c.whole("n_positions", "max_position_embeddings", "n_ctx")
    return (
        outer[0],
        Tensor("position_embd", (count, hidden_size), "embedding", positions),
        *outer[1:],
    )


def gpt_neo(c: Config) -> Model:
    """GPT-Neo: no biases on q, k and v.

    Every second layer looks at 256 tokens only, but all are kept.
    """
    style = Style(
        norms=NORMS, norm_bias=True, out_bias=True, prefix="attn.attention.", out="out_proj"
    )
    feed = plain(c, width=_inner(c), up="mlp.c_fc", down="mlp.c_proj", bias=True)
    return _learned(c, block(c, parts.attention(c, position="learned"), feed, style))


def gptj(c: Config) -> Model:
    """GPT-J and GPT4All-J: attention and MLP side by side, rotary positions, a bias on the head."""
    style = Style(norms=NORMS[:1], norm_bias=True, parallel=True, prefix="attn.", out="out_proj")
    return _side_by_side(c, block(c, parts.attention(c), _fc(c), style))


def codegen(c: Config) -> Model:
    """CodeGen and MOSS: GPT-J with q, k and v in one matrix."""
    style = Style(norms=NORMS[:1], norm_bias=True, parallel=True)
    layer = fused_block(
        c, parts.attention(c), _fc(c), style, qkv="attn.qkv_proj", out="attn.out_proj"
    )
    return _side_by_side(c, layer)


def _fc(c: Config) -> Feed:
    return plain(c, width=_inner(c), up="mlp.fc_in", down="mlp.fc_out", bias=True)


def _side_by_side(c: Config, layer: Layer) -> Model:
    return named(
        c,
        layer,
        norm_bias=True,
        head_bias=True,
        embeddings="transformer.wte",
        final_norm="transformer.ln_f",
        layers_path="transformer.h",
    )


def opt(c: Config) -> Model:
    """OPT and Galactica: learned positions (two more than tokens), maybe narrower embeddings."""
    hidden_size, vocab_size = parts.hidden_and_vocab(c)
    bias = c.flag("enable_bias", default=True)
    affine = c.flag("layer_norm_elementwise_affine", default=True)
    layer = _opt_block(c, bias, OPT_NORMS if affine else (), "learned")
    width = c.whole("word_embed_proj_dim", default=hidden_size)
    last = c.flag("do_layer_norm_before", default=True) and not c.flag("_remove_final_layer_norm")
    positions = c.whole("max_position_embeddings", default=2048) + 2
    at = "model.decoder."
    outer = [
        Tensor("token_embd", (vocab_size, width), "embedding", f"{at}embed_tokens"),
        Tensor("position_embd", (positions, hidden_size), "embedding", f"{at}embed_positions"),
    ]
    if width != hidden_size:
        outer += parts.linear("project_in", hidden_size, width, f"{at}project_in")
        outer += parts.linear("project_out", width, hidden_size, f"{at}project_out")
    if last and affine:
        outer += parts.norm("output_norm", hidden_size, f"{at}final_layer_norm", True)
    if not c.flag("tie_word_embeddings", default=True):
        outer += parts.linear("output", vocab_size, width, "lm_head")
    return parts.decoder(
        c, layer, tensors=tuple(outer), tied_by_default=True, layers_path="model.decoder.layers"
    )


OPT_NORMS: Norms = (("attn_norm", "self_attn_layer_norm"), ("ffn_norm", "final_layer_norm"))


def _opt_block(c: Config, bias: bool, norms: Norms, position: Position) -> Layer:
    style = Style(norms=norms, norm_bias=True, bias=bias, out_bias=bias, out="out_proj")
    width = c.whole("ffn_dim", "intermediate_size")
    feed = plain(c, width=width, up="fc1", down="fc2", bias=bias)
    return block(c, parts.attention(c, position=position), feed, style)


def xglm(c: Config) -> Model:
    """XGLM: OPT's blocks, positions computed from sines."""
    own = Config(
        {**c.values, "num_attention_heads": c.values.get("attention_heads")}, c.name, c.path
    )
    layer = _opt_block(own, True, OPT_NORMS, "none")
    return named(c, layer, tied=True, norm_bias=True, final_norm="model.layer_norm")


def biogpt(c: Config) -> Model:
    """BioGPT: OPT's blocks with learned positions."""
    layer = _opt_block(c, True, OPT_NORMS, "learned")
    hidden_size = c.whole("hidden_size")
    count = c.whole("max_position_embeddings") + 2
    positions = Tensor("position_embd", (count, hidden_size), "embedding", "biogpt.embed_positions")
    return named(
        c,
        layer,
        tied=True,
        norm_bias=True,
        embeddings="biogpt.embed_tokens",
        final_norm="biogpt.layer_norm",
        head="output_projection",
        layers_path="biogpt.layers",
        extra=(positions,),
    )
