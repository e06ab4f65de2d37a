#!/bin/sh
# Makes sure that a Chromium is here for the browser tests: the system's, else Debian's package, installed for the
# machine by root and unpacked under var/chromium by anybody else.
set -eu
cd "$(dirname "$0")/.."
command -v chromium >/dev/null 2>&1 && exit 0
[ -x var/chromium/run ] && exit 0
echo "Chromium is missing: getting Debian's package."
if [ "$(id -u)" = 0 ]; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium >/dev/null
    exit 0
fi

# An ordinary user: apt with package lists and a cache of its own, told that nothing is installed beyond what is.
here=$PWD/var/chromium
mkdir -p "$here/lists/partial" "$here/archives/partial" "$here/root"
set -- -o Dir::State::Lists="$here/lists" -o Dir::Cache="$here" -o Dir::Cache::Archives="$here/archives" \
    -o Dir::Cache::pkgcache="" -o Dir::Cache::srcpkgcache="" -o APT::Sandbox::User="" -o Debug::NoLocking=1
apt-get "$@" -qq update
apt-get "$@" -qq -y --no-install-recommends --download-only install chromium >/dev/null
for package in "$here"/archives/*.deb; do
    dpkg-deb --extract "$package" "$here/root"
done
libraries=$(find "$here/root" -name '*.so*' -printf '%h\n' | sort -u | paste -sd :)
cat >"$here/run" <<EOF
#!/bin/sh
export LD_LIBRARY_PATH="$libraries"
exec "$here/root/usr/lib/chromium/chromium" "\$@"
EOF
chmod +x "$here/run"
rm -rf "$here/archives"
