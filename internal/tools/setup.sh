#!/usr/bin/env bash
# First step of `make test`: sees to what the tests want beside Go. On Debian, as
# root, it installs what is missing; elsewhere it says what will be skipped. With
# CI=true nothing may be missing.
set -euo pipefail

packages=() skipped=()

want() { # what is skipped without it, Debian packages, test command…
  local without=$1 names=$2; shift 2
  "$@" >/dev/null 2>&1 && return
  read -ra names <<<"$names"
  packages+=("${names[@]}")
  skipped+=("$without")
}

check() {
  packages=() skipped=()
  want 'the suites on a real ZooKeeper ensemble, and zkCli.sh' 'zookeeper default-jre-headless' \
    bash -c '[ -e /usr/share/java/zookeeper.jar ] && command -v java'
  [ "$(uname -s)" != Linux ] ||
    want 'chaos with real processes in network namespaces, which also needs root' 'iproute2 iptables' \
      bash -c 'command -v ip && command -v tc && command -v iptables'
  # Debian's own interpreter: another python3 on the path would not see the package.
  want 'the kazoo client against the embedded server' 'python3-kazoo' \
    /usr/bin/python3 -c 'import kazoo'
  want 'the model of the protocol (make model)' 'spin gcc libc6-dev' \
    bash -c 'command -v spin && command -v gcc'
  want 'the race detector' 'gcc libc6-dev' \
    command -v "$(go env CC)"
}

check
if [ ${#packages[@]} -gt 0 ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "setup: installing ${packages[*]} with apt-get"
  log=$(mktemp)
  if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${packages[@]}"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "setup: apt-get could not install them" >&2
  fi
  rm -f "$log"
  check
fi

for ((i = 0; i < ${#skipped[@]}; i++)); do
  echo "setup: will be SKIPPED: ${skipped[i]}"
done
if [ ${#packages[@]} -gt 0 ]; then
  echo "setup: to have them, install the Debian packages: ${packages[*]}"
  if [ "${CI:-}" = true ]; then
    echo "setup: CI=true and something is missing" >&2
    exit 1
  fi
fi
