#!/usr/bin/env bash
# Checks by includes what the link layers cannot see: where generated protobuf code, gRPC, curl and the
# real clock may be used. Argument: the source tree.
set -euo pipefail
cd "$1"
status=0
forbid() { # what, pattern, files that may
  local found
  found=$(git grep -nE "$2" -- 'provider/*.h' 'provider/*.cc' 'resources/*.h' 'resources/*.cc' | grep -vE "$3" || :)
  if [[ -n $found ]]; then
    printf '%s:\n%s\n' "$1" "$found" >&2
    status=1
  fi
}
forbid "protobuf and gRPC stay in provider/plugin" '#include [<"](grpc|google/protobuf|tfplugin|grpc_controller|grpc_stdio)' '^provider/plugin/'
forbid "curl stays in provider/http" '#include [<"]curl' '^provider/http/'
forbid "the engine, the analysis and image policies do no I/O" '#include "provider/(http|kubernetes|oci|checks|runner|plugin)|absl::Now|log::' '^provider/(base|value|schema|http|kubernetes|oci|checks|metrics|routing|plugin|runner)/|^provider/main\.cc|^resources/'
forbid "no sleeping outside the clock" 'sleep_for|absl::SleepFor|usleep\(' '_test\.cc:'
exit "$status"
