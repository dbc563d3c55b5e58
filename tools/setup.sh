#!/bin/sh
# Brings a fresh machine to where the project builds and runs: Debian packages, npm packages, build. Says what it does.
# usage: setup.sh [test]     `test` adds what only the checks need.
set -eu
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*" >&2; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

[ "$(uname -s)" = Linux ] || die "this is $(uname -s); enclave containers need Linux"
case "$(uname -m)" in x86_64|aarch64) ;; *) die "no Node build for $(uname -m): x86_64 and aarch64 are supported" ;; esac

# command that must be there : Debian package that brings it
missing=''
needed='runc:runc cc:gcc strip:binutils patchelf:patchelf ps:procps'
[ "${1:-}" != test ] || needed="$needed containerd:containerd ctr:containerd crun:crun dockerd:docker.io docker:docker.io busybox:busybox-static openssl:openssl"
[ "${1:-}" != test ] || [ -e /usr/lib/cni/bridge ] || missing=containernetworking-plugins
for pair in $needed; do
  command -v "${pair%%:*}" >/dev/null 2>&1 || case " $missing " in *" ${pair##*:} "*) ;; *) missing="$missing ${pair##*:}" ;; esac
done
[ -e /usr/include/stdio.h ] || missing="$missing libc6-dev"
if [ -n "$missing" ]; then
  [ "$(id -u)" = 0 ] || die "missing:$missing. As root: apt-get install$missing"
  command -v apt-get >/dev/null 2>&1 || die "missing:$missing, and this system has no apt-get; install them by hand"
  say "installing Debian packages:$missing"
  log=$(mktemp)
  # Packages with a service must not start it here: a policy that says no, unless the machine has one already.
  policy=''
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    policy=/usr/sbin/policy-rc.d
    printf '#!/bin/sh\nexit 101\n' >"$policy"; chmod 755 "$policy"
  fi
  trap 'rm -f "$log" $policy' EXIT
  export DEBIAN_FRONTEND=noninteractive
  # shellcheck disable=SC2086 # the names are to be split
  { apt-get update && apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1 || { tail -n 20 "$log" >&2; die "apt-get could not install:$missing"; }
fi

# Runs only when the lockfile has changed since the last time. Not `npm ci`: it refuses a lockfile that does not list the
# binaries of our tools for every other platform, and a mirror need not have those. What is listed is held to its hash.
stamp=node_modules/.installed-lock
if ! cmp -s package-lock.json "$stamp" 2>/dev/null; then
  command -v npm >/dev/null 2>&1 || die "npm is missing (any Node.js from 18 on brings it); as root on Debian: apt-get install npm"
  say "installing npm packages, the pinned Node.js among them"
  npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error >&2 || die "npm install failed; the lines above say why"
  cp package-lock.json "$stamp"
fi
case "$(uname -m)" in x86_64) arch=x64 ;; *) arch=arm64 ;; esac
node="node_modules/node-linux-$arch/bin/node"
[ -x "$node" ] || die "npm did not install node-linux-$arch, the pinned Node.js (was it run with --omit=optional?)"

# The build is repeated when any source is newer than what it made.
if [ ! -e dist/lib/inclavare/payload/payload.json ] ||
   [ -n "$(find apps packages runtimes tools package.json package-lock.json -newer dist/lib/inclavare/payload/payload.json -type f -not -name '*.test.ts' -print -quit)" ]; then
  say "building"
  "$node" tools/build.ts
fi
say "ready: Node.js $("$node" --version), $(runc --version | head -n 1)"
