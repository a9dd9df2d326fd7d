"""Each capture, and the cards of the catalog that it shows."""

import re
from pathlib import Path
from typing import Final

import pytest

from fitcheck import cards
from fitcheck.errors import BadInput
from fitcheck.units import GIB, MIB

CAPTURES: Final = Path(__file__).parents[1] / "captures"

# Read off the files' own words by eye; empty where a tool names no card. What the catalog does not
# have keeps its own name: a vGPU, and a Radeon PRO W7900 that Vulkan calls "Radeon Graphics".
IDS: Final[dict[str, str]] = {
    "amd-smi-static-json_mi210_trimmed.json": "instinct-mi210",
    "amd-smi-static-text_mi300a_doc.txt": "instinct-mi300a",
    "kubectl-node-labels_a100-40gb_old-driver.yaml": "a100-40gb-sxm",
    "kubectl-node-labels_h100-mig-single_excerpt.txt": "7x h100-sxm",
    "llama-server-list-devices_lines.txt":
    "h100-sxm dgx-spark 2x rtx-5090 instinct-mi355x rx-7900-xt "
    "ryzen-ai-max-strix-halo-128gb amdradeongraphicsradvnavi31 arc-pro-b60 arc-pro-b70 "
    "apple-m4-pro-48gb",
    "lspci_lines.txt":
    "2x l40s rtx-3090 rtx-5090 rx-7900-xt ryzen-ai-max-strix-halo-32gb arc-a770-8gb "
    "arc-b580 arc-pro-b60",
    "npu-smi-info_910b4-1_excerpt.txt": "2x ascend-910b4-1",
    "npu-smi-info_ascend910-a3_excerpt.txt": "2x ascend-910c-die",
    "nvidia-smi-L_h100-mig.txt": "4x h100-sxm",
    "nvidia-smi-L_h200.txt": "h200",
    "nvidia-smi-mig-lgip_a100-40gb_510.txt": "",
    "nvidia-smi-q-x_a100-sxm4-80gb-mig.xml": "4x a100-80gb-sxm",
    "nvidia-smi-q-x_a10g.xml": "a10g",
    "nvidia-smi-q-x_rtx3090_590_fb-excerpt.xml": "rtx-3090",
    "nvidia-smi-q-x_tesla-t4.xml": "tesla-t4",
    "nvidia-smi-q-x_vgpu-grid-p4-1q_trimmed.xml": "gridp41q",
    "nvidia-smi-query-compute-apps_windows_610.csv": "rtx-2080-super",
    "nvidia-smi-query-gpu-full_h100-mig_linux_590.csv": "h100-sxm",
    "nvidia-smi-query-gpu-full_h100_linux_590.csv": "h100-sxm",
    "nvidia-smi-query-gpu-full_rtx2080super_linux_595.csv": "rtx-2080-super",
    "nvidia-smi-query-gpu-full_rtx2080super_windows_610.csv": "rtx-2080-super",
    "nvidia-smi-query-noheader_gb10.csv": "dgx-spark",
    "nvidia-smi-query-noheader_orin.csv": "jetson-orin-nx-8gb",
    "nvidia-smi-query_l40s.csv": "2x l40s",
    "nvidia-smi-table-excerpt_orin.txt": "jetson-orin-nx-8gb",
    "nvidia-smi-table_a100-40gb-mig_510.txt": "a100-40gb-pcie",
    "nvidia-smi-table_h100-mig_linux_590.txt": "4x h100-sxm",
    "nvidia-smi-table_h100_linux_590.txt": "h100-sxm",
    "nvidia-smi-table_h200-mig_linux_590.txt": "4x h200",
    "nvidia-smi-table_l40s_linux_595.txt": "l40s",
    "nvidia-smi-table_rtx2080super_linux_610.txt": "rtx-2080-super",
    "nvidia-smi-table_rtx2080super_windows_610.txt": "rtx-2080-super",
    "nvidia-smi-table_rtx4080super_linux_595.txt": "rtx-4080-super",
    "nvidia-smi-version_linux_590.txt": "",
    "nvidia-smi-version_windows_610.txt": "",
    "rocm-smi-all-json_mi100_rocm602.json": "4x instinct-mi100",
    "rocm-smi-all-json_rx6700xt_rocm612.json": "rx-6700-xt",
    "rocm-smi-showmeminfo-csv_rx7900xt.csv": "rx-7900-xt",
    "rocm-smi-showmeminfo-json_rx7900xt.json": "rx-7900-xt",
    "scontrol-show-node-oneliner_a100_v100.txt": "4x a100-40gb-sxm",
    "scontrol-show-node_b200-mig_excerpt.txt": "4x b200",
    "scontrol-show-node_g7e_rtxpro6000.txt": "rtx-pro-6000-blackwell-server",
    "system_profiler-SPDisplays_m2max_with_display.json": "apple-m2-max-32gb",
    "system_profiler-SPDisplays_m3pro.json": "apple-m3-pro-18gb",
    "system_profiler-SPDisplays_m4.json": "apple-m4-16gb",
    "xpu-smi-discovery-d0-json_flex170.json": "data-center-gpu-flex-170",
    "xpu-smi-discovery-json_flex170.json": "data-center-gpu-flex-170",
}  # fmt: skip


def test_every_capture_has_its_cards_here() -> None:
    assert set(IDS) == {path.name for path in CAPTURES.iterdir()} - {"README.md"}


@pytest.mark.parametrize("name", IDS)
def test_a_capture_shows_the_right_cards(name: str) -> None:
    """In their order; none offers more than its product has."""
    found = cards.read_capture(CAPTURES / name)
    words = re.findall(r"(?:(\d+)x )?(\S+)", IDS[name])

    assert [c.id for c in found.cards] == [i for n, i in words for _ in range(int(n or 1))]
    assert all(0 < card.available <= card.total for card in found.cards)


# What people paste beside what tools print: prompts, banners, warnings, other columns.
TABLE: Final = (CAPTURES / "nvidia-smi-table_l40s_linux_595.txt").read_text("utf-8")
XML: Final = (CAPTURES / "nvidia-smi-q-x_a10g.xml").read_text("utf-8")
RADEON: Final = (CAPTURES / "rocm-smi-showmeminfo-json_rx7900xt.json").read_text("utf-8")
# As rocminfo of ROCm 4 to 7 prints it, sections left out.
ROCMINFO: Final = """\
ROCk module is loaded
*******
Agent 1
*******
  Name:                    AMD Ryzen 9 7950X 16-Core Processor
  Uuid:                    CPU-XX
  Marketing Name:          AMD Ryzen 9 7950X 16-Core Processor
  Device Type:             CPU
  Pool Info:
    Pool 1
      Segment:                 GLOBAL; FLAGS: FINE GRAINED
      Size:                    65000000(0x3dfd240) KB
*******
Agent 2
*******
  Name:                    gfx1100
  Uuid:                    GPU-XX
  Marketing Name:          AMD Radeon RX 7900 XTX
  Device Type:             GPU
  Chip ID:                 29772(0x744c)
  Pool Info:
    Pool 1
      Segment:                 GLOBAL; FLAGS: COARSE GRAINED
      Size:                    25149440(0x17fc000) KB
    Pool 2
      Segment:                 GROUP
      Size:                    64(0x40) KB
*** Done ***
"""


@pytest.mark.parametrize(
    ("pasted", "card", "mib"),
    [
        ("0, NVIDIA GeForce RTX 3090, 24576 MiB, 12 MiB\n", "rtx-3090", 24576),
        ("NVIDIA A10G, 23028\n", "a10g", 23028),
        ("GPU-1a2b, NVIDIA L4, 23034 MiB\n", "l4", 23034),
        ("$ nvidia-smi --query-gpu=name,memory.total --format=csv\n"
         "name, memory.total [MiB]\nNVIDIA L4, 23034 MiB\n", "l4", 23034),
        ("memory.total [MiB], memory.free [MiB]\n24576 MiB, 20000 MiB\n", "nvidiacard", 24576),
        (f"Welcome to Ubuntu\n\n$ nvidia-smi\n{TABLE}", "l40s", 46068),
        (f"Every 1.0s: nvidia-smi\n\n{TABLE}", "l40s", 46068),
        (f"$ nvidia-smi -q -x\n{XML}", "a10g", 23028),
        (f"WARNING: AMD GPU device(s) is/are in a low-power state.\n{RADEON}", "rx-7900-xt", 20464),
        (ROCMINFO, "rx-7900-xtx", 24560),
    ],
    ids=lambda value: str(value)[:24].split("\n")[0],
)  # fmt: skip
def test_what_is_pasted_with_it_does_no_harm(pasted: str, card: str, mib: int) -> None:
    (found,) = cards.read_capture(pasted).cards

    assert (found.id, found.total // MIB) == (card, mib)


def test_system_profiler_as_people_read_it() -> None:
    """With the hardware's section it says how much memory there is."""
    chip = "Graphics/Displays:\n\n    Apple M3 Pro:\n\n      Chipset Model: Apple M3 Pro\n"
    memory = "Hardware:\n\n      Chip: Apple M3 Pro\n      Memory: 36 GB\n"

    assert cards.read_capture(chip).cards[0].id == "apple-m3-pro-18gb"
    assert cards.read_capture(chip).notes != ()
    found = cards.read_capture(memory + chip)
    assert (found.cards[0].id, found.ram_total, found.notes) == ("apple-m3-pro-36gb", 36 * GIB, ())


@pytest.mark.parametrize(
    ("pasted", "says"),
    [
        ("======= ROCm System Management Interface =======\n", "--showmeminfo vram --json"),
        ("NVIDIA-SMI has failed because it couldn't communicate", "its driver does not run"),
        ("No devices were found\n", "found no card there"),
        ("bash: nvidia-smi: command not found\n", "is not installed there"),
        ("", "is not what a tool prints"),
        ("3090\n", "is not what a tool prints"),
    ],
)
def test_what_says_nothing_of_cards_says_what_would(pasted: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        cards.read_capture(pasted)
