#!/usr/bin/env bash
# Everything that CI checks, in the order in which a mistake shows soonest. ./dev test calls it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

step() {
  local began=$SECONDS what=$1
  shift
  printf '\n==> %s\n' "$what"
  "$@"
  printf '<== %s: %d s\n' "$what" $((SECONDS - began))
}

# build <preset> <targets>
build() {
  cmake --preset "$1"
  "${first_time[@]}" cmake --build --preset "$1" --target "${@:2}"
}

jobs=$(nproc)
step "packages" tests/cluster/setup.sh

# On a new machine the compiler's cache is empty: it would make each compilation a fifth longer, for nothing.
first_time=(env)
if ccache --print-stats | grep '^files_in_cache[[:space:]]*0$' >/dev/null; then first_time=(env CCACHE_DISABLE=1); fi

# Go fetches and compiles the cluster's programs in what the C++ compiler leaves idle. Where that fails, the step that
# needs them tries again and says why.
setsid nice -n 19 python3 tests/cluster/cluster.py build >/dev/null 2>&1 &
go_build=$!
trap 'kill -- "-$go_build" 2>/dev/null || :' EXIT

# The provider as users have it, for the cluster; what needs no cluster is built once only, under sanitizers. How a crash
# is reported is the exception, since sanitizers report crashes themselves, and so are the tests that kill at each write and try
# thousands of random clusters, of which sanitizers have time for a part.
step "build (dev)" build dev cluster_tests plugin_process_test engine_test canary_release_test \
  blue_green_release_test
step "crash reports, kill points, random clusters" \
  ctest --preset dev --tests-regex '^(plugin_process_test|engine_test|canary_release_test|blue_green_release_test)$' --no-tests=error -j "$jobs"
step "build (asan-ubsan)" build asan-ubsan unit_tests
step "unit tests and fuzzers under sanitizers" ctest --preset asan-ubsan --no-tests=error -j "$jobs"

# What users install; the tests of it are on the cluster.
step "package" package/package.sh
step "build (release-static)" cmake --build --preset release-static --target http_test

# A cluster that was up before is somebody's: leave it up.
log=$(mktemp)
was_up=yes
python3 tests/cluster/cluster.py status >"$log" 2>&1 || was_up=no
finish() {
  kill -- "-$go_build" 2>/dev/null || :
  if [[ $was_up == no ]]; then
    # Silent when it works, so that ctest has the last word.
    python3 tests/cluster/cluster.py down >"$log" 2>&1 || { cat "$log" >&2; rm -f "$log"; exit 1; }
  fi
  rm -f "$log"
}
trap finish EXIT
step "cluster" python3 tests/cluster/cluster.py up
env_file=$(python3 tests/cluster/cluster.py env)
# shellcheck disable=SC1090 # written by cluster.py
source "$env_file"

printf '\n==> tests on the real cluster\n'
# Four at a time: each waits for the cluster more than it works. What fails is run once more, since the timings of a real
# cluster on a busy machine are not ours; ctest says so, and twice is a failure.
ctest --preset dev --label-regex '^(real|conformance|e2e|package)$' --no-tests=error -j 4 --repeat until-pass:2
