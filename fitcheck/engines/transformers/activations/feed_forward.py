"""What lives in an MLP while its matrices are multiplied."""

from fitcheck.architecture import DenseMLP
from fitcheck.engines.transformers.activations.script import TOKEN, Piece, Script, Shape
from fitcheck.engines.transformers.activations.step import Pass, multiply, norm, through


def dense(s: Script, p: Pass, f: DenseMLP, spent: Piece | None) -> Piece:
    """One MLP. `spent` is its input where nothing holds that after the first matrix."""
    wide = {"intermediate_size": f.intermediate_size, "itemsize": p.itemsize}
    if f.gated:
        return gated(s, p, wide, f.fused)
    up = multiply(s, p, "up", wide, "ffn_up")
    s.drop(*([spent] if spent is not None else []))
    made = {**wide, "itemsize": p.style.activation - 2}
    s.drop(s.take("what the activation makes", TOKEN, made))
    inner = s.swap(up, "up, activated", TOKEN, wide)
    return through(s, p, inner, "the MLP's output", p.hidden, "ffn_down")


def gated(s: Script, p: Pass, wide: Shape, fused: bool, suffix: str = "") -> Piece:
    """A gated MLP: separate gate and up, or both in one matrix."""
    inner = _fused(s, p, wide, suffix) if fused else _separate(s, p, wide, suffix)
    if p.style.norm_inside:
        normed = norm(s, p, wide)
        s.drop(inner)
        inner = normed
    return through(s, p, inner, "the MLP's output", p.hidden, f"ffn_down{suffix}")


def _separate(s: Script, p: Pass, wide: Shape, suffix: str) -> Piece:
    gate = multiply(s, p, "gate", wide, f"ffn_gate{suffix}")
    gate = s.swap(gate, "gate, activated", TOKEN, wide)
    up = multiply(s, p, "up", wide, f"ffn_up{suffix}")
    product = s.take("gate times up", TOKEN, wide)
    s.drop(gate, up)
    return product


def _fused(s: Script, p: Pass, wide: Shape, suffix: str) -> Piece:
    both = multiply(s, p, "gate and up", {"two": 2, **wide}, f"ffn_gate_up{suffix}")
    gate = s.take("gate, activated", TOKEN, wide)
    product = s.take("gate times up", TOKEN, wide)
    s.drop(both, gate)
    return product
