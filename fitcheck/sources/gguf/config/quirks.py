"""Biases, norms and fused projections under the names of each family."""

from fitcheck.sources.gguf.facts import Facts, Values


def glm(f: Facts) -> Values:
    """Norms of queries and keys where there are any."""
    return {"use_qk_norm": f.has("attn_q_norm")}


def chatglm(f: Facts) -> Values:
    """ChatGLM 2 and 3 and GLM 4: fused, with few key-value heads."""
    return {
        "multi_query_attention": f.key_value_heads != f.heads,
        "multi_query_group_num": f.key_value_heads,
        "kv_channels": f.whole("rope.dimension_count") * 2 or f.head_dim,
        "ffn_hidden_size": f.columns("ffn_down"),
        "add_qkv_bias": f.has("attn_qkv.bias") or f.has("attn_q.bias"),
        "add_bias_linear": f.has("attn_output.bias"),
        "padded_vocab_size": f.vocab_size,
        "rmsnorm": True,
        "original_rope": True,
    }


def falcon(f: Facts) -> Values:
    """7B shares one key-value head and one norm; 40B and later have groups."""
    groups = f.key_value_heads
    return {
        "multi_query": groups != f.heads,
        "num_kv_heads": groups,
        "new_decoder_architecture": groups not in (1, f.heads),
        "num_ln_in_parallel_attn": 2 if f.has("attn_norm_2") else 1,
        "parallel_attn": not f.has("ffn_norm"),
        "bias": f.has("ffn_up.bias"),
        "alibi": False,
        "ffn_hidden_size": f.columns("ffn_down"),
    }


def starcoder(f: Facts) -> Values:
    """GPT-2 with one key-value head."""
    return {"multi_query": f.key_value_heads == 1, "n_inner": f.columns("ffn_down")}


def biases(f: Facts) -> Values:
    """Biases under the names that StarCoder 2, StableLM, Phi and InternLM give them."""
    qkv = f.has("attn_q.bias") or f.has("attn_qkv.bias")
    return {
        "use_bias": f.has("attn_output.bias") or qkv,
        "use_qkv_bias": qkv,
        "bias": f.has("attn_output.bias"),
        "lm_head_bias": "output.bias" in f.outside,
        "qk_layernorm": f.has("attn_q_norm"),
        "use_qk_norm": f.has("attn_q_norm"),
        "use_parallel_residual": not f.has("ffn_norm"),
        "norm_bias": "output_norm.bias" in f.outside,
    }


def mpt(f: Facts) -> Values:
    """ALiBi, no biases unless the file has them."""
    grouped = f.heads != f.key_value_heads
    return {
        "expansion_ratio": f.columns("ffn_down") // (f.whole("embedding_length") or 1),
        "no_bias": not f.has("ffn_up.bias"),
        "attn_config": {
            "alibi": "position_embd" not in f.outside,
            "attn_type": "grouped_query_attention" if grouped else "multihead_attention",
            "kv_n_heads": f.key_value_heads,
            "qk_ln": f.has("attn_q_norm"),
        },
    }


def gptneox(f: Facts) -> Values:
    """Attention and MLP side by side, unless said otherwise."""
    return {"use_parallel_residual": bool(f.value("use_parallel_residual"))}
