"""How a model stretches its rotary positions over a longer context than it was trained on."""

from collections.abc import Iterator, Mapping

import msgspec


class RopeScaling(msgspec.Struct, frozen=True):
    """`rope_type` as config.json spells it (`llama3`, `yarn`, `longrope`, `linear`).

    `factors` is the length of the lists that scale each frequency by itself (longrope), else 0.
    `by_position`: queries grow with their position as well (Ministral 3's llama_4_scaling_beta).
    """

    rope_type: str
    factors: int = 0
    by_position: bool = False


def rope_scaling(config: Mapping[str, object]) -> RopeScaling | None:
    """The scaling that config.json asks for, at its top or in its language model's part."""
    for section in _sections(config):
        rope_type = section.get("rope_type", section.get("type"))
        if isinstance(rope_type, str) and rope_type not in ("", "default"):
            factors = section.get("long_factor")
            return RopeScaling(
                "longrope" if rope_type == "su" else rope_type,
                len(factors) if isinstance(factors, list) else 0,
                bool(section.get("llama_4_scaling_beta")),
            )
    return None


def rotated_share(config: Mapping[str, object]) -> float | None:
    """The share of each head that config.json says is rotated, None where it says nothing."""
    parts = (config, config.get("text_config"), *_sections(config))
    for part in parts:
        for key in ("partial_rotary_factor", "rotary_pct"):
            share = part.get(key) if isinstance(part, Mapping) else None
            if isinstance(share, int | float) and 0 < share <= 1:
                return float(share)
    return None


def _sections(config: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    parts = (config, *(config.get(k) for k in ("text_config", "llm_config", "language_config")))
    for part in parts:
        if not isinstance(part, Mapping):
            continue
        for key in ("rope_scaling", "rope_parameters"):
            found = part.get(key)
            if isinstance(found, Mapping):
                yield found
                full = found.get("full_attention")
                if isinstance(full, Mapping):
                    yield full
