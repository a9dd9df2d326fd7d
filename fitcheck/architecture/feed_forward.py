"""What a layer does to each token by itself."""

import msgspec


class DenseMLP(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One MLP. `gated` has a gate and an up projection; `fused` keeps the two in one matrix."""

    intermediate_size: int
    gated: bool = True
    fused: bool = False


class Experts(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Routed experts, of which each token uses `num_experts_per_tok`, and a shared one if any.

    `intermediate_size` is one routed expert's; `shared_intermediate_size` that of all shared
    experts together (0: none); `dense_intermediate_size` that of a dense MLP beside the experts
    (Gemma 4, 0: none).
    """

    num_experts: int
    num_experts_per_tok: int
    intermediate_size: int
    shared_intermediate_size: int = 0
    dense_intermediate_size: int = 0
    gated: bool = True


FeedForward = DenseMLP | Experts
