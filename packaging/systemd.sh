#!/usr/bin/env bash
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# systemd.sh PACKAGE.deb: a Debian with systemd is booted in a container of
# systemd-nspawn, with the package installed, and the service is looked at from
# the kernel's side: that it runs, as whom, and what it may not. As root. MIRROR
# and SUITE say which Debian.
set -euo pipefail
package=$(realpath "$1")
work=$(mktemp -d)
root=$work/root
booted=
finish() {
	[ -z "$booted" ] || { kill "$booted" 2>/dev/null && wait "$booted"; } 2>/dev/null || true
	rm -rf "$work"
}
trap finish EXIT
ok() { printf '%-62s ok\n' "$1"; }
fail() {
	echo "systemd.sh: $1" >&2
	tail -5 "$work/log" >&2 || true
	exit 1
}

debootstrap --variant=minbase --include=systemd-sysv,dbus,adduser "${SUITE:-bookworm}" "$root" "${MIRROR:-http://deb.debian.org/debian}" >"$work/log" 2>&1 || fail "debootstrap failed"
cp "$package" "$root/kua.deb"
chroot "$root" dpkg -i /kua.deb >"$work/log" 2>&1 || fail "the package can't be installed"
port=$((20000 + RANDOM % 20000))
sed -i "s|^KUA_SERVE=.*|KUA_SERVE=--listen 127.0.0.1:$port|" "$root/etc/kua/kua.conf"
# On a machine that runs, installing does this.
chroot "$root" systemctl enable kua.service >"$work/log" 2>&1 || fail "the unit can't be enabled"

systemd-nspawn -q -D "$root" --register=no --keep-unit -b --console=pipe systemd.unit=multi-user.target </dev/null >"$work/log" 2>&1 &
booted=$!
pid=
for _ in $(seq 120); do
	pid=$(pgrep -f "^/usr/bin/kua serve .*--listen 127.0.0.1:$port" | head -1) || true
	[ -z "$pid" ] || ! curl -s -o /dev/null "http://127.0.0.1:$port/" || break
	kill -0 "$booted" 2>/dev/null || fail "it does not boot: systemd-nspawn needs namespaces and control groups"
	sleep 0.5
done
[ -n "$pid" ] || fail "the service does not start"
inside() { nsenter -t "$pid" -m -u -i -p "$@"; }
curl -s "http://127.0.0.1:$port/" | grep -q 'name="code"' || fail "the pages are not answered"
ok "systemd runs the service, and it answers"

# As README says: the code is in the log, which systemd keeps beside the service.
init=$(ps -o ppid= -p "$pid" | tr -d ' ')
said=
for _ in $(seq 20); do
	said=$(nsenter -t "$init" -m -u -i -p journalctl -u kua --no-pager 2>&1) || fail "the log can't be read: $said"
	[[ ! $said == *"with this code"* ]] || break
	sleep 0.5
done
[[ $said == *"with this code"* ]] || fail "journalctl -u kua shows no code: $said"
ok "journalctl -u kua shows the code of the first start"

holds() { grep -qE "$1" "/proc/$pid/$2" || fail "$3: $(grep -E "${1%%:*}" "/proc/$pid/$2" || true)"; }
uid=$(awk -F: '$1 == "kua" { print $3 }' "$root/etc/passwd")
holds "^Uid:[[:space:]]+$uid[[:space:]]+$uid" status "it is not the user kua"
holds '^NoNewPrivs:[[:space:]]+1$' status "it could gain rights"
holds '^Seccomp:[[:space:]]+2$' status "it may call the kernel as it likes"
holds '^CapBnd:[[:space:]]+0000000000000400$' status "it could get more than port 443"
holds '^Max core file size[[:space:]]+0[[:space:]]+0' limits "it may dump its memory"
ok "as user kua, no new rights, filtered calls, no core dumps"

denied() { inside sh -c "$1" >/dev/null 2>&1 && fail "it can: $1" || true; }
denied 'echo x > /usr/bin/x'
denied 'echo x > /etc/kua/kua.conf'
denied 'ls /dev/sda /dev/mem'
[ "$(inside stat -c %a /var/lib/kua)" = 700 ] || fail "others may look at /var/lib/kua"
inside sh -c 'echo x > /var/lib/kua/x && rm /var/lib/kua/x' || fail "it can't write where it must"
ok "its file system: /var/lib/kua alone is written to, no devices"

# Where the service sees it from, as its user: memory can't come onto the disk.
ran=$(nsenter -t "$pid" -m -u -i -p setpriv --reuid="$uid" --regid="$uid" --clear-groups sh -c \
	"ulimit -c 0; kua init /var/lib/kua/register --json >/dev/null && kua --registry /var/lib/kua/register doctor --json || [ \$? = 3 ]") || fail "kua doctor can't look from where the service is"
[[ $ran == *'"copy"'* ]] || fail "kua doctor does not say that the forgetting keys have no copy: $ran"
for id in open foreign core forgetting weak; do
	[[ $ran != *"\"id\": \"$id\""* ]] || fail "kua doctor finds $id: $ran"
done
ok "kua doctor, from there: files in order, no core dumps, no copy yet"
