#!/bin/sh
# Compares `rollout verify` with what a user would pick instead, on one laboratory, in a network of its own (needs root).
#   benches/peers/run.sh [--finished 200] [--all 1000] [--only NAME]... [--delay MS]...
# Needs: delv, posttls-finger, unbound; and target/peers/venv (python3 -m venv; pip install -r benches/peers/requirements.txt).
set -eu
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}
export ROLLOUT=${ROLLOUT:-$target/release/rollout} MANY=${MANY:-$target/release/examples/many}
for program in "$ROLLOUT" "$MANY"; do
    [ -x "$program" ] || { echo "no $program: cargo build --release && cargo build --release -p rollout-lab --example many" >&2; exit 2; }
done
exec unshare --net --mount --pid --fork --kill-child --mount-proc python3 benches/peers/run.py "$@"
