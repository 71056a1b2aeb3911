#!/bin/sh
# Build the kernels in a scratch folder with the address and undefined-behaviour sanitizers of GCC,
# and run their tests there. Takes pytest's arguments; without any, tests/kernels.
set -eu
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cp -r splitwire tests setup.py pyproject.toml "$scratch"
cd "$scratch"
touch README.md
find splitwire -name '*.so' -delete
sed -i 's/"-g0"/"-g"/' setup.py # lines in what it reports
flags="-fsanitize=address,undefined"
CFLAGS="$flags -fno-sanitize-recover=undefined -g" LDFLAGS="$flags" \
    python setup.py --quiet build_ext --inplace --force
# Python itself is not built with them, so they are loaded first; its own allocations are no leaks.
PYTHONPATH="$scratch" ASAN_OPTIONS=detect_leaks=0 \
    LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)" \
    python -m pytest -p no:cacheprovider -s "${@:-tests/kernels}"
