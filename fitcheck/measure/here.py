"""Runs on a card of this machine: which one a program sees, and who watches it meanwhile."""

from collections.abc import Callable, Mapping
from typing import Final

from fitcheck.machine import Card
from fitcheck.measure.meter import nvml_meter
from fitcheck.measure.process import Start, starter
from fitcheck.measure.records import Reading

# Which cards a program sees, by maker.
_VISIBLE: Final = {"nvidia": "CUDA_VISIBLE_DEVICES", "amd": "HIP_VISIBLE_DEVICES"}


def several(run: Callable[[Start], Reading], times: int, start: Start) -> list[Reading]:
    """So many runs, fewer where memory runs out."""
    found: list[Reading] = []
    while len(found) < times and not (found and found[-1].ran_out):
        found.append(run(start))
    return found


def on(card: Card, environment: Mapping[str, str], chosen: bool, seconds: float) -> Start:
    """Programs that see this card and no other, watched by its driver where that is NVIDIA's."""
    meter = nvml_meter(card.index or 0) if card.vendor.lower() == "nvidia" else _blind
    return starter(meter, seconds, sight(card, environment, chosen))


def _blind() -> None:
    return None


def sight(card: Card, environment: Mapping[str, str], chosen: bool) -> dict[str, str]:
    """What shows a program this card alone; nothing where the user has said so already."""
    name = _VISIBLE.get(card.vendor.lower())
    if name is None or card.index is None or (name in environment and not chosen):
        return {}
    order = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"} if card.vendor.lower() == "nvidia" else {}
    return {**order, name: str(card.index)}
