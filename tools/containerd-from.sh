#!/bin/sh
# Unpacks the containerd of another Debian release into a folder, without touching this machine's packages, and prints where
# its commands lie: INCLAVARE_TEST_CONTAINERD="$(tools/containerd-from.sh trixie /tmp/trixie)" node tools/test.ts test/e2e/shim
# usage: containerd-from.sh RELEASE FOLDER     RELEASE: trixie, sid, …
set -eu
[ $# = 2 ] || { echo "usage: $0 RELEASE FOLDER" >&2; exit 2; }
release=$1
mkdir -p "$2" && folder=$(cd "$2" && pwd)
apt=$(mktemp -d)
trap 'rm -rf "$apt"' EXIT
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
: >"$apt/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $release main" >"$apt/sources.list"
run() {
  apt-get -qq -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists="$apt/lists" \
    -o Dir::Cache="$apt/cache" -o Dir::State::status="$apt/status" -o APT::Sandbox::User=root "$@" >&2
}
run update
(cd "$apt" && run download containerd)
dpkg-deb -x "$apt"/containerd_*.deb "$folder"
"$folder/usr/bin/containerd" --version >&2
echo "$folder/usr/bin"
