"""What holds for the package as a whole: which part knows which, its names, what is shipped."""

import ast
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from graphlib import TopologicalSorter
from importlib.metadata import version
from pathlib import Path

import pytest

import splitwire as sw
from splitwire.models.shipped import SHIPPED

HOUSE = Path(sw.__file__).parent
ROOT = HOUSE.parent

# Every part, and the parts that it may import.
MAY_IMPORT = {
    "errors": set(),
    "userfile": {"errors"},
    "disk": {"errors"},
    "extras": {"errors"},
    "kernels": set(),
    "bench": {"kernels"},
    "codecs": {"errors", "disk", "extras", "kernels"},
    "models": {"errors", "disk", "userfile"},
    "tasks": {"errors", "userfile", "models", "data"},
    "data": {"errors", "extras", "models"},
    "runner": {"errors", "codecs", "models"},
    "calibrate": {"errors", "codecs", "models", "tasks", "data", "runner"},
    "train": {
        *("errors", "disk", "kernels", "codecs", "models", "tasks", "data", "runner", "calibrate")
    },
    "attack": {
        *("errors", "disk", "codecs", "models", "tasks", "data", "runner", "calibrate"),
    },
    "eval": {*("errors", "disk", "codecs", "models", "tasks", "data", "runner", "calibrate")},
    "report": {
        *("errors", "disk", "kernels", "codecs", "tasks", "runner", "calibrate", "eval", "attack")
    },
    "bundle": {"errors", "disk", "userfile", "codecs", "models", "tasks", "runner"},
    "live": {
        *("errors", "disk", "kernels", "codecs", "models", "tasks", "data", "runner"),
        *("calibrate", "eval"),
    },
    "testing": {"errors", "codecs", ""},
    "cli": {
        *("errors", "disk", "userfile", "bench", "codecs", "models", "tasks", "data", "runner"),
        *("calibrate", "train", "attack", "eval", "report", "live", "bundle", "extras", ""),
    },
    "__main__": {"cli"},
    "__init__": {"extras"},
}


def part(module: str) -> str:
    """ "splitwire.codecs.jpeg" belongs to the part "codecs", "splitwire" to none."""
    return module.split(".")[1] if "." in module else ""


def imports(file: Path) -> Iterator[str]:
    """The modules of ours that a source file imports, anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "splitwire":
            names = [f"splitwire.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            names = [node.module or ""]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == "splitwire")


@pytest.mark.parametrize("name", sorted(MAY_IMPORT))
def test_imports_run_one_way(name: str) -> None:
    files = (
        [HOUSE / f"{name}.py"]
        if (HOUSE / f"{name}.py").exists()
        else [*HOUSE.glob(f"{name}/**/*.py")]
    )
    assert files
    for file in files:
        known = {part(module) for module in imports(file)} - {name}
        assert known <= MAY_IMPORT[name], f"{file.relative_to(ROOT)} imports {known}"


def test_every_part_is_held_to_that() -> None:
    parts = {path.stem for path in HOUSE.iterdir() if path.suffix == ".py"}
    parts |= {path.name for path in HOUSE.iterdir() if list(path.glob("*.py"))}
    assert parts == MAY_IMPORT.keys()


def loaded_by(statement: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after a statement, but not before."""
    code = f"import sys; old = set(sys.modules); {statement}; print(*set(sys.modules) - old)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    loaded = loaded_by("import splitwire")
    heavy = ("torch", "torchvision", "timm", "numpy", "PIL", "av", "matplotlib", "skimage", "rich")
    assert not loaded.intersection(heavy)
    assert len(loaded) < 120


def test_coding_a_tensor_loads_no_torch() -> None:
    loaded = loaded_by("import splitwire; splitwire.codec('jpeg'); splitwire.decode")
    assert "splitwire.codecs.jpeg" in loaded
    assert "torch" not in loaded


def stub_names() -> set[str]:
    stub = ast.parse((HOUSE / "__init__.pyi").read_text(encoding="utf-8"))
    aliases = [a for node in stub.body if isinstance(node, ast.ImportFrom) for a in node.names]
    assert all(alias.asname == alias.name for alias in aliases)  # else a re-export is private
    return {alias.name for alias in aliases}


def test_every_public_name_is_there_and_no_other() -> None:
    assert set(sw.__all__) == stub_names()
    for name in sw.__all__:
        assert getattr(sw, name).__name__ == name
    assert stub_names() <= set(dir(sw))
    with pytest.raises(AttributeError):
        _ = sw.no_such_name  # type: ignore[attr-defined]


def test_the_package_is_typed() -> None:
    assert (HOUSE / "py.typed").is_file()


def test_there_is_one_version() -> None:
    assert version("splitwire") == sw.__version__


def test_compiled_kernels_have_a_stub_and_a_twin() -> None:
    for source in (HOUSE / "kernels").glob("*.pyx"):
        shared = source.with_suffix(".pxd").is_file()  # with other kernels, and with nobody else
        assert shared or source.with_suffix(".pyi").is_file()
    from splitwire import kernels
    from splitwire.kernels import reference

    for name in kernels.__all__:
        assert callable(getattr(reference, name))


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> tuple[set[str], set[str]]:
    """The files in the wheel and in the sdist, which the wheel is built from."""
    if not (ROOT / "pyproject.toml").exists():
        pytest.skip("needs the source tree")
    out = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "-o", str(out), str(ROOT)], check=True)
    (wheel,), (sdist,) = out.glob("*.whl"), out.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as file:
        inside = set(file.namelist())
    with tarfile.open(sdist) as file:
        sent = {name.partition("/")[2] for name in file.getnames()}
    return inside, sent


@pytest.mark.full
def test_the_wheel_holds_all_that_runs(shipped: tuple[set[str], set[str]]) -> None:
    wheel, _ = shipped
    for file in ("py.typed", "__init__.pyi", "eval/default.toml", "eval/devices.toml"):
        assert f"splitwire/{file}" in wheel
    assert "splitwire/report/report.html" in wheel
    assert "splitwire/profiles/lite0/blocks.3-ftc.profile" in wheel
    weights = {path.relative_to(ROOT).as_posix() for path in (HOUSE / "weights").iterdir()}
    assert weights <= wheel
    assert {f"splitwire/weights/{name}.safetensors" for name in SHIPPED} <= weights
    for source in (HOUSE / "kernels").glob("*.pyx"):
        assert any(
            name.startswith(f"splitwire/kernels/{source.stem}.") and name.endswith((".so", ".pyd"))
            for name in wheel
        )
    assert not any(name.startswith(("tests/", "benchmarks/")) for name in wheel)


@pytest.mark.full
def test_the_sdist_holds_all_that_is_tracked(shipped: tuple[set[str], set[str]]) -> None:
    _, sdist = shipped
    kinds = ("*.py", "*.pyi", "*.pyx", "*.h", "*.toml", "*.html")
    ours = {path for kind in kinds for path in HOUSE.rglob(kind)}
    ours |= {*(ROOT / "tests").rglob("*.py"), *(ROOT / "tests" / "golden").rglob("*.sw")}
    ours |= {ROOT / name for name in ("pyproject.toml", "setup.py", "LICENSE", "README.md")}
    assert {path.relative_to(ROOT).as_posix() for path in ours} <= sdist


def test_every_extra_and_script_is_declared() -> None:
    if not (ROOT / "pyproject.toml").exists():
        pytest.skip("needs the source tree")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {
        *("torch", "video", "edge", "export", "learned", "live", "samples", "test", "bench", "all")
    } <= project["optional-dependencies"].keys()
    assert project["scripts"] == {"splitwire": "splitwire.cli:main"}


def everything() -> dict[str, ast.Module]:
    """Every module of the package by its name, parsed."""
    files = {path.relative_to(ROOT).with_suffix(""): path for path in HOUSE.rglob("*.py")}
    names = {".".join(at.parts).removesuffix(".__init__"): path for at, path in files.items()}
    return {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in names.items()}


def test_imports_run_in_no_circle() -> None:
    """Nor do those inside functions: each module can be sorted behind what it imports."""
    modules = everything()
    graph = {name: set[str]() for name in modules}
    for name, tree in modules.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                graph[name] |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                inner = [f"{node.module}.{alias.name}" for alias in node.names]
                graph[name] |= {i if i in modules else str(node.module) for i in inner}
        graph[name] &= modules.keys() - {name}
    list(TopologicalSorter(graph).static_order())  # raises CycleError, which names the circle


def test_no_function_is_longer_than_forty_lines() -> None:
    for name, tree in everything().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                lines = node.end_lineno - node.lineno + 1
                assert lines <= 40, f"{name}.{node.name} has {lines} lines"
