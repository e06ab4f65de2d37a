#!/bin/sh
# Check deploy/ by the tools that read its files. Says which ones are not installed, and were not run.
#
#     make check-deploy
#
# Debian has them as nginx-light, prometheus (promtool), docker-compose and systemd; kubernetes-validate is a Python
# package. PgBouncer's file is checked by tests/jobsite/test_pooler.py, which runs it.
set -eu
cd "$(dirname "$0")/../deploy"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
run() { # run NAME COMMAND...: run it, if its program is there
    name=$1
    shift
    if ! command -v "$1" >/dev/null; then
        echo "deploy: $name not checked: $1 is not installed"
    elif "$@" >"$work/said" 2>&1; then
        echo "deploy: $name checked by $(basename "$1")"
    else
        cat "$work/said"
        echo "deploy: $name is wrong, by $1"
        exit 1
    fi
}

if command -v openssl >/dev/null && command -v nginx >/dev/null; then
    mkdir "$work/certificates"
    openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=jobs.example.org \
        -keyout "$work/certificates/site.key" -out "$work/certificates/site.pem" 2>/dev/null
    # `web` is a name in compose.yaml's network only.
    sed "s/server web:8000/server 127.0.0.1:8000/" nginx/turnabout.conf >"$work/turnabout.conf"
    printf 'pid %s/pid; error_log stderr; events {}\nhttp { include %s/turnabout.conf; }\n' "$work" "$work" \
        >"$work/nginx.conf"
fi
run nginx/turnabout.conf nginx -t -c "$work/nginx.conf" -p "$work"
run prometheus/alerts.yml promtool check rules prometheus/alerts.yml

cp turnabout.env.example "$work/turnabout.env"
sed "s|turnabout.env|$work/turnabout.env|; s|context: ..|context: $work|" compose.yaml >"$work/compose.yaml"
if docker compose version >/dev/null 2>&1; then
    run compose.yaml docker compose --file "$work/compose.yaml" config --quiet
else
    run compose.yaml docker-compose --file "$work/compose.yaml" config --quiet
fi

python=../.venv/bin/python
for file in kubernetes/config.yaml kubernetes/migrate.yaml kubernetes/web.yaml kubernetes/processors.yaml; do
    if "$python" -c "import kubernetes_validate" 2>/dev/null; then
        run "$file" ../.venv/bin/kubernetes-validate --strict "$file"
    else
        run "$file" kubernetes-validate --strict "$file"
    fi
done
run kubernetes/kustomization.yaml kubectl kustomize kubernetes

# systemd-analyze looks for the programs: stand-ins here.
mkdir "$work/units"
cp systemd/* "$work/units"
sed -i "s|/opt/turnabout/.venv/bin/python|/bin/true|" "$work"/units/*.service
for unit in systemd/*; do
    run "$unit" systemd-analyze verify --man=no "$work/units/$(basename "$unit")"
done
