#!/usr/bin/env bash
# What takes too long for every change: 200 kills of one rollout and the way back from every step, both on real servers; the
# mistakes planted in the small world; the simulation at length, whose arguments these are. As root, after
# tests/install-servers.sh. Prints its figures, lines with MEASURED.
set -euo pipefail
cd "$(dirname "$0")/.."
export ROLLOUT_REQUIRE_SERVERS=1

ROLLOUT_KILLS="${ROLLOUT_KILLS:-200}" cargo test --locked --test e2e -- --nocapture killed_at_random | grep -E 'MEASURED|^test '
cargo test --locked --test e2e -- --ignored --nocapture real::back | grep -E 'MEASURED|^test '
cargo test --locked -p rollout-sim --test small -- --ignored --nocapture | grep -E 'moves|^test '
ROLLOUT_SHELL_SEEDS="${ROLLOUT_SHELL_SEEDS:-200}" cargo test --locked -p rollout-shell -- --nocapture | grep -E 'rollouts|^test '
tests/sim/run.sh "$@"
