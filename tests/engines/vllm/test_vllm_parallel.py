"""How vLLM divides a model: stages, replicas, experts, tiles of FP8, and what it refuses."""

from collections.abc import Sequence

import msgspec
import pytest
from vllm_golden import asked, loaded

from fitcheck import resolve
from fitcheck.catalog import load_models
from fitcheck.engines.base import Workload
from fitcheck.engines.vllm import parallel, tensors
from fitcheck.engines.vllm.loaded import VllmModel
from fitcheck.engines.vllm.parallel import Parallel
from fitcheck.engines.vllm.settings import Settings
from fitcheck.errors import BadInput
from fitcheck.units import GIB, Bytes


def with_settings(workload: Workload, **told: str) -> Workload:
    """The workload with more of vLLM's options."""
    return msgspec.structs.replace(workload, settings={**workload.settings, **told})


def weights(held: VllmModel, cards: int, **told: str) -> list[int]:
    """Bytes of weights on each rank."""
    workload = with_settings(asked(held, 4096), **told)
    shares = held.shares(workload, [Bytes(1 << 40)] * cards)
    return [share.component("weights") for share in shares]


@pytest.mark.parametrize(
    ("layers", "stages", "sizes"),
    [
        (32, 2, [16, 16]),
        (61, 2, [31, 30]),
        (61, 4, [15, 15, 16, 15]),
        (30, 4, [7, 8, 8, 7]),
        (31, 4, [8, 8, 8, 7]),
        (80, 3, [27, 27, 26]),
    ],
)
def test_layers_go_to_stages_as_get_pp_indices_says(
    layers: int, stages: int, sizes: Sequence[int]
) -> None:
    """What is over goes to stages before the last, from the back (distributed/utils.py, run)."""
    model = loaded("llama-3.1-8b").model
    long = msgspec.structs.replace(model, layers=(model.layers[0],) * layers)

    assert [len(stage.layers) for _, stage in parallel.stages(long, stages)] == sizes


def test_stages_hold_all_of_the_model_once() -> None:
    """Embeddings first, the head last; a norm more or less would show."""
    held = loaded("llama-3.1-8b")

    assert sum(weights(held, 2, pipeline_parallel_size="2")) == weights(held, 1)[0]


def test_a_head_tied_to_embeddings_is_on_both_ends() -> None:
    """models/llama.py makes embed_tokens on the last rank too where they are tied."""
    held = loaded("llama-3.2-1b")
    table = 128256 * 2048 * 2

    assert sum(weights(held, 2, pipeline_parallel_size="2")) == weights(held, 1)[0] + table


def test_replicas_of_a_dense_model_hold_all_of_it() -> None:
    """--data-parallel-size 2 over four cards: each pair as two cards alone."""
    held = loaded("llama-3.1-8b")

    assert weights(held, 4, data_parallel_size="2") == weights(held, 2) * 2


def test_experts_are_divided_over_replicas_and_attention_is_not() -> None:
    """FusedMoEParallelConfig.make: TP 1 and DP 2 make two ranks of experts."""
    held = loaded("qwen3-30b-a3b")
    one, both = weights(held, 1)[0], weights(held, 2)[0]
    replicas = weights(held, 2, data_parallel_size="2")[0]

    assert both < replicas < one


def test_whole_experts_take_what_slices_take_where_their_number_divides() -> None:
    """128 experts over 4 ranks are 32 each, whether whole or in quarters."""
    held = loaded("qwen3-30b-a3b")

    assert weights(held, 4, enable_expert_parallel="on") == weights(held, 4)


def test_where_experts_do_not_divide_the_first_ranks_have_one_more() -> None:
    """determine_expert_map: 128 over 6 is 22 for the first two, and those are counted."""
    held = loaded("qwen3-30b-a3b")
    (stage,) = held.stages(Parallel())
    role = "ffn_down_exps"
    tensor = next(t for t in stage.model.layers[0].tensors if t.role == role)
    from fitcheck.engines.vllm import weights as rules
    from fitcheck.engines.vllm.division import Place

    shape = rules._share(
        tensor,
        Place("qwen3_moe", stage.model.layers[0]),
        Parallel(tensor=6, whole_experts=True),
    )

    assert shape == (22, 2048, 768)


def test_a_model_without_experts_refuses_expert_parallelism() -> None:
    """config/model.py, _verify_with_expert_parallelism."""
    held = loaded("llama-3.1-8b")

    with pytest.raises(BadInput, match="no experts"):
        held.settle(with_settings(asked(held, 4096), enable_expert_parallel="on"))


def test_sizes_must_make_the_number_of_cards() -> None:
    """Tensor 2 by pipeline 3 is six cards; of five nothing can be made."""
    held = loaded("llama-3.1-8b")
    workload = with_settings(
        asked(held, 4096), tensor_parallel_size="2", pipeline_parallel_size="3"
    )

    assert len(held.shares(workload, [Bytes(1 << 40)] * 6)) == 6
    with pytest.raises(BadInput, match="6 cards, not 5"):
        held.shares(workload, [Bytes(1 << 40)] * 5)


def test_on_several_nodes_each_is_a_stage() -> None:
    """docs.vllm.ai, parallelism_scaling: tensors within a node, stages between them."""
    held = loaded("llama-3.1-8b")
    alone = weights(held, 4, tensor_parallel_size="2", pipeline_parallel_size="2")

    assert weights(held, 4, cards_per_node="2") == alone


@pytest.mark.parametrize("ranks", [4, 8])
def test_tiles_of_fp8_experts_are_made_smaller(ranks: int) -> None:
    """Qwen3 30B A3B: 768 over 4 is 192, 64 divides it; over 8 it is 96, 32 does, the least.

    Source: fused_moe/oracle/fp8.py, refine_fp8_moe_block_shape.
    """
    tile = 768 // ranks & -(768 // ranks)
    whole, sliced = loaded("qwen3-30b-a3b", "fp8"), loaded("qwen3-30b-a3b")
    alike = sum(weights(whole, ranks)) - sum(weights(whole, ranks, enable_expert_parallel="on"))
    experts = 48 * 128 * 3 * 768 * 2048

    assert sum(weights(sliced, ranks)) == sum(weights(sliced, ranks, enable_expert_parallel="on"))
    assert alike == 4 * (experts // tile**2 - experts // 128**2)


def test_a_dense_fp8_model_whose_tiles_do_not_divide_is_refused() -> None:
    """validate_fp8_block_shape: Qwen2.5 14B's 13824 over 8 is 1728, 13.5 tiles of 128."""
    held = loaded("qwen2.5-14b", "fp8")

    assert weights(held, 4)
    with pytest.raises(BadInput, match="1728 is no multiple of its tile of 128"):
        weights(held, 8)


def test_the_longest_stage_limits_the_cache() -> None:
    """The capacity that is told is the least of the stages'."""
    held = loaded("llama-3.1-8b")
    workload = with_settings(asked(held, 4096), pipeline_parallel_size="2")
    offered = held.capacity(workload, Bytes(16 * GIB), 2)

    assert offered.sequences < held.capacity(asked(held, 4096), Bytes(32 * GIB)).sequences


@pytest.mark.parametrize(("cards", "tensor", "pipeline"), [(8, 8, 1), (16, 8, 2), (4, 4, 1)])
def test_more_cards_than_a_server_has_are_in_several(
    cards: int, tensor: int, pipeline: int
) -> None:
    """Servers have eight; docs.vllm.ai, parallelism_scaling: the size of a stage is that of one."""
    found = parallel.parallel(Settings(), cards)

    assert (found.tensor, found.pipeline) == (tensor, pipeline)
    assert parallel.parallel(Settings(tensor_parallel_size=cards), cards).pipeline == 1


def test_a_stage_before_the_last_has_no_head() -> None:
    """Qwen3 Next makes a head of its own; stages in the middle have neither it nor embeddings."""
    model = resolve.subject("qwen3-next-80b-a3b", load_models()).model
    assert model is not None
    inside = [stage for _, stage in parallel.stages(model, 3)]
    roles = [{t.role for t in tensors.outside(stage)} for stage in inside]

    assert ["output" in found for found in roles] == [False, False, True]
    assert ["token_embd" in found for found in roles] == [True, False, False]
