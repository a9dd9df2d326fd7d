"""Files in the published formats, with holes where their data would be."""

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from fitcheck.sources.gguf.types import TENSOR_TYPES
from fitcheck.sources.safetensors import DTYPE_BITS

Shapes = Mapping[str, tuple[str, Sequence[int]]]
Ggufs = Sequence[tuple[str, str, Sequence[int]]]

TYPE_NUMBERS = {block.name: number for number, block in reversed(TENSOR_TYPES.items())}


def safetensors_bytes(tensors: Shapes, metadata: Mapping[str, str] | None = None) -> bytes:
    """A header: each tensor's type and shape, one after the other."""
    header: dict[str, object] = {} if metadata is None else {"__metadata__": dict(metadata)}
    at = 0
    for name, (dtype, shape) in tensors.items():
        end = at + sized(dtype, shape)
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, end]}
        at = end
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text


def sized(dtype: str, shape: Sequence[int]) -> int:
    """Bytes of a tensor in a safetensors file."""
    numel = 1
    for n in shape:
        numel *= n
    return numel * DTYPE_BITS[dtype] // 8


def write_safetensors(path: Path, tensors: Shapes, short: int = 0) -> Path:
    """A file with a hole for its data, `short` bytes too short."""
    header = safetensors_bytes(tensors)
    path.write_bytes(header)
    with path.open("r+b") as file:
        file.truncate(len(header) + sum(sized(*t) for t in tensors.values()) - short)
    return path


def write_gguf(
    path: Path,
    metadata: Mapping[str, object],
    tensors: Ggufs = (),
    *,
    order: str = "<",
    version: int = 3,
    short: int = 0,
) -> Path:
    """A file with a hole for its data; `ne` in GGUF's order, the row first."""
    head, size = gguf_bytes(metadata, tensors, order=order, version=version)
    path.write_bytes(head)
    with path.open("r+b") as file:
        file.truncate(len(head) + size - short)
    return path


def gguf_bytes(
    metadata: Mapping[str, object], tensors: Ggufs, *, order: str = "<", version: int = 3
) -> tuple[bytes, int]:
    """A header, padded, and the size of the data behind it."""
    alignment = int(str(metadata.get("general.alignment", 32)))
    out = [b"GGUF", struct.pack(f"{order}IQQ", version, len(tensors), len(metadata))]
    for key, value in metadata.items():
        out += [_string(key, order), _value(value, order)]
    at = 0
    for name, kind, ne in tensors:
        numbers = struct.pack(f"{order}I{len(ne)}QIQ", len(ne), *ne, TYPE_NUMBERS[kind], at)
        out += [_string(name, order), numbers]
        block = TENSOR_TYPES[TYPE_NUMBERS[kind]]
        rows = 1
        for n in ne[1:]:
            rows *= n
        at += -(-block.size(ne[0], rows) // alignment) * alignment
    head = b"".join(out)
    return head + bytes(-len(head) % alignment), at


def _string(text: str, order: str) -> bytes:
    raw = text.encode("utf-8", "surrogateescape")
    return struct.pack(f"{order}Q", len(raw)) + raw


# type number and writer for each Python type; bool before int, which it is one of
_WRITERS: tuple[tuple[type, int, Callable[[object, str], bytes]], ...] = (
    (bool, 7, lambda v, o: struct.pack(f"{o}?", v)),
    (int, 4, lambda v, o: struct.pack(f"{o}I", v)),
    (float, 6, lambda v, o: struct.pack(f"{o}f", v)),
    (str, 8, lambda v, o: _string(str(v), o)),
)


def _value(value: object, order: str) -> bytes:
    if isinstance(value, list):
        kind, write = next((n, w) for t, n, w in _WRITERS if not value or isinstance(value[0], t))
        items = b"".join(write(item, order) for item in value)
        return struct.pack(f"{order}IIQ", 9, kind, len(value)) + items
    kind, write = next((n, w) for t, n, w in _WRITERS if isinstance(value, t))
    return struct.pack(f"{order}I", kind) + write(value, order)


LLAMA = {
    "general.architecture": "llama",
    "llama.block_count": 2,
    "llama.context_length": 2048,
    "llama.embedding_length": 64,
    "llama.feed_forward_length": 128,
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": 2,
}


def llama_tensors(layers: int = 2, kind: str = "f16") -> list[tuple[str, str, list[int]]]:
    """The tensors of a very small Llama with tied embeddings."""
    found = [("token_embd.weight", kind, [64, 96]), ("output_norm.weight", "f32", [64])]
    for i in range(layers):
        found += [
            (f"blk.{i}.attn_norm.weight", "f32", [64]),
            (f"blk.{i}.attn_q.weight", kind, [64, 64]),
            (f"blk.{i}.attn_k.weight", kind, [64, 32]),
            (f"blk.{i}.attn_v.weight", kind, [64, 32]),
            (f"blk.{i}.attn_output.weight", kind, [64, 64]),
            (f"blk.{i}.ffn_norm.weight", "f32", [64]),
            (f"blk.{i}.ffn_gate.weight", kind, [64, 128]),
            (f"blk.{i}.ffn_up.weight", kind, [64, 128]),
            (f"blk.{i}.ffn_down.weight", kind, [128, 64]),
        ]
    return [(name, type_, list(ne)) for name, type_, ne in found]


# The same model as a config.json and its safetensors.
CONFIG = {
    "model_type": "llama",
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 96,
    "max_position_embeddings": 2048,
    "tie_word_embeddings": True,
}
# 96 * 64 embeddings + 64 final norm + 2 layers of (64*64*2 + 64*32*2 + 64*128*3 + 2*64)
PARAMETERS = 80_192


def llama_shapes(layers: int = 2) -> dict[str, tuple[str, list[int]]]:
    """The tensors of the same model, as transformers names them."""
    found: dict[str, tuple[str, list[int]]] = {
        "model.embed_tokens.weight": ("BF16", [96, 64]),
        "model.norm.weight": ("BF16", [64]),
    }
    rows = {"q_proj": (64, 64), "k_proj": (32, 64), "v_proj": (32, 64), "o_proj": (64, 64)}
    for i in range(layers):
        before = f"model.layers.{i}"
        for norm in ("input_layernorm", "post_attention_layernorm"):
            found[f"{before}.{norm}.weight"] = ("BF16", [64])
        for name, shape in rows.items():
            found[f"{before}.self_attn.{name}.weight"] = ("BF16", list(shape))
        for name, size in {
            "gate_proj": (128, 64),
            "up_proj": (128, 64),
            "down_proj": (64, 128),
        }.items():
            found[f"{before}.mlp.{name}.weight"] = ("BF16", list(size))
    return found


def write_folder(folder: Path, config: Mapping[str, object] = CONFIG, shards: int = 1) -> Path:
    """A folder with a config.json and its weights; shards have an index."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    tensors = llama_shapes()
    if shards == 1:
        write_safetensors(folder / "model.safetensors", tensors)
        return folder
    where: dict[str, str] = {}
    for i in range(shards):
        name = f"model-{i + 1:05}-of-{shards:05}.safetensors"
        part = {n: t for j, (n, t) in enumerate(tensors.items()) if j % shards == i}
        write_safetensors(folder / name, part)
        where |= dict.fromkeys(part, name)
    index = {"metadata": {"total_size": 2 * PARAMETERS}, "weight_map": where}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder
