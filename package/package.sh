#!/usr/bin/env bash
# Builds the provider statically and packages it into build/package. ./dev package calls it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat >&2 <<'TEXT'
usage: ./dev package [--arch amd64,arm64] [--key ID]

  --arch   what to build for (default: amd64); arm64 is cross-compiled
  --key    sign SHA256SUMS with this key of gpg
TEXT
  exit 2
}

architectures=amd64
signing=()
while (($# > 0)); do
  case "$1" in
    --arch) architectures=${2:-} ;;
    --key) signing=(--key "${2:-}") ;;
    *) usage ;;
  esac
  shift 2 || usage
done

tests/cluster/setup.sh package/packages.txt
builds=()
for architecture in ${architectures//,/ }; do
  case "$architecture" in
    amd64) preset=release-static libraries=/ ;;
    arm64)
      preset=release-static-arm64
      tests/cluster/setup.sh package/packages.txt package/packages-arm64.txt
      libraries=$(package/sysroot.sh arm64)
      ;;
    *) usage ;;
  esac
  cmake --preset "$preset" >/dev/null
  cmake --build --preset "$preset"
  builds+=("$architecture=build/$preset:$libraries")
done
python3 package/package.py --out build/package "${signing[@]}" "${builds[@]}"
