"""Attention that is not plain: windows, latent rows, shared caches."""

from fitcheck.sources.gguf.facts import Facts, Values


def windows(f: Facts) -> Values:
    """Which layers slide."""
    if f.sliding is None:
        return {"layer_types": ["full_attention"] * f.layers, "sliding_window": None}
    names = {True: "sliding_attention", False: "full_attention"}
    return {"layer_types": [names[s] for s in f.sliding]}


def llama4(f: Facts) -> Values:
    """Dense layers beside sparse ones, each with an MLP of its own width."""
    return {
        "intermediate_size_mlp": f.columns("ffn_down") or f.whole("feed_forward_length"),
        "interleave_moe_layer_step": f.whole("interleave_moe_layer_step", 1),
        "moe_layers": [i for i, s in enumerate(f.with_role("ffn_gate_inp")) if s],
        "attention_chunk_size": f.window,
        "layer_types": [
            "full_attention" if (i + 1) % 4 == 0 else "chunked_attention" for i in range(f.layers)
        ],
    }


def latent(f: Facts) -> Values:
    """Multi-head latent attention: widths from the two factors of keys and values."""
    rope = f.whole("rope.dimension_count")
    whole_key = f.whole("attention.key_length_mla") or f.whole("attention.key_length")
    return {
        "num_key_value_heads": f.heads,
        "q_lora_rank": f.whole("attention.q_lora_rank") or None,
        "kv_lora_rank": f.whole("attention.kv_lora_rank"),
        "qk_rope_head_dim": rope,
        "qk_nope_head_dim": whole_key - rope,
        "v_head_dim": f.whole("attention.value_length_mla") or f.whole("attention.value_length"),
        "head_dim": rope,
    }


def deepseek(f: Facts) -> Values:
    """DeepSeek V3 corrects its router's scores, V2 does not."""
    third = f.has("exp_probs_b.bias") or f.has("exp_probs_b")
    return {"model_type": "deepseek_v3" if third else "deepseek_v2", "moe_layer_freq": 1}


def indexer(f: Facts) -> Values:
    """DeepSeek V3.2's sparse attention."""
    return {
        "index_n_heads": f.whole("attention.indexer.head_count"),
        "index_head_dim": f.whole("attention.indexer.key_length"),
        "index_topk": f.whole("attention.indexer.top_k"),
        "indexer_types": ["full" if i else "shared" for i in f.with_role("indexer.attn_k")],
    }


def gemma3n(f: Facts) -> Values:
    """Embeddings for each layer, four streams, and layers that share a cache."""
    table = f.outside.get("per_layer_token_embd")
    return {
        "intermediate_size": [t.shape[-1] for b in f.running() if (t := b.get("ffn_down"))],
        "hidden_size_per_layer_input": f.whole("embedding_length_per_layer_input"),
        "vocab_size_per_layer_input": table.shape[0] if table else f.vocab_size,
        "altup_num_inputs": f.whole("altup.num_inputs", 4),
        "laurel_rank": f.rows("laurel_l"),
        "num_kv_shared_layers": f.whole("attention.shared_kv_layers"),
    }


def gemma4(f: Facts) -> Values:
    """Sliding and full layers have heads of their own width and number."""
    slides = f.sliding or [False] * f.layers
    heads = f.each("attention.head_count_kv")
    narrow = next((h for h, s in zip(heads, slides, strict=False) if s), f.key_value_heads)
    wide = next((h for h, s in zip(heads, slides, strict=False) if not s), narrow)
    full = [b for b, s in zip(f.running(), slides, strict=False) if not s and "attn_k" in b]
    table = f.outside.get("per_layer_token_embd")
    widths = f.each("feed_forward_length")
    return {
        "head_dim": f.whole("attention.key_length_swa") or f.head_dim,
        "global_head_dim": f.head_dim,
        "num_key_value_heads": narrow,
        "num_global_key_value_heads": wide,
        "attention_k_eq_v": bool(full) and all("attn_v" not in b for b in full),
        "enable_moe_block": bool(f.whole("expert_count")),
        "top_k_experts": f.whole("expert_used_count") or None,
        "num_kv_shared_layers": f.whole("attention.shared_kv_layers"),
        "hidden_size_per_layer_input": f.whole("embedding_length_per_layer_input"),
        "vocab_size_per_layer_input": table.shape[0] if table else f.vocab_size,
        "use_double_wide_mlp": len(set(widths)) > 1,
        "intermediate_size": min(widths, default=0) or f.columns("ffn_down"),
    }


def phi3(f: Facts) -> Values:
    """A window in every layer, or none."""
    return {"sliding_window": f.window}


def olmo2(f: Facts) -> Values:
    """OLMo 3 slides in three layers of four, OLMo 2 in none."""
    return {"model_type": "olmo3" if f.sliding else "olmo2"}
