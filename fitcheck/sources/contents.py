"""What files that lie together add up to: a config.json, weights, both, or one line why neither.

The same for a folder on this machine and for a repository on the hub.
"""

import re
from collections.abc import Sequence
from typing import Final

from fitcheck.architecture import Model
from fitcheck.architecture.checkpoint import Checkpoint, Format
from fitcheck.errors import BadInput, FitcheckError
from fitcheck.sources import config_json, gguf, safetensors
from fitcheck.sources.files import Folder, listed
from fitcheck.sources.json_text import mapping_of
from fitcheck.sources.source import Source
from fitcheck.units import Bytes

BIN_INDEX: Final = "pytorch_model.bin.index.json"


def read(folder: Folder, name: str) -> Source:
    """The model in a folder, in GGUF only where there is no other. Raises BadInput if none is."""
    if "config.json" in folder.names:
        return _with_config(folder, name)
    if "adapter_config.json" in folder.names:
        raise adapter(folder)
    ggufs = gguf_models(folder.names)
    if len(ggufs) == 1:
        return read_gguf(folder, ggufs[0], name)
    if ggufs:
        raise BadInput(f"{folder.title}: holds {len(ggufs)} models; name one: {listed(ggufs, 40)}")
    if "model_index.json" in folder.names:
        raise BadInput(f"{folder.title}: is a diffusion pipeline; fitcheck knows language models")
    return _weights_alone(folder, name)


def _with_config(folder: Folder, name: str) -> Source:
    with folder.open("config.json") as file:
        values, path = mapping_of(file), file.name
    checkpoint, notes = weights(folder)
    try:
        model = config_json.model(values, path)
    except FitcheckError as error:
        if checkpoint is None:
            raise
        return _source(folder, name, None, checkpoint, (str(error), *notes))
    return _source(folder, name, model, checkpoint, (*notes, *_differs(model, checkpoint)))


def _source(
    folder: Folder,
    name: str,
    model: Model | None,
    checkpoint: Checkpoint | None,
    notes: Sequence[str],
) -> Source:
    return Source(
        name=name, path=folder.title, model=model, checkpoint=checkpoint, notes=tuple(notes)
    )


def _weights_alone(folder: Folder, name: str) -> Source:
    checkpoint, notes = weights(folder)
    if checkpoint is not None:
        why = "no config.json beside them: the bytes of the tensors are all that is known"
        return _source(folder, name, None, checkpoint, (why, *notes))
    if "params.json" in folder.names:
        raise BadInput(f"{folder.title}: has params.json in place of config.json")
    raise BadInput(f"{folder.title}: holds no config.json and no model file")


def adapter(folder: Folder) -> BadInput:
    """The complaint that a folder holds an adapter, with the base that it is for."""
    with folder.open("adapter_config.json") as file:
        base = mapping_of(file).get("base_model_name_or_path")
    ask = f": ask about its base, {base}" if isinstance(base, str) and base else ""
    return BadInput(f"{folder.title}: holds an adapter (LoRA or the like), not a model{ask}")


def gguf_models(names: Sequence[str]) -> list[str]:
    """Of these names the first piece of each GGUF model; no projectors."""
    found = {gguf.pieces(n).files[0] for n in names if n.lower().endswith(".gguf")}
    return sorted(n for n in found if not is_projector(n))


def is_projector(name: str) -> bool:
    """Whether a file is a model's vision or audio part, by the name that llama.cpp gives it."""
    return "mmproj" in name.lower()


def read_gguf(folder: Folder, file: str, name: str) -> Source:
    """The model in one GGUF file and its other pieces. Raises BadInput where a piece is missing."""
    pieces = gguf.pieces(file)
    missing = [n for n in pieces.files if n not in folder.names]
    if missing:
        count = len(pieces.files)
        raise BadInput(f"{folder.title}: {listed(missing)} missing, of {file}'s {count} pieces")
    headers = folder.each(pieces.files, gguf.read_header)
    projectors = [n for n in folder.names if n.lower().endswith(".gguf") and is_projector(n)]
    note = f"{listed(projectors)} beside it comes on top where images or sound are read"
    checkpoint = gguf.join(headers, pieces.files)
    return Source(
        name=name,
        path=f"{folder.title}/{pieces.files[0]}",
        model=gguf.model_of(gguf.whole(headers), f"{folder.title}/{file}"),
        checkpoint=checkpoint,
        file_type=gguf.file_type(checkpoint),
        notes=(note,) if projectors else (),
    )


def weights(folder: Folder) -> tuple[Checkpoint | None, tuple[str, ...]]:
    """The weights in a folder, None where there are none, and what to say about them.

    Raises BadInput where a file that should be there is missing or is no safetensors file.
    """
    index = _index(folder.names)
    if index is not None:
        with folder.open(index) as file:
            stated = safetensors.read_index(file)
        wanted = stated.files
        missing = sorted(set(wanted) - set(folder.names))
        if len(missing) == len(wanted) and "config.json" in folder.names:
            return _not_yet_here(index, wanted, stated.total_size)
        if missing:
            raise BadInput(f"{folder.title}: {listed(missing)} missing, which {index} names")
        return _read_all(folder, wanted), ()
    found = safetensors.weight_files(folder.names)
    if not found:
        return _pickled(folder)
    missing = safetensors.missing_shards(found)
    if missing:
        raise BadInput(f"{folder.title}: {listed(missing)} missing of its shards")
    return _read_all(folder, found), ()


def _not_yet_here(
    index: str, wanted: Sequence[str], total: int | None
) -> tuple[Checkpoint | None, tuple[str, ...]]:
    """The total that an index states of files of which none is here: asked before the download."""
    if total is None:
        return None, (f"none of the files that {index} names is here: counted by config.json",)
    stated = _stated("safetensors", wanted, total)
    return stated, (f"none of the files that {index} names is here: their total is what it states",)


def _stated(form: Format, names: Sequence[str], total: int) -> Checkpoint:
    return Checkpoint(format=form, tensors=(), files=tuple(names), stated_size=Bytes(total))


def _index(names: Sequence[str]) -> str | None:
    if safetensors.INDEX in names:
        return safetensors.INDEX
    return next((n for n in names if n.endswith(".safetensors.index.json")), None)


def _read_all(folder: Folder, names: Sequence[str]) -> Checkpoint:
    headers = folder.each(names, safetensors.read_header)
    return safetensors.join(dict(zip(names, headers, strict=True)), folder.title)


def _pickled(folder: Folder) -> tuple[Checkpoint | None, tuple[str, ...]]:
    """The total of `.bin` files: their index states it, or else their sizes do, zip and all."""
    found = [n for n in folder.names if re.fullmatch(r"pytorch_model[^/]*\.bin", n)]
    total, how = None, "what its index states"
    if BIN_INDEX in folder.names:
        with folder.open(BIN_INDEX) as file:
            index = safetensors.read_index(file)
        found, total = list(index.files), index.total_size
    if not found:
        return None, ()
    if total is None:
        total, how = sum(folder.each(found, lambda file: file.size)), "the sizes of its files"
    note = f"its weights are pickled (.bin), so their total is {how}, not a count of tensors"
    return _stated("pytorch", found, total), (note,)


def _differs(model: Model, checkpoint: Checkpoint | None) -> tuple[str, ...]:
    """A note where the weights beside a config.json are not as many as it describes.

    One per cent is allowed: heads and towers' odds and ends that some files carry.
    """
    if checkpoint is None:
        return ()
    bits = config_json.bits(model.quantization_config)
    stored = checkpoint.parameters(len(model.layers), bits)
    if stored is None or abs(stored - model.parameters) <= model.parameters // 100:
        return ()
    return (f"config.json describes {model.parameters:,} parameters, its files hold {stored:,}",)
