"""A whole machine asked: drivers and tools of several makers, some of which fail or hang."""

import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from stand_ins import Driver, LibraryNotFoundError, h100, lay, on_bus, radeon, tool

from fitcheck import detect
from fitcheck.cards import seen
from fitcheck.detect import windows
from fitcheck.detect.reading import Reading
from fitcheck.detect.tools import Tools
from fitcheck.machine import Machine
from fitcheck.units import GIB, MIB, Bytes

CAPTURES = Path(__file__).parents[1] / "captures"
posix = pytest.mark.skipif(sys.platform == "win32", reason="the tools are shell scripts")


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401
    """Puts a stand-in where the driver's library is asked for; none by default."""

    def put(found: Driver) -> None:
        monkeypatch.setattr("fitcheck.detect.nvidia.nvml._module", lambda: found)

    put(Driver(fault=LibraryNotFoundError()))
    return put


def here(root: Path, environment: dict[str, str] | None = None, **more: Any) -> Machine:  # noqa: ANN401
    return seen.machine(detect.probe(environment or {}, root, "linux", **more), "here")


def why(found: Machine) -> str:
    return "; ".join(f"{u.asked}: {u.why}" for u in found.unseen)


def test_cards_of_three_makers_are_all_there(driver: Any, tmp_path: Path) -> None:  # noqa: ANN401
    """In the order of makers; each is read where its driver tells it."""
    driver(Driver(h100()))
    arc = on_bus("0000:03:00.0", "0x8086", "0xe20b")
    tile = {"sys/bus/pci/devices/0000:03:00.0/tile0/physical_vram_size_bytes": 12 * GIB}
    lay(tmp_path, radeon(0, 21458059264, 0) | arc | tile)
    found = here(tmp_path)

    assert [card.id for card in found.cards] == ["h100-sxm", "rx-7900-xt", "arc-b580"]
    assert [card.total for card in found.cards] == [85520809984, 21458059264, 12 * GIB]


def test_where_the_driver_answers_no_program_is_run(
    driver: Any,  # noqa: ANN401
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A process costs more than all the rest."""

    def never(*_: object, **__: object) -> None:
        raise AssertionError("a program was run")

    monkeypatch.setattr(subprocess, "Popen", never)
    driver(Driver(h100()))
    lay(tmp_path, radeon(0, 21458059264, 0))

    assert len(here(tmp_path).cards) == 2


@posix
def test_without_its_library_nvidia_smi_is_asked(driver: Any, tmp_path: Path) -> None:  # noqa: ANN401
    """The capture of an A10G; CUDA_VISIBLE_DEVICES counts there too."""
    capture = CAPTURES / "nvidia-smi-q-x_a10g.xml"
    environment = tool(tmp_path / "bin", "nvidia-smi", f"exec /bin/cat '{capture}'")

    assert [card.id for card in here(tmp_path, environment).cards] == ["a10g"]
    hidden = here(tmp_path, environment | {"CUDA_VISIBLE_DEVICES": ""})
    assert hidden.cards == ()


@posix
def test_wsl_keeps_nvidia_smi_off_the_path(driver: Any, tmp_path: Path) -> None:  # noqa: ANN401
    """It is asked where Windows' driver puts it."""
    capture = CAPTURES / "nvidia-smi-q-x_tesla-t4.xml"
    (tmp_path / "usr/lib/wsl").mkdir(parents=True)
    tool(tmp_path / "usr/lib/wsl/lib", "nvidia-smi", f"exec /bin/cat '{capture}'")

    assert [card.id for card in here(tmp_path).cards] == ["tesla-t4"]


@pytest.mark.parametrize(
    ("model", "ram", "card"),
    [
        ("NVIDIA Jetson AGX Orin Developer Kit", 61.4, "jetson-agx-orin-64gb"),
        ("NVIDIA Jetson AGX Orin", 29.9, "jetson-agx-orin-32gb"),
        ("NVIDIA Jetson Orin Nano Developer Kit", 7.4, "jetson-orin-nano-8gb"),
        ("NVIDIA Jetson Orin NX Engineering Reference Developer Kit", 15.3, "jetson-orin-nx-16gb"),
    ],
)
def test_a_jetson_without_nvml_is_known_by_its_device_tree(
    driver: Any,  # noqa: ANN401
    tmp_path: Path,
    model: str,
    ram: float,
    card: str,
) -> None:
    """Its memory is the computer's."""
    lay(tmp_path, {"sys/firmware/devicetree/base/model": f"{model}\0"})
    found = detect.probe({}, tmp_path, "linux")
    size = Bytes(int(ram * GIB))
    beside = Reading(asked="RAM", ram_total=size, ram_available=Bytes(size - 2 * GIB))
    (orin,) = seen.machine([*found[:-1], beside], "here").cards

    assert (orin.id, orin.unified, orin.available) == (card, True, size - 2 * GIB)


@posix
def test_a_radeon_that_sys_does_not_show_is_asked_of_amd_smi(
    driver: Any,  # noqa: ANN401
    tmp_path: Path,
) -> None:
    """Warnings before its JSON are passed over; what is in use comes from a second call."""
    static = CAPTURES / "amd-smi-static-json_mi210_trimmed.json"
    metric = tmp_path / "metric.json"
    metric.write_text('[{"gpu": 0, "mem_usage": {"used_vram": {"value": 1000, "unit": "MB"}}}]')
    script = f"""echo "WARNING: not root"
case "$1" in static) /bin/cat '{static}';; metric) /bin/cat '{metric}';; esac"""
    lay(tmp_path, {"dev/kfd": ""})
    found = here(tmp_path, tool(tmp_path / "bin", "amd-smi", script))

    assert [(c.id, c.total // MIB, (c.used or 0) // MIB) for c in found.cards] == [
        ("instinct-mi210", 65520, 1000)
    ]


@posix
def test_else_rocm_smi_is_asked(driver: Any, tmp_path: Path) -> None:  # noqa: ANN401
    """HIP's variables hide its cards as well."""
    capture = CAPTURES / "rocm-smi-showmeminfo-json_rx7900xt.json"
    environment = tool(tmp_path / "bin", "rocm-smi", f"exec /bin/cat '{capture}'")
    lay(tmp_path, {"dev/kfd": ""})

    assert [card.id for card in here(tmp_path, environment).cards] == ["rx-7900-xt"]
    hidden = here(tmp_path, environment | {"HIP_VISIBLE_DEVICES": "-1"})
    assert hidden.cards == () and "HIP_VISIBLE_DEVICES=-1 hides 1 of 1" in why(hidden)


def test_intels_own_driver_tells_what_is_free(driver: Any, tmp_path: Path) -> None:  # noqa: ANN401
    """i915 as Intel ships it; tiles of xe add up."""
    place = "sys/bus/pci/devices/0000:03:00.0"
    files = on_bus("0000:03:00.0", "0x8086", "0x56a0") | {
        f"{place}/drm/card1/lmem_total_bytes": 16 * GIB,
        f"{place}/drm/card1/lmem_avail_bytes": 15 * GIB,
    }
    (arc,) = here(lay(tmp_path / "i915", files)).cards
    assert (arc.id, arc.total, arc.available) == ("arc-a770-16gb", 16 * GIB, 15 * GIB)

    files = on_bus("0000:03:00.0", "0x8086", "0x0bd5", "0x038000") | {
        f"{place}/tile0/physical_vram_size_bytes": 32 * GIB,
        f"{place}/tile1/physical_vram_size_bytes": 32 * GIB,
    }
    (tiles,) = here(lay(tmp_path / "xe", files)).cards
    assert tiles.total == 64 * GIB


@posix
def test_an_ascend_is_asked_of_npu_smi(driver: Any, tmp_path: Path) -> None:  # noqa: ANN401
    """Where its device is; ASCEND_RT_VISIBLE_DEVICES leaves some of them."""
    capture = CAPTURES / "npu-smi-info_910b4-1_excerpt.txt"
    environment = tool(tmp_path / "bin", "npu-smi", f"exec /bin/cat '{capture}'")
    assert here(tmp_path, environment).cards == ()
    lay(tmp_path, {"dev/davinci0": ""})

    assert [card.id for card in here(tmp_path, environment).cards] == ["ascend-910b4-1"] * 2
    one = here(tmp_path, environment | {"ASCEND_RT_VISIBLE_DEVICES": "1"})
    assert [card.index for card in one.cards] == [1]
    assert "ASCEND_RT_VISIBLE_DEVICES=1 hides 1 cards" in why(one)


def test_a_computer_without_a_card_says_so_of_every_maker(
    driver: Any,  # noqa: ANN401
    tmp_path: Path,
) -> None:
    """And still has its RAM."""
    found = here(tmp_path)

    assert found.cards == ()
    assert [u.asked.split()[0] for u in found.unseen] == ["NVIDIA", "AMD", "Intel", "npu-smi"]
    assert found.ram_total


@posix
def test_a_tool_that_hangs_is_cut_off_and_hides_nobody(
    driver: Any,  # noqa: ANN401
    tmp_path: Path,
) -> None:
    """With what it started: a child that holds its output open is ended too."""
    driver(Driver(h100()))
    environment = tool(tmp_path / "bin", "xpu-smi", "/bin/sleep 60 & /bin/sleep 60")
    lay(tmp_path, on_bus("0000:03:00.0", "0x8086", "0x56c0"))
    started = time.perf_counter()
    readings = detect.probe(environment, tmp_path, "linux", patience=0.2)
    found = seen.machine(readings, "here")

    assert time.perf_counter() - started < 5
    assert found.cards[0].id == "h100-sxm"
    answers = [answer.came for reading in readings for answer in reading.answers]
    assert answers == ["did not answer within 0.2 s"]


def test_a_driver_that_hangs_is_left_alone(
    driver: Any,  # noqa: ANN401
    tmp_path: Path,
) -> None:
    """A call into a stuck driver cannot be ended: the others are told all the same."""

    class Stuck(Driver):
        def nvmlInit(self) -> None:
            time.sleep(2)

    driver(Stuck())
    lay(tmp_path, radeon(0, 21458059264, 0))
    started = time.perf_counter()
    found = here(tmp_path, patience=-0.3)

    assert time.perf_counter() - started < 1.5
    assert [card.id for card in found.cards] == ["rx-7900-xt"]
    assert "did not answer within" in why(found)


@posix
@pytest.mark.parametrize(
    ("script", "said", "came"),
    [
        ("echo yes", "yes", "3 characters"),
        ("echo yes; exit 3", "yes", "3 characters (exit 3)"),
        ("echo no >&2; exit 9", None, "printed nothing (exit 9, no)"),
        ("exec /bin/sleep 30", None, "did not answer within 0.2 s"),
    ],
)
def test_what_a_tool_did_is_remembered(
    tmp_path: Path, script: str, said: str | None, came: str
) -> None:
    run = Tools(tool(tmp_path, "ask", script), patience=0.2)

    assert run(("ask", "-j")) == said
    assert [(a.command, a.came) for a in run.taken()] == [("ask -j", came)]


def test_a_tool_that_is_not_there_costs_nothing(tmp_path: Path) -> None:
    run = Tools({"PATH": str(tmp_path)})

    assert run(("no-such-smi",)) is None
    assert run.taken()[0].came == "is not installed"


# --- Windows -----------------------------------------------------------------------------------

ADAPTERS: list[dict[str, Any]] = [
    {
        "DriverDesc": "AMD Radeon RX 7900 XT",
        "DriverVersion": "32.0.12011.1036",
        "MatchingDeviceId": r"PCI\VEN_1002&DEV_744C&REV_CC",
        windows.MEMORY: 21458059264,
    },
    {
        "DriverDesc": "NVIDIA GeForce RTX 3090",
        "MatchingDeviceId": r"PCI\VEN_10DE&DEV_2204",
        windows.MEMORY: 25757220864,
    },
    {
        "DriverDesc": "Intel(R) Arc(TM) B580 Graphics",
        "MatchingDeviceId": r"PCI\VEN_8086&DEV_E20B",
        windows.MEMORY: (12 * GIB).to_bytes(8, "little"),  # some drivers write bytes
    },
    {"DriverDesc": "Microsoft Basic Display Adapter"},
]


def test_windows_lists_cards_of_amd_and_intel() -> None:
    """NVIDIA's are its library's to tell; 64 bits, where WMI ends at 4 GiB."""
    found = seen.machine([windows.probe(lambda: ADAPTERS, 64 * GIB)], "here")

    assert [(c.id, c.total) for c in found.cards] == [
        ("rx-7900-xt", 21458059264),
        ("arc-b580", 12 * GIB),
    ]
    assert found.driver == "32.0.12011.1036"


def test_a_processors_gpu_takes_half_of_windows_memory() -> None:
    """Strix Halo with half a GiB of its own in a computer of 64."""
    row = {
        "DriverDesc": "AMD Radeon 8060S Graphics",
        "MatchingDeviceId": r"PCI\VEN_1002&DEV_1586&REV_C1",
        windows.MEMORY: 512 * MIB,
    }
    (card,) = seen.machine([windows.probe(lambda: [row], 64 * GIB)], "here").cards

    assert (card.unified, card.total) == (True, 512 * MIB + 32 * GIB)


def test_on_windows_its_list_is_asked(driver: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401
    monkeypatch.setattr(windows, "_registry", lambda: ADAPTERS)
    driver(Driver(h100()))
    found = detect.probe({}, Path("/nonexistent"), "win32")

    assert [reading.asked for reading in found] == [
        "NVIDIA driver (NVML)",
        windows.ASKED,
        "RAM",
    ]
    assert [len(reading.cards) for reading in found] == [1, 2, 0]


def test_the_registry_is_read_value_by_value() -> None:
    """An adapter without a value lacks that alone."""

    class Registry(SimpleNamespace):
        def QueryValueEx(self, key: dict[str, Any], name: str) -> tuple[Any, int]:
            if name not in key:
                raise OSError(2, "no such value")
            return key[name], 1

    assert windows._values(Registry(), ADAPTERS[3]) == ADAPTERS[3]
