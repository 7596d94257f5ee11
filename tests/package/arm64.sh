#!/usr/bin/env bash
# Starts the packaged program for arm64 under qemu: handshake, version and schema. ./dev package --arch arm64 makes it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
shopt -s nullglob
archives=(build/package/*_linux_arm64.zip)
((${#archives[@]} == 1)) || { echo "FAILED: there is no package for arm64: ./dev package --arch arm64" >&2; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || :; rm -rf "$folder"' EXIT
unzip -q "${archives[0]}" -d "$folder"
program=$(echo "$folder"/terraform-provider-delivery_v*)
run=(qemu-aarch64-static "$program")

file --brief "$program" | grep 'ARM aarch64.*statically linked.*stripped'
version=$("${run[@]}" version)
[[ $program == *_v$version ]]
"${run[@]}" schema >"$folder/schema"
python3 - "$folder/schema" build/package/*_linux_amd64.zip <<'PYTHON'
import json, os, subprocess, sys, tempfile, zipfile
schema = json.load(open(sys.argv[1]))
[provider] = schema["provider_schemas"].values()
assert "delivery_rollout" in provider["resource_schemas"], provider.keys()
for path in sys.argv[2:]:
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path) as archive:
        [name] = [name for name in archive.namelist() if name.startswith("terraform-provider-")]
        program = archive.extract(name, folder)
        os.chmod(program, 0o755)
        assert json.loads(subprocess.check_output([program, "schema"])) == schema, "the schemas differ"
PYTHON

mkfifo "$folder/line"
TMPDIR=$folder TF_PLUGIN_MAGIC_COOKIE=d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2 \
  "${run[@]}" >"$folder/line" 2>"$folder/log" &
server=$!
read -r -t 60 line <"$folder/line"
echo "$line" | grep -E '^1\|6\|unix\|.*\|grpc\|$'
echo "arm64: version $version, schema and handshake are right"
