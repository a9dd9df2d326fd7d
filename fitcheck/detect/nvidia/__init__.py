"""NVIDIA: the driver asked through NVML, and what nvidia-smi printed elsewhere."""

from fitcheck.detect.nvidia.lists import parse_list, parse_profiles, parse_version, profiles
from fitcheck.detect.nvidia.nvml import ASKED, probe
from fitcheck.detect.nvidia.query import parse_csv, parse_query
from fitcheck.detect.nvidia.table import parse_table
from fitcheck.detect.nvidia.xml import parse_xml

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
