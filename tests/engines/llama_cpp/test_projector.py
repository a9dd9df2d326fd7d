"""The second file of models that see or hear, against what the converter writes."""

import msgspec
import pytest
from llamacpp_golden import lines, rows

from fitcheck.architecture import from_config
from fitcheck.engines.base import Workload
from fitcheck.engines.llama_cpp import LLAMA_CPP, projector
from fitcheck.quantization import SCHEMES

PARAMS = lines("params.jsonl", "hf_id")
MMPROJ = rows("llamacpp_mmproj.csv", "hf_id")
# Gemma 4's sound tower has bounds of its activations in the file, 32 bits each, that we leave out.
UNCOUNTED = {"google/gemma-4-E2B-it": 3712, "google/gemma-4-E4B-it": 3712}


@pytest.mark.parametrize("hf_id", MMPROJ)
def test_a_projector_file_has_the_converters_size(hf_id: str) -> None:
    """Matrices in 16 bits, vectors and positions in 32."""
    terms = projector.terms(from_config(PARAMS[hf_id]["config"]))
    wanted = int(MMPROJ[hf_id][0]["tensor_bytes"])

    assert wanted - sum(t.size for t in terms) == UNCOUNTED.get(hf_id, 0)


def test_a_projector_is_counted_where_it_is_asked_for() -> None:
    """Text alone does not load it; a note says what it would take."""
    model = from_config(PARAMS["Qwen/Qwen2.5-VL-7B-Instruct"]["config"])
    loaded = LLAMA_CPP.load(model, SCHEMES["q4_k_m"])
    text = Workload(context=4096, prompt=4096)
    images = msgspec.structs.replace(text, settings={"mmproj": "on"})
    without, with_it = loaded.memory(loaded.settle(text)), loaded.memory(loaded.settle(images))

    assert with_it.component("weights") - without.component("weights") == 1_354_131_456
    assert without.notes == ("images or sound take a second file (mmproj) of 1.3 GiB more",)
    assert with_it.notes == ()
