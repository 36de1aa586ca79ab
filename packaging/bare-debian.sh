#!/usr/bin/env bash
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# bare-debian.sh PACKAGE.deb: in a Debian that holds nothing but what debootstrap
# puts there, only the package is installed; then the service is started, a
# register made, a case written, a backup made, everything wiped, restored and
# verified; and the package is purged, which leaves the register. As root. MIRROR
# and SUITE say which Debian.
#
# There is no systemd in a folder (systemd.sh boots one): the service is started as its unit says, as
# its user; systemd-analyze reads the unit, where there is one.
set -euo pipefail
package=$(realpath "$1")
work=$(mktemp -d)
root=$work/root
served=
finish() {
	[ -z "$served" ] || kill "$served" 2>/dev/null || true
	umount "$root/proc" 2>/dev/null || true
	rm -rf "$work"
}
trap finish EXIT
ok() { printf '%-62s ok\n' "$1"; }
fail() {
	echo "bare-debian.sh: $1" >&2
	exit 1
}
in_root() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"; }
as_kua() { chroot --userspec=kua:kua "$root" /usr/bin/env -i PATH=/usr/bin:/bin KUA_REGISTRY=/var/lib/kua/register kua "$@"; }

debootstrap --variant=minbase "${SUITE:-bookworm}" "$root" "${MIRROR:-http://deb.debian.org/debian}" >"$work/log" 2>&1 ||
	{ tail -5 "$work/log" >&2 && fail "debootstrap failed"; }
mount -t proc proc "$root/proc"
before=$(in_root dpkg-query -W -f '${Package}\n' | sort)
ok "a bare Debian $(cat "$root/etc/debian_version"): $(wc -l <<<"$before") packages"

cp "$package" "$root/kua.deb"
in_root apt-get install -y -q --no-install-recommends /kua.deb >"$work/log" 2>&1 || { cat "$work/log" >&2 && fail "the package can't be installed"; }
added=$(comm -13 <(echo "$before") <(in_root dpkg-query -W -f '${Package}\n' | sort) | tr '\n' ' ')
[ "$added" = "kua " ] || fail "with the package came: $added"
ok "the package is installed, and nothing else: $(in_root kua version)"

for file in man/man1/kua.1.gz man/man1/kua-backup.1.gz bash-completion/completions/kua zsh/vendor-completions/_kua fish/vendor_completions.d/kua.fish; do
	[ -s "$root/usr/share/$file" ] || fail "/usr/share/$file is not there"
done
[[ $(zcat "$root/usr/share/doc/kua/changelog.gz") == "kua ("* ]] || fail "the package has no changelog"
ok "with it: manual pages, completions, what has changed"

[ "$(stat -c '%a %U' "$root/var/lib/kua")" = "700 $(in_root id -u kua)" ] ||
	[ "$(in_root stat -c '%a %U' /var/lib/kua)" = "700 kua" ] || fail "/var/lib/kua is not the service's alone"
unit=$root/lib/systemd/system/kua.service
if command -v systemd-analyze >/dev/null; then
	sed 's|/usr/bin/kua|/bin/true|' "$unit" >"$work/kua.service"
	systemd-analyze verify --man=no "$work/kua.service" || fail "systemd does not understand the unit"
	exposed=$(systemd-analyze security --offline=true --threshold=25 --no-pager "$unit" | tail -1) || fail "the unit shuts too little in: $exposed"
	ok "systemd reads the unit$(sed 's/^.*kua.service//; s/[^0-9A-Za-z.: ]//g' <<<"$exposed")"
else
	echo "not seen, without systemd-analyze: that systemd reads the unit"
fi

if command -v lintian >/dev/null; then
	lintian --allow-root --fail-on error,warning "$package" >"$work/log" 2>&1 || { cat "$work/log" >&2 && fail "the package is not as Debian asks"; }
	ok "lintian finds nothing"
else
	echo "not seen, without lintian: that the package is as Debian asks"
fi

# As an administrator would: another port, in the conffile.
port=$((20000 + RANDOM % 20000))
sed -i "s|^KUA_SERVE=.*|KUA_SERVE=--listen 127.0.0.1:$port --metrics 127.0.0.1:$((port + 1))|" "$root/etc/kua/kua.conf"
start() {
	local serve
	serve=$(sed -n 's/^KUA_SERVE=//p' "$root/etc/kua/kua.conf")
	# shellcheck disable=SC2046,SC2086 # as systemd splits it
	chroot --userspec=kua:kua "$root" /usr/bin/env -i PATH=/usr/bin:/bin KUA_REGISTRY=/var/lib/kua/register /usr/bin/kua $(sed -n 's|^ExecStart=/usr/bin/kua ||p' "$unit" | sed 's/ \$KUA_SERVE//') $serve >>"$work/served" 2>&1 &
	served=$!
	for _ in $(seq 200); do
		curl -s -o /dev/null "http://127.0.0.1:$port/" && return
		kill -0 "$served" 2>/dev/null || break
		sleep 0.1
	done
	cat "$work/served" >&2
	fail "the service does not answer"
}
stop() {
	kill -TERM "$served" && wait "$served" || fail "the service did not end as it should"
	served=
}
state() { curl -s "http://127.0.0.1:$((port + 1))/health"; }
page() { curl -s -H "Origin: http://127.0.0.1:$port" "http://127.0.0.1:$port$1" "${@:2}"; }
start
ok "the service is up, as user kua"

code=$(grep -oE '([0-9A-Z]{5}-){5}[0-9A-Z]+' "$work/served")
told=(--data-urlencode "code=$code" --data-urlencode org=Invented --data-urlencode name=aigerim --data-urlencode pack=kz)
passphrase=$(page /first "${told[@]}" | sed -n 's/.*<p class="made"[^>]*>\([^<]*\)<.*/\1/p')
[ -n "$passphrase" ] || fail "no passphrase is shown"
page /first "${told[@]}" --data-urlencode "made=$passphrase" --data-urlencode "typed=$passphrase" --data step=confirm | grep -q /sign-in || fail "the register is not made: $(tail -2 "$work/served")"
install -d -m 0700 -o "$(in_root id -u kua)" "$root/home/kua"
(umask 077 && echo "$passphrase" >"$root/home/kua/pass") && in_root chown kua /home/kua/pass
for _ in $(seq 100); do
	state | grep -q open && break
	sleep 0.1
done
state | grep -q open || fail "the register that was made is not served"
ok "a register is made in the page, with the code of the log"
as_kua lock >/dev/null
state | grep -q locked || fail "it is not locked"
ok "it is locked, and goes on answering"

cat >"$root/home/kua/list.csv" <<'END'
No,Received,Family,Sex,Day
1,2022-01-06,Invented,m,2022-01-05
END
cat >"$root/home/kua/map.yaml" <<'END'
mapping: 1
name: made up
dates: 2006-01-02
key: No
records:
- kind: report
  fields: {received: Received}
- kind: person
  fields: {role: {const: victim}, family: Family}
END
in_root chown -R kua /home/kua
as_kua --passphrase-file /home/kua/pass import /home/kua/list.csv --map /home/kua/map.yaml --org Invented >/dev/null
as_kua --passphrase-file /home/kua/pass case list Invented | grep -q K- || fail "the case is not found"
ok "a case is written"

page /unlock -o /dev/null --data-urlencode "passphrase=$passphrase"
for _ in $(seq 100); do
	state | grep -q open && break
	sleep 0.1
done
state | grep -q open || fail "the register does not open in the page: $(tail -2 "$work/served")"
ok "the register is opened in the page"

mkdir "$root/mnt/stick" "$root/mnt/disk"
in_root chown kua /mnt/stick /mnt/disk
as_kua --passphrase-file /home/kua/pass backup /mnt/disk >/dev/null
ok "a backup is made while it runs"
as_kua lock >/dev/null
as_kua --passphrase-file /home/kua/pass forget copy /mnt/stick >/dev/null
as_kua --passphrase-file /home/kua/pass verify --deep >/dev/null || [ $? = 3 ] || fail "the register can't be verified"

stop
rm -rf "$root/var/lib/kua/register" "$root/var/lib/kua/register.forgetting"
as_kua --passphrase-file /home/kua/pass restore /mnt/disk --to /var/lib/kua/register --keys /mnt/stick >/dev/null
as_kua --passphrase-file /home/kua/pass verify --deep >/dev/null || [ $? = 3 ] # advice about backups is a finding
as_kua --passphrase-file /home/kua/pass case list Invented | grep -q K- || fail "the case is not there any more"
start
ok "wiped, restored, verified: the case is there, the service is up"
as_kua --passphrase-file /home/kua/pass doctor --inside >"$work/doctor" || [ $? = 3 ] || fail "kua doctor failed"
grep -q 'may read files\|another user\|guessed faster\|no forgetting keys' "$work/doctor" && fail "$(cat "$work/doctor")"
grep -q 'kua backup FOLDER' "$work/doctor" || fail "kua doctor does not say that what was restored has no backup: $(cat "$work/doctor")"
ok "kua doctor, around it and inside: files in order, a backup due"
stop

in_root dpkg --purge kua >/dev/null 2>&1 || fail "the package can't be purged"
[ -s "$root/var/lib/kua/register/keys/node.key" ] || fail "purging the package took the register"
[ ! -e "$root/usr/bin/kua" ] || fail "purging left the program"
ok "purged: the program is gone, the register is not"

# What a container from scratch has: the program, and a user who owns nothing.
empty=$work/empty
mkdir -p "$empty/var/lib/kua"
dpkg-deb --fsys-tarfile "$package" | tar -xO ./usr/bin/kua >"$empty/kua"
chmod 0755 "$empty" "$empty/kua" && chown 65532 "$empty/var/lib/kua" && chmod 0755 "$work"
chroot --userspec=65532:65532 "$empty" /kua init /var/lib/kua/register --json >/dev/null || fail "the program needs something beside itself"
ok "in an empty folder, as nobody: a register is made"
