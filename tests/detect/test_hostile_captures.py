"""No text, however damaged, brings a parser down or slows it to a crawl."""

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fitcheck import cards
from fitcheck.errors import FitcheckError

CAPTURES = sorted((Path(__file__).parents[1] / "captures").glob("*[!d]"))
TEXTS = [path.read_text("utf-8") for path in CAPTURES if path.is_file() and path.suffix != ".md"]
LINES = sorted({line for text in TEXTS for line in text.splitlines() if line.strip()})


def holds(text: str) -> None:
    """Cards with some memory, none of it more than there is; or one clear line."""
    try:
        found = cards.read_capture(text)
    except FitcheckError:
        return
    for card in found.cards:
        assert 0 <= card.available <= card.total
        assert 0 <= (card.reserved or 0) <= card.total


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A capture with a piece cut out and something else put there."""
    text = draw(st.sampled_from(TEXTS))[:6000]
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(start + 300, len(text))))
    return text[:start] + draw(st.text(max_size=12) | st.just("9" * 30)) + text[end:]


@settings(max_examples=150, deadline=None)
@given(damaged())
def test_a_damaged_capture(text: str) -> None:
    holds(text)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(LINES), max_size=30).map("\n".join))
def test_lines_of_several_tools_mixed(text: str) -> None:
    holds(text)


KEYS = [
    "gpu_data", "asic", "vram", "size", "value", "unit", "card0", "system", "device_list", "gpu",
    "device_name", "device_id", "SPDisplaysDataType", "SPHardwareDataType", "_name", "sppci_model",
    "physical_memory", "market_name", "memory_physical_size", "VRAM Total Memory (B)",
    "Card Series",
]  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(JSON)
@example({"gpu_data": [{"asic": 3, "vram": {"size": {"value": None}}}]})
@example({"card0": {"VRAM Total Memory (B)": "1" * 40}})
@example({"device_list": None})
def test_json_of_any_shape(data: object) -> None:
    import json

    holds(json.dumps(data))


@pytest.mark.parametrize(
    "text",
    [
        "| NVIDIA-SMI 1\n|   0  " + " a" * 50_000,
        "NVIDIA X" + ", " * 50_000,
        "name, " + "x, " * 50_000,
        "GPU 00000000:01:00.0\n" + " " * 100_000,
        "01:00.0 VGA compatible controller: NVIDIA " + "[" * 50_000,
        "nvidia.com/gpu.product: " + "-MIG-" * 20_000,
        "NodeName=" + "gpu:" * 50_000,
        "hw.memsize: " + " " * 100_000,
        "  CUDA0: " + "(1 MiB, " * 20_000 + " MiB, 1 MiB free)",
        "| npu-smi 1 |\n| 0 " + "  " * 50_000,
        "GPU: 0\n" + " " * 100_000 + "A: b",
        "<nvidia_smi_log>" + "<gpu>" * 20_000,
    ],
    ids=lambda text: text[:20],
)
def test_long_lines_take_no_time(text: str) -> None:
    """Patterns that try every split of a line would never come back."""
    holds(text)


def test_entities_of_an_xml_bomb_are_not_expanded() -> None:
    """A file is a stranger's."""
    bomb = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    holds(f'<!DOCTYPE x [<!ENTITY e0 "x">{bomb}]><nvidia_smi_log>&e11;</nvidia_smi_log>')
