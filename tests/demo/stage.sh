# What the demos share: the cluster, the provider installed as a user has it, and the words they are written in.
# The caller sets `stack`, the folder that is shown, and `scratch`, where it is run.

provider=$PWD/build/dev/terraform-provider-delivery

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
export TF_VAR_prometheus=$DELIVERY_PROMETHEUS
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

# Takes away what an earlier demo on the same cluster left (on a new cluster nothing is to be taken away), and makes the
# folder and the namespace anew. Arguments: what destroy needs to know.
set_stage() {
  if [[ -e $scratch/stack/terraform.tfstate ]] && grep -qF "$DELIVERY_KUBECONFIG" "$scratch/env"; then
    say "removing what an earlier demo left"
    install_provider
    show destroy -auto-approve "$@"
    ((status == 0)) || fail "cannot remove it; ./dev cluster down gives you a fresh cluster"
  fi
  rm -rf "$scratch"
  mkdir -p "$scratch"
  cp -r "$stack" "$scratch/stack"
  rm -rf "$scratch"/stack/.terraform* "$scratch"/stack/*.tfstate*
  install_provider

  say "a namespace to release into"
  printf '    $ kubectl create namespace %s\n' "$namespace"
  kubectl create namespace "$namespace" --dry-run=client -o yaml | kubectl apply -f - >/dev/null
}
