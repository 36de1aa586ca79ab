#!/bin/bash
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Makes a small register as a program of its time writes it, for the tests of
# upgrades: make.sh KUA NAME writes NAME.tgz beside this script. KUA is the program,
# of today or built from an older commit. One is added before a format changes. All people in it are invented.
set -eu
kua=$(realpath "$1") name=$2 here=$(dirname "$(realpath "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo 'seven good words nobody else would say' > passphrase
cat > list.csv <<'LIST'
No,Received,Family,Sex,Day
1,2022-01-07,InventedA,m,2022-01-05
2,2022-01-08,InventedB,f,2022-01-06
3,2022-01-09,InventedC,m,2022-01-06
LIST
cat > map.yaml <<'MAP'
mapping: 1
name: made up
dates: 2006-01-02
key: No
records:
- kind: report
  fields: {received: Received}
- kind: person
  fields: {role: {const: victim}, family: Family, sex: Sex}
- kind: act
  fields: {date: Day}
MAP
"$kua" init register --name aigerim --passphrase-file passphrase
export KUA_REGISTRY=register
"$kua" --passphrase-file passphrase import list.csv --map map.yaml --org Invented
"$kua" --passphrase-file passphrase figures --as-of 2022-05-17 --json > figures.json
rm -f register/index.db* register/rights register/keys/index.key register/ledger.db.lock # made anew by every program
tar --sort=name --owner=0 --group=0 --numeric-owner -czf "$here/$name.tgz" passphrase figures.json register*
