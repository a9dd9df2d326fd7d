"""Llama and the dense decoders that differ from it in biases, norms, windows and little else.

Every function reads one or more `model_type`s; what transformers takes for a key that is not there
stands in `over`. Source of shapes and defaults: transformers 5.23.0, models/<model_type>.
"""

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts
from fitcheck.architecture.families.stack import (
    POST,
    PRE,
    SHARED,
    Feed,
    Norms,
    Style,
    every,
    gated,
    plain,
    stack,
    windows,
)
from fitcheck.architecture.mixers import Position
from fitcheck.architecture.model import Model
from fitcheck.architecture.tensor import Tensor


def llama(c: Config) -> Model:
    """Llama 1 to 3, Yi, Vicuna, SmolLM and all that use Llama's class."""
    return stack(c, gated(c, bias=c.flag("mlp_bias")), biased(c))


def biased(c: Config, norms: Norms = PRE) -> Style:
    """Llama's style, with biases where `attention_bias` asks for them."""
    bias = c.flag("attention_bias")
    return Style(bias=bias, out_bias=bias, norms=norms)


def mistral(c: Config) -> Model:
    """Mistral, Mathstral, Codestral, Devstral: a window in every layer, null in later releases."""
    c = c.over(num_key_value_heads=8, sliding_window=4096)
    return stack(c, gated(c), windows=windows(c))


def ministral(c: Config) -> Model:
    """Ministral: windows by `layer_types`."""
    c = c.over(num_key_value_heads=8, sliding_window=4096)
    return stack(c, gated(c), windows=windows(c))


def ministral3(c: Config) -> Model:
    """Ministral 3: no window unless one is given."""
    c = c.over(num_key_value_heads=8, head_dim=128)
    return stack(c, gated(c), windows=windows(c))


def internlm3(c: Config) -> Model:
    """InternLM 3: a bias key for q, k and v, another for the rest."""
    c = c.over(num_key_value_heads=2, head_dim=128)
    out_bias = c.flag("bias", "mlp_bias")
    style = Style(bias=c.flag("qkv_bias", "attention_bias"), out_bias=out_bias)
    return stack(c, gated(c, bias=out_bias), style)


def seed_oss(c: Config) -> Model:
    """Seed-OSS: biases on q, k and v unless told otherwise."""
    c = c.over(num_key_value_heads=8, head_dim=128)
    style = Style(
        bias=c.flag("attention_bias", default=True), out_bias=c.flag("attention_out_bias")
    )
    return stack(c, gated(c, bias=c.flag("mlp_bias")), style)


def helium(c: Config) -> Model:
    """Helium: Llama with 20 key-value heads by default and no bias on the output."""
    c = c.over(num_key_value_heads=20, head_dim=128)
    style = Style(bias=c.flag("attention_bias"))
    return stack(c, gated(c, bias=c.flag("mlp_bias")), style)


def iquestcoder(c: Config) -> Model:
    """IQuest-Coder: Llama with its own defaults."""
    return llama(c.over(num_key_value_heads=8, head_dim=128))


def ernie(c: Config) -> Model:
    """ERNIE 4.5, dense: one key for all biases."""
    c = c.over(num_key_value_heads=2, head_dim=128)
    bias = c.flag("use_bias")
    return stack(c, gated(c, bias=bias), Style(bias=bias, out_bias=bias), tied=True)


def hyperclovax(c: Config) -> Model:
    """HyperCLOVA X: norms after attention and MLP too, if `use_post_norm`."""
    after: Norms = (("post_attention_norm", "post_norm1"), ("post_ffw_norm", "post_norm2"))
    style = biased(c, (*PRE, *after) if c.flag("use_post_norm", default=True) else PRE)
    return stack(c, gated(c, bias=c.flag("mlp_bias")), style)


def smollm3(c: Config) -> Model:
    """SmolLM 3: every fourth layer without rotary positions, and windows only there."""
    c = c.over(num_key_value_heads=4)
    count = parts.layer_count(c)
    period = c.whole("no_rope_layer_interval", default=4)
    rope = [bool(r) for r in c.items("no_rope_layers") or [not n for n in every(count, period)]]
    if len(rope) != count:
        raise c.fault("no_rope_layers", f"has {len(rope)} items for {count} layers")
    seen = windows(c, rope) if c.flag("use_sliding_window") else None
    positions: list[Position] = ["rope" if r else "none" for r in rope]
    feed = gated(c, bias=c.flag("mlp_bias"))
    return stack(c, feed, biased(c), windows=seen, positions=positions, tied=True)


def granite(c: Config) -> Model:
    """Granite 3, dense."""
    return llama(c)


def granite_swa(c: Config) -> Model:
    """Granite with windows in three layers of four, and attention sinks."""
    c = c.over(num_key_value_heads=4, sliding_window=128)
    bias = c.flag("attention_bias")
    full = [i % 4 == 0 for i in range(parts.layer_count(c))]
    style = Style(bias=bias, out_bias=bias, sinks=True)
    feed = gated(c, bias=c.flag("mlp_bias"))
    return stack(c, feed, style, windows=windows(c, full), tied=True)


def olmo(c: Config) -> Model:
    """OLMo 1: norms without weights."""
    return _bare_norms(c, gated(c))


def nanochat(c: Config) -> Model:
    """nanochat: norms without weights, no gate."""
    return _bare_norms(c, plain(c, up="mlp.fc1", down="mlp.fc2"))


def _bare_norms(c: Config, feed: Feed) -> Model:
    hidden_size, vocab_size = parts.hidden_and_vocab(c)
    outer = [Tensor("token_embd", (vocab_size, hidden_size), "embedding", "model.embed_tokens")]
    if not c.flag("tie_word_embeddings"):
        outer += parts.linear("output", vocab_size, hidden_size, "lm_head")
    return stack(c, feed, biased(c, ()), tensors=tuple(outer))


def olmo2(c: Config) -> Model:
    """OLMo 2: norms after attention and MLP, and over all queries and keys."""
    return stack(c, gated(c), _olmo2_style(c))


def olmo3(c: Config) -> Model:
    """OLMo 3: OLMo 2 with windows in three layers of four."""
    c = c.over(sliding_window=4096)
    full = every(parts.layer_count(c), 4)
    return stack(c, gated(c), _olmo2_style(c), windows=windows(c, full))


def _olmo2_style(c: Config) -> Style:
    bias = c.flag("attention_bias")
    return Style(bias=bias, out_bias=bias, norms=POST, qk_norm="full")


def exaone4(c: Config) -> Model:
    """EXAONE 4: norms after, and on each head; windows by a pattern, the last layer without."""
    c = c.over(num_key_value_heads=32, sliding_window=4096, sliding_window_pattern=4)
    seen = exaone_windows(c)
    positions: list[Position] = ["none" if _global(c, w) else "rope" for w in seen]
    style = Style(norms=POST, qk_norm="head")
    return stack(c, gated(c), style, windows=seen, positions=positions)


def exaone_windows(c: Config) -> list[int | None]:
    """EXAONE's windows: `sliding_window_pattern` is a period or letters, L for a window."""
    count = parts.layer_count(c)
    pattern = c.values.get("sliding_window_pattern")
    if isinstance(pattern, str) and pattern:
        return windows(c, [pattern[i % len(pattern)] != "L" for i in range(count)])
    return windows(c, every(count, c.whole("sliding_window_pattern", default=4)))


def _global(c: Config, window: int | None) -> bool:
    return window is None and c.optional_whole("sliding_window") is not None


def apertus(c: Config) -> Model:
    """Apertus: no gate, an activation with two learned numbers, a norm on each head."""
    bias = c.flag("attention_bias")
    norms: Norms = (("attn_norm", "attention_layernorm"), ("ffn_norm", "feedforward_layernorm"))
    style = Style(bias=bias, out_bias=bias, norms=norms, qk_norm="head")
    learned = ("alpha_n", "alpha_p") if c.text("hidden_act", default="xielu") == "xielu" else ()
    extra = tuple(Tensor(f"ffn_{a}", (1,), "state", f"mlp.act_fn.{a}") for a in learned)
    return stack(c, plain(c), style, extra=extra)


def arcee(c: Config) -> Model:
    """Arcee's AFM: Llama without the gate."""
    return stack(c, plain(c, bias=c.flag("mlp_bias")), biased(c))


def nemotron(c: Config) -> Model:
    """Nemotron 4 and Minitron: LayerNorm, and no gate."""
    bias = c.flag("attention_bias")
    style = Style(bias=bias, out_bias=bias, norm_bias=True)
    return stack(c, plain(c, bias=c.flag("mlp_bias")), style)


def jais2(c: Config) -> Model:
    """Jais 2: LayerNorm, biases throughout and no gate."""
    bias = c.flag("attention_bias", default=True)
    style = Style(bias=bias, out_bias=bias, norm_bias=True)
    return stack(c, plain(c, bias=c.flag("mlp_bias", default=True)), style)


def starcoder2(c: Config) -> Model:
    """StarCoder 2: LayerNorm, biases throughout, a window in every layer."""
    c = c.over(num_key_value_heads=2)
    bias = c.flag("use_bias", default=True)
    feed = plain(c, up="mlp.c_fc", down="mlp.c_proj", bias=bias)
    style = Style(bias=bias, out_bias=bias, norm_bias=True)
    return stack(c, feed, style, windows=windows(c), tied=True)


def stablelm(c: Config) -> Model:
    """StableLM: LayerNorm; biases, head norms and parallel blocks if asked for."""
    c = c.over(num_key_value_heads=32)
    parallel = c.flag("use_parallel_residual")
    style = Style(
        bias=c.flag("use_qkv_bias"),
        norm_bias=True,
        norms=SHARED if parallel else PRE,
        parallel=parallel,
        qk_norm="heads" if c.flag("qk_layernorm") else "",
        qk_names=("q_layernorm", "k_layernorm"),
    )
    return stack(c, gated(c), style)


def cohere(c: Config) -> Model:
    """Command R: attention and MLP side by side behind one LayerNorm without a shift."""
    bias = c.flag("attention_bias")
    style = Style(
        bias=bias,
        out_bias=bias,
        norms=SHARED,
        qk_norm="heads" if c.flag("use_qk_norm") else "",
        parallel=True,
    )
    return stack(c, gated(c), style, tied=True)


def cohere2(c: Config) -> Model:
    """Command R7B and A: Command R with windows; every fourth layer sees all, without positions."""
    seen, positions = cohere2_layers(c)
    style = cohere2_style(c)
    return stack(c, gated(c), style, windows=seen, positions=positions, tied=True)


def cohere2_style(c: Config) -> Style:
    """Command R7B's blocks."""
    bias = c.flag("attention_bias")
    return Style(bias=bias, out_bias=bias, norms=SHARED, parallel=True)


def cohere2_layers(c: Config) -> tuple[list[int | None], list[Position]]:
    """Windows and positions of Command R7B's layers."""
    c = c.over(sliding_window=4096, sliding_window_pattern=4)
    period = c.whole("sliding_window_pattern", default=4)
    seen = windows(c, every(parts.layer_count(c), period))
    return seen, ["none" if _global(c, w) else "rope" for w in seen]


def bitnet(c: Config) -> Model:
    """BitNet b1.58: a norm before each output projection."""
    c = c.over(num_key_value_heads=5)
    hidden_size, width = c.whole("hidden_size"), c.whole("intermediate_size")
    inner = (
        *parts.norm("attn_sub_norm", hidden_size, "self_attn.attn_sub_norm"),
        *parts.norm("ffn_sub_norm", width, "mlp.ffn_sub_norm"),
    )
    return stack(c, gated(c), biased(c), extra=inner)


def diffllama(c: Config) -> Model:
    """DiffLlama: two attentions subtracted, by four learned vectors of a head's width."""
    width = parts.attention(c).head_dim
    names = ("lambda_q1", "lambda_k1", "lambda_q2", "lambda_k2")
    learned = tuple(Tensor(f"attn_{n}", (width,), "state", f"self_attn.{n}") for n in names)
    return stack(c, gated(c), biased(c), extra=learned)
