#!/usr/bin/env bash
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Makes the release of this commit twice, in two clones under different names,
# the second with nothing from the first's cache, and compares every byte.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git clone -q . "$work/one"
git clone -q . "$work/another/place/with/a/longer/name"
"$work/one/packaging/release.sh" "$work/first"
mkdir "$work/cache"
GOCACHE="$work/cache" "$work/another/place/with/a/longer/name/packaging/release.sh" "$work/second"
diff -r "$work/first" "$work/second"
cat "$work/first/SHA256SUMS"
echo "The same bytes twice."
