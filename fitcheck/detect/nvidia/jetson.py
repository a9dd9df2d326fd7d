"""Jetson boards whose driver NVML does not ask: by what the device tree calls them."""

import re
from pathlib import Path
from typing import Final

from fitcheck.detect.reading import Reading, Seen, nothing

ASKED: Final = "NVIDIA Jetson (device tree)"
# Linux Documentation/ABI/testing/sysfs-firmware-ofw: the board's name, ended by a zero byte.
_MODEL: Final = "firmware/devicetree/base/model"
_KIT: Final = re.compile(r"\s*(?:Developer Kit|Engineering Reference.*|\(.*\)|Super)\s*$")


def probe(sys: Path) -> Reading:
    """The one GPU of a Jetson, whose memory is the computer's."""
    try:
        model = (sys / _MODEL).read_text("utf-8", "replace").strip("\0 \n")
    except OSError:
        model = ""
    if "jetson" not in model.lower():
        return nothing(ASKED, "this is no Jetson")
    while (shorter := _KIT.sub("", model)) != model:
        model = shorter
    return Reading(asked=ASKED, cards=(Seen(name=model, vendor="nvidia", index=0, unified=True),))
