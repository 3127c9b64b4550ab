#!/usr/bin/env bash
# From nothing to an answer: fetch, build, ask in plain words, approve, answer.
set -euo pipefail
cd "$(dirname "$0")/.."

sentence=${*:-"make a synthetic dataset called demo with 10 volumes, train a ${MODEL:-segresnet} on it, evaluate it on the test volumes and say which run is best"}
cores=$(nproc)
memory=$(awk '/MemTotal/ { printf "%d GiB", $2 / 1048576 }' /proc/meminfo)

echo "minivess $(git describe --tags --always 2>/dev/null || echo dev) · linux/$(uname -m) · $cores cores, $memory"
echo "[1/4] native runtimes"
make --no-print-directory native
echo "[2/4] build"
make --no-print-directory build
echo "[3/4] you say"
echo "      $sentence"
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT
bin/minivess ask --yes "$sentence" >"$answer" || { code=$?; cat "$answer"; exit "$code"; }
echo "[4/4] answer"
sed "s/^/      /" "$answer"
echo
echo 'Next:  bin/minivess            chat with it'
echo '       bin/minivess runs       what was run'
echo '       bin/minivess sql "select run_id, state, model from runs"'
