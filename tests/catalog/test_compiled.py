"""A kept catalog is the catalog, and never an old one."""

from pathlib import Path

from fitcheck.catalog import compiled, load_models


def test_what_was_kept_is_what_was_built(tmp_path: Path) -> None:
    """Every entry and every model, equal layers one object again."""
    built = load_models(kept_in=tmp_path)

    kept = load_models(kept_in=tmp_path)

    assert tuple(kept) == tuple(built)
    for entry in built:
        assert kept.model(entry) == built.model(entry)
    llama = kept.model(kept.entries["llama-7b"])
    assert llama is not None
    assert len(llama.kinds) == 1


def test_a_changed_overlay_is_seen_at_once(tmp_path: Path) -> None:
    """The key has every file's size and time."""
    own = tmp_path / "own.yaml"
    own.write_text("models:\n- id: llama-7b\n  name: Mine\n")
    assert load_models((own,), tmp_path).entries["llama-7b"].name == "Mine"

    own.write_text("models:\n- id: llama-7b\n  name: Mine again\n")

    assert load_models((own,), tmp_path).entries["llama-7b"].name == "Mine again"
    assert load_models((), tmp_path).entries["llama-7b"].name == "LLaMA 7B"


def test_a_broken_copy_is_worked_out_anew(tmp_path: Path) -> None:
    """Truncated, foreign, or not to be written: the answer is the same."""
    load_models(kept_in=tmp_path)
    kept = tmp_path / "catalog.msgpack"
    whole = kept.read_bytes()

    for broken in (b"", b"\x00" * 100, whole[: len(whole) // 2]):
        kept.write_bytes(broken)
        assert "llama-7b" in load_models(kept_in=tmp_path).entries

    nowhere = tmp_path / "file"
    nowhere.write_text("")
    assert "llama-7b" in load_models(kept_in=nowhere / "below").entries
    assert compiled.read(nowhere / "below", "key") is None
