#!/usr/bin/env bash
# The demo: a good release, a broken one that is rolled back, and drift with its author, on a real cluster.
# It says what it does, shows what a user would see, and checks each outcome. ./dev demo calls it after the build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

stack=examples/stacks/first-release
scratch=$PWD/build/demo
namespace=delivery-demo
# shellcheck source=tests/demo/stage.sh
source tests/demo/stage.sh

running_images() {
  kubectl -n "$namespace" get "$kind/$name" -o jsonpath='{.spec.template.spec.containers[*].image}'
}

expect_running() { # tag
  local images
  images=$(running_images)
  [[ $images == *":$1"* ]] || fail "$kind $namespace/$name should run $1 but runs $images"
  kubectl -n "$namespace" rollout status "$kind/$name" --timeout=30s >/dev/null || fail "$kind $namespace/$name is not fully available"
  printf '    => %s %s/%s runs %s, all replicas available\n' "$kind" "$namespace" "$name" "$images"
}

set_stage -var tag=1.0.0

say "1. the first release: version 1.0.0"
show apply -auto-approve -var tag=1.0.0
((status == 0)) || fail "the first release should succeed, but tofu apply exited $status"
# Which workload that is, the stack knows: the first delivery_* workload in the state.
read -r kind namespace name < <(tofu -chdir="$scratch/stack" show -json | python3 -c '
import json, sys
resources = json.load(sys.stdin)["values"]["root_module"]["resources"]
values = next(r["values"] for r in resources if r["type"] in ("delivery_rollout", "delivery_canary_release"))
*_, namespace, name = values["id"].split("/")
print(values["manifest"]["kind"].lower(), namespace, name)') || fail "the state names no workload"
expect_running 1.0.0

say "2. a good release: 1.0.0 -> 1.1.0"
show apply -auto-approve -var tag=1.1.0
((status == 0)) || fail "the release of 1.1.0 should succeed, but tofu apply exited $status"
expect_running 1.1.0

say "3. a broken release: this image cannot reach its database and crashes at start"
show apply -auto-approve -var tag=crash
((status == 1)) || fail "the broken release should make tofu apply exit 1, but it exited $status"
output_has "cannot open database" || fail "the error does not show the log line of the crash (cannot open database)"
expect_running 1.1.0
printf '    => tofu apply failed (exit 1), said why, and the previous version runs\n'

say "4. the state tells the truth: with 1.1.0 configured, as before the broken release, nothing is to be done"
show plan -detailed-exitcode -var tag=1.1.0
((status == 0)) || fail "the plan after the rollback should be empty (exit 0), but tofu plan exited $status"

say "5. somebody changes the $kind past Terraform, and the plan shows what changed and who did it"
container=$(kubectl -n "$namespace" get "$kind/$name" -o jsonpath='{.spec.template.spec.containers[0].name}')
printf '    $ kubectl set image %s/%s %s=%s\n' "$kind" "$name" "$container" "$DELIVERY_REGISTRY/delivery/app:1.0.0"
kubectl -n "$namespace" set image "$kind/$name" "$container=$DELIVERY_REGISTRY/delivery/app:1.0.0" >/dev/null
kubectl -n "$namespace" rollout status "$kind/$name" --timeout=60s >/dev/null
show plan -detailed-exitcode -var tag=1.1.0
((status == 2)) || fail "the plan should show the drift (exit 2), but tofu plan exited $status"
output_has "kubectl-set" || fail "the plan does not name the author of the change (field manager kubectl-set)"

say "6. apply takes the change back"
show apply -auto-approve -var tag=1.1.0
((status == 0)) || fail "taking the change back should succeed, but tofu apply exited $status"
expect_running 1.1.0

say "done: every outcome was as expected"
cat <<TEXT
The cluster and the workload are yours to try now:

  source ${scratch#"$PWD"/}/env && cd ${scratch#"$PWD"/}/stack
  tofu plan  -var tag=2.0.0       # what a release will do, step by step
  tofu apply -var tag=unready     # starts but is never ready; press Ctrl-C, then apply again
  tofu apply -var tag=nope        # an image that does not exist
  kubectl get pods -w

  ./dev cluster down              # when you are done
TEXT
