#!/bin/sh
# Writes the lock files: every package of a requirements file and all that those need, with versions and hashes, for
# each Python and platform that the site supports. What is locked keeps its version; `sh tools/lock.sh --upgrade`
# takes newer ones, within the pins. `sh tools/lock.sh --check` writes nothing, needs no network, and fails where a
# pin is missing from its lock file.
set -eu
cd "$(dirname "$0")/.."

# The lines of a requirements file as a lock file has them: "drf-spectacular[sidecar]==1.0  # why" is the first two.
pins() {
    sed -n 's/^\([A-Za-z0-9._-]*\)\(\[[^]]*\]\)\{0,1\}==\([^ ]*\).*/\1==\3/p' "$1" | tr 'A-Z_' 'a-z-'
}

if [ "${1:-}" = --check ]; then
    for set in requirements requirements-dev requirements-bench; do
        for pin in $(pins "$set.txt"); do
            grep -q "^$pin[ ;]" "$set.lock" || {
                echo "$set.lock does not have $pin: run make lock" >&2
                exit 1
            }
        done
    done
    exit 0
fi

for set in requirements requirements-dev requirements-bench; do
    shared=
    [ "$set" = requirements ] || shared="--constraint requirements.lock"
    .venv/bin/uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes \
        --custom-compile-command "make lock" $shared "$@" --output-file "$set.lock" "$set.txt"
done
PATH=$PWD/.venv/bin:$PATH
npm install --prefix tools/node --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts --no-audit \
    --no-fund --loglevel=error >/dev/null
