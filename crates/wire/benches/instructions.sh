#!/bin/sh
# Instructions per message, which do not depend on the machine's load: the difference between 2000 and 1000 rounds under callgrind.
# Needs valgrind.
set -eu
cd "$(dirname "$0")/.."
command -v valgrind >/dev/null || { echo 'instructions.sh needs valgrind' >&2; exit 1; }
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
cargo build --quiet --release -p ptp-wire --example wire_cost
out=$(mktemp)
trap 'rm -f "$out"' EXIT

count() {
    valgrind --tool=callgrind --callgrind-out-file="$out" "$target/release/examples/wire_cost" "$1" "$2" 2>/dev/null
    sed -n 's/^summary: *//p; s/^totals: *//p' "$out" | head -n 1
}

for case in parse-sync emit-sync parse-announce emit-announce; do
    echo "$case $(( ($(count $case 2000) - $(count $case 1000)) / 1000 )) instructions"
done
