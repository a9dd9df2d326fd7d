"""AMD: the kernel driver's files, and what rocm-smi and amd-smi print."""

import csv
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from fitcheck.detect import rocminfo
from fitcheck.detect.pci import line, number, of_vendor
from fitcheck.detect.reading import Reading, Seen, mebibytes, nothing, whole
from fitcheck.detect.tools import Run
from fitcheck.machine import Unseen
from fitcheck.units import Bytes

ASKED: Final = "AMD driver (amdgpu)"
VENDOR: Final = "1002"
# Where distributions keep libdrm's table of names, "device, revision, name".
IDS: Final = Path("/usr/share/libdrm/amdgpu.ids")


def probe(
    environment: Mapping[str, str], root: Path, run: Run | None = None, ids: Path = IDS
) -> Reading:
    """Every card of the amdgpu driver, from /sys (no tool, no permission is needed).

    Where /sys shows none, though there is such a card or ROCm's device, AMD's tools are asked.
    """
    sys, names = root / "sys", _names(ids)
    cards = [
        _card(device, index, names) for index, device in enumerate(_devices(sys / "class/drm"))
    ]
    driver = line(sys / "module/amdgpu/version") or None
    if cards:
        return _shown(cards, environment, ASKED, driver)
    places = of_vendor(sys, VENDOR)
    answers = (ask(run) for ask in _tools(places, root)) if run is not None else ()
    asked = next((answer for answer in answers if answer.cards), None)
    if asked is not None:
        return _shown(asked.cards, environment, asked.asked, asked.driver)
    return nothing(ASKED, _why(places, root))


def _shown(
    cards: Sequence[Seen], environment: Mapping[str, str], asked: str, driver: str | None
) -> Reading:
    """Those of the cards that HIP shows a program, and how many it hides."""
    shown, hidden_by = _visible(cards, environment)
    hidden = f"{hidden_by} hides {len(cards) - len(shown)} of {len(cards)} cards"
    return Reading(
        asked=asked,
        cards=tuple(shown),
        driver=driver,
        unseen=() if shown else (Unseen(asked, hidden),),
        notes=(hidden,) if shown and len(shown) < len(cards) else (),
    )


def _tools(places: Sequence[str], root: Path) -> tuple[Callable[[Run], Reading], ...]:
    """AMD's tools that may know more; under WSL there is only the runtime's."""
    if places or (root / "dev/kfd").exists():
        return (_amd_smi, _rocm_smi)
    return (_rocminfo,) if (root / "dev/dxg").exists() else ()


def _rocminfo(run: Run) -> Reading:
    return rocminfo.parse(run(("rocminfo",)) or "")


def _amd_smi(run: Run) -> Reading:
    """What `amd-smi static` names, with what `amd-smi metric` says is in use."""
    static = _parsed(run(("amd-smi", "static", "--json")))
    rows = static.get("gpu_data") if isinstance(static, Mapping) else static
    if not isinstance(rows, list) or not rows:
        return nothing("amd-smi", "it lists no card")
    usage = _parsed(run(("amd-smi", "metric", "--mem-usage", "--json")))
    used = usage.get("gpu_data") if isinstance(usage, Mapping) else usage
    by_card = {str(_map(row).get("gpu")): row for row in used} if isinstance(used, list) else {}
    return parse_amd_json([{**_map(by_card.get(str(_map(r).get("gpu")))), **_map(r)} for r in rows])


def _rocm_smi(run: Run) -> Reading:
    data = _parsed(run(("rocm-smi", "--showproductname", "--showmeminfo", "vram", "gtt", "--json")))
    found = parse_rocm_json(data) if isinstance(data, Mapping) else None
    return found if found is not None else nothing("rocm-smi", "it lists no card")


def _parsed(said: str | None) -> Any:  # noqa: ANN401 (JSON of any shape)
    """JSON behind the warnings that the tools print before it."""
    starts = [at for at in map((said or "").find, "{[") if at >= 0]
    try:
        return json.loads((said or "")[min(starts, default=0) :])
    except (ValueError, RecursionError):
        return None


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _why(places: Sequence[str], root: Path) -> str:
    if places:
        return f"its driver is not loaded, though an AMD card sits at {places[0]}"
    if (root / "dev/dxg").exists():
        return "under WSL only rocminfo shows a card of AMD: name it, --gpu 7900xtx"
    return "no AMD card has its driver loaded"


def _devices(drm: Path) -> Iterable[Path]:
    """`/sys/class/drm/card0/device` and so on: those whose video memory amdgpu tells."""
    try:
        cards = [p for p in drm.iterdir() if re.fullmatch(r"card\d{1,4}", p.name)]
    except OSError:
        return []
    found = [p / "device" for p in sorted(cards, key=lambda p: int(p.name[4:]))]
    return [p for p in found if number(p / "mem_info_vram_total") is not None]


def _card(device: Path, index: int, names: Mapping[tuple[str, str], str]) -> Seen:
    model, revision = (line(device / key).removeprefix("0x") for key in ("device", "revision"))
    total, used = (number(device / f"mem_info_vram_{key}") for key in ("total", "used"))
    reach, reached = (number(device / f"mem_info_gtt_{key}") for key in ("total", "used"))
    name = names.get((model.upper(), revision.upper())) or line(device / "product_name")
    return Seen(
        name=name or f"AMD device {model}",
        vendor="amd",
        index=index,
        uuid=line(device / "unique_id"),
        pci=f"{VENDOR}:{model}:{revision}".lower(),
        total=_size(total),
        used=_size(used),
        reachable=_size(reach),
        reachable_used=_size(reached),
    )


def _size(value: int | None) -> Bytes | None:
    return None if value is None else Bytes(value)


def _names(ids: Path) -> dict[tuple[str, str], str]:
    """(device, revision) -> name, from libdrm's table where it is installed."""
    try:
        lines = ids.read_text("utf-8", "replace").splitlines()
    except OSError:
        return {}
    rows = (tuple(part.strip() for part in text.split(",", 2)) for text in lines)
    return {(row[0].upper(), row[1].upper()): row[2] for row in rows if len(row) == 3}


def _visible(cards: Sequence[Seen], environment: Mapping[str, str]) -> tuple[list[Seen], str]:
    """The cards that HIP shows a program, and the variable that says so.

    ROCm documentation 7, "GPU isolation techniques", 2025: ROCR_VISIBLE_DEVICES first, then
    HIP_VISIBLE_DEVICES (or CUDA_VISIBLE_DEVICES) over what it left; indices, or UUIDs in the first.
    """
    shown, by = list(cards), ""
    second = next((k for k in ("HIP", "CUDA") if f"{k}_VISIBLE_DEVICES" in environment), None)
    for key in ("ROCR", second):
        wanted = environment.get(f"{key}_VISIBLE_DEVICES") if key else None
        if wanted is not None:
            shown, by = _chosen(shown, wanted), f"{key}_VISIBLE_DEVICES={wanted}"
    return shown, by


def _chosen(cards: Sequence[Seen], wanted: str) -> list[Seen]:
    """Up to the first that names none, each once."""
    found: list[Seen] = []
    for word in (w.strip() for w in wanted.split(",")):
        index = whole(word)
        serial = word.removeprefix("GPU-").removeprefix("0x").lower()
        if index is not None:
            named = list(cards[index : index + 1])
        else:
            named = [c for c in cards if c.uuid.removeprefix("0x").lower() == serial]
        if not named or not word:
            break
        found.extend(card for card in named if card not in found)
    return found


# --- rocm-smi ----------------------------------------------------------------------------------


def parse_rocm_json(data: Mapping[str, Any]) -> Reading:
    """`rocm-smi --showall --json`, or with --showmeminfo vram --showproductname."""
    rows = [(key, row) for key, row in data.items() if re.fullmatch(r"card\d{1,4}", key)]
    cards = tuple(_rocm_card(row, int(key[4:])) for key, row in rows if isinstance(row, Mapping))
    system = data.get("system")
    driver = system.get("Driver version") if isinstance(system, Mapping) else None
    return Reading(asked="rocm-smi", cards=cards, driver=driver if driver is None else str(driver))


def parse_rocm_csv(text: str) -> Reading:
    """The same with --csv: a header that begins with `device`."""
    rows = csv.DictReader(line for line in text.replace("\0", "").splitlines() if line.strip())
    cards = [_rocm_card(row, place) for place, row in enumerate(rows)]
    return Reading(asked="rocm-smi", cards=tuple(cards))


_SERIES: Final = ("Card Series", "Card series", "Device Name", "Card SKU")


def _rocm_card(row: Mapping[str, Any], index: int) -> Seen:
    """One card; older versions spell `Card series` and give the board's id as its model."""
    total = mebibytes(row.get("VRAM Total Memory (B)"), "B")
    used = mebibytes(row.get("VRAM Total Used Memory (B)"), "B")
    model = str(row.get("Device ID") or row.get("Card Model") or "")
    revision = str(row.get("Device Rev") or "")
    return Seen(
        name=next((str(row[key]) for key in _SERIES if row.get(key)), "AMD card"),
        vendor="amd",
        index=index,
        uuid=str(row.get("Unique ID") or ""),
        pci=_pci(model, revision),
        total=total,
        used=used,
        reachable=mebibytes(row.get("GTT Total Memory (B)"), "B"),
        reachable_used=mebibytes(row.get("GTT Total Used Memory (B)"), "B"),
    )


def _pci(device: str, revision: str) -> str:
    """`1002:744c:cc` of `0x744c` and `0xcc`; revisions are printed with and without a zero."""
    match = re.fullmatch(r"0x([0-9a-fA-F]{4})/0x([0-9a-fA-F]{1,2})", f"{device}/{revision}")
    return f"{VENDOR}:{match[1]}:{match[2]:0>2}".lower() if match else ""


# --- amd-smi -----------------------------------------------------------------------------------


def parse_amd_json(data: Sequence[Any]) -> Reading:
    """`amd-smi static --json` (or `metric`, for what is in use): one object for each GPU."""
    rows = [row for row in data if isinstance(row, Mapping)]
    return Reading(asked="amd-smi", cards=tuple(_amd_card(row, n) for n, row in enumerate(rows)))


def _amd_card(row: Mapping[str, Any], place: int) -> Seen:
    asic, board = _part(row, "asic"), _part(row, "board")
    vram, usage = _part(row, "vram"), _part(row, "mem_usage")
    index = whole(row.get("gpu"))
    names = (asic.get("market_name"), board.get("product_name"))
    return Seen(
        name=next((str(n) for n in names if n and n != "N/A"), "AMD card"),
        vendor="amd",
        index=place if index is None else index,
        pci=_pci(str(asic.get("device_id")), str(asic.get("rev_id"))),
        total=_amount(vram.get("size")) or _amount(usage.get("total_vram")),
        used=_amount(usage.get("used_vram")),
        reachable=_amount(usage.get("total_gtt")),
        reachable_used=_amount(usage.get("used_gtt")),
    )


def _part(row: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    return _map(row.get(key))


def _amount(value: object) -> Bytes | None:
    """`{"value": 65520, "unit": "MB"}`, or `64289 MB`."""
    if isinstance(value, Mapping):
        return mebibytes(f"{value.get('value')} {value.get('unit')}")
    return mebibytes(value, "MB")


_AMD_FIELD = re.compile(r"^( *)([A-Z][A-Z0-9_]*):(?: (.*))?$")


def parse_amd_text(text: str) -> Reading:
    """`amd-smi static` as text: indented `KEY: value` under `GPU: 0`."""
    cards: list[dict[str, dict[str, str]]] = []
    section = ""
    for raw in text.splitlines():
        field = _AMD_FIELD.match(raw.rstrip())
        if field is None:
            continue
        depth, key, value = len(field[1]), field[2].lower(), field[3]
        if depth == 0 and key == "gpu":
            cards.append({"": {"gpu": value or ""}})
        elif cards and value is None and depth <= 4:
            section = key
        elif cards and value is not None:
            cards[-1].setdefault(section, {}).setdefault(key, value)
    rows = [{**card, "gpu": card[""]["gpu"]} for card in cards]
    drivers = (card.get("driver", {}).get("version") for card in cards)
    found = parse_amd_json(rows)
    return Reading(asked=found.asked, cards=found.cards, driver=next(filter(None, drivers), None))
