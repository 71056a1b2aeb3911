"""Build the C core as WebAssembly: python tools/build_wasm.py splitwire.wasm

Takes the compiler of the pip package `ziglang`, and no C library. The module imports nothing. It
exports its memory, the functions of include/splitwire.h, and `__heap_base`, from where on memory is
the host's: docs/c.md shows how it is called.
"""

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMPILER = (sys.executable, "-m", "ziglang", "cc", "-target", "wasm32-freestanding")
FLAGS = (
    *("-std=c11", "-O3", "-msimd128", "-mbulk-memory", "-ffp-contract=off", "-fno-math-errno"),
    *("-fvisibility=hidden", "-Wall", "-Wextra", "-Werror", "-nostdlib"),
)
LINKER = (
    "--no-entry",
    "--export-dynamic",
    "--export=__heap_base",
    "--strip-all",
    "-z,stack-size=131072",
)
FOLDERS = ("core/wasm", "include", "core", "splitwire/kernels")
SOURCES = ("core/splitwire.c", "core/wasm/memory.c")


def build(path: Path) -> None:
    """Write the module; subprocess.CalledProcessError where it does not compile."""
    includes = [f"-I{ROOT / folder}" for folder in FOLDERS]
    linker = [f"-Wl,{flag}" for flag in LINKER]
    sources = [str(ROOT / source) for source in SOURCES]
    subprocess.run(
        [*COMPILER, *FLAGS, *includes, *linker, *sources, "-o", str(path)], check=True, timeout=600
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    build(parser.parse_args().path)
