#!/bin/sh
# Builds fastinit for the GPU of this machine, proves it, measures it, and writes OUT/summary.md:
#
#     benchmarks/on_gpu.sh [OUT] [--step NAME] [--list]
#
# PYTHON is the interpreter (python3 by default). docs/cuda.md says what the machine needs.
set -eu
root="$(cd "$(dirname "$0")/.." && pwd)"
export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
python="${PYTHON:-python3}"
if ! "$python" -c "import tomllib"; then
  echo "$python is missing, or older than Python 3.11: set PYTHON to a newer one" >&2
  exit 1
fi
exec "$python" -P -m benchmarks.on_gpu "$@"
