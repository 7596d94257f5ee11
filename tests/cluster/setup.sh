#!/usr/bin/env bash
# Installs those Debian packages of packages.txt that are missing, and of further such lists that are named. When none
# is, it takes a few milliseconds.
set -euo pipefail
lists=("$(dirname "${BASH_SOURCE[0]}")/packages.txt" "$@")

command -v dpkg-query >/dev/null || { echo "error: this needs Debian 12 or a system with its packages (no dpkg-query here)" >&2; exit 1; }

mapfile -t wanted < <(sed 's/#.*//' "${lists[@]}" | tr -s ' \n' '\n' | sed '/^$/d')
# Any Go will do: one that is too old fetches a newer one as a Go module (testcluster/golang.py).
if ! command -v go >/dev/null && [[ ! -x /usr/local/go/bin/go ]]; then wanted+=(golang-go); fi

declare -A installed=()
# dpkg-query fails when it knows no package of a name; that only means that this one is missing.
while read -r name state; do
  if [[ $state == installed ]]; then installed[$name]=1; fi
done < <(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${wanted[@]}" 2>/dev/null || :)
missing=()
for name in "${wanted[@]}"; do
  if [[ -z ${installed[$name]:-} ]]; then missing+=("$name"); fi
done
if ((${#missing[@]} == 0)); then exit 0; fi

echo "installing ${#missing[@]} missing packages: ${missing[*]}"
as_root=()
if ((EUID != 0)); then
  command -v sudo >/dev/null || { echo "error: installing packages needs root; as root, run: apt-get install ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi

# Debian starts a service when its package is installed. The cluster starts its own Prometheus, registry and containerd;
# system-wide ones are not wanted on a developer's machine. A policy that is there already is the owner's business.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod +x "$policy"
fi

log=$(mktemp)
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" </dev/null >"$log" 2>&1; }
# First with the lists as they are; they are fetched only when that does not do.
if ! apt install -y --no-install-recommends "${missing[@]}"; then
  if ! apt update || ! apt install -y --no-install-recommends "${missing[@]}"; then
    tail -n 20 "$log" >&2
    echo "error: apt-get could not install: ${missing[*]} (its whole output: $log)" >&2
    exit 1
  fi
fi
rm -f "$log"
