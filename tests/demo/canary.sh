#!/usr/bin/env bash
# The demo of canaries: users ask through a Gateway all the time, and one sees live which version they get while a good
# version is released step by step, and while a bad one is found out and taken back. ./dev demo canary calls it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

stack=examples/stacks/canary-gateway-api
scratch=$PWD/build/demo-canary
namespace=delivery-canary-demo
host=shop.example.com
# shellcheck source=tests/demo/stage.sh
source tests/demo/stage.sh

# Runs tofu as `show` does, while users ask; what they got goes to $scratch/totals.
show_with_users() {
  local users
  rm -f "$scratch/totals"
  python3 tests/demo/users.py --host "$host" --follow "$scratch/stack/release.log" --totals "$scratch/totals" &
  users=$!
  show "$@"
  sleep 2 # what they get afterwards is shown, too
  kill "$users"
  wait "$users" || fail "the users have gone away"
}

total() { python3 -c 'import json, sys; t = json.load(open(sys.argv[1])); print(t[sys.argv[2]])' "$scratch/totals" "$1"; }

expect_running() { # tag
  local images
  images=$(kubectl -n "$namespace" get deployment/web -o jsonpath='{.spec.template.spec.containers[*].image}')
  [[ $images == *":$1" ]] || fail "the stable version should be $1 but is $images"
  kubectl -n "$namespace" get deployment/web-canary >/dev/null 2>&1 && fail "the canary is still there"
  printf '    => Deployment %s/web runs %s, and nothing of the canary is left\n' "$namespace" "$images"
}

route() { kubectl -n "$namespace" get httproute web -o jsonpath='{.spec}'; }

export TF_VAR_namespace=$namespace
set_stage -var tag=1.0.0
printf '    $ kubectl apply --server-side --field-manager=platform -f route.yaml\n'
kubectl -n "$namespace" apply --server-side --field-manager=platform -f "$scratch/stack/route.yaml" | sed 's/^/    /'
before=$(route)

say "1. the first release: version 1.0.0. There is nothing to compare it with yet, so it is rolled out,
         and measured: | is what the users get, * is what the provider tells of"
show_with_users apply -auto-approve -var tag=1.0.0
((status == 0)) || fail "the first release should succeed, but tofu apply exited $status"
expect_running 1.0.0

say "2. a good version: 1.0.0 -> 1.1.0. What will happen, step by step:"
show plan -var tag=1.1.0
((status == 0)) || fail "tofu plan exited $status"

say "3. and so it does, and nobody notices"
show_with_users apply -auto-approve -var tag=1.1.0
((status == 0)) || fail "the release of 1.1.0 should succeed, but tofu apply exited $status"
(($(total failed) == 0)) || fail "$(total failed) of $(total answers) requests failed"
expect_running 1.1.0
[[ $(route) == "$before" ]] || fail "the route is not as it was"
printf '    => %s requests, none failed, and the route is as it was\n' "$(total answers)"

say "4. a bad version: 30 of 100 of its answers are errors"
show_with_users apply -auto-approve -var tag=flaky
((status == 1)) || fail "the bad version should make tofu apply exit 1, but it exited $status"
output_has "success-rate" || fail "the error does not name the metric that failed (success-rate)"
expect_running 1.1.0
[[ $(route) == "$before" ]] || fail "the route is not as it was"
printf '    => tofu apply failed (exit 1) and said why; %s of %s requests failed\n' "$(total failed)" "$(total answers)"

say "5. it is not tried again by itself: the plan warns"
show plan -var tag=flaky
output_has "retry" || fail "the plan does not say that this version was rolled back before (retry)"

say "done: every outcome was as expected"
cat <<TEXT
The cluster and the shop are yours to try now:

  source ${scratch#"$PWD"/}/env && export TF_VAR_namespace=$namespace && cd ${scratch#"$PWD"/}/stack
  tofu apply -var tag=2.0.0                        # press Ctrl-C in the middle, then apply again
  tofu apply -var tag=laggy                        # answers after 0.3 s
  curl -s -H 'Host: $host' $DELIVERY_GATEWAY/
  kubectl -n $namespace get httproute web -w -o jsonpath='{.spec.rules[0].backendRefs}{"\n"}'

  ./dev cluster down                               # when you are done
TEXT
