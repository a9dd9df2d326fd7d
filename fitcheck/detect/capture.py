"""A machine that is described by a file: which tool printed it, and what that says."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from fitcheck.detect import amd, apple, ascend, cluster, intel, listings, nvidia, rocminfo
from fitcheck.detect.reading import Reading
from fitcheck.errors import BadInput

TOOLS: Final = "nvidia-smi, rocm-smi, amd-smi, xpu-smi, npu-smi, system_profiler, lspci, kubectl"

_BY_TEXT: Final[tuple[tuple[re.Pattern[str], Callable[[str], Reading]], ...]] = tuple(
    (re.compile(pattern, re.MULTILINE), parse)
    for pattern, parse in (
        (r"<nvidia_smi_log>", nvidia.parse_xml),
        (r"GPU instance profiles:", nvidia.parse_profiles),
        (r"^\| npu-smi |HBM-Usage", ascend.parse),
        (r"^=+NVSMI LOG=+|^GPU [0-9A-Fa-f]{8}:\S+$", nvidia.parse_query),
        (r"NVIDIA-SMI version|^NVML version", nvidia.parse_version),
        (r"^\| NVIDIA-SMI |^\|\s{1,4}\d+  ?\S[^|\n]*\|[^|\n]*\|[^|\n]*\|", nvidia.parse_table),
        (r"^GPU \d+: .*\(UUID: ", nvidia.parse_list),
        (r"nvidia\.com/gpu\.", cluster.parse_labels),
        (r"\bNodeName=", cluster.parse_scontrol),
        (r" MiB, \d+ MiB free\)", listings.parse_llama),
        (r"^(?:[0-9a-f]{4}:)?[0-9a-f]{2}:[0-9a-f]{2}\.\d ", listings.parse_lspci),
        (r"^device,.*VRAM|^device,.*Card", amd.parse_rocm_csv),
        (r"^GPU: \d+\s*$", amd.parse_amd_text),
        (r"^hw\.memsize:", apple.parse),
        (r"^(?:[^\n]*, ?)?(?:gpu_name|name)\b[^\n]*,", nvidia.parse_csv),
        (r"^memory\.(?:total|free)\b", nvidia.parse_csv),
        (r"^(?:(?:\d{1,3}|GPU-[^,\n]{1,50}), ?)?"
         r"[^,\n]*(?:NVIDIA|GeForce|Tesla|Quadro|Orin|Xavier|Thor)[^,\n]*,", nvidia.parse_csv),
        (r"^\s*Chipset Model: Apple ", apple.parse_profiler_text),
        (r"^\s*Marketing Name: ", rocminfo.parse),
    )
)  # fmt: skip


def read(text: str, name: str) -> Reading:
    """What a tool's output says of a machine. Raises BadInput if no tool prints such a thing."""
    text = text.lstrip("\ufeff").replace("\r\n", "\n")
    if text.lstrip()[:1] in ("{", "["):
        return _read_json(text, name)
    for pattern, parse in _BY_TEXT:
        if pattern.search(text):
            return parse(text)
    start = min((at for at in map(text.find, "{[") if at >= 0), default=-1)
    if start >= 0 and (found := _json_within(text[start:])) is not None:
        return found
    hint = next((hint for pattern, hint in _HINTS if re.search(pattern, text, re.MULTILINE)), "")
    raise BadInput(hint or f"{name} is not what a tool prints that is known here: {TOOLS}")


# What is known, but does not say which card or how much memory.
_HINTS: Final = (
    (r"ROCm System Management Interface|^GPU\s+Temp", "rocm-smi's table shows no memory: give "
     "`rocm-smi --showproductname --showmeminfo vram --json`"),
    (r"has failed because it couldn't communicate|NVIDIA-SMI has failed", "nvidia-smi failed there:"
     " its driver does not run"),
    (r"^No devices were found", "nvidia-smi found no card there"),
    (r"command not found|is not recognized as", "the tool is not installed there: what was given is"
     " the shell's answer"),
)  # fmt: skip


def _json_within(text: str) -> Reading | None:
    """JSON behind the warnings that a tool prints before it."""
    try:
        return _from_json(json.loads(text), text)
    except (ValueError, RecursionError):
        return None


def _read_json(text: str, name: str) -> Reading:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        if "nvidia.com/gpu." in text:
            return cluster.parse_labels(text)
        raise BadInput(f"{name} is not valid JSON") from None
    found = _from_json(data, text)
    if found is None:
        raise BadInput(f"{name} is JSON, but of no tool that is known here: {TOOLS}")
    return found


def _from_json(data: Any, text: str) -> Reading | None:  # noqa: ANN401 (JSON of any shape)
    if isinstance(data, Mapping):
        if "gpu_data" in data and isinstance(data["gpu_data"], list):
            return amd.parse_amd_json(data["gpu_data"])
        if any(re.fullmatch(r"card\d{1,4}", str(key)) for key in data):
            return amd.parse_rocm_json(data)
        if "SPDisplaysDataType" in data:
            return apple.parse_profiler(data)
        if "device_list" in data or "device_name" in data:
            return intel.parse(data)
    if isinstance(data, list) and any(isinstance(row, Mapping) and "asic" in row for row in data):
        return amd.parse_amd_json(data)
    return cluster.parse_labels(text) if "nvidia.com/gpu." in text else None
