"""NVIDIA: the driver asked through NVML, and what nvidia-smi printed elsewhere."""

from collections.abc import Mapping
from pathlib import Path

from fitcheck.detect.nvidia import jetson, nvml, smi
from fitcheck.detect.nvidia.lists import parse_list, parse_profiles, parse_version, profiles
from fitcheck.detect.nvidia.nvml import ASKED
from fitcheck.detect.nvidia.query import parse_csv, parse_query
from fitcheck.detect.nvidia.table import parse_table
from fitcheck.detect.nvidia.xml import parse_xml
from fitcheck.detect.reading import Reading
from fitcheck.detect.tools import Run

__all__ = [
    "ASKED",
    "parse_csv",
    "parse_list",
    "parse_profiles",
    "parse_query",
    "parse_table",
    "parse_version",
    "parse_xml",
    "probe",
    "profiles",
]


def probe(
    environment: Mapping[str, str],
    root: Path,
    run: Run,
    driver: nvml.Nvml | None = None,
) -> Reading:
    """The driver asked through its library; where that has none, its tool, then the board's name.

    Where neither shows a card, what the library said is the reason.
    """
    found = nvml.probe(environment, root / "sys", driver)
    if found.cards or found.driver:
        return found
    for other in (smi.probe(environment, run, root), jetson.probe(root / "sys")):
        if other.cards:
            return other
    return found
