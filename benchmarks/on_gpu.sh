#!/bin/sh
# Builds fastinit for the GPU of this machine, proves it, measures it, and writes OUT/summary.md:
#
#     benchmarks/on_gpu.sh [OUT] [--step NAME] [--list]
#
# PYTHON is the interpreter (python3 by default). docs/cuda.md says what the machine needs.
set -eu
cd "$(dirname "$0")/.."
exec "${PYTHON:-python3}" -m benchmarks.on_gpu "$@"
