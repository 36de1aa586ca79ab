#!/usr/bin/env bash
# SPDX-License-Identifier: AGPL-3.0-or-later
# Makes static/sealing.js anew, from what package-lock.json pins. It must come out the same, byte for byte.
set -euo pipefail
cd "$(dirname "$0")"
to=${1:-../static/sealing.js}
from=$(mktemp -d)
trap 'rm -rf "$from"' EXIT
cp package.json package-lock.json entry.mjs "$from"
(cd "$from" && npm ci --silent --no-audit --no-fund >/dev/null && npx esbuild entry.mjs --bundle --minify --format=iife --global-name=sealing --target=es2020 --charset=utf8 --legal-comments=none --log-level=error --outfile=sealing.js)
cat notice.txt "$from/sealing.js" >"$to"
