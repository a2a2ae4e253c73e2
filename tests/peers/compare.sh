#!/usr/bin/env bash
# The same clip through the peers and through face-edge, one after the other on this machine:
#
#   tests/peers/compare.sh [FER2013.csv[.gz]]
#
# The first time it makes an environment for `fer` in .venv-peers (TensorFlow, 1.5 GB). Prints a JSON object a loop.
# Needs `make converter` before, for PyTorch. Ten minutes, most of them for the installation.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=${PEERS_VENV:-.venv-peers}
clip=$(mktemp --suffix=.avi)
trap 'rm -f "$clip"' EXIT

if [ ! -x "$venv/bin/python" ]; then
    python3.11 -m venv "$venv"
    # facenet-pytorch, which fer asks for, is for another detector than the default one
    "$venv/bin/pip" install -q tensorflow-cpu 'opencv-python-headless<5' 'setuptools<81' matplotlib pandas requests tqdm 'moviepy<2' ffmpeg-python Pillow
    "$venv/bin/pip" install -q --no-deps fer==25.10.3
fi

PYTHONPATH=. .venv/bin/python tests/peers/clip.py "$clip"
"$venv/bin/python" tests/peers/fer_loop.py "$clip" "$@" 2>/dev/null
PYTHONPATH=.:tests/peers .venv/bin/python tests/peers/thespis_loop.py "$clip"
.venv/bin/face-edge bench "$clip" --baseline --device --json |
    .venv/bin/python -c '
import json, sys
found = json.load(sys.stdin)
loops, device = found["throughput"], found["appliance"]
print(json.dumps({"name": "the obvious loop with our int8 network", **loops["obvious"]}))
print(json.dumps({"name": "face-edge", **loops["ours"], "memory_mb": device["one_face"]["memory_mb"],
                  "recall": loops["agreement"]["recall"], "labels": loops["agreement"]["labels"]}))'
