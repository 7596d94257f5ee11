#!/usr/bin/env bash
# The demo: a good release, a broken one that is rolled back, and drift with its author, on a real cluster.
# It says what it does, shows what a user would see, and checks each outcome. ./dev demo calls it after the build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

stack=examples/stacks/first-release
provider=$PWD/build/dev/terraform-provider-delivery
scratch=$PWD/build/demo

began=$SECONDS
say() { printf '\n\033[1m[%3d s] %s\033[0m\n' $((SECONDS - began)) "$*"; }
fail() { printf '\ndemo: FAILED: %s\n' "$*" >&2; exit 1; }

[[ -x $provider ]] || fail "the provider is not built: $provider"
[[ -d $stack ]] || fail "there is no $stack"

say "a real Kubernetes cluster: etcd, API server, controllers, kubelet, containerd, a registry, Prometheus"
python3 tests/cluster/cluster.py up
# shellcheck disable=SC1090 # written by cluster.py
source "$(python3 tests/cluster/cluster.py env)"

# The caller's settings would change what the demo shows (TF_CLI_ARGS, TF_WORKSPACE, TF_DATA_DIR, TF_LOG, KUBE_*).
while read -r name; do unset "$name"; done < <(compgen -e | grep -E '^(TF|TOFU|KUBE)_' || :)

# Installs the provider the way a user without a registry does: from a folder laid out as a mirror, by `tofu init`.
# (dev_overrides would need no init, but would put a warning of eight lines before everything the demo shows.)
install_provider() {
  local version host package
  version=$(sed -n 's/^project(.* VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
  rm -rf "$scratch/mirror" "$scratch"/stack/.terraform*
  # A source address without a host means OpenTofu's registry to tofu; one written for Terraform names the other.
  for host in registry.opentofu.org registry.terraform.io; do
    package=$scratch/mirror/$host/delivery-tf/delivery/$version/linux_$(go_architecture)
    mkdir -p "$package"
    cp "$provider" "$package/terraform-provider-delivery_v$version"
  done
  cat >"$scratch/tofurc" <<HCL
provider_installation {
  filesystem_mirror {
    path = "$scratch/mirror"
  }
}
HCL
  # For the person who goes on by hand afterwards.
  cat >"$scratch/env" <<SETTINGS
export TF_CLI_CONFIG_FILE=$scratch/tofurc
export TF_VAR_kubeconfig=$DELIVERY_KUBECONFIG
export TF_VAR_registry=$DELIVERY_REGISTRY
export KUBECONFIG=$DELIVERY_KUBECONFIG
export PATH=$(dirname "$DELIVERY_TOFU"):$(dirname "$DELIVERY_KUBECTL"):\$PATH
SETTINGS
  # shellcheck disable=SC1091 # written just above
  source "$scratch/env"
  tofu -chdir="$scratch/stack" init -input=false >"$scratch/output" 2>&1 || { cat "$scratch/output" >&2; fail "tofu init"; }
}

go_architecture() { # as package folders spell it
  case $(uname -m) in x86_64) echo amd64 ;; aarch64) echo arm64 ;; *) uname -m ;; esac
}

# Runs tofu, shows its output indented and keeps it in $scratch/output; the exit status goes to $status.
show() {
  printf '    $ tofu %s\n' "$*"
  status=0
  # In the foreground, so that Ctrl-C reaches tofu; bounded, because nothing here takes minutes.
  timeout --foreground 300 tofu -chdir="$scratch/stack" "$@" -input=false 2>&1 | tee "$scratch/output" | sed 's/^/    /' || status=$?
}

# OpenTofu wraps its messages: look for words in the text with line breaks, frames and colours taken out.
output_has() { sed 's/\x1b\[[0-9;]*m//g; s/[│╷╵]//g' "$scratch/output" | tr -s '\n ' '  ' | grep -qF -- "$1"; }

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

# An earlier demo on the same cluster: take its workload away first. On a new cluster there is nothing to take away.
if [[ -e $scratch/stack/terraform.tfstate ]] && grep -qF "$DELIVERY_KUBECONFIG" "$scratch/env"; then
  say "removing what an earlier demo left"
  install_provider
  show destroy -auto-approve -var tag=1.0.0
  ((status == 0)) || fail "cannot remove it; ./dev cluster down gives you a fresh cluster"
fi
rm -rf "$scratch"
mkdir -p "$scratch"
cp -r "$stack" "$scratch/stack"
rm -rf "$scratch"/stack/.terraform* "$scratch"/stack/*.tfstate*
install_provider

say "a namespace to release into"
printf '    $ kubectl create namespace delivery-demo\n'
kubectl create namespace delivery-demo --dry-run=client -o yaml | kubectl apply -f - >/dev/null

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
