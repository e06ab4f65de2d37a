#!/bin/sh
# Types and format of the page's scripts and styles: --check looks, --write puts the format right. Without a network to
# fetch the programs from, says so and goes on: a check of the code must not need one.
set -eu
cd "$(dirname "$0")/../.."
folder=$(sh tools/node/packages.sh 2>&1) || {
    [ $? -eq 75 ] || { echo "$folder" >&2; exit 1; }
    echo "page: types and format of scripts and styles are not checked, as $(echo "$folder" | tail -n 1)"
    exit 0
}
PATH=$PWD/.venv/bin:$folder/node_modules/.bin:$PATH
[ "$1" = --write ] || tsc --project tools/node
prettier --config tools/node/prettier.json "$1" --log-level warn \
    "queueapp/static/**/*.{js,css}" "tests/generators/*.ts" "tools/node/*.json" "!tools/node/package-lock.json"
[ "$1" = --write ] || echo "page: types and format of scripts and styles are right"
