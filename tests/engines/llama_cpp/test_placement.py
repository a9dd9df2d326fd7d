"""Where tensors go: our model buffers against those that llama.cpp's loader asks for."""

import pytest
from llamacpp_golden import MODELS, golden_model, rows

from fitcheck.engines.llama_cpp.placement import split
from fitcheck.engines.llama_cpp.tensors import gguf_file
from fitcheck.engines.llama_cpp.weights import Weights, placed, terms
from fitcheck.quantization.ggml import FILE_TYPES

PLACES = rows("llamacpp_places.csv", "model")


@pytest.mark.parametrize("name", PLACES)
def test_buffers_are_those_of_the_loader(name: str) -> None:
    """All layers, half of them, none, experts on the host, two cards: 479 loads of 58 models."""
    model, mtp = golden_model(name), MODELS[name].get("mtp")
    for row in PLACES[name]:
        cards, host = placed(
            model,
            row["ftype"],
            int(row["n_gpu_layers"]) if row["n_gpu_layers"] else None,
            1 << 20 if row["cpu_moe"] == "1" else None,
            free=[1] * int(row["cards"]),
            mtp=mtp,
        )
        wanted = (int(row["card_0"]), int(row["card_1"]))[: len(cards)]

        assert (cards, host) == (wanted, int(row["host"])), row


def test_a_tied_matrix_is_held_twice_once_a_layer_is_on_a_card() -> None:
    """The host looks tokens up, the card multiplies by the same matrix; without cards it is one."""
    model = golden_model("llama-3.2-1b")
    weights = Weights.made(model, FILE_TYPES["q8_0"])
    matrix = next(p.size for p in weights.packed if p.tensor.role == "token_embd")

    for n_gpu_layers, times in ((0, 1), (1, 2), (None, 2)):
        held = weights.hold(split(weights.file, n_gpu_layers, [1]))
        sizes = [h.size for h in held if h.packed.tensor.role == "token_embd"]
        assert sizes == [matrix] * times


def test_the_first_layers_experts_stay_on_the_host() -> None:
    """--n-cpu-moe N: experts of the first N layers, nothing else of them."""
    model = golden_model("qwen3-30b-a3b")
    all_on_card, host = placed(model, "q4_k_m")
    cards, more = placed(model, "q4_k_m", n_cpu_moe=10)
    weights = Weights.made(model, FILE_TYPES["q4_k_m"])
    experts = [p for p in weights.packed if p.tensor.role.endswith("_exps")]
    moved = sum(p.each for p in experts for layer in p.layers if layer < 10)

    assert more - host == moved
    assert 0 <= all_on_card[0] - cards[0] - moved < 10 * 3 * 512  # their last rows were filled up


@pytest.mark.parametrize("free", [[1, 1], [3, 1], [24, 24, 12], [1, 2, 4, 8]])
def test_cards_share_the_layers_by_their_memory(free: list[int]) -> None:
    """Every layer goes somewhere, and no card has more than a layer too much."""
    file = gguf_file(golden_model("llama-2-7b"))
    where = split(file, None, free)
    counts = [0] * len(free)
    for layer in range(file.block_count + 1):
        counts[where.place(layer)] += 1

    assert sum(counts) == file.block_count + 1
    for count, share in zip(counts, free, strict=True):
        assert abs(count - share * sum(counts) / sum(free)) <= 1


def test_ternary_matrices_stay_on_the_host() -> None:
    """ggml-cuda does not multiply TQ1_0 and TQ2_0, so the loader keeps them beside the CPU."""
    cards, host = placed(golden_model("llama-2-7b"), "tq1_0")

    assert host > 10 * cards[0]


@pytest.mark.parametrize("name", ["llama-3.2-1b", "falcon-7b", "deepseek-v2-lite", "gpt2"])
def test_terms_add_up_to_the_buffers_and_show_their_working(name: str) -> None:
    """What explain prints evaluates to what estimate counts, padding included."""
    weights = Weights.made(golden_model(name), FILE_TYPES["q4_k_m"])
    held = weights.hold(split(weights.file, None, [1]))
    shown = terms(held)

    assert sum(t.size for t in shown) == sum(h.size for h in held)
    for term in shown:
        known = {"ceil_div": lambda a, b: -(-a // b)} | dict(term.values)
        assert eval(term.formula, {"__builtins__": {}}, known) == term.size
        assert term.component in ("weights", "host")


def test_rows_that_end_within_a_stride_are_filled_up_on_the_card() -> None:
    """SmolLM2 135M: 1,536 rows of 576 weights, 448 more after the last, to whole 128 bytes."""
    weights = Weights.made(golden_model("smollm2-135m"), FILE_TYPES["q8_0"])
    gates = [
        h
        for h in weights.hold(split(weights.file, None, [1]))
        if h.packed.tensor.role == "ffn_gate"
    ]

    assert [h.each for h in gates] == [940_544]
    assert [h.packed.each for h in gates] == [1536 * 576 // 32 * 34]


@pytest.mark.parametrize(
    ("layers", "shares", "starts"),
    [
        # The loop of load_tensors (llama.cpp 0c1e57098, src/llama-model.cpp), compiled and run.
        (33, (3.0, 1.0), (0, 25)),
        (33, (1.0, 1.0, 1.0), (0, 11, 22)),
        (10, (0.7, 0.3), (0, 7)),
        (41, (24999000064.0, 12000000000.0, 7000000001.0), (0, 24, 35)),
        (61, (0.1, 0.2, 0.3, 0.4), (0, 7, 19, 37)),
        (81, (0.0, 1.0), (0, 0)),
        (81, (1.0, 0.0), (0, 81)),
    ],
)
def test_layers_are_divided_in_proportions_as_tensor_split_says(
    layers: int, shares: tuple[float, ...], starts: tuple[int, ...]
) -> None:
    """-ts 3,1 gives the second card the last eight of 33: layer 25 is the first above 3/4."""
    from fitcheck.engines.llama_cpp.placement import _starts

    assert _starts(layers, shares) == starts
