"""`nvidia-smi -q -x`: every figure, and the memory of each MIG instance."""

from typing import TYPE_CHECKING, Final

from fitcheck.detect.nvidia.query import UNAVAILABLE
from fitcheck.detect.reading import Reading, Seen, mebibytes, nothing, total_only, uncut

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

ASKED: Final = "nvidia-smi -q -x"


def parse_xml(text: str) -> Reading:
    """`nvidia-smi -q -x`: every figure, and the memory of each MIG instance."""
    from xml.etree import ElementTree

    try:
        log = ElementTree.fromstring(_document(text))
    except ElementTree.ParseError as fault:
        return nothing(ASKED, f"its XML is damaged: {fault}")
    driver = log.findtext("driver_version")
    cards: list[Seen] = []
    lost: list[Seen] = []
    for place, gpu in enumerate(log.iter("gpu")):
        card = _xml_card(gpu, place, driver)
        slices = {m.findtext("gpu_instance_id"): m for m in gpu.iter("mig_device")}
        cards.extend(_xml_slice(card, m) for m in slices.values())
        if not slices:
            (lost if card.sliced else cards).append(card)
    return Reading(
        asked=ASKED,
        cards=tuple(cards),
        driver=driver,
        unseen=tuple(uncut(ASKED, card) for card in lost),
    )


def _document(text: str) -> str:
    """The XML alone, where something stands before it."""
    start = text.find("<nvidia_smi_log")
    return text[max(start, 0) :].lstrip("\ufeff \r\n\t")


def _xml_card(gpu: "Element", place: int, driver: str | None) -> Seen:
    printed = gpu.findtext("fb_memory_usage/total") or ""
    total = mebibytes(printed)
    reserved = mebibytes(gpu.findtext("fb_memory_usage/reserved"))
    return Seen(
        name=(gpu.findtext("product_name") or "").strip(),
        vendor="nvidia",
        total=total,
        reserved=total_only(total, driver) if reserved is None else reserved,
        used=mebibytes(gpu.findtext("fb_memory_usage/used")),
        free=mebibytes(gpu.findtext("fb_memory_usage/free")),
        index=place,
        uuid=gpu.findtext("uuid") or "",
        unified=printed in UNAVAILABLE,
        sliced=gpu.findtext("mig_mode/current_mig") == "Enabled",
    )


def _xml_slice(card: Seen, device: "Element") -> Seen:
    return Seen(
        name=card.name,
        vendor="nvidia",
        index=card.index,
        uuid=card.uuid,
        slice="MIG",
        total=mebibytes(device.findtext("fb_memory_usage/total")),
        reserved=mebibytes(device.findtext("fb_memory_usage/reserved")),
        used=mebibytes(device.findtext("fb_memory_usage/used")),
        free=mebibytes(device.findtext("fb_memory_usage/free")),
    )
