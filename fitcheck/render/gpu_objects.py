"""Cards of the catalog and instances of clouds as plain objects (`fitcheck.gpus/1`)."""

from fitcheck.cards.listed import Listed
from fitcheck.catalog.cloud import Instance
from fitcheck.render import objects
from fitcheck.render.grid import Object


def gpu(listed: Listed) -> Object:
    """A card, and what else the table has of it; sizes in bytes, unknown figures null."""
    g = listed.gpu
    return {
        **(objects.card(listed.card) if listed.card else {"id": g.id, "name": g.name}),
        "driver_name": g.name,
        "form": g.form or None,
        "kind": g.kind,
        "aliases": list(g.aliases),
        "reported": g.total,
        "ecc": g.ecc or None,
        "reported_other_ecc": g.total_other_ecc,
        "visible": g.visible,
        "metal_macos15": g.metal_macos15,
        "metal_macos26": g.metal_macos26,
        "devices_per_board": g.devices_per_board,
        "fp32_tflops": g.fp32_tflops,
        "pcie_gen": g.pcie_gen,
        "pcie_lanes": g.pcie_lanes,
        "nvlink_gb_s": g.nvlink_gb_s,
        "tdp_w": g.tdp_w,
        "release": g.release or None,
        "custom": g.custom,
        "table_notes": g.notes or None,
        "table_source": g.source,
    }


def instance(row: Instance) -> Object:
    """What a cloud rents out under that name."""
    return {
        "id": row.id,
        "provider": row.provider,
        "instance": row.instance,
        "gpu": row.gpu or row.card,
        "count": row.count,
        "memory_each": row.memory,
        "vcpus": row.vcpus,
        "ram": row.ram,
        "price_usd_hour": row.price,
        "price_region": row.price_region or None,
        "price_date": row.price_date or None,
        "notes": row.notes or None,
        "source": row.source,
    }
