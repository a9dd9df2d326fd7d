"""Which tensors a method packs."""

import pytest

from fitcheck.architecture import Tensor
from fitcheck.quantization import SCHEMES
from fitcheck.quantization.rules import touches

Q = Tensor("attn_q", (4096, 4096), "linear", "self_attn.q_proj")
EXPERTS = Tensor("ffn_up_exps", (8, 14336, 4096), "experts", "mlp.experts.0.up_proj")
ROUTER = Tensor("ffn_gate_inp", (8, 4096), "linear", "mlp.gate")
HEAD = Tensor("output", (32000, 4096), "linear", "lm_head")
EMBEDDING = Tensor("token_embd", (32000, 4096), "embedding", "model.embed_tokens")
NORM = Tensor("attn_norm", (4096,), "norm", "input_layernorm")


@pytest.mark.parametrize(
    "name", ["bnb-nf4", "bnb-int8", "gptq-int4", "awq-int4", "fp8", "hqq-int4"]
)
def test_matrices_of_blocks_are_packed_and_what_stands_around_them_is_not(name: str) -> None:
    """Head, embeddings, routers and norms stay as they are."""
    scheme = SCHEMES[name]

    assert touches(scheme, Q)
    assert not touches(scheme, HEAD, "outside")
    assert not touches(scheme, EMBEDDING, "outside")
    assert not touches(scheme, ROUTER)
    assert not touches(scheme, NORM)


@pytest.mark.parametrize(
    ("name", "packed"),
    [("gptq-int4", True), ("fp8", True), ("mxfp4", True), ("bnb-nf4", False), ("hqq-int4", False)],
)
def test_routed_experts_are_packed_by_methods_that_see_them(name: str, packed: bool) -> None:
    """transformers 5 stacks experts in a parameter, which is no nn.Linear for bitsandbytes."""
    assert touches(SCHEMES[name], EXPERTS) is packed


def test_only_methods_that_replace_modules_reach_into_towers() -> None:
    """GPTQ and AWQ go through the language model's blocks; bitsandbytes through every module."""
    assert touches(SCHEMES["bnb-nf4"], Q, "vision")
    assert not touches(SCHEMES["gptq-int4"], Q, "vision")


def test_mxfp4_packs_experts_alone() -> None:
    """gpt-oss keeps its attention in 16 bits."""
    assert not touches(SCHEMES["mxfp4"], Q)


def test_plain_floats_hold_everything() -> None:
    """Norms and embeddings too."""
    assert all(touches(SCHEMES["fp32"], t) for t in (Q, EXPERTS, HEAD, EMBEDDING, NORM))
