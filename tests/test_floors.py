"""The floors of the house: a room knows only the rooms below it."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "fitcheck"
FLOORS = (
    ("units", "errors", "kept", "search"),
    ("quantization", "architecture", "machine"),
    ("catalog", "sources", "engines", "detect", "measure"),
    ("resolve", "fit", "cards"),
    ("answers",),
    ("render",),
    ("cli",),
    ("__main__", "api"),
)
FLOOR = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}
MODULES = sorted(ROOT.rglob("*.py"))


def room_of(module: Path) -> str:
    """The first part of a module's path: its room."""
    return module.relative_to(ROOT).with_suffix("").parts[0]


def rooms_imported(module: Path) -> set[str]:
    """Every room of fitcheck that the module imports, inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            found |= {part for alias in node.names for part in alias.name.split(".")[1:2]}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fitcheck"):
            parts = (node.module or "").split(".")
            found |= {parts[1]} if parts[1:] else {alias.name for alias in node.names}
    return found & FLOOR.keys()


@pytest.mark.parametrize("module", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_down(module: Path) -> None:
    """A room knows only the rooms below it; rooms on one floor do not know each other."""
    room = room_of(module)
    if room == "__init__":
        return

    upward = sorted(r for r in rooms_imported(module) - {room} if FLOOR[r] >= FLOOR[room])

    assert upward == []


def test_every_room_stands_on_a_floor() -> None:
    """A new module must say where it belongs."""
    assert {room_of(m) for m in MODULES} - {"__init__"} <= FLOOR.keys()


@pytest.mark.parametrize("room", ["architecture", "quantization", "engines", "fit", "machine"])
def test_the_core_does_no_io(room: str) -> None:
    """What counts never opens a file, starts a program or asks the network."""
    doors = {"os", "subprocess", "socket", "urllib", "http", "pathlib", "io", "psutil", "pynvml"}
    modules = [m for m in MODULES if room_of(m) == room]

    found = {f"{m.name}: {name}" for m in modules for name in imported(m) if name in doors}

    assert found == set()


def imported(module: Path) -> set[str]:
    """The first part of every module that is imported."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
    return found


def modules_imported(module: Path) -> set[str]:
    """Dotted names of fitcheck's own modules that a module takes names from, in functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fitcheck"):
            assert node.module is not None
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


def test_no_two_modules_know_each_other() -> None:
    """Not in a circle of any length either: each can be read without the ones above it."""
    names = {
        ".".join(("fitcheck", *m.relative_to(ROOT).with_suffix("").parts)): m
        for m in MODULES
        if m.name != "__init__.py"
    }
    order = TopologicalSorter({n: modules_imported(m) & names.keys() for n, m in names.items()})

    order.prepare()  # raises CycleError, which names the circle
