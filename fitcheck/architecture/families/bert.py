"""BERT and the encoders built like it: they see the whole text at once and keep no cache.

Counted with the head that predicts masked words, as most are published; with the pooler instead
where `architectures` names the bare model. Source: transformers 5.23.0, models/<model_type>.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts
from fitcheck.architecture.families.stack import (
    Feed,
    Norms,
    Style,
    block,
    fused_block,
    gated,
    plain,
    windows,
)
from fitcheck.architecture.feed_forward import DenseMLP
from fitcheck.architecture.model import Layer, Model
from fitcheck.architecture.tensor import Tensor

NORMS: Final[Norms] = (
    ("attn_output_norm", "attention.output.LayerNorm"),
    ("layer_output_norm", "output.LayerNorm"),
)
STYLE: Final = Style(
    norms=NORMS,
    norm_bias=True,
    bias=True,
    out_bias=True,
    bidirectional=True,
    prefix="attention.self.",
    out="attention.output.dense",
)
# What the projections of Llama's blocks are called here.
RENAMED: Final = {
    "attention.self.q_proj": "attention.self.query",
    "attention.self.k_proj": "attention.self.key",
    "attention.self.v_proj": "attention.self.value",
    "attention.self.attention.output.dense": "attention.output.dense",
}


def bert(c: Config) -> Model:
    """BERT, its Chinese and embedding kin, and ERNIE 2 and 3."""
    return _encoder(c, c.model_type or "bert", "cls.predictions.transform.", "LayerNorm")


def roberta(c: Config) -> Model:
    """RoBERTa, XLM-R, CamemBERT, data2vec: BERT with a head of another name."""
    names = {"data2vec-text": "data2vec_text"}
    return _encoder(c, names.get(c.model_type, "roberta"), "lm_head.", "layer_norm")


def electra(c: Config) -> Model:
    """ELECTRA: embeddings narrower than the layers."""
    c = c.over(embedding_size=128)
    width, hidden_size = c.whole("embedding_size"), c.whole("hidden_size")
    outer = [*_embeddings(c, "electra.embeddings.", width)]
    if width != hidden_size:
        outer += parts.linear("project_in", hidden_size, width, "electra.embeddings_project", True)
    outer += parts.norm("cls.norm", width, "generator_predictions.LayerNorm", True)
    outer += parts.linear("cls", width, hidden_size, "generator_predictions.dense", True)
    outer += _words(c, width, "generator_lm_head")
    return _model(c, _layer(c), outer, "electra.encoder.layer")


def _encoder(c: Config, name: str, transform: str, norm: str) -> Model:
    hidden_size = c.whole("hidden_size")
    outer = [*_embeddings(c, f"{name}.embeddings.", hidden_size)]
    if _bare(c):
        outer += parts.linear("cls", hidden_size, hidden_size, f"{name}.pooler.dense", True)
    else:
        outer += parts.linear("cls", hidden_size, hidden_size, f"{transform}dense", True)
        outer += parts.norm("cls.norm", hidden_size, f"{transform}{norm}", True)
        module = "lm_head" if transform == "lm_head." else "cls.predictions"
        outer += _words(c, hidden_size, f"{module}.decoder", module, twice=True)
    return _model(c, _layer(c), outer, f"{name}.encoder.layer")


def _model(c: Config, layer: Layer, outer: Sequence[Tensor], layers_path: str) -> Model:
    return parts.decoder(
        c, layer, tensors=tuple(outer), tied_by_default=True, layers_path=layers_path
    )


def _words(
    c: Config, width: int, head: str, bias: str = "", *, twice: bool = False
) -> Iterable[Tensor]:
    """The head over the vocabulary; untied, BERT's has a second bias."""
    vocab_size = c.whole("vocab_size")
    if not c.flag("tie_word_embeddings", default=True):
        yield from parts.linear("output", vocab_size, width, head, twice)
    yield Tensor("output.bias", (vocab_size,), "bias", bias or head)


def _bare(c: Config) -> bool:
    """Whether `architectures` names the model without a head."""
    named = c.items("architectures") or [""]
    return str(named[0]).endswith("Model")


def _embeddings(c: Config, at: str, width: int) -> Iterable[Tensor]:
    words, positions = c.whole("vocab_size"), c.whole("max_position_embeddings", default=512)
    types = c.whole("type_vocab_size", default=2, least=0)
    yield Tensor("token_embd", (words, width), "embedding", f"{at}word_embeddings")
    yield Tensor("position_embd", (positions, width), "embedding", f"{at}position_embeddings")
    if types:
        yield Tensor("token_types", (types, width), "embedding", f"{at}token_type_embeddings")
    if c.flag("use_task_id"):
        tasks = c.whole("task_type_vocab_size", default=3)
        yield Tensor("task_types", (tasks, width), "embedding", f"{at}task_type_embeddings")
    yield from parts.norm("token_embd_norm", width, f"{at}LayerNorm", True)


def _layer(c: Config) -> Layer:
    a = parts.attention(c, position="learned", bidirectional=True)
    feed = plain(c, up="intermediate.dense", down="output.dense", bias=True)
    return _renamed(block(c, a, feed, STYLE), RENAMED)


def _renamed(layer: Layer, names: dict[str, str]) -> Layer:
    tensors = tuple(
        msgspec.structs.replace(t, module=names.get(t.module, t.module)) for t in layer.tensors
    )
    return msgspec.structs.replace(layer, tensors=tensors)


def distilbert(c: Config) -> Model:
    """DistilBERT: half of BERT's layers, no token types."""
    width = c.whole("dim")
    own = c.over(hidden_size=width, intermediate_size=c.whole("hidden_dim"), type_vocab_size=0)
    style = msgspec.structs.replace(
        STYLE,
        norms=(("attn_output_norm", "sa_layer_norm"), ("layer_output_norm", "output_layer_norm")),
        prefix="attention.",
        out="out_lin",
    )
    a = parts.attention(own, position="learned", bidirectional=True)
    feed = plain(own, up="ffn.lin1", down="ffn.lin2", bias=True)
    names = {f"attention.{x}_proj": f"attention.{x}_lin" for x in "qkv"}
    outer = [
        *_embeddings(own, "distilbert.embeddings.", width),
        *parts.linear("cls", width, width, "vocab_transform", True),
        *parts.norm("cls.norm", width, "vocab_layer_norm", True),
        *_words(own, width, "vocab_projector"),
    ]
    layer = _renamed(block(own, a, feed, style), names)
    return _model(own, layer, outer, "distilbert.transformer.layer")


def modernbert(c: Config) -> Model:
    """ModernBERT: rotary positions, a gate, windows in two layers of three."""
    hidden_size, vocab_size = parts.hidden_and_vocab(c)
    period = c.whole("global_attn_every_n_layers", default=3)
    full = [i % period == 0 for i in range(parts.layer_count(c))]
    seen = windows(c.over(sliding_window=c.whole("local_attention", default=128)), full)
    norm_bias, bias = c.flag("norm_bias"), c.flag("attention_bias")
    feed = _modern_feed(c)

    def layer(key: tuple[bool, int | None]) -> Layer:
        norms: Norms = (("attn_norm", "attn_norm"), ("ffn_norm", "mlp_norm"))
        style = Style(
            norms=norms[1:] if key[0] else norms, norm_bias=norm_bias, bias=bias, out_bias=bias
        )
        a = parts.attention(c, sliding_window=key[1], bidirectional=True)
        return fused_block(c, a, feed, style, qkv="attn.Wqkv", out="attn.Wo")

    classifier_bias = c.flag("classifier_bias")
    outer = [
        Tensor(
            "token_embd", (vocab_size, hidden_size), "embedding", "model.embeddings.tok_embeddings"
        ),
        *parts.norm("token_embd_norm", hidden_size, "model.embeddings.norm", norm_bias),
        *parts.norm("output_norm", hidden_size, "model.final_norm", norm_bias),
        *parts.linear("cls", hidden_size, hidden_size, "head.dense", classifier_bias),
        *parts.norm("cls.norm", hidden_size, "head.norm", norm_bias),
    ]
    if not c.flag("tie_word_embeddings", default=True):
        outer += parts.linear("output", vocab_size, hidden_size, "decoder")
    if c.flag("decoder_bias", default=True):
        outer.append(Tensor("output.bias", (vocab_size,), "bias", "decoder"))
    layers = parts.each(((i == 0, w) for i, w in enumerate(seen)), layer)
    return parts.decoder(c, layers, tensors=tuple(outer), tied_by_default=True)


def _modern_feed(c: Config) -> Feed:
    hidden_size, width = c.whole("hidden_size"), c.whole("intermediate_size")
    bias = c.flag("mlp_bias")
    up = parts.linear("ffn_gate_up", 2 * width, hidden_size, "mlp.Wi", bias)
    down = parts.linear("ffn_down", hidden_size, width, "mlp.Wo", bias)
    return Feed(DenseMLP(intermediate_size=width, fused=True), (*up, *down))


def nomic_bert(c: Config) -> Model:
    """Nomic Embed: rotary positions and a gate, by GPT-2's keys or by BERT's."""
    hidden_size, vocab_size = parts.hidden_and_vocab(c)
    width = c.whole("intermediate_size", "n_inner")
    style = Style(
        norms=(
            ("attn_output_norm", "post_attention_layernorm"),
            ("layer_output_norm", "post_mlp_layernorm"),
        ),
        norm_bias=True,
        bias=c.flag("qkv_proj_bias"),
        out_bias=c.flag("qkv_proj_bias"),
    )
    a = parts.attention(c, bidirectional=True)
    layer = block(c, a, gated(c.over(intermediate_size=width)), style)
    at, types = "nomic_bert.embeddings.", c.whole("type_vocab_size", default=2)
    outer = [
        Tensor("token_embd", (vocab_size, hidden_size), "embedding", f"{at}word_embeddings"),
        Tensor("token_types", (types, hidden_size), "embedding", f"{at}token_type_embeddings"),
        *parts.norm("token_embd_norm", hidden_size, f"{at}LayerNorm", True),
    ]
    if not _bare(c):
        transform = "cls.predictions.transform."
        outer += parts.linear("cls", hidden_size, hidden_size, f"{transform}dense", True)
        outer += parts.norm("cls.norm", hidden_size, f"{transform}layer_norm", True)
        own = c.replaced(tie_word_embeddings=c.flag("tie_word_embeddings"))
        outer += _words(own, hidden_size, "cls.predictions.decoder", "cls.predictions", twice=True)
    return _model(c, layer, outer, "nomic_bert.layers")
