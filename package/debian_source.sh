#!/usr/bin/env bash
# Fetches a Debian source package in exactly one version and unpacks it, patches applied, as <folder>/<name>. The
# machine's apt settings stay as they are: its sources are copied, as sources of source packages, into a scratch folder.
# Usage: debian_source.sh <name> <version> <folder>
set -euo pipefail
name=$1 version=$2 folder=$3

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch"/{sources,lists/partial,download}
shopt -s nullglob
for file in /etc/apt/sources.list.d/*.sources; do
  sed 's/^Types:.*/Types: deb-src/' "$file" >"$scratch/sources/${file##*/}"
done
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
  [[ -e $file ]] || continue
  sed -n 's/^deb\(-src\)\? /deb-src /p' "$file" | sort -u >"$scratch/sources/${file##*/}.list"
done

# apt drops root's rights to fetch, and would then have none in the scratch folder.
apt() {
  apt-get -qq -o APT::Sandbox::User=root -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$scratch/sources" \
    -o Dir::State::lists="$scratch/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= "$@"
}

log=$scratch/log
cd "$scratch/download"
# A foreign repository may have no sources, and is not what is looked for.
apt update >"$log" 2>&1 || :
if ! apt source --download-only "$name=$version" >>"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "error: Debian's mirror does not have the source of $name $version. If it has moved on: apt-get upgrade" >&2
  exit 1
fi
# apt has checked what it fetched against the signed lists, so the maintainer's own signature adds nothing.
dpkg-source --no-check --extract ./*.dsc "$folder/$name" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
