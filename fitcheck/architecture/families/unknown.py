"""What can be made of a config.json whose `model_type` no family reads.

Its dimensions in the usual words give a Llama-like decoder, and the model says what was assumed.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from fitcheck.architecture.config import Config, short
from fitcheck.architecture.families import parts
from fitcheck.architecture.families.deepseek import latent_stack
from fitcheck.architecture.families.stack import Feed, Style, gated, mixture, stack, windows
from fitcheck.architecture.feed_forward import Experts
from fitcheck.architecture.model import Model
from fitcheck.errors import BadInput, printable

WIDTH: Final = ("intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size", "d_ff", "d_inner")
EXPERTS: Final = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts")
USED: Final = ("num_experts_per_tok", "moe_topk", "moe_k", "moe_top_k", "num_experts_per_token")
SHARED: Final = ("n_shared_experts", "num_shared_experts", "moe_num_shared_experts")
VOCAB: Final = ("vocab_size", "padded_vocab_size")
TEXT: Final = ("text_config", "llm_config", "language_config", "language_model_config")
# Parts beside a language model that a guess leaves out.
BESIDE: Final = ("vision_config", "audio_config", "visual", "vision_tower", "mm_vision_tower")
NEEDED: Final = (parts.HIDDEN, parts.LAYERS, parts.HEADS, WIDTH, VOCAB)


def text_part(c: Config) -> Config | None:
    """The nested configuration of a language model, if that is where the dimensions are."""
    return next((s for key in TEXT if (s := c.section(key)) is not None), None)


def guess(c: Config) -> Model:
    """A decoder of the dimensions given, with the reasons why it is only near.

    Raises BadInput, naming everything that is missing, where they do not suffice.
    """
    kind = printable(_kind(c))
    where = f"{c.name}: in {c.path[:-1]}, {kind}" if c.path else f"{c.name}: {kind}"
    if c.flag("is_encoder_decoder"):
        raise BadInput(f"{where}, and it has an encoder")
    missing = [keys[0] for keys in NEEDED if not any(key in c for key in keys)]
    if WIDTH[0] in missing and "moe_intermediate_size" in c:
        missing.remove(WIDTH[0])
    if missing:
        needed = "is" if len(missing) == 1 else "are"
        raise BadInput(
            f"{where}, and {', '.join(missing)} {needed} missing to read it as a Llama-like decoder"
        )
    model, what = _decoder(c)
    left = [key for key in BESIDE if key in c]
    beside = f"; {' and '.join(left)} not counted" if left else ""
    return msgspec.structs.replace(model, approximate=(f"{kind}: read as {what}{beside}",))


def _kind(c: Config) -> str:
    return f"model_type {short(c.model_type)} is not known" if c.model_type else "no model_type"


def _decoder(c: Config) -> tuple[Model, str]:
    c = c.replaced(
        num_hidden_layers=parts.layer_count(c),
        hidden_size=c.whole(*parts.HIDDEN),
        intermediate_size=c.optional_whole(*WIDTH),
    )
    feeds, mlp = _feeds(c)
    if all(k in c for k in ("kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim")):
        return latent_stack(c, feeds), f"a DeepSeek-like decoder{mlp}"
    bias = c.flag("attention_bias", "qkv_bias", "use_bias")
    style = Style(
        bias=bias,
        out_bias=bias and "qkv_bias" not in c,
        qk_norm="head" if c.flag("use_qk_norm", "qk_norm") else "",
    )
    seen = windows(c) if c.flag("use_sliding_window", default=True) else None
    return stack(c, feeds, style, windows=seen), f"a Llama-like decoder{mlp}"


def _feeds(c: Config) -> tuple[Sequence[Feed], str]:
    """What follows attention in each layer, and how to say so."""
    count = parts.layer_count(c)
    n = c.whole(*EXPERTS, default=0, least=0)
    if n < 2 or not any(key in c for key in USED):
        return [gated(c, bias=c.flag("mlp_bias"))] * count, ""
    width = c.whole("moe_intermediate_size", "intermediate_size")
    shared = c.whole(*SHARED, default=0, least=0) * width
    e = Experts(
        num_experts=n,
        num_experts_per_tok=min(c.whole(*USED), n),
        intermediate_size=width,
        shared_intermediate_size=shared,
    )
    sparse = mixture(c, e)
    first = c.whole("first_k_dense_replace", default=0, least=0)
    dense = gated(c) if first and "intermediate_size" in c else sparse
    return [dense if i < first else sparse for i in range(count)], f" with {n} experts"
