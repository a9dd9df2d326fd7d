"""`fitcheck detect`: what is here, what was asked, and what may be pasted."""

import getpass
import platform
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from stand_ins import Driver, h100, lay, radeon, tool

from fitcheck import cards, detect
from fitcheck.detect import Reading, Seen
from fitcheck.machine import Machine, Unseen
from fitcheck.render import report_text
from fitcheck.units import GIB, Bytes

Run = Callable[..., Any]
UUID = "GPU-9f1c2d3e-4b5a-6978-8796-a5b4c3d2e1f0"
SECRETS = (UUID, "9f1c2d3e", "unique123456789abc", "python41", "process 41", "ada", "thinkpad")


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An H100 with programs on it beside a Radeon, on the computer of somebody."""
    card = h100(UUID, used=60 * GIB)
    card["ComputeRunningProcesses"] = [SimpleNamespace(pid=41, usedGpuMemory=50 * GIB)]
    monkeypatch.setattr("fitcheck.detect.nvidia.nvml._module", lambda: Driver(card))
    files = radeon(0, 21458059264, 0)
    files["sys/class/drm/card0/device/unique_id"] = "unique123456789abc"
    lay(tmp_path, files)
    probe = detect.probe
    monkeypatch.setattr(detect, "probe", lambda: probe({}, tmp_path, "linux"))
    monkeypatch.setattr(platform, "node", lambda: "thinkpad.example.org")
    monkeypatch.setattr(getpass, "getuser", lambda: "ada")
    monkeypatch.setattr(Path, "home", lambda: Path("/home/ada"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", UUID)


@pytest.mark.usefixtures("busy")
def test_the_table_says_who_holds_what(fitcheck: Run) -> None:
    out = fitcheck("detect").out

    assert "process 41 (python41) 50.0 of them" in out
    assert "driver 590.48.01" in out


@pytest.mark.usefixtures("busy")
def test_verbose_tells_what_was_asked_and_what_came_back(fitcheck: Run) -> None:
    """Each maker with its cards as read, or why there are none."""
    out = fitcheck("detect", "--verbose").out

    assert "asked NVIDIA driver (NVML): 1 card, driver 590.48.01" in out
    assert "card 0: 'NVIDIA H100 80GB HBM3', total 81559 MiB, reserved 480 MiB" in out
    assert "card 0: 'AMD device 744c'" in out or "card 0: 'AMD Radeon" in out
    assert "not seen: no Intel display controller is on the bus" in out


@pytest.mark.usefixtures("busy")
def test_a_report_has_nothing_private(fitcheck: Run) -> None:
    """No UUID, serial number, name of a program, of the user, or of the computer."""
    ran = fitcheck("detect", "--report")

    assert [secret for secret in SECRETS if secret in ran.out] == []
    assert "CUDA_VISIBLE_DEVICES=…" in ran.out
    assert "h100-sxm: 'NVIDIA H100 80GB HBM3', total 81559 MiB" in ran.out
    assert "a program 50.0 of them" in ran.out
    assert ran.out.startswith("```\nfitcheck ") and ran.out.endswith("```\n")
    assert ran.code == 0


@pytest.mark.parametrize(
    ("private", "public"),
    [
        (f"CUDA_VISIBLE_DEVICES='{UUID},GPU-9f1c'", "CUDA_VISIBLE_DEVICES='…,GPU-…'"),
        ("MIG-GPU-9f1c2d3e-4b5a-6978-8796-a5b4c3d2e1f0/1/0", "…"),
        ("MIG-5e1cf1f0-1234-5678-9abc-def012345678 x", "… x"),
        ("serial 1324019012345678", "serial …"),
        ("unique 0x9f1c2d3e4b5a6978", "unique …"),
        ("cannot read /home/ada/gpu.txt", "cannot read ~/gpu.txt"),
        (r"in C:\Users\Ada\x", r"in ~\x"),
        ("/Users/ada", "~"),
        ("on Thinkpad: no card", "on …: no card"),
        ("process 41 (python3) 9.0 of them", "a program 9.0 of them"),
        # What has to stay: sizes, addresses on the bus, ids of cards.
        ("total 81559 MiB, 85520809984", "total 81559 MiB, 85520809984"),
        ("a card sits at 0000:01:00.0, pci 1002:744c:cc", None),
        ("Adapter of Canada", "Adapter of Canada"),
    ],
)
def test_what_is_private_is_taken_out(private: str, public: str | None) -> None:
    found = report_text.clean(private, ("ada", "thinkpad", "/home/ada"))

    assert found == (private if public is None else public)


def test_a_report_of_a_file_is_of_that_machine(fitcheck: Run) -> None:
    """UUIDs in it never reach the report."""
    capture = Path(__file__).parents[1] / "captures" / "nvidia-smi-q-x_a100-sxm4-80gb-mig.xml"
    out = fitcheck("detect", "--machine", str(capture), "--report").out

    assert "A100" in out and "GPU-" not in out and "MIG-" not in out


def test_tools_that_were_run_are_told(tmp_path: Path) -> None:
    """With what they did."""
    environment = tool(tmp_path / "bin", "amd-smi", "echo broken >&2; exit 2")
    lay(tmp_path, {"dev/kfd": ""})
    told = "\n".join(report_text.asked(detect.probe(environment, tmp_path, "linux")))

    assert "ran `amd-smi static --json`: printed nothing (exit 2, broken)" in told
    assert (
        "ran `rocm-smi --showproductname --showmeminfo vram gtt --json`: is not installed" in told
    )


def test_a_name_that_drives_a_terminal_is_shown_as_text() -> None:
    """Whatever a tool prints."""
    evil = Reading(asked="x", cards=(Seen(name="\x1b[2J", total=Bytes(GIB)),))
    machine = Machine(name="x", cards=(), unseen=(Unseen("x", "\x1b[2J"),))

    assert "\x1b" not in report_text.report(machine, [evil], (), ())


@pytest.mark.parametrize(
    ("capture", "kept", "left"),
    [
        ("nvidia-smi-L_h100-mig.txt", 1, 3),
        ("nvidia-smi-q-x_a100-sxm4-80gb-mig.xml", 1, 3),
        ("nvidia-smi-L_h200.txt", 1, 0),
    ],
)
def test_a_program_sees_one_mig_instance(capture: str, kept: int, left: int) -> None:
    """However many there are: NVIDIA MIG User Guide, CUDA device enumeration."""
    path = Path(__file__).parents[1] / "captures" / capture
    everything, one = cards.read_capture(path), cards.read_capture(path, one_program=True)

    assert len(everything.cards) == kept + left
    assert one.cards == everything.cards[:kept]
    assert any("also here, and not counted" in note for note in one.notes) == bool(left)


CAPTURES = Path(__file__).parents[1] / "captures"


def test_where_there_is_no_card_there_is_no_table(fitcheck: Run) -> None:
    """A version names the driver alone: sentences, no empty headings."""
    done = fitcheck("detect", "--machine", str(CAPTURES / "nvidia-smi-version_linux_590.txt"))

    assert done.code == 3
    assert done.out.startswith("driver 590.48.01\nnot seen by nvidia-smi --version")


@pytest.mark.parametrize(
    ("name", "headings"),
    [
        ("nvidia-smi-q-x_a10g.xml", "CARD TOTAL RESERVED IN USE USABLE COMPUTE"),
        ("nvidia-smi-query_l40s.csv", "CARD TOTAL RESERVED USABLE COMPUTE"),
        ("rocm-smi-all-json_mi100_rocm602.json", "CARD TOTAL RESERVED IN USE USABLE"),
        ("lspci_lines.txt", "CARD TOTAL RESERVED USABLE COMPUTE"),
    ],
)
def test_a_column_of_which_nothing_is_known_is_left_out(
    fitcheck: Run, name: str, headings: str
) -> None:
    """What is in use was not asked, and a compute capability is NVIDIA's."""
    first = fitcheck("detect", "--machine", str(CAPTURES / name)).out.splitlines()[0]

    assert " ".join(first.split()) == headings


def test_memory_that_no_tool_showed_is_said_to_be_the_catalogs(fitcheck: Run) -> None:
    """A list of names has none; what has it says nothing of the sort."""
    listed = fitcheck("detect", "--machine", str(CAPTURES / "nvidia-smi-L_h200.txt")).out
    read = fitcheck("detect", "--machine", str(CAPTURES / "nvidia-smi-q-x_a10g.xml")).out

    assert "nvidia-smi -L shows no memory: it is the catalog's, of h200" in listed
    assert "shows no memory" not in read
