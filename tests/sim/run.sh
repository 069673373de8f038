#!/usr/bin/env bash
# More of the simulation than fits into `cargo test`, with optimisation. Arguments: seeds (10000), seeds with every crash
# point (200), seeds with ways back (400). Two processes at a time, as CI has two cores.
set -euo pipefail
cd "$(dirname "$0")/../.."

seeds="${1:-10000}"
killed="${2:-200}"
back="${3:-400}"
cargo build --profile sim --locked -p rollout-sim
sim=target/sim/rollout-sim

# The last argument is how many seeds: half of them each. Fails where one of the two does, after both.
half() {
  local what=("${@:1:$#-1}")
  local count="${*: -1}"
  "$sim" "${what[@]}" --from 0 --count $((count / 2)) &
  local first=$!
  "$sim" "${what[@]}" --from $((count / 2)) --count $((count - count / 2)) &
  local second=$!
  local good=0
  wait "$first" || good=1
  wait "$second" || good=1
  return "$good"
}

began=$SECONDS
half --many "$seeds"
half --crashes "$killed"
echo "random rollouts and single crashes: $((SECONDS - began)) s"
half --back "$back"
half --back-dnssec "$back"
half --back-dane "$back"
half --calm --many $((seeds / 5))
half --pairs 4
"$sim" --small
"$sim" --bugs
