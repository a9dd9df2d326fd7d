"""From GGUF's words back to config.json's, so that one path leads to a model.

llama.cpp's converter renames and reshapes what a config.json says; this is the way back, from
metadata where it says it and from shapes where it does not.
Source: llama.cpp 0c1e57098 (2026-10), conversion/*.py and src/models/*.cpp.
"""

from fitcheck.sources.gguf.config.recipes import RECIPES, RENAMED
from fitcheck.sources.gguf.facts import Facts, Values


def config_of(facts: Facts) -> Values | None:
    """What the model's config.json would say, None where the architecture is not known here."""
    recipe = RECIPES.get(facts.architecture)
    if recipe is None:
        return None
    values = usual(facts) | {"model_type": recipe.model_type}
    for more in recipe.more:
        values |= more(facts)
    return values | {
        new: values[old]
        for old, new in RENAMED.get(str(values["model_type"]), {}).items()
        if old in values
    }


def usual(f: Facts) -> Values:
    """The keys that almost every config.json has."""
    feed_forward = f.columns("ffn_down") or f.whole("feed_forward_length")
    values: Values = {
        "hidden_size": f.whole("embedding_length"),
        "num_hidden_layers": f.layers,
        "vocab_size": f.vocab_size,
        "max_position_embeddings": f.whole("context_length") or None,
        "intermediate_size": feed_forward or None,
        "tie_word_embeddings": "output" not in f.outside,
        "attention_bias": f.has("attn_q.bias") or f.has("attn_qkv.bias"),
        "mlp_bias": f.has("ffn_up.bias") or f.has("ffn_down.bias"),
        "sliding_window": f.window,
        "num_nextn_predict_layers": f.mtp_layers,
        "dtype": _dtype(f),
    }
    if f.heads:
        values |= {
            "num_attention_heads": f.heads,
            "num_key_value_heads": f.key_value_heads,
            "head_dim": f.head_dim,
        }
    return values


def _dtype(f: Facts) -> str:
    """The type that tensors left as they were are in; a quantized file does not say."""
    found = {t.dtype for t in f.header.tensors}
    return "float16" if "f16" in found and "bf16" not in found else "bfloat16"
