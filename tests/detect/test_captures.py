"""What real tools printed on real machines, read with the figures that they show."""

from pathlib import Path

import pytest

from fitcheck import cards, detect
from fitcheck.errors import BadInput
from fitcheck.units import MIB

CAPTURES = Path(__file__).parents[1] / "captures"

# file -> (name, total, reserved, used, free) of each card, MiB as printed; None where it is not.
Row = tuple[str, int | None, int | None, int | None, int | None]
H100 = "NVIDIA H100 80GB HBM3"
SHOWN: dict[str, list[Row]] = {
    "amd-smi-static-json_mi210_trimmed.json": [("AMD Instinct MI210", 65520, None, None, None)],
    "amd-smi-static-text_mi300a_doc.txt": [("MI300A", 64289, None, None, None)],
    # Driver 455: its total leaves the reserve out.
    "kubectl-node-labels_a100-40gb_old-driver.yaml": [("A100 SXM4 40GB", 39538, 0, None, None)],
    "kubectl-node-labels_h100-mig-single_excerpt.txt": [(H100, None, None, None, None)] * 7,
    "llama-server-list-devices_lines.txt": [
        (H100, 81079, 0, None, 80552),
        ("NVIDIA GB10", 124609, 0, None, 121444),
        ("NVIDIA GeForce RTX 5090", 32109, 0, None, 31588),
        ("NVIDIA GeForce RTX 5090", 32606, 0, None, 30927),
        ("AMD Instinct MI355X", 294896, 0, None, 294310),
        ("AMD Radeon RX 7900 XT", 20464, 0, None, 20404),
        ("AMD Radeon 8060S Graphics (RADV GFX1151)", 128000, 0, None, 16389),
        ("AMD Radeon Graphics (RADV NAVI31)", 49136, 0, None, 49109),
        ("Intel(R) Arc(tm) Pro B60 Graphics (BMG G21)", 24480, 0, None, 21574),
        ("Intel(R) Arc(TM) Pro B70 Graphics", 32656, 0, None, 31665),
        ("Apple M4 Pro", 38338, 0, None, 38338),
    ],
    "lspci_lines.txt": [
        ("AD102GL [L40S]", None, None, None, None),
        ("AD102GL [L40S]", None, None, None, None),
        ("GA102 [GeForce RTX 3090]", None, None, None, None),
        ("GB202 [GeForce RTX 5090]", None, None, None, None),
        (
            "Advanced Micro Devices, Inc. [AMD/ATI] Navi 31 "
            "[Radeon RX 7900 XT/7900 XTX/7900 GRE/7900M]",
            None, None, None, None,
        ),
        (
            "Advanced Micro Devices, Inc. [AMD/ATI] Strix Halo "
            "[Radeon Graphics / Radeon 8050S Graphics / Radeon 8060S Graphics]",
            None, None, None, None,
        ),
        ("DG2 [Arc A770]", None, None, None, None),
        ("Battlemage G21 [Intel Graphics]", None, None, None, None),
        ("Battlemage G21 [Intel Graphics]", None, None, None, None),
    ],
    "npu-smi-info_910b4-1_excerpt.txt": [("910B4-1", 65536, 0, 3197, None)] * 2,
    "npu-smi-info_ascend910-a3_excerpt.txt": [
        ("Ascend910", 65536, 0, 3416, None),
        ("Ascend910", 65536, 0, 3195, None),
    ],
    "nvidia-smi-L_h100-mig.txt": [(H100, None, None, None, None)] * 4,
    "nvidia-smi-L_h200.txt": [("NVIDIA H200", None, None, None, None)],
    "nvidia-smi-mig-lgip_a100-40gb_510.txt": [],
    "nvidia-smi-q-x_a100-sxm4-80gb-mig.xml": [("NVIDIA A100-SXM4-80GB", 19968, 0, 12, 19955)] * 4,
    "nvidia-smi-q-x_a10g.xml": [("NVIDIA A10G", 23028, 435, 22, 22569)],
    "nvidia-smi-q-x_rtx3090_590_fb-excerpt.xml": [
        ("NVIDIA GeForce RTX 3090", 24576, 450, 7, 24120)
    ],
    "nvidia-smi-q-x_tesla-t4.xml": [("Tesla T4", 15360, 388, 1032, 13939)],
    "nvidia-smi-q-x_vgpu-grid-p4-1q_trimmed.xml": [("GRID P4-1Q", 1024, 110, 807, 106)],
    "nvidia-smi-query-compute-apps_windows_610.csv": [
        ("NVIDIA GeForce RTX 2080 SUPER", None, None, None, None)
    ],
    "nvidia-smi-query-gpu-full_h100-mig_linux_590.csv": [(H100, 81559, 479, 59, 81022)],
    "nvidia-smi-query-gpu-full_h100_linux_590.csv": [(H100, 81559, 479, 0, 81081)],
    "nvidia-smi-query-gpu-full_rtx2080super_linux_595.csv": [
        ("NVIDIA GeForce RTX 2080 SUPER", 8192, 408, 214, 7571)
    ],
    "nvidia-smi-query-gpu-full_rtx2080super_windows_610.csv": [
        ("NVIDIA GeForce RTX 2080 SUPER", 8192, 205, 797, 7191)
    ],
    "nvidia-smi-query-noheader_gb10.csv": [("NVIDIA GB10", None, None, None, None)],
    "nvidia-smi-query-noheader_orin.csv": [("Orin (nvgpu)", None, None, None, None)],
    "nvidia-smi-query_l40s.csv": [("NVIDIA L40S", 46068, None, None, None)] * 2,
    "nvidia-smi-table-excerpt_orin.txt": [("Orin (nvgpu)", None, None, None, None)],
    "nvidia-smi-table_a100-40gb-mig_510.txt": [("NVIDIA A100-PCI...", 4864, 0, 0, None)],
    "nvidia-smi-table_h100-mig_linux_590.txt": [
        (H100, 40448, 0, 26, None),
        (H100, 20096, 0, 17, None),
        (H100, 9984, 0, 9, None),
        (H100, 9984, 0, 9, None),
    ],
    "nvidia-smi-table_h100_linux_590.txt": [(H100, 81559, None, 0, None)],
    # Two compute instances share the first GPU instance's memory: it counts once.
    "nvidia-smi-table_h200-mig_linux_590.txt": [
        ("NVIDIA H200", 71424, 0, 22, None),
        ("NVIDIA H200", 33280, 0, 17, None),
        ("NVIDIA H200", 16384, 0, 9, None),
        ("NVIDIA H200", 16384, 0, 9, None),
    ],
    "nvidia-smi-table_l40s_linux_595.txt": [("NVIDIA L40S", 46068, None, 0, None)],
    "nvidia-smi-table_rtx2080super_linux_610.txt": [
        ("NVIDIA GeForce RTX 2080 ...", 8192, None, 211, None)
    ],
    "nvidia-smi-table_rtx2080super_windows_610.txt": [
        ("NVIDIA GeForce RTX 2080 ...", 8192, None, 797, None)
    ],
    "nvidia-smi-table_rtx4080super_linux_595.txt": [
        ("NVIDIA GeForce RTX 4080 ...", 16376, None, 596, None)
    ],
    "nvidia-smi-version_linux_590.txt": [],
    "nvidia-smi-version_windows_610.txt": [],
    "rocm-smi-all-json_mi100_rocm602.json": [
        ("Arcturus GL-XL [Instinct MI100]", 32752, None, 6, None)
    ]
    * 4,
    "rocm-smi-all-json_rx6700xt_rocm612.json": [
        ("Navi 22 [Radeon RX 6700/6700 XT / 6800M]", 12272, None, 1499, None)
    ],
    "rocm-smi-showmeminfo-csv_rx7900xt.csv": [("Radeon RX 7900 XT", 20464, None, 26, None)],
    "rocm-smi-showmeminfo-json_rx7900xt.json": [("Radeon RX 7900 XT", 20464, None, 26, None)],
    "scontrol-show-node-oneliner_a100_v100.txt": [("a100", None, None, None, None)] * 4,
    "scontrol-show-node_b200-mig_excerpt.txt": [("nvidia b200", None, None, None, None)] * 4,
    "scontrol-show-node_g7e_rtxpro6000.txt": [("rtxproserver6000", None, None, None, None)],
    "system_profiler-SPDisplays_m2max_with_display.json": [
        ("Apple M2 Max", None, None, None, None)
    ],
    "system_profiler-SPDisplays_m3pro.json": [("Apple M3 Pro", None, None, None, None)],
    "system_profiler-SPDisplays_m4.json": [("Apple M4", None, None, None, None)],
    "xpu-smi-discovery-d0-json_flex170.json": [
        ("Intel(R) Data Center GPU Flex 170", 14248, None, None, None)
    ],
    "xpu-smi-discovery-json_flex170.json": [
        ("Intel(R) Data Center GPU Flex 170", None, None, None, None)
    ],
}  # fmt: skip


def text(name: str) -> str:
    return (CAPTURES / name).read_text("utf-8")


def test_every_capture_is_read() -> None:
    """All 47 of them."""
    files = {path.name for path in CAPTURES.iterdir()} - {"README.md"}

    assert files == set(SHOWN)
    assert len(files) == 47


@pytest.mark.parametrize("name", SHOWN)
def test_a_capture_gives_the_figures_that_it_shows(name: str) -> None:
    """To the printed MiB."""
    found = detect.read_capture(text(name), name)

    assert [
        (c.name, *(None if s is None else s // MIB for s in (c.total, c.reserved, c.used, c.free)))
        for c in found.cards
    ] == SHOWN[name]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lspci_lines.txt", "l40s l40s rtx-3090 rtx-5090 rx-7900-xt "
         "ryzen-ai-max-strix-halo-32gb arc-a770-8gb arc-b580 arc-pro-b60"),
        ("llama-server-list-devices_lines.txt", "h100-sxm dgx-spark rtx-5090 rtx-5090 "
         "instinct-mi355x rx-7900-xt ryzen-ai-max-strix-halo-128gb amdradeongraphicsradvnavi31 "
         "arc-pro-b60 arc-pro-b70 apple-m4-pro-48gb"),
        ("nvidia-smi-table_rtx2080super_linux_610.txt", "rtx-2080-super"),
        ("nvidia-smi-table_rtx4080super_linux_595.txt", "rtx-4080-super"),
        ("nvidia-smi-table_a100-40gb-mig_510.txt", "a100-40gb-pcie"),
        ("rocm-smi-all-json_rx6700xt_rocm612.json", "rx-6700-xt"),
        ("rocm-smi-showmeminfo-csv_rx7900xt.csv", "rx-7900-xt"),
        ("scontrol-show-node_g7e_rtxpro6000.txt", "rtx-pro-6000-blackwell-server"),
        ("xpu-smi-discovery-json_flex170.json", "data-center-gpu-flex-170"),
        ("npu-smi-info_ascend910-a3_excerpt.txt", "ascend-910c-die ascend-910c-die"),
        ("nvidia-smi-q-x_vgpu-grid-p4-1q_trimmed.xml", "gridp41q"),
    ],
)  # fmt: skip
def test_names_find_their_rows(name: str, expected: str) -> None:
    """Cut short, in brackets, generic with a PCI id, or unknown: then the reading stands alone."""
    found = cards.read_capture(CAPTURES / name)

    assert [card.id for card in found.cards] == expected.split()


@pytest.mark.parametrize(
    ("name", "mib"),
    [
        # Free as printed.
        ("nvidia-smi-query-gpu-full_h100_linux_590.csv", 81081),
        ("nvidia-smi-q-x_tesla-t4.xml", 13939),
        # Total less used, less what the driver of such a card keeps (480 and 408 MiB).
        ("nvidia-smi-table_h100_linux_590.txt", 81559 - 480),
        ("nvidia-smi-table_rtx2080super_linux_610.txt", 8192 - 408 - 211),
        # In MIG mode the smallest instance (1g.10gb) where the list is missing.
        ("nvidia-smi-query-gpu-full_h100-mig_linux_590.csv", 9984),
        ("nvidia-smi-L_h100-mig.txt", 40448),
        ("rocm-smi-showmeminfo-json_rx7900xt.json", (21458059264 - 27856896) // MIB),
        ("npu-smi-info_910b4-1_excerpt.txt", 65536 - 3197),
        ("nvidia-smi-query-noheader_gb10.csv", 122502),
        ("system_profiler-SPDisplays_m3pro.json", 12288),
        ("scontrol-show-node-oneliner_a100_v100.txt", 40355),
    ],
)
def test_what_is_available_leaves_out_driver_and_programs(name: str, mib: int) -> None:
    """What a program could allocate there and then."""
    assert cards.read_capture(CAPTURES / name).cards[0].available // MIB == mib


def test_what_is_beside_the_cards_is_read_too() -> None:
    slurm = cards.read_capture(CAPTURES / "scontrol-show-node-oneliner_a100_v100.txt")
    smi = cards.read_capture(CAPTURES / "nvidia-smi-version_windows_610.txt")

    assert (slurm.ram_total, slurm.ram_available) == (256000 * MIB, 128000 * MIB)
    assert "2 of its GPUs are allocated to jobs now" in slurm.notes
    assert (smi.driver, smi.cards) == ("610.62", ())
    assert "names no card" in smi.unseen[0].why


def test_mig_profiles_are_listed_as_printed() -> None:
    """A100-40GB: 4.75 GiB for 1g.5gb, not 5."""
    from fitcheck.detect.nvidia import profiles

    found = profiles(text("nvidia-smi-mig-lgip_a100-40gb_510.txt"))

    assert [(p.name, p.free, p.most, p.gib) for p in found] == [
        ("1g.5gb", 0, 7, 4.75),
        ("1g.5gb+me", 0, 1, 4.75),
        ("2g.10gb", 0, 3, 9.75),
        ("3g.20gb", 0, 2, 19.62),
        ("4g.20gb", 0, 1, 19.62),
        ("7g.40gb", 0, 1, 39.5),
    ]


QUERY = """
==============NVSMI LOG==============

Driver Version                            : 550.54.15
CUDA Version                              : 12.4

Attached GPUs                             : 1
GPU 00000000:01:00.0
    Product Name                          : NVIDIA GeForce RTX 3090
    MIG Mode
        Current                           : N/A
    GPU UUID                              : GPU-aaaa
    FB Memory Usage
        Total                             : 24576 MiB
        Reserved                          : 316 MiB
        Used                              : 1 MiB
        Free                              : 24258 MiB
    BAR1 Memory Usage
        Total                             : 256 MiB
"""


def test_the_text_of_q_is_read_as_its_xml_is() -> None:
    """The same headings and words (nvidia-smi manual, 550)."""
    found = detect.read_capture(QUERY)

    assert found.driver == "550.54.15"
    assert [(c.name, c.total, c.reserved, c.used, c.free, c.uuid) for c in found.cards] == [
        ("NVIDIA GeForce RTX 3090", 24576 * MIB, 316 * MIB, MIB, 24258 * MIB, "GPU-aaaa")
    ]


def test_a_table_of_a_card_in_mig_mode_without_instances_has_nothing_to_offer() -> None:
    """No program runs there until an instance is made."""
    whole, _, _ = text("nvidia-smi-table_h100-mig_linux_590.txt").partition("| MIG devices:")
    found = cards.read_capture(whole)

    assert found.cards == ()
    assert "no instance" in found.unseen[0].why


@pytest.mark.parametrize(
    ("given", "card", "gib"),
    [
        ("NVIDIA GeForce RTX 4090, 49140 MiB, 595.71.05", "rtx-4090-48gb", 47),
        ("NVIDIA GeForce RTX 2080 Ti, 22528 MiB, 595.71.05", "rtx-2080-ti-22gb", 21),
        ("NVIDIA GeForce RTX 3060, 12288 MiB, 595.71.05", "rtx-3060-12gb", 11),
        ("NVIDIA GeForce RTX 3080 Laptop GPU, 16384 MiB, 595.71.05", "rtx-3080-laptop-16gb", 15),
        ("NVIDIA GeForce RTX 3080, 20480 MiB, 595.71.05", "rtx-3080-10gb", 19),
    ],
)
def test_the_reading_counts_and_the_name_fills_in(given: str, card: str, gib: int) -> None:
    """Boards of one name, and modded ones, are told apart by their memory."""
    (found,) = cards.read_capture(given).cards

    assert (found.id, found.available >> 30) == (card, gib)


def test_a_reading_far_from_the_catalog_is_said() -> None:
    """A 3080 rebuilt with 20 GB."""
    found = cards.read_capture("NVIDIA GeForce RTX 3080, 20480 MiB, 595.71.05")

    assert "shows 20.0 GiB, not the 10" in found.notes[0]


def test_a_discrete_card_whose_memory_is_not_shown_has_the_catalogs() -> None:
    """`[N/A]` gives it no share of the computer's memory."""
    (card,) = cards.read_capture("NVIDIA GeForce RTX 3090, [N/A], 595.71.05").cards

    assert (card.unified, card.available // MIB) == (False, 24126)


def test_powershell_s_utf_16_is_read(tmp_path: Path) -> None:
    """`nvidia-smi > machine.txt` there writes it."""
    path = tmp_path / "machine.txt"
    path.write_bytes(text("nvidia-smi-table_h100_linux_590.txt").encode("utf-16"))

    assert [card.id for card in cards.read_capture(path).cards] == ["h100-sxm"]


@pytest.mark.parametrize(
    "given", ["", "hello", "{}", "[1, 2]", "{", "a,b\n1,2", "model: llama", "\0\0", "[" * 100_000]
)
def test_what_no_tool_prints_is_one_clear_line(given: str) -> None:
    with pytest.raises(BadInput, match=r"known here|not valid JSON"):
        cards.read_capture(given)


def test_a_file_that_is_none_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot read"):
        cards.read_capture(tmp_path / "none")
    with pytest.raises(BadInput, match="cannot read"):
        cards.read_capture(tmp_path)
