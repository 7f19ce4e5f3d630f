#!/usr/bin/env bash
# What a GPU does with landslip: extraction against the network alone, training steps a second, and
# one full fold of real landslides with the recipe `best`. Under 9 minutes on one GPU.
#
#   benchmarks/gpu.sh TILES.zip [--weights resnet50.safetensors] [--out gpu.md] [--tiny]
#
# TILES.zip is made by `python benchmarks/gpu.py pack TILES TILES.zip`, and small enough to be carried
# along. Nothing is installed or downloaded: torch, timm, lightning, pydantic, pyarrow and OpenCV are
# needed; rasterio and geopandas are not, and what needs them is left out and said so. --tiny runs
# every part on a CPU in about a minute. PYTHON names the interpreter.
set -euo pipefail
cd "$(dirname "$0")/.."
export PYTHONPATH="$PWD/src:$PWD/benchmarks${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
exec timeout 540 "${PYTHON:-python3}" benchmarks/gpu.py run "$@"
