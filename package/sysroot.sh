#!/usr/bin/env bash
# Unpacks Debian's packages of another architecture (sysroot-<architecture>.txt, and what they depend on) into a folder,
# for the cross-compiler, and prints its name; when it was made before, that is all. Nothing is installed: the
# architectures and packages of the machine stay as they are.
# Usage: sysroot.sh <architecture>
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
architecture=$1

mapfile -t wanted < <(sed 's/#.*//' "sysroot-$architecture.txt" | tr -s ' \n' '\n' | sed '/^$/d')
# When a package of the machine is upgraded, so is its twin.
key=$({ cat sysroot.sh; dpkg-query -W -f '${Package} ${source:Version}\n' "${wanted[@]}"; } | sha256sum | cut -c 1-16)
cache=${DELIVERY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/terraform-provider-delivery}
made=$cache/sysroot-$architecture-$key
if [[ -e $made ]]; then
  echo "$made"
  exit 0
fi

mkdir -p "$cache"
scratch=$(mktemp -d "$cache/.sysroot-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch"/{lists,archives}/partial
touch "$scratch/status"
cat >"$scratch/apt.conf" <<CONF
APT::Architecture "$architecture";
APT::Architectures { "$architecture"; };
APT::Sandbox::User "root";
Dir::State::lists "$scratch/lists";
Dir::State::status "$scratch/status";
Dir::Cache::archives "$scratch/archives";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
CONF
echo "fetching Debian's packages for $architecture" >&2
export APT_CONFIG=$scratch/apt.conf
if ! { apt-get -qq update && apt-get -qq install --yes --no-install-recommends --download-only "${wanted[@]}"; } \
  <"/dev/null" >"$scratch/log" 2>&1; then
  tail -n 20 "$scratch/log" >&2
  echo "error: apt-get could not fetch packages for $architecture" >&2
  exit 1
fi

# With a package database, so that one can ask what a file belongs to.
info=$scratch/made/var/lib/dpkg/info
mkdir -p "$info"
for package in "$scratch"/archives/*.deb; do
  dpkg-deb --extract "$package" "$scratch/made"
  name=$(dpkg-deb --field "$package" Package)
  { dpkg-deb --field "$package"; printf 'Status: install ok installed\n\n'; } >>"$info/../status"
  dpkg-deb --fsys-tarfile "$package" | tar --list | sed 's/^\.//; s/\/$//; s/^$/\/./' >"$info/$name:$architecture.list"
  cp "$info/$name:$architecture.list" "$info/$name.list"
done
mv -T "$scratch/made" "$made" 2>/dev/null || [[ -e $made ]]
echo "$made"
