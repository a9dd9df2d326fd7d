"""A published quantization: which scheme packs which module."""

import msgspec

from fitcheck.quantization.published.patterns import Patterns, canonical
from fitcheck.quantization.rules import HEAD, KEPT_ROLES, Weight
from fitcheck.quantization.scheme import Scheme


class Assigned(msgspec.Struct, frozen=True):
    """Modules that are packed otherwise than the rest; a scheme of None keeps them as they are."""

    modules: Patterns
    scheme: Scheme | None


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """What a quantization_config says about the weights of a checkpoint.

    `scheme` packs what nothing else is said about; None if nothing is packed but what `assigned`
    lists, or where `unknown` says why the method's bytes are not known (then nothing here is to be
    used). `kept` modules stay as they are. `head`: whether the head is packed unless kept;
    `towers`: likewise vision and audio towers; `experts` packs routed experts where that is another
    scheme, `experts_only` says that nothing else is packed.
    `kv_cache` is the type that it asks for, None if it does not.
    """

    method: str
    scheme: Scheme | None = None
    unknown: str = ""
    kept: Patterns = Patterns()
    assigned: tuple[Assigned, ...] = ()
    head: bool = False
    towers: bool = False
    experts: Scheme | None = None
    experts_only: bool = False
    kv_cache: str | None = None

    @property
    def schemes(self) -> tuple[Scheme, ...]:
        """Every scheme that packs something."""
        found = [self.scheme, self.experts, *(a.scheme for a in self.assigned)]
        return tuple({s.name: s for s in found if s is not None}.values())

    def packs(self, name: str, tensor: Weight) -> Scheme | None:
        """The scheme that a module's weight is packed by, None if it is kept.

        `name` is the module's whole path, with or without what stands before `layers.`.
        """
        if tensor.kind not in ("linear", "experts") or len(tensor.shape) < 2:
            return None
        found = self._said(name, tensor)
        if found is None or found.layout is None:
            return None
        rows, columns = tensor.shape[-2:]
        return None if found.layout.refuses(columns, rows) else found

    def _said(self, name: str, tensor: Weight) -> Scheme | None:
        for special in self.assigned:
            if special.modules.match(name):
                return special.scheme
        if tensor.role in KEPT_ROLES or (tensor.role == HEAD and not self.head):
            return None
        if self.experts_only and tensor.kind != "experts":
            return None
        if not (self.towers or tensor.role == HEAD or canonical(name).startswith("layers.")):
            return None
        if self.kept.match(name):
            return None
        return (self.experts if tensor.kind == "experts" else None) or self.scheme
