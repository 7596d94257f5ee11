#!/usr/bin/env bash
# Fails when the sources give another package in another folder than what ./dev package made in build/package. Argument: the
# source tree.
set -euo pipefail
cd "$1"
ls build/package/*_linux_amd64.zip >/dev/null || { echo "FAILED: there is no package: ./dev package" >&2; exit 1; }
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z --cached --others --exclude-standard | tar --null --files-from - --create | tar --extract --directory "$copy"
(cd "$copy" && ./dev package >log 2>&1) || { tail -n 40 "$copy/log" >&2; exit 1; }

cat build/package/*_SHA256SUMS "$copy"/build/package/*_SHA256SUMS
# A release may have further architectures.
grep -E 'linux_amd64|manifest' build/package/*_SHA256SUMS | diff - <(cat "$copy"/build/package/*_SHA256SUMS)
