"""AMD, Apple, Intel and the host, asked through files and commands that a test lays out."""

import json
from pathlib import Path

import pytest
from stand_ins import lay, on_bus, radeon

from fitcheck import detect
from fitcheck.cards import seen
from fitcheck.detect import amd, apple, host, intel
from fitcheck.detect.reading import Reading
from fitcheck.units import GIB, MIB, Bytes


def test_a_radeon_is_read_from_sys_in_bytes(tmp_path: Path) -> None:
    """The figures of a real RX 7900 XT; `card0-DP-1` is a plug, not a card."""
    here = lay(
        tmp_path, radeon(0, 21458059264, 27856896) | {"sys/class/drm/card0-DP-1/status": "x"}
    )
    (card,) = seen.machine([amd.probe({}, here, None, tmp_path / "none")], "here").cards

    assert (card.id, card.name) == ("rx-7900-xt", "AMD Radeon RX 7900 XT")
    assert card.available == 21458059264 - 27856896


def test_names_come_from_libdrm_where_it_is_installed(tmp_path: Path) -> None:
    """A card that the catalog does not know keeps its name and its reading."""
    ids = tmp_path / "amdgpu.ids"
    ids.write_text("# List\n1.0.0\n743F,\tC1,\tAMD Radeon RX 6500 XT\n", "utf-8")
    here = lay(tmp_path, radeon(1, 4278190080, 0, "0x743f", "0xc1"))
    (card,) = seen.machine([amd.probe({}, here, None, ids)], "here").cards

    assert (card.name, card.total) == ("AMD Radeon RX 6500 XT", 4278190080)


def test_a_processors_gpu_reaches_ram_as_well(tmp_path: Path) -> None:
    """Strix Halo: its own part and GTT, but no more of it than is free in the computer."""
    here = lay(tmp_path, radeon(0, 512 * MIB, 0, "0x1586", "0xc1"))
    ram = Reading(asked="RAM", ram_total=Bytes(31 * GIB), ram_available=Bytes(9 * GIB))
    (card,) = seen.machine([amd.probe({}, here, None, tmp_path / "none"), ram], "here").cards

    assert card.unified
    assert card.total == 512 * MIB + 16 * GIB
    assert card.available == 512 * MIB + 9 * GIB


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, [0, 1]),
        ({"HIP_VISIBLE_DEVICES": "1"}, [1]),
        ({"CUDA_VISIBLE_DEVICES": "0"}, [0]),
        ({"ROCR_VISIBLE_DEVICES": "1", "HIP_VISIBLE_DEVICES": "0"}, [1]),
        ({"HIP_VISIBLE_DEVICES": ""}, []),
        ({"HIP_VISIBLE_DEVICES": "-1"}, []),
        ({"HIP_VISIBLE_DEVICES": "1,0"}, [1, 0]),
        ({"HIP_VISIBLE_DEVICES": "1,7,0"}, [1]),  # what stands after one that is not there
        ({"HIP_VISIBLE_DEVICES": "1,1"}, [1]),
        ({"ROCR_VISIBLE_DEVICES": "GPU-b1"}, [1]),
        ({"ROCR_VISIBLE_DEVICES": "GPU-b1,0"}, [1, 0]),
    ],
)
def test_hip_s_variables_are_heeded(
    tmp_path: Path, environment: dict[str, str], expected: list[int]
) -> None:
    """ROCr's first, HIP's over what is left (ROCm documentation, GPU isolation)."""
    both = radeon(0, 8 * GIB, 0) | radeon(1, 8 * GIB, 0)
    both["sys/class/drm/card1/device/unique_id"] = "b1"
    here = lay(tmp_path, both)
    found = amd.probe(environment, here, None, tmp_path / "none")

    assert [card.index for card in found.cards] == expected
    assert bool(found.unseen) == (not expected)


SYSCTL = """hw.memsize: 68719476736
machdep.cpu.brand_string: Apple M4 Max
iogpu.wired_limit_mb: {limit}
kern.osproductversion: {system}
"""


@pytest.mark.parametrize(
    ("system", "limit", "mib"),
    [
        ("15.6", 0, 49152),  # three quarters
        ("26.1", 0, 53084),
        ("26.1", 60000, 60000),
        ("14.2", 0, 49152),
    ],
)
def test_metal_s_share_is_by_macos_unless_it_was_set(system: str, limit: int, mib: int) -> None:
    """64 GB: what recommendedMaxWorkingSetSize says on macOS 15 and 26."""
    found = apple.parse(SYSCTL.format(limit=limit, system=system))
    (card,) = seen.machine([found], "here").cards

    assert (card.id, card.total, card.visible // MIB) == ("apple-m4-max-64gb", 64 * GIB, mib)


def test_a_mac_s_programs_leave_less_than_metal_would_give() -> None:
    ram = Reading(asked="RAM", ram_total=Bytes(64 * GIB), ram_available=Bytes(20 * GIB))
    found = apple.parse(SYSCTL.format(limit=0, system="26.1"))
    (card,) = seen.machine([found, ram], "here").cards

    assert card.available == 20 * GIB


def test_a_size_of_mac_that_nobody_read_gets_the_share_of_its_neighbours() -> None:
    """96 GB lie between 64 and 128, which give three quarters each."""
    text = SYSCTL.format(limit=0, system="15.1").replace("68719476736", str(96 * GIB))
    (card,) = seen.machine([apple.parse(text)], "here").cards

    assert card.visible == 72 * GIB


def test_system_profiler_with_hardware_knows_the_ram() -> None:
    """`system_profiler SPDisplaysDataType SPHardwareDataType -json`."""
    data = {
        "SPDisplaysDataType": [{"_name": "Apple M3 Pro", "sppci_model": "Apple M3 Pro"}],
        "SPHardwareDataType": [{"physical_memory": "36 GB"}],
    }
    (card,) = seen.machine([detect.read_capture(json.dumps(data))], "there").cards

    assert (card.id, card.visible // MIB) == ("apple-m3-pro-36gb", 27648)


def test_an_intel_mac_has_no_apple_gpu() -> None:
    intel_mac = "hw.memsize: 17179869184\nmachdep.cpu.brand_string: Intel(R) Core(TM) i7\n"

    assert "not Apple silicon" in apple.parse(intel_mac).unseen[0].why


def test_on_macos_only_macos_is_asked(tmp_path: Path) -> None:
    """No other maker's driver runs there."""
    found = detect.probe({}, tmp_path, "darwin")

    assert [reading.asked for reading in found] == [apple.ASKED, "RAM"]


def test_xpu_smi_is_asked_for_each_card_s_memory(tmp_path: Path) -> None:
    """The list has no memory, `-d 0` has: 14248 MiB of a Flex 170's 16 GB."""
    captures = Path(__file__).parents[1] / "captures"
    answers = {
        ("xpu-smi", "discovery", "-j"): "xpu-smi-discovery-json_flex170.json",
        ("xpu-smi", "discovery", "-d", "0", "-j"): "xpu-smi-discovery-d0-json_flex170.json",
    }

    def run(command: tuple[str, ...]) -> str | None:
        return (captures / answers[command]).read_text("utf-8")

    here = lay(tmp_path, on_bus("0000:03:00.0", "0x8086", "0x56c0"))
    (card,) = seen.machine([intel.probe({}, here, run)], "here").cards
    assert (card.id, card.total // MIB) == ("data-center-gpu-flex-170", 14248)


def test_an_intel_card_without_its_tool_is_known_by_its_id(tmp_path: Path) -> None:
    """8086:e20b is a B580, whose memory the catalog has; one that it lacks is told, not counted."""
    arc = on_bus("0000:03:00.0", "0x8086", "0xe20b")
    here = lay(tmp_path, arc | on_bus("0000:00:02.0", "0x8086", "0x4680"))
    found = seen.machine([intel.probe({}, here, lambda _: None)], "here")

    assert [card.id for card in found.cards] == ["arc-b580"]
    assert "Intel device 4680" in " ".join(u.why for u in found.unseen)


def ram(total: int, available: int) -> tuple[int, int]:
    return total * GIB, available * GIB


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, (64, 50)),
        (
            {  # cgroup v2, with 2 GiB of cache that can go
                "proc/self/cgroup": "0::/a/b",
                "sys/fs/cgroup/a/memory.max": 16 * GIB,
                "sys/fs/cgroup/a/memory.current": 10 * GIB,
                "sys/fs/cgroup/a/memory.stat": f"anon 1\ninactive_file {2 * GIB}",
                "sys/fs/cgroup/a/b/memory.max": "max",
            },
            (16, 8),
        ),
        (
            {  # cgroup v1
                "proc/self/cgroup": "12:memory:/docker/x\n1:name=systemd:/y",
                "sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes": 8 * GIB,
                "sys/fs/cgroup/memory/docker/x/memory.usage_in_bytes": GIB,
            },
            (8, 7),
        ),
        (
            {  # a container's own root
                "proc/self/cgroup": "0::/",
                "sys/fs/cgroup/memory.max": 4 * GIB,
                "sys/fs/cgroup/memory.current": 5 * GIB,
            },
            (4, 0),
        ),
        (
            {  # v1 without a limit
                "proc/self/cgroup": "12:memory:/",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": 9223372036854771712,
            },
            (64, 50),
        ),
    ],
    ids=["none", "v2", "v1", "container", "v1 unlimited"],
)
def test_a_container_s_limit_counts(
    tmp_path: Path, files: dict[str, object], expected: tuple[int, int]
) -> None:
    """What the process may use, not what the board has."""
    found = host.memory(lay(tmp_path, files), lambda: ram(64, 50))

    assert (found.total, found.available) == ram(*expected)


def test_one_vendors_failure_hides_no_other_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a driver raises."""

    def broken(*_: object) -> Reading:
        raise RuntimeError("boom")

    monkeypatch.setattr("fitcheck.detect.nvidia.probe", broken)
    lay(tmp_path, radeon(0, 8 * GIB, 0))
    found = seen.machine(detect.probe({}, tmp_path, "linux"), "here")

    assert [card.id for card in found.cards] == ["rx-7900-xt"]
    assert "boom" in " ".join(u.why for u in found.unseen)
    assert found.ram_total


def test_this_machine_answers_without_a_traceback() -> None:
    """Whatever it has: cards, or for every vendor why not."""
    found = seen.machine(detect.probe(), "here")

    assert found.cards or len(found.unseen) >= 3
