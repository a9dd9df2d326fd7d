"""The Q-Former: a small BERT whose queries look at the picture."""

from collections.abc import Iterable

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts
from fitcheck.architecture.tensor import Tensor


def qformer(c: Config, at: str, width: int, *, text: bool, words: bool = False) -> Iterable[Tensor]:
    """Self-attention over the queries, cross-attention to `width` channels in every other layer.

    `text` adds MLPs for words, `words` their embeddings (InstructBLIP).
    Source: transformers 5.23.0, models/blip_2/modeling_blip_2.py, models/instructblip.
    """
    h, inner = c.whole("hidden_size", default=768), c.whole("intermediate_size", default=3072)
    period = c.whole("cross_attention_frequency", "cross_attention_freq", default=2)
    count = c.layer_count("num_hidden_layers") if "num_hidden_layers" in c else 12
    if words:
        yield from _embeddings(c, h, f"{at}embeddings.")
    norm = f"{at}embeddings.layernorm" if words else f"{at}layernorm"
    yield from parts.norm("q.norm", h, norm, True)
    for i in range(count):
        inside = f"{at}encoder.layer.{i}."
        yield from _attention("q.attn", h, h, f"{inside}attention.")
        if i % period == 0:
            yield from _attention("q.cross_attn", h, width, f"{inside}crossattention.")
        for branch in ("", "_query") if text else ("_query",):
            yield from _mlp(h, inner, f"{inside}intermediate{branch}.", f"{inside}output{branch}.")


def _embeddings(c: Config, h: int, at: str) -> Iterable[Tensor]:
    rows = c.whole("vocab_size", default=30522)
    places = c.whole("max_position_embeddings", default=512)
    yield Tensor("q.token_embd", (rows, h), "embedding", f"{at}word_embeddings")
    yield Tensor("q.position_embd", (places, h), "embedding", f"{at}position_embeddings")


def _attention(role: str, h: int, width: int, at: str) -> Iterable[Tensor]:
    for name, in_, module in (
        ("q", h, "attention.query"),
        ("k", width, "attention.key"),
        ("v", width, "attention.value"),
        ("output", h, "output.dense"),
    ):
        yield from parts.linear(f"{role}_{name}", h, in_, f"{at}{module}", True)
    yield from parts.norm(f"{role}_output_norm", h, f"{at}output.LayerNorm", True)


def _mlp(h: int, inner: int, up: str, down: str) -> Iterable[Tensor]:
    yield from parts.linear("q.ffn_up", inner, h, f"{up}dense", True)
    yield from parts.linear("q.ffn_down", h, inner, f"{down}dense", True)
    yield from parts.norm("q.ffn_output_norm", h, f"{down}LayerNorm", True)
