"""NVIDIA's driver asked through a stand-in for pynvml: figures of a real H100, driver 590."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from stand_ins import (
    Driver,
    DriverNotLoadedError,
    LibraryNotFoundError,
    NoPermissionError,
    NVMLError,
    h100,
    memory,
)

from fitcheck.cards import seen
from fitcheck.detect.nvidia import nvml
from fitcheck.detect.reading import Reading
from fitcheck.units import GIB, MIB, Bytes

NO_BUS = Path("/nonexistent")


def ask(driver: Driver, **environment: str) -> Reading:
    return nvml.probe(environment, NO_BUS, driver)  # type: ignore[arg-type]


def test_the_figures_are_the_drivers_to_the_byte() -> None:
    """Total is reserved, used and free together."""
    driver = Driver(h100(used=7 * GIB))
    (card,) = ask(driver).cards

    assert (card.total, card.reserved, card.used) == (85520809984, 502792192, 7 * GIB)
    assert (card.reserved or 0) + (card.used or 0) + (card.free or 0) == card.total
    assert (card.name, card.compute_capability) == ("NVIDIA H100 80GB HBM3", 9.0)
    assert ask(driver).driver == "590.48.01"
    assert driver.open == 0


def test_what_is_in_use_is_not_available() -> None:
    """And the process that holds most is named, without its folder and its arguments."""
    busy = h100(used=60 * GIB)
    busy["ComputeRunningProcesses"] = [
        SimpleNamespace(pid=41, usedGpuMemory=50 * GIB),
        SimpleNamespace(pid=42, usedGpuMemory=9 * GIB),
        SimpleNamespace(pid=43, usedGpuMemory=None),
    ]
    found = seen.machine([ask(Driver(busy))], "here")

    assert found.cards[0].available == 85018017792 - 60 * GIB
    assert found.notes == ("card 0: 2 programs hold 59.0 GiB, process 41 (python41) 50.0 of them",)


def test_a_card_without_memory_of_its_own_has_the_hosts() -> None:
    """GB10 answers NOT_SUPPORTED: 119 GiB of RAM, of which 100 are free."""
    spark = {"Name": "NVIDIA GB10", "UUID": "GPU-1", "CudaComputeCapability": (12, 1)}
    host = Reading(asked="RAM", ram_total=Bytes(119 * GIB), ram_available=Bytes(100 * GIB))
    (card,) = seen.machine([ask(Driver(spark)), host], "here").cards

    assert (card.id, card.unified) == ("dgx-spark", True)
    assert (card.total, card.available) == (119 * GIB, 100 * GIB)


def test_a_card_that_fell_off_the_bus_is_told_and_hides_no_other() -> None:
    """And it has no memory: not the host's."""
    lost = h100() | {"MemoryInfo": NVMLError("GPU is lost")}
    found = ask(Driver(lost, h100()))

    assert [card.index for card in found.cards] == [1]
    assert found.unseen[0].why == "card 0 answers: GPU is lost"


def mig(*instances: tuple[int, int]) -> dict:  # type: ignore[type-arg]
    """An H100 in MIG mode: (GPU instance, MiB) of each MIG device."""
    card = h100()
    devices = [
        {"UUID": f"MIG-{n}", "GpuInstanceId": of, "MemoryInfo": memory(m * MIB, 0, 0, m * MIB)}
        for n, (of, m) in enumerate(instances)
    ]
    return card | {
        "MigMode": (1, 1),
        "MaxMigDeviceCount": len(devices),
        "MigDeviceHandleByIndex": devices,
    }


def test_in_mig_mode_the_instances_are_the_cards() -> None:
    """Two compute instances on GPU instance 2 share its 40448 MiB."""
    found = ask(Driver(mig((2, 40448), (2, 40448), (9, 9984)))).cards

    assert [(c.total or 0) // MIB for c in found] == [40448, 9984]
    assert [c.slice for c in found] == ["MIG", "MIG"]


def test_mig_mode_without_instances_says_so() -> None:
    found = ask(Driver(mig()))

    assert found.cards == ()
    assert "MIG is on and it has no instance" in found.unseen[0].why


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (LibraryNotFoundError(), "no NVIDIA driver is installed"),
        (DriverNotLoadedError(), "the NVIDIA driver is not loaded"),
        (NoPermissionError(), "no permission to ask the NVIDIA driver"),
        (NVMLError("Driver/library version mismatch"), "version mismatch"),
    ],
)
def test_a_driver_that_cannot_be_asked_says_why(fault: Exception, says: str) -> None:
    found = ask(Driver(fault=fault))

    assert found.cards == ()
    assert says in found.unseen[0].why


def test_a_card_on_the_bus_without_its_driver_is_told(tmp_path: Path) -> None:
    """`lspci` would show it; the driver is what is missing."""
    place = tmp_path / "bus/pci/devices/0000:01:00.0"
    place.mkdir(parents=True)
    for name, value in {"class": "0x030000", "vendor": "0x10de", "device": "0x2204"}.items():
        (place / name).write_text(f"{value}\n")
    found = nvml.probe({}, tmp_path, Driver(fault=LibraryNotFoundError()))  # type: ignore[arg-type]

    assert "sits at 0000:01:00.0" in found.unseen[0].why


FOUR = tuple(h100(f"GPU-{n}abc") for n in range(4))


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("2", [2]),
        ("3,1", [3, 1]),
        ("0,9,1", [0]),  # what stands after an unknown one is invisible
        ("0,0", []),  # one card twice hides all
        ("0,1,0", []),
        ("GPU-2,GPU-2", []),
        ("1gpu2,2ampere", [1, 2]),  # as strtoul reads them
        ("0,-1,1", [0]),
        ("none", []),
        ("gpu-2", []),
        (",0", []),
        ("GPU-2,0", [2, 0]),
        ("", []),
        ("-1", []),
        ("GPU-2", [2]),
        ("GPU-", []),  # names several
        ("GPU-3abc,GPU-0abc", [3, 0]),
        (" 1 , 2 ", [1, 2]),
    ],
)
def test_cuda_visible_devices_is_heeded(wanted: str, expected: list[int]) -> None:
    """As CUDA reads it (CUDA C++ Programming Guide 13.0, environment variables)."""
    found = ask(Driver(*FOUR), CUDA_VISIBLE_DEVICES=wanted)

    assert [card.index for card in found.cards] == expected
    assert f"hides {4 - len(expected)} of 4 cards" in found.unseen[0].why


def test_without_the_variable_all_cards_are_there() -> None:
    found = ask(Driver(*FOUR))

    assert [card.index for card in found.cards] == [0, 1, 2, 3]
    assert found.unseen == ()


def test_an_index_among_unlike_cards_may_mean_another() -> None:
    """CUDA counts the fastest first, the driver by bus."""
    cards = (h100(), h100() | {"Name": "Tesla T4"})

    assert "PCI_BUS_ID" in ask(Driver(*cards), CUDA_VISIBLE_DEVICES="0").notes[0]
    sure = ask(Driver(*cards), CUDA_VISIBLE_DEVICES="0", CUDA_DEVICE_ORDER="PCI_BUS_ID")
    assert sure.notes == ()


def test_a_mig_instance_by_its_uuid() -> None:
    found = ask(Driver(mig((2, 40448), (9, 9984))), CUDA_VISIBLE_DEVICES="MIG-1")

    assert [(c.total or 0) // MIB for c in found.cards] == [9984]
