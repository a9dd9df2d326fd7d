"""nvidia-smi, for a machine where its library cannot be asked (WSL keeps it off the path)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from fitcheck.detect.nvidia.visible import visible
from fitcheck.detect.nvidia.xml import parse_xml
from fitcheck.detect.reading import Reading, nothing
from fitcheck.detect.tools import Run
from fitcheck.machine import Unseen

ASKED: Final = "nvidia-smi"
# Where WSL keeps what the driver of Windows brings (Microsoft, "GPU acceleration in WSL", 2025).
WSL: Final = "usr/lib/wsl/lib/nvidia-smi"


def probe(environment: Mapping[str, str], run: Run, root: Path = Path("/")) -> Reading:
    """Every card that `nvidia-smi -q -x` shows and a CUDA program may use."""
    beside = root / WSL
    said = run(("nvidia-smi", "-q", "-x")) or (
        run((str(beside), "-q", "-x")) if beside.exists() else None
    )
    if said is None:
        return nothing(ASKED, "nvidia-smi does not answer either")
    found = parse_xml(said[max(said.find("<?xml"), 0) :])
    wanted = environment.get("CUDA_VISIBLE_DEVICES")
    shown = visible(found.cards, wanted)
    if len(shown) == len(found.cards):
        return found
    hidden = f"CUDA_VISIBLE_DEVICES={wanted!r} hides {len(found.cards) - len(shown)} cards"
    return msgspec.structs.replace(
        found, cards=shown, unseen=(*found.unseen, Unseen(ASKED, hidden))
    )
