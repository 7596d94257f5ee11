#!/usr/bin/env bash
# Searches with each fuzzer for the given seconds; what was found stays in build/fuzz/corpus for the
# next search. An input that breaks something is named and belongs into tests/fuzz/corpus with its fix.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../build/fuzz"
seconds=$1
failed=0
for fuzzer in *_fuzzer; do
  mkdir -p "corpus/$fuzzer"
  echo "== $fuzzer, $seconds s"
  ./"$fuzzer" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="corpus/$fuzzer-" "corpus/$fuzzer" "../../tests/fuzz/corpus/$fuzzer" \
    >"corpus/$fuzzer.log" 2>&1 || { failed=1; tail -n 5 "corpus/$fuzzer.log"; }
  grep -h 'number_of_executed_units' "corpus/$fuzzer.log" || echo "no statistics: it did not end by itself"
done
exit "$failed"
