#!/usr/bin/env bash
# Fails when docs/ is not what the provider's schemas and the examples generate. Arguments: the
# provider binary, the source tree.
set -euo pipefail
provider=$1 source=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cp -r "$source/examples" "$scratch/examples"
"$provider" docs "$scratch"
status=0
while read -r page; do
  diff -u "$source/docs/$page" "$scratch/docs/$page" || status=1
done < <(cd "$scratch/docs" && find . -name '*.md')
[[ $status == 0 ]] || echo "The reference is not current: run ./dev docs and commit." >&2
exit "$status"
