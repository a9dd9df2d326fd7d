"""What from_pretrained and generate may be told, as far as memory depends on it."""

from typing import Final

from fitcheck.engines.option import Option

_GENERATE: Final = "transformers 5.23.0, generation/configuration_utils.py (2026-11)"

OPTIONS: Final = (
    Option(
        name="context",
        own="prompt + max_new_tokens",
        default="4096, or the model's limit",
        meaning="tokens of one sequence, prompt and answer",
        source=_GENERATE,
    ),
    Option(
        name="prompt",
        own="input_ids.shape[1]",
        default="the whole context",
        meaning="how many of them arrive at once",
        source="a question, not an option",
    ),
    Option(
        name="batch",
        own="input_ids.shape[0]",
        default="1",
        meaning="sequences generated at once",
        source="a question, not an option",
    ),
    Option(
        name="kv_cache",
        own="dtype",
        default="the model's own type",
        meaning="type of keys and values; quantized caches are not counted",
        source="transformers 5.23.0, cache_utils.py, DynamicCache (2026-11)",
    ),
    Option(
        name="attention",
        own="attn_implementation",
        default="sdpa, else eager",
        meaning="auto, flash, sdpa or eager",
        source="transformers 5.23.0, modeling_utils.py, _check_and_adjust_attn_implementation",
    ),
    Option(
        name="transformers",
        own="pip install transformers==",
        default="5.23",
        meaning="the version, where it is an older one: 4.38",
        source="transformers 4.38.2 to 5.23.0, compared",
    ),
    Option(
        name="padded",
        own="attention_mask",
        default="no",
        meaning="prompts of one batch differ in length",
        source="transformers 5.23.0, masking_utils.py (2026-11)",
        typed=False,
    ),
    Option(
        name="kernels",
        own="pip install mamba-ssm causal-conv1d flash-linear-attention",
        default="not known: both are counted",
        meaning="kernels for recurrent layers are there",
        source="transformers 5.23.0, models/mamba2/modeling_mamba2.py (2026-11)",
        typed=False,
    ),
)
# What stands nearest to options of other engines.
INSTEAD: Final = {
    "parallel": "batch",
    "max_num_seqs": "batch",
    "batch_size": "batch",
    "ubatch": "prompt",
    "max_num_batched_tokens": "prompt",
}
