"""Layers that keep a state: Mamba, gated delta nets, short convolutions, and their hybrids."""

from fitcheck.sources.gguf.facts import Facts, Values


def delta_net(f: Facts) -> Values:
    """Gated delta net in three layers of four."""
    heads = f.whole("ssm.time_step_rank", 1)
    attends = f.with_role("attn_q")
    return {
        "linear_num_key_heads": f.whole("ssm.group_count"),
        "linear_num_value_heads": heads,
        "linear_key_head_dim": f.whole("ssm.state_size"),
        "linear_value_head_dim": f.whole("ssm.inner_size") // (heads or 1),
        "linear_conv_kernel_dim": f.whole("ssm.conv_kernel"),
        "full_attention_interval": f.whole("full_attention_interval", 4),
        "layer_types": ["full_attention" if a else "linear_attention" for a in attends],
        "mtp_num_hidden_layers": f.mtp_layers,
    }


def mamba(f: Facts) -> Values:
    """Mamba 1 alone; Falcon's norms dt, B and C."""
    inner = f.whole("ssm.inner_size")
    return {
        "model_type": "falcon_mamba" if f.value("ssm.dt_b_c_rms") else "mamba",
        "state_size": f.whole("ssm.state_size"),
        "conv_kernel": f.whole("ssm.conv_kernel"),
        "intermediate_size": inner,
        "expand": inner // (f.whole("embedding_length") or 1),
        "time_step_rank": f.whole("ssm.time_step_rank"),
        "use_bias": f.has("ssm_in.bias"),
        "use_conv_bias": f.has("ssm_conv1d.bias"),
    }


def mamba2(f: Facts) -> Values:
    """Mamba 2 alone: GGUF's time_step_rank is the number of heads."""
    heads, inner = f.whole("ssm.time_step_rank", 1), f.whole("ssm.inner_size")
    return {
        "num_heads": heads,
        "head_dim": inner // (heads or 1),
        "state_size": f.whole("ssm.state_size"),
        "conv_kernel": f.whole("ssm.conv_kernel"),
        "n_groups": f.whole("ssm.group_count", 1),
        "intermediate_size": inner,
        "expand": inner // (f.whole("embedding_length") or 1),
        "use_bias": f.has("ssm_in.bias"),
        "use_conv_bias": f.has("ssm_conv1d.bias"),
    }


def jamba(f: Facts) -> Values:
    """Attention and experts each in every nth layer."""
    attends, sparse = f.with_role("attn_q"), f.with_role("ffn_gate_inp")
    return {
        **_period("attn_layer", attends),
        **_period("expert_layer", sparse),
        "mamba_d_state": f.whole("ssm.state_size"),
        "mamba_d_conv": f.whole("ssm.conv_kernel"),
        "mamba_expand": f.whole("ssm.inner_size") // (f.whole("embedding_length") or 1),
        "mamba_dt_rank": f.whole("ssm.time_step_rank"),
        "mamba_conv_bias": f.has("ssm_conv1d.bias"),
        "mamba_proj_bias": f.has("ssm_in.bias"),
    }


def _period(key: str, flags: list[bool]) -> Values:
    places = [i for i, flag in enumerate(flags) if flag]
    first = places[0] if places else 0
    period = places[1] - first if len(places) > 1 else len(flags)
    return {f"{key}_period": period, f"{key}_offset": first}


def mamba2_beside(f: Facts) -> Values:
    """Mamba 2 as part of a hybrid, under the names of Granite 4, Falcon H1 and Nemotron H."""
    heads, inner = f.whole("ssm.time_step_rank", 1), f.whole("ssm.inner_size")
    per_head = inner // (heads or 1)
    return {
        "mamba_n_heads": heads, "mamba_num_heads": heads,
        "mamba_d_head": per_head, "mamba_head_dim": per_head,
        "mamba_d_state": f.whole("ssm.state_size"), "ssm_state_size": f.whole("ssm.state_size"),
        "mamba_n_groups": f.whole("ssm.group_count", 1), "n_groups": f.whole("ssm.group_count", 1),
        "mamba_d_conv": f.whole("ssm.conv_kernel"), "conv_kernel": f.whole("ssm.conv_kernel"),
        "mamba_d_ssm": inner,
        "mamba_expand": inner // (f.whole("embedding_length") or 1),
        "mamba_conv_bias": f.has("ssm_conv1d.bias"), "use_conv_bias": f.has("ssm_conv1d.bias"),
        "mamba_proj_bias": f.has("ssm_in.bias"),
        "mamba_rms_norm": f.has("ssm_norm"),
    }  # fmt: skip


def granite_hybrid(f: Facts) -> Values:
    """Which layers attend; a shared MLP in every one."""
    attends = f.with_role("attn_q")
    shared = f.columns("ffn_down_shexp")
    return {
        "layer_types": ["attention" if a else "mamba" for a in attends],
        "shared_intermediate_size": shared or f.columns("ffn_down"),
        "intermediate_size": f.columns("ffn_down_exps") or f.columns("ffn_down") or shared,
    }


def nemotron_h(f: Facts) -> Values:
    """One thing a layer: M mamba, * attention, - MLP, E experts."""
    marks = {"ssm_in": "M", "attn_q": "*", "ffn_gate_inp": "E", "ffn_up": "-"}
    pattern = "".join(
        next((mark for role, mark in marks.items() if role in block), "-") for block in f.running()
    )
    return {
        "hybrid_override_pattern": pattern,
        "moe_shared_expert_intermediate_size": f.columns("ffn_down_shexp"),
        "moe_latent_size": f.rows("ffn_latent_down") or None,
        "intermediate_size": f.columns("ffn_down") or f.columns("ffn_down_exps"),
        "use_bias": f.has("ssm_in.bias"),
    }


def lfm2(f: Facts) -> Values:
    """A short convolution where a layer does not attend."""
    attends = f.with_role("attn_q")
    width = f.columns("ffn_down") or f.whole("feed_forward_length")
    return {
        "layer_types": ["full_attention" if a else "conv" for a in attends],
        "full_attn_idxs": [i for i, a in enumerate(attends) if a],
        "conv_L_cache": f.whole("shortconv.l_cache"),
        "conv_bias": f.has("shortconv.conv.bias"),
        "block_auto_adjust_ff_dim": False,
        "block_ff_dim": width,
        "num_dense_layers": f.whole("leading_dense_block_count"),
        "tie_word_embeddings": "output" not in f.outside,
    }
