#!/usr/bin/env bash
# Everything that must hold before a change goes in. From a bare clone on Debian 12 with Rust: tests/run.sh
#
# As root it installs the real servers that the end-to-end tests need, and then no test may be left out. Anyone else
# gets the tests that need no rights; the rest say that they are left out. To have all of them:
#   sudo -E env "PATH=$PATH" tests/run.sh
set -euo pipefail
cd "$(dirname "$0")/.."

step() {
  printf '\n=== %s (after %d min %02d s)\n' "$*" $((SECONDS / 60)) $((SECONDS % 60))
}

left_out=()

if ((EUID == 0)); then
  if command -v apt-get >/dev/null; then
    step "install the servers"
    if ! command -v cc >/dev/null; then
      apt-get update -q && apt-get install -y -q --no-install-recommends gcc libc6-dev
    fi
    tests/install-servers.sh
  fi
  export ROLLOUT_REQUIRE_SERVERS="${ROLLOUT_REQUIRE_SERVERS:-1}"
else
  left_out+=("tests on ports 25 and 53 and whatever needs a missing server: not root, see the head of tests/run.sh")
fi

step "format"
cargo fmt --all --check

step "lint"
cargo clippy --locked --workspace --all-targets -- -D warnings

step "test"
# Examples in documentation included.
cargo test --locked --workspace --no-fail-fast

step "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps

step "licences, bans, sources, advisories"
# Beside the build, so that whoever keeps target/ between runs keeps it too. Not optimised: it reads files, and builds in
# 1.5 minutes on 2 cores instead of 3.5.
tools="$PWD/target/tools"
PATH="$PATH:$tools/bin"
if ! cargo deny --version >/dev/null 2>&1; then
  cargo install --debug --locked --root "$tools" cargo-deny
fi
# The graph is of all targets; a build fetched the crates of this one only.
cargo fetch --locked
cargo deny --locked --offline check licenses bans sources
# The database is a repository at GitHub. Without it nothing is known, which is not the same as nothing found.
if cargo deny fetch db >/dev/null 2>&1; then
  cargo deny --locked --offline check advisories
elif compgen -G "${CARGO_HOME:-$HOME/.cargo}/advisory-dbs/advisory-db-*/crates" >/dev/null; then
  cargo deny --locked --offline check advisories
  left_out+=("advisories newer than the database on this machine, which cannot be fetched from here")
else
  left_out+=("cargo deny check advisories: the database of advisories cannot be fetched from here")
fi

step "done"
if ((${#left_out[@]})); then
  printf 'left out: %s\n' "${left_out[@]}"
fi
