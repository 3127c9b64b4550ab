#!/usr/bin/env bash
# Build a Python environment with the reference implementations (PyTorch 2.1.0,
# MONAI 1.4.0, onnxruntime, nibabel, safetensors) in the folder given.
#
#   scripts/peers/venv.sh DIR
#
# PyTorch's wheel for Linux wants two gigabytes of CUDA libraries merely to be
# imported. The two small ones are installed; the others are replaced by
# libraries of empty functions, made with the C compiler, so the environment
# computes on the CPU only. Running it again is free.
#
# PYTHON chooses the interpreter (3.9 to 3.11; default the first one found).
# PIP_FIND_LINKS may name a folder with wheels fetched before.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=${1:?usage: venv.sh DIR}
stamp=$dir/.minivess-peers
want=$(cat "$here/requirements.txt" "$here/venv.sh" | sha256sum | cut -d' ' -f1)
if [[ -f $stamp && $(<"$stamp") == "$want" ]]; then
  exit 0
fi

python=${PYTHON:-}
for candidate in python3.11 python3.10 python3.9 python3; do
  [[ -n $python ]] && break
  if command -v "$candidate" >/dev/null &&
    "$candidate" -c 'import sys; sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, 11))'; then
    python=$candidate
  fi
done
if [[ -z $python ]]; then
  echo 'venv.sh: PyTorch 2.1.0 has wheels for Python 3.9 to 3.11 and none of these was found; set PYTHON' >&2
  exit 1
fi
cc=${CC:-}
for candidate in cc gcc g++; do
  [[ -z $cc ]] && command -v "$candidate" >/dev/null && cc=$candidate
done
: "${cc:?venv.sh: needs a C compiler (cc, gcc or g++)}"

rm -f "$stamp"
"$python" -m venv "$dir"
"$dir/bin/pip" --quiet --disable-pip-version-check install --no-deps -r "$here/requirements.txt"

lib=$(echo "$dir"/lib/python3.*/site-packages/torch/lib)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
nm -D --undefined-only "$lib"/*.so >"$work/undefined"
for name in libcublas.so.12 libcublasLt.so.12 libcufft.so.11 libcurand.so.10 libcusparse.so.12 \
  libcusolver.so.11 libcudnn.so.8 libnccl.so.2 libnvToolsExt.so.1 libnvrtc.so.12; do
  stem=${name#lib}
  stem=${stem%%.*}
  # Symbols of that version node, and those without a version whose name begins like the library's.
  awk -v node="$name" -v stem="$stem" '
    { n = split($NF, part, "@") }
    n > 1 ? part[2] == node : index(part[1], stem) == 1 { if (!seen[part[1]]++) print "void " part[1] "(void) {}" }
  ' "$work/undefined" >"$work/$stem.c"
  echo "$name { global: *; };" >"$work/versions"
  "$cc" -w -shared -fno-builtin -o "$lib/$name" -Wl,-soname,"$name" -Wl,--version-script="$work/versions" "$work/$stem.c"
done

"$dir/bin/python" - <<'PY'
import monai, nibabel, onnx, onnxruntime, safetensors, torch
assert torch.__version__.startswith("2.1.0") and monai.__version__ == "1.4.0"
torch.nn.Conv3d(1, 2, 3)(torch.zeros(1, 1, 4, 4, 4)).sum().backward()
PY
echo "$want" >"$stamp"
