"""Routed and shared experts: where a token is sent."""

from fitcheck.sources.gguf.facts import Facts, Values


def experts(f: Facts) -> Values:
    """Routed and shared experts, under every name that families give them."""
    count = f.whole("expert_count")
    if not count:
        return {"num_experts": 0, "num_local_experts": 0}
    routed = f.columns("ffn_down_exps") or f.columns("ffn_down.0")
    shared = f.columns("ffn_down_shexp")
    sparse = f.with_role("ffn_down_exps", "ffn_gate_inp")
    used = f.whole("expert_used_count", 1)
    return {
        "num_experts": count,
        "num_local_experts": count,
        "n_routed_experts": count,
        "num_experts_per_tok": used,
        "moe_intermediate_size": routed or f.whole("expert_feed_forward_length"),
        "shared_expert_intermediate_size": shared,
        "n_shared_experts": f.whole("expert_shared_count") or (shared // routed if routed else 0),
        "first_k_dense_replace": sparse.index(True) if True in sparse else len(sparse),
        "decoder_sparse_step": 1,
        "mlp_only_layers": [i for i, s in enumerate(sparse) if not s],
    }


def expert_is_intermediate(f: Facts) -> Values:
    """`intermediate_size` means one expert's."""
    values = experts(f)
    size = values.get("moe_intermediate_size")
    return {"intermediate_size": size} if size else {}


def mixtral(f: Facts) -> Values:
    """Mixtral is Llama to llama.cpp."""
    if not f.whole("expert_count"):
        return {}
    return experts(f) | expert_is_intermediate(f) | {"model_type": "mixtral"}


def granite_moe(f: Facts) -> Values:
    """The shared MLP of GraniteMoeShared, where there is one."""
    shared = f.columns("ffn_down_shexp")
    if not shared:
        return expert_is_intermediate(f)
    return expert_is_intermediate(f) | {
        "model_type": "granitemoeshared",
        "shared_intermediate_size": shared,
    }


def ernie_moe(f: Facts) -> Values:
    """Names of its own for experts."""
    values = experts(f)
    return {
        "moe_num_experts": values["num_experts"],
        "moe_k": values.get("num_experts_per_tok", 1),
        "moe_num_shared_experts": values.get("n_shared_experts", 0),
        "moe_layer_start_index": values.get("first_k_dense_replace", 0),
        "moe_layer_interval": 1,
        "moe_layer_end_index": f.layers - 1,
        "use_bias": f.has("attn_q.bias"),
    }


def hunyuan_moe(f: Facts) -> Values:
    """Names of its own for experts."""
    values = experts(f) | expert_is_intermediate(f)
    return values | {
        "moe_topk": values.get("num_experts_per_tok", 1),
        "num_shared_expert": values.get("n_shared_experts", 0),
    }
