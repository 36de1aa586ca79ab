#!/bin/sh
LC_ALL=C; export LC_ALL
key=proofs/register-key.pem point=proofs/checkpoint bad=0
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT

# say WHAT: tells how the command before it ended.
say() { if [ $? = 0 ]; then echo "$1: OK"; else echo "$1: FAILED"; bad=1; fi; }

# node LEFT RIGHT: SHA-256 of the byte 01, LEFT and RIGHT; all in base64.
node() {
  { printf '\001'; echo "$1" | openssl base64 -d -A; echo "$2" | openssl base64 -d -A; } |
    openssl dgst -sha256 -binary | openssl base64 -A
}

# signed FILE NAME: FILE is a text, signed under NAME with the register's key,
# and nothing else (https://c2sp.org/signed-note). Leaves the text in $tmp/text.
signed() {
  sed '/^$/,$d' "$1" > "$tmp/text"
  sed '1,/^$/d' "$1" | sed -n '1s/.* //p' | openssl base64 -d -A | tail -c 64 > "$tmp/sig"
  { printf '%s\n\001' "$2"; openssl pkey -pubin -in $key -outform DER | tail -c 32; } |
    openssl dgst -sha256 -binary | head -c 4 > "$tmp/id"
  { cat "$tmp/text"; printf '\n— %s %s\n' "$2" "$(cat "$tmp/id" "$tmp/sig" | openssl base64 -A)"; } |
    cmp -s - "$1" &&
    openssl pkeyutl -verify -pubin -inkey $key -rawin -in "$tmp/text" -sigfile "$tmp/sig" > "$tmp/out" 2>&1
}

# included FILE: the entry in FILE is under the checkpoint (RFC 9162, 2.1.3.2).
included() {
  hash=$(sed -n '2s/^extra //p' "$1"); i=$(sed -n '3s/^index //p' "$1"); n=$((size - 1))
  case $i in '' | *[!0-9]*) return 1 ;; esac
  [ "$i" -le $n ] && sed '1,/^$/d' "$1" | cmp -s - $point || return 1
  for other in $(sed '/^$/,$d' "$1" | sed 1,3d); do
    [ $n -gt 0 ] || return 1
    if [ $((i % 2)) = 1 ] || [ "$i" = $n ]; then
      hash=$(node "$other" "$hash")
      while [ "$i" != 0 ] && [ $((i % 2)) = 0 ]; do i=$((i / 2)); n=$((n / 2)); done
    else
      hash=$(node "$hash" "$other")
    fi
    i=$((i / 2)); n=$((n / 2))
  done
  [ $n = 0 ] && [ "$hash" = "$root" ]
}

# 1. Every file is as listed, and no file is there that is not listed.
sha256sum -c SHA256SUMS || bad=1
find . ! -type d ! -path ./SHA256SUMS ! -path ./manifest.note ! -path ./check.sh | sed 's|^\./||' | sort > "$tmp/there"
cut -c 67- SHA256SUMS | sort | comm -3 - "$tmp/there" > "$tmp/odd"
cat "$tmp/odd"; [ ! -s "$tmp/odd" ]
say 'no file missing, no file added'

# 2. The register's key signed the checkpoint and the list.
name=$(sed -n 1p $point); id=${name#kua/ledger/}
size=$(sed -n 2p $point); root=$(sed -n 3p $point)
case $size in '' | *[!0-9]*) size=0 ;; esac
signed $point "kua/ledger/$id"; say $point
signed manifest.note "kua/bundle/$id" &&
  { echo "kua/bundle/$id"; sha256sum manifest.json SHA256SUMS; } | cmp -s - "$tmp/text"
say manifest.note

# 3. The entries are in the register's ledger as of the checkpoint.
for f in proofs/*.tlog-proof; do
  if [ -e "$f" ]; then included "$f"; say "$f"; fi
done

# 4. The time stamps, each as of its own time.
while read -r stamp data at; do
  openssl ts -verify -token_in -in "$stamp" -data "$data" -attime "$at" \
    -untrusted "${stamp%.tst}.chain.pem" -CAfile "${stamp%.tst}.root.pem" > "$tmp/out" 2>&1
  say "$stamp"
done < timestamps/list.txt

# 5. Each proof of OpenTimestamps is over its file. What it leads to, see above.
if [ -e timestamps/ots.txt ]; then
  while read -r proof data; do
    openssl dgst -sha256 -binary "$data" > "$tmp/sum"
    head -c 65 "$proof" | tail -c 32 | cmp -s - "$tmp/sum"
    say "$proof"
  done < timestamps/ots.txt
fi

echo
openssl pkey -pubin -in $key -outform DER | tail -c 32 | sha256sum | cut -c 1-64
if [ $bad = 0 ]; then echo '{{.Good}}'; else echo '{{.Bad}}'; fi
exit $bad
# end
