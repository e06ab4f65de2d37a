#!/bin/sh
# Makes sure that a browser is here for the browser tests, named as Debian's package is: the system's, else Debian's
# package, installed for the machine by root and unpacked under var/ by anybody else. With --optional, says so and goes
# on if it cannot be had: its tests are skipped.
set -eu
cd "$(dirname "$0")/.."
name=$1
command -v "$name" >/dev/null 2>&1 && exit 0
[ -x "var/$name/run" ] && exit 0
if [ "${2-}" = --optional ]; then
    sh tools/browser.sh "$name" || echo "$name cannot be had: its tests are skipped."
    exit 0
fi
echo "$name is missing: getting Debian's package."
if [ "$(id -u)" = 0 ]; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$name" >/dev/null
    exit 0
fi

# An ordinary user: apt with package lists and a cache of its own, told that nothing is installed beyond what is.
here=$PWD/var/$name
mkdir -p "$here/lists/partial" "$here/archives/partial" "$here/root"
set -- -o Dir::State::Lists="$here/lists" -o Dir::Cache="$here" -o Dir::Cache::Archives="$here/archives" \
    -o Dir::Cache::pkgcache="" -o Dir::Cache::srcpkgcache="" -o APT::Sandbox::User="" -o Debug::NoLocking=1
apt-get "$@" -qq update
apt-get "$@" -qq -y --no-install-recommends --download-only install "$name" >/dev/null
for package in "$here"/archives/*.deb; do
    dpkg-deb --extract "$package" "$here/root"
done
libraries=$(find "$here/root" -name '*.so*' -printf '%h\n' | sort -u | paste -sd :)
cat >"$here/run" <<EOF
#!/bin/sh
export LD_LIBRARY_PATH="$libraries"
exec "$here/root/usr/lib/$name/$name" "\$@"
EOF
chmod +x "$here/run"
rm -rf "$here/archives"
