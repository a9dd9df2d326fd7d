"""Tables and masks that a class makes for itself and keeps on the card, layer by layer.

Frequencies of rotations, of which every class with rotary positions keeps a few hundred bytes, are
left out. Source: transformers 5.23.0, models/*/modeling_*.py, register_buffer and nn.Buffer.
"""

from collections.abc import Callable, Iterator, Mapping
from math import prod
from typing import Final, TypeGuard

from fitcheck.architecture import Attention, Mixer, Model
from fitcheck.engines.base import Term
from fitcheck.engines.transformers.eras import TABLES
from fitcheck.units import Bytes

Made = tuple[str, str, dict[str, int], int]

# GPT-J and CodeGen rotate 64 numbers of each head: rotary_dim of every published one.
ROTATED: Final = 64


def _tables(model: Model, itemsize: int) -> Made:
    """Sines and cosines of all positions, in fp32, once for each layer."""
    values = {"layers": len(model.layers), "positions": model.context_length or 0}
    values |= {"rotated": ROTATED, "itemsize": 4}
    return (
        "tables of rotations, one for each layer",
        " * ".join(values),
        values,
        prod(values.values()),
    )


def _mask(model: Model, itemsize: int) -> Made:
    """One triangle of bools."""
    positions = model.context_length or 0
    return "causal mask", "positions * positions", {"positions": positions}, positions**2


def _masks(model: Model, itemsize: int) -> Made:
    """A triangle for each layer, in the type of the weights."""
    layers, positions = len(model.layers), model.context_length or 0
    values = {"layers": layers, "positions": positions, "itemsize": itemsize}
    formula = "layers * positions * positions * itemsize"
    return "causal masks", formula, values, layers * positions**2 * itemsize


def _bools(model: Model, itemsize: int) -> Made:
    """A triangle of bools for each layer."""
    layers, positions = len(model.layers), model.context_length or 0
    values = {"layers": layers, "positions": positions}
    return "causal masks", "layers * positions * positions", values, layers * positions**2


def _waves(model: Model, itemsize: int) -> Made:
    """Beside the embeddings a sine and a cosine for each position, and for two set apart."""
    tables = sum(t.role == "token_embd" for t in model.tensors)
    values = {"tables": tables, "positions": (model.context_length or 0) + 2}
    values |= {"hidden_size": model.hidden_size, "itemsize": itemsize}
    return "waves of all positions", " * ".join(values), values, prod(values.values())


BUFFERS: Final[Mapping[str, Callable[[Model, int], Made]]] = {
    "codegen": _tables,
    "gpt_bigcode": _mask,
    "gpt_neo": _bools,
    "gptj": _tables,
    "moss": _tables,
    "openai-gpt": _masks,
    "xglm": _waves,
}


def old_tables(model: Model, itemsize: int) -> Iterator[Term]:
    """Sines and cosines of all positions, which every rotary layer kept before 4.45.

    Source: transformers 4.38.2, models/qwen2/modeling_qwen2.py, Qwen2RotaryEmbedding.
    """
    heads = [m.head_dim for this in model.layers for m in this.mixers if _rotates(m)]
    if not heads or not model.context_length or model.model_type not in TABLES:
        return
    values = {"sin_and_cos": 2, "positions": model.context_length}
    values |= {"head_dims": sum(heads), "itemsize": itemsize}
    yield Term(
        component="weights",
        name="tables of rotations, one for each layer",
        size=Bytes(prod(values.values())),
        formula=" * ".join(values),
        values=values,
        source="transformers 4.38.2, models/qwen2/modeling_qwen2.py",
    )


def _rotates(mixer: Mixer) -> TypeGuard[Attention]:
    return isinstance(mixer, Attention) and mixer.position == "rope"


def terms(model: Model, itemsize: int) -> Iterator[Term]:
    """What the class keeps, if it keeps any."""
    made = BUFFERS.get(model.model_type)
    if made is None:
        return
    name, formula, values, size = made(model, itemsize)
    yield Term(
        component="weights",
        name=name,
        size=Bytes(size),
        formula=formula,
        values=values,
        source=f"transformers 5.23.0, models/{model.model_type}",
    )
