"""The extension table. Everything else about the package is in pyproject.toml."""

import os
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

KERNELS = (
    "isa", "fast", "quantize", "tile", "statistics", "bitpack", "rans", "rans8", "range",
    "coefficients", "trellis", "motion", "residuals", "ideal", "ecsq", "laplace",
)  # fmt: skip
HEADERS = sorted(path.as_posix() for path in Path("splitwire/kernels").glob("*.h"))

# -ffp-contract=off: a fused multiply-add rounds once where NumPy rounds twice, and the kernels
# must agree with their NumPy twins to the bit on every processor. MSVC does not fuse by default.
# -g0: Python's own flags ask for debug symbols, which are most of a small device's copy.
FLAGS = ["/O2", "/fp:precise"] if sys.platform == "win32" else ["-O3", "-ffp-contract=off", "-g0"]

setup(
    options={"build_ext": {"parallel": os.cpu_count()}},
    ext_modules=cythonize(
        [
            Extension(
                f"splitwire.kernels._{name}",
                [f"splitwire/kernels/_{name}.pyx"],
                depends=HEADERS,
                extra_compile_args=FLAGS,
            )
            for name in KERNELS
        ],
        compiler_directives={
            "language_level": 3,
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": False,
        },
    ),
)
