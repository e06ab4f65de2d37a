#!/bin/sh
# Prints the path of a PgBouncer for the tests: the system's, else Debian's package, unpacked under var/pgbouncer.
# Nothing is installed, as the package would start a service.
set -eu
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin
command -v pgbouncer && exit 0
here=$PWD/var/pgbouncer
if [ ! -x "$here/run" ]; then
    mkdir -p "$here/lists/partial" "$here/archives/partial" "$here/root"
    set -- -o Dir::State::Lists="$here/lists" -o Dir::Cache="$here" -o Dir::Cache::Archives="$here/archives" \
        -o Dir::Cache::pkgcache="" -o Dir::Cache::srcpkgcache="" -o APT::Sandbox::User="" -o Debug::NoLocking=1
    apt-get "$@" -qq update >&2
    apt-get "$@" -qq -y --no-install-recommends --download-only install pgbouncer >&2
    for package in "$here"/archives/*.deb; do
        dpkg-deb --extract "$package" "$here/root"
    done
    libraries=$(find "$here/root" -name '*.so*' -printf '%h\n' | sort -u | paste -sd :)
    printf '#!/bin/sh\nexport LD_LIBRARY_PATH="%s"\nexec "%s/root/usr/sbin/pgbouncer" "$@"\n' \
        "$libraries" "$here" >"$here/run"
    chmod +x "$here/run"
    rm -rf "$here/archives" "$here/lists"
fi
echo "$here/run"
