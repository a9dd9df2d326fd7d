"""What is really stored: the tensors of a checkpoint, as its headers list them.

A checkpoint is a record of bytes; an architecture says what they are for. The two meet in the
names, so this module also knows which names are no weights: buffers that older files carry,
towers beside the language model, layers for multi-token prediction, and what quantizers pack.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from math import prod
from typing import Final, Literal

import msgspec

from fitcheck.units import Bytes

Format = Literal["safetensors", "gguf", "pytorch"]
Part = Literal["language", "tower", "mtp", "buffer"]


class StoredTensor(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One tensor in a file: its name and type as the file spells them, its bytes.

    `shape` is PyTorch's order, rows in front, also for GGUF, which writes it the other way round.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    size: Bytes

    @property
    def numel(self) -> int:
        """Numbers of its type in it, which are fewer than the weights where several are packed."""
        return prod(self.shape)


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """The tensors of one file, or of all files of one model.

    `metadata` is what the header says beside them, long lists left out. `stated_size` is set where
    tensors cannot be seen (pickled `.bin` files): the total that their index states.
    """

    format: Format
    tensors: tuple[StoredTensor, ...]
    metadata: Mapping[str, object] = msgspec.field(default_factory=dict)
    files: tuple[str, ...] = ()
    stated_size: Bytes | None = None

    @property
    def size(self) -> Bytes:
        """Bytes of all tensors, without headers and padding."""
        if self.stated_size is not None:
            return self.stated_size
        return Bytes(sum(t.size for t in self.tensors))

    @property
    def size_by_dtype(self) -> dict[str, Bytes]:
        """Bytes of each type, the largest first."""
        sizes: dict[str, int] = defaultdict(int)
        for tensor in self.tensors:
            sizes[tensor.dtype] += tensor.size
        return {d: Bytes(sizes[d]) for d in sorted(sizes, key=lambda d: -sizes[d])}

    def parts(self, num_hidden_layers: int | None = None) -> dict[Part, tuple[StoredTensor, ...]]:
        """Tensors by what they belong to; layers from `num_hidden_layers` on are MTP layers."""
        found: dict[Part, list[StoredTensor]] = {
            "language": [],
            "tower": [],
            "mtp": [],
            "buffer": [],
        }
        for tensor in self.tensors:
            found[part(tensor.name, num_hidden_layers)].append(tensor)
        return {name: tuple(tensors) for name, tensors in found.items()}

    def parameters(
        self, num_hidden_layers: int | None = None, bits: int | None = None
    ) -> int | None:
        """Weights stored, packed ones unpacked, scales and the like left out; no MTP, no buffers.

        `bits` is what quantization_config says, for formats whose shapes do not show it. None
        where neither does, or where the tensors cannot be seen.
        """
        if self.stated_size is not None:
            return None
        parts = self.parts(num_hidden_layers)
        counts = list(logical_counts((*parts["language"], *parts["tower"]), bits))
        seen = [c for c in counts if c is not None]
        return sum(seen) if len(seen) == len(counts) else None


# Masks and tables that are computed, not learned; older checkpoints carry them all the same.
# Source: transformers, `_keys_to_ignore_on_load_unexpected` of GPT-2, GPT-J, GPT-NeoX, Llama
# (4.38.2 and before); llama.cpp 0c1e57098, conversion/base.py, and llama-arch.cpp (rope_factors).
_BUFFER: Final = re.compile(
    r"(?:^|\.)(?:inv_freq|(?:attn|attention)\.(?:bias|masked_bias)|causal_mask|position_ids|freqs_cis"
    r"|num_batches_tracked|running_mean|running_var)$|^rope_(?:freqs|factors_long|factors_short)\."
)

# What stands beside a language model in published checkpoints, by the first parts of the name.
# Source: transformers 5.23.0, the model classes' attributes; llama.cpp 0c1e57098,
# conversion/base.py (filter_tensors) and gguf-py/constants.py (`v.`, `a.`, `mm.`).
_TOWER: Final = re.compile(
    r"^(?:model\.|thinker\.|transformer\.|base_model\.)?(?:vision|visual|vit\b|vpm\b|audio|image|apm\b"
    r"|mm_projector|mm\.|multi_modal_projector|multimodal_projector|projector|aligner|resampler|merger|connector"
    r"|qformer|query_tokens|language_projection|embed_vision|embed_audio|talker|token2wav|code2wav|tts|speech"
    r"|sound|siglip|mlp1\.|v\.|a\.|gen_|view_sep)"
    r"|^model\.encoder\.|^transformer\.vision\b|vision_tower|vision_embed|image_newline"
)
_MTP: Final = re.compile(r"(?:^|\.)(?:mtp|nextn|mtp_layers|mtp_block)\.")
_LAYER: Final = re.compile(r"(?:^|\.)(?:layers|h|blk|blocks)\.(\d+)\.")


def part(name: str, num_hidden_layers: int | None = None) -> Part:
    """What a tensor of this name belongs to."""
    if _BUFFER.search(name):
        return "buffer"
    if _TOWER.search(name):
        return "tower"
    if _MTP.search(name):
        return "mtp"
    layer = _LAYER.search(name)
    beyond = num_hidden_layers is not None and layer and int(layer[1]) >= num_hidden_layers
    return "mtp" if beyond else "language"


# What quantizers store beside packed weights. Sources (2026-11): GPTQModel and AutoAWQ (qzeros,
# scales, g_idx), compressed-tensors (weight_scale, weight_shape, ...), bitsandbytes 0.50.2
# (QuantState.as_dict, SCB), transformers' gpt-oss and fine-grained FP8, NVIDIA ModelOpt
# (weight_scale_2), MLX (scales, biases), vLLM (k_scale, v_scale).
_COMPANION: Final = re.compile(
    r"(?:^|[._])(?:qzeros|scales|g_idx|weight_scale|weight_scale_inv|weight_scale_2|weight_global_scale"
    r"|weight_zero_point|weight_shape|weight_g_idx|input_scale|input_global_scale|input_zero_point"
    r"|output_scale|[kvq]_scale|prob_scale|kv_scale|weight_format|SCB|absmax|quant_map|nested_absmax"
    r"|nested_quant_map|quant_state\.\w+|scale_inv)$"
)
_SCALED: Final = ("F8_E4M3", "F8_E5M2", "I8", "U8", "F4")


def logical_counts(
    tensors: Iterable[StoredTensor], bits: int | None = None
) -> Iterator[int | None]:
    """Weights in each tensor that holds weights; None for one whose packing does not show."""
    modules: dict[str, dict[str, StoredTensor]] = defaultdict(dict)
    for tensor in tensors:
        module, _, leaf = tensor.name.rpartition(".")
        if "absmax" in leaf or "quant_map" in leaf or module.endswith(".quant_state"):
            # bitsandbytes hangs them below the weight: q_proj.weight.absmax
            module, leaf = module.removesuffix(".quant_state").removesuffix(".weight"), "absmax"
        modules[module][leaf] = tensor
    for own in modules.values():
        for leaf, tensor in own.items():
            if not _is_companion(leaf, tensor, own):
                yield _logical_count(leaf, tensor, own, bits)


def _is_companion(leaf: str, tensor: StoredTensor, own: Mapping[str, StoredTensor]) -> bool:
    if leaf == "scale":  # DeepSeek's own files
        return tensor.dtype == "F8_E8M0" or ("weight" in own and own["weight"].dtype in _SCALED)
    if leaf == "biases":  # MLX
        return "scales" in own
    return _COMPANION.search(leaf) is not None


def _logical_count(
    leaf: str, tensor: StoredTensor, own: Mapping[str, StoredTensor], bits: int | None
) -> int | None:
    if leaf == "qweight":  # GPTQ, AWQ
        bits = _bits_of_zeros(own.get("qzeros"), own.get("scales")) or bits
    elif leaf.endswith("_blocks") or (tensor.dtype == "U8" and _is_four_bit(leaf, own)):
        bits = 4
    elif not (leaf == "weight_packed" or (tensor.dtype == "U32" and "scales" in own)):
        return tensor.numel
    return None if bits is None else 8 * tensor.size // bits


def _bits_of_zeros(qzeros: StoredTensor | None, scales: StoredTensor | None) -> int | None:
    """A group's zeros are packed as its weights are, its scales are not."""
    if qzeros is None or scales is None or not scales.numel:
        return None
    return 8 * qzeros.size // scales.numel


def _is_four_bit(leaf: str, own: Mapping[str, StoredTensor]) -> bool:
    """bitsandbytes (an absmax), NVFP4 and MXFP4 (scales in 8 bits): two weights in a byte."""
    scale = own.get("weight_scale")
    floats = scale is not None and scale.dtype in ("F8_E4M3", "F8_E8M0", "U8")
    return leaf in ("weight", "weight_packed") and ("absmax" in own or floats)
