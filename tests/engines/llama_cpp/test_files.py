"""Files to the byte: our mixtures against llama-quantize's own, on every model and file type."""

from collections.abc import Iterator

import pytest
from llamacpp_golden import MODELS, golden_model, lines, rows

from fitcheck.architecture import from_config
from fitcheck.engines.llama_cpp.gguf import GgufFile
from fitcheck.engines.llama_cpp.packing import pack
from fitcheck.engines.llama_cpp.tensors import gguf_file
from fitcheck.quantization.ggml import FILE_TYPES

FILES = rows("llamacpp_files.csv", "model")
PARAMS = lines("params.jsonl", "hf_id")
CONVERTED = rows("llamacpp_converted.csv", "hf_id")


def misses(file: GgufFile, wanted: list[dict[str, str]]) -> Iterator[str]:
    """File types whose size differs from what llama-quantize printed, and by how much."""
    for row in wanted:
        packed = pack(file, FILE_TYPES[row["ftype"]], row["imatrix"] == "1")
        difference = sum(p.size for p in packed) - int(row["tensor_bytes"])
        if difference:
            yield f"{row['ftype']} imatrix={row['imatrix']}: {difference:+}"


@pytest.mark.parametrize("model", FILES)
def test_every_file_type_has_llama_quantizes_size(model: str) -> None:
    """1,814 files of 58 models in 36 architectures."""
    file = gguf_file(golden_model(model), mtp=MODELS[model].get("mtp"))

    assert list(misses(file, FILES[model])) == []


@pytest.mark.parametrize("hf_id", CONVERTED)
def test_models_by_way_of_the_real_converter_have_that_size_too(hf_id: str) -> None:
    """Configuration in, bytes out; the converter and llama-quantize did the same."""
    file = gguf_file(from_config(PARAMS[hf_id]["config"]))

    assert list(misses(file, CONVERTED[hf_id])) == []
