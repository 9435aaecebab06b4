#!/usr/bin/env bash
# Last step of `make test`: every test, once, with the race detector where there
# is a C compiler. setup.sh has seen to it, or said that it could not.
set -euo pipefail

race=()
if command -v "$(go env CC)" >/dev/null; then
  race=(-race)
fi

# Compile at full width, then run one package at a time: suites that watch real
# processes keep time, and must not be starved by a compiler or a neighbour.
go list "${race[@]}" -test -deps -export "$@" >/dev/null
exec go test "${race[@]}" -p 1 -timeout 20m "$@"
