#!/usr/bin/env bash
# Runs every fuzz target that there is for FUZZTIME (default 3s each), one after
# the other, and prints a line for each. What a target finds is written beside it,
# under testdata/fuzz: keep it there, and mend what it found.
set -euo pipefail

time=${FUZZTIME:-3s}
only=${1:-.}
cache=$(go env GOCACHE)/fuzz
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Go's fuzzer now and then calls it a failure that its time was over in the middle
# of an input; what it finds it writes down.
late() { grep -q 'context deadline exceeded' "$work/log" && ! grep -qE 'Failing input|panic|_test.go:' "$work/log"; }

# attempt fuzzes the target for a time, and succeeds when it found nothing.
attempt() {
  (cd "$package" && "$work/test" -test.run='^$' -test.fuzz="^$target\$" -test.fuzztime="$1" -test.fuzzminimizetime=1s \
    -test.fuzzcachedir="$cache/${package#./}" -test.timeout=0) >"$work/log" 2>&1 || late
}

ran() { grep -q 'execs: [1-9]' "$work/log"; }

found=0 failed=0
while read -r package; do
  targets=$(grep -rhoP --include='*_test.go' --exclude-dir=testdata '^func \KFuzz\w+(?=\(f \*testing\.F\))' --directories=skip "$package"/*_test.go | sort | grep -E "$only" || true)
  [ -n "$targets" ] || continue
  go test -c -fuzz=. -o "$work/test" "$package"
  for target in $targets; do
    found=$((found + 1))
    if attempt "$time"; then
      # A slow machine may have done no more than to run the seeds.
      ran || { attempt 20s && ran; } || { echo "fuzz: $package $target ran nothing" >&2; exit 1; }
      printf 'fuzz: %-26s %-22s %9s execs\n' "$package" "$target" "$(grep -oP 'execs: \K\d+' "$work/log" | tail -n 1)"
    else
      failed=$((failed + 1))
      printf 'fuzz: %-26s %-22s FAILED\n' "$package" "$target"
      cat "$work/log"
    fi
  done
done < <(grep -rlE --include='*_test.go' '^func Fuzz\w+\(f \*testing\.F\)' . | xargs -r -n 1 dirname | sort -u)

[ "$found" -gt 0 ] || { echo "fuzz: no target found" >&2; exit 1; }
[ "$failed" = 0 ] || { echo "fuzz: $failed of $found targets failed" >&2; exit 1; }
