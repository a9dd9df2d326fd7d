"""The model that a GGUF header describes: by its family if there is one, else in outline."""

from typing import Final

import msgspec

from fitcheck.architecture import Layer, Model, from_config
from fitcheck.architecture.checkpoint import Checkpoint
from fitcheck.architecture.families import FAMILIES
from fitcheck.errors import BadInput, FitcheckError
from fitcheck.sources.gguf.config import config_of
from fitcheck.sources.gguf.facts import Facts
from fitcheck.sources.gguf.header import Header
from fitcheck.sources.gguf.outline import outline

UNKNOWN: Final = "'{}' is not known here: weights are the file's, the cache goes by the usual keys"
UNUSUAL: Final = "the file's tensors are not what '{}' usually has; they are taken as they are"


def model_of(header: Header, name: str) -> Model:
    """The model in the file; `approximate` says what is not sure. Raises BadInput if it is none."""
    if not header.architecture:
        raise BadInput(f"{name}: says no general.architecture, so it is no model")
    if f"{header.architecture}.block_count" not in header.metadata:
        raise BadInput(f"{name}: is '{header.architecture}', no language model")
    facts = Facts(header, name)
    model = _by_family(facts, name)
    if model is None:
        return outline(facts, UNKNOWN.format(facts.architecture))
    return model if _same_size(model, facts) else _corrected(model, facts)


def _by_family(facts: Facts, name: str) -> Model | None:
    values = config_of(facts)
    if values is None or values["model_type"] not in FAMILIES:
        return None
    try:
        return from_config(values, name)
    except FitcheckError:
        return None


def _same_size(model: Model, facts: Facts) -> bool:
    """Whether the family's tensors are as many numbers as the file's."""
    stored = Checkpoint(format="gguf", tensors=facts.header.tensors).parameters(facts.layers)
    buffers = sum(t.numel for layer in model.layers for t in layer.tensors if t.buffer)
    return stored == model.parameters + buffers


def _corrected(model: Model, facts: Facts) -> Model:
    """The file's tensors with the family's mixers: a variant that its family does not know."""
    found = outline(facts, UNUSUAL.format(facts.architecture))
    if len(found.layers) != len(model.layers):
        return found
    made: dict[tuple[int, int], Layer] = {}
    for own, usual in zip(found.layers, model.layers, strict=True):
        if (id(own), id(usual)) not in made:
            made[id(own), id(usual)] = msgspec.structs.replace(own, mixers=usual.mixers)
    pairs = zip(found.layers, model.layers, strict=True)
    return msgspec.structs.replace(found, layers=tuple(made[id(o), id(u)] for o, u in pairs))
