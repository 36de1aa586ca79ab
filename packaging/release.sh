#!/usr/bin/env bash
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# release.sh FOLDER: the program for each architecture, Debian packages, the
# file for a container, lists of what is in them, and the checksums of all. The
# same commit and the same Go make the same bytes, wherever this is run:
# 'make reproducible' tries it.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(mkdir -p "$1" && cd "$1" && pwd)
if [ -n "$(git status --porcelain)" ]; then
	echo "release.sh: what is not committed can't be released: nobody could make it again" >&2
	exit 1
fi

export CGO_ENABLED=0 GOOS=linux GOAMD64=v1 GOARM64=v8.0 GOFLAGS=-trimpath LC_ALL=C TZ=UTC
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
# A tag v1.2.3 is version 1.2.3, what comes after it 1.2.3+4.gCOMMIT; without any
# tag a version that is older than all.
if described=$(git describe --tags --abbrev=12 --match 'v[0-9]*' 2>/dev/null); then
	DEB_VERSION=$(sed -E 's/^v//; s/-([0-9]+)-g/+\1.g/' <<<"$described")
else
	DEB_VERSION=0~git$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M%S).$(git rev-parse --short=12 HEAD)
fi
export SOURCE_DATE_EPOCH DEB_VERSION

tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
GOOS='' go -C packaging/tools build -buildvcs=false -ldflags '-s -w -buildid=' -o "$tools/" \
	github.com/goreleaser/nfpm/v2/cmd/nfpm github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod

rm -rf "${out:?}"/*
ldflags="-s -w -buildid= -X main.version=$DEB_VERSION"

# The manual, what completes commands in shells, and the changes in the form of
# Debian: the same for every architecture, so that this machine's program writes them.
export MANUAL="$tools/manual"
GOOS='' GOARCH='' go build -buildvcs=false -ldflags "$ldflags" -o "$tools/kua" ./cmd/kua
"$tools/kua" man --out "$MANUAL"
{
	printf 'kua (%s) unstable; urgency=medium\n\n' "$DEB_VERSION"
	sed -s -e 's/^- //' -e '/^$/d' changelog/unreleased/*.md | while read -r change; do
		fold -s -w 74 <<<"$change" | sed -e '1s/^/  * /; 1!s/^/    /; s/ *$//'
	done
	printf '\n -- The Kua maintainers <maintainers@kua.invalid>  %s\n' "$(date -u -R -d "@$SOURCE_DATE_EPOCH")"
} >"$MANUAL/changelog"
gzip -9n "$MANUAL"/man1/*.1 "$MANUAL/changelog"
for GOARCH in ${ARCHES:-amd64 arm64}; do
	export GOARCH STAGE="$tools/$GOARCH"
	mkdir "$STAGE"
	go build -buildvcs=false -ldflags "$ldflags" -o "$STAGE/kua" ./cmd/kua
	"$tools/cyclonedx-gomod" bin -json -noserial -notimestamp -output-version 1.5 \
		-version "$DEB_VERSION" -output "$STAGE/kua.cdx.json" "$STAGE/kua"
	"$tools/nfpm" package -f packaging/nfpm.yaml -p deb -t "$out/" >/dev/null
	install -m 0755 "$STAGE/kua" "$out/kua-$DEB_VERSION-linux-$GOARCH"
	install -m 0644 "$STAGE/kua.cdx.json" "$out/kua-$DEB_VERSION-linux-$GOARCH.cdx.json"
done
install -m 0644 packaging/Containerfile "$out/Containerfile"
cat >"$out/BUILD" <<END
version  $DEB_VERSION
commit   $(git rev-parse HEAD)
go       $(go env GOVERSION)
END
cd "$out"
sha256sum -- * >"$tools/SHA256SUMS"
install -m 0644 "$tools/SHA256SUMS" SHA256SUMS
