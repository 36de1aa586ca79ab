#!/usr/bin/env bash
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# container.sh FOLDER: the container of a release in FOLDER is built and run with
# the commands that its file gives; in it a register is made in the page, found
# again by the next container, and locked by a program that has no shell beside
# it. As root. What is kept of it lies in a folder that is removed.
set -euo pipefail
cd "$1"
work=$(mktemp -d)
ran=
finish() {
	[ -z "$ran" ] || podman rm -f -t 0 "$ran" >/dev/null 2>&1 || true
	podman volume rm -f kua >/dev/null 2>&1 || true
	rm -rf "$work"
}
trap finish EXIT
ok() { printf '%-62s ok\n' "$1"; }
fail() {
	echo "container.sh: $1" >&2
	cat "$work/log" >&2 2>/dev/null || true
	exit 1
}

# A store of its own, and what runs where there is no systemd.
cat >"$work/storage.conf" <<END
[storage]
driver = "vfs"
graphroot = "$work/storage"
runroot = "$work/run"
END
cat >"$work/containers.conf" <<END
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
END
export CONTAINERS_STORAGE_CONF=$work/storage.conf CONTAINERS_CONF=$work/containers.conf BUILDAH_ISOLATION=chroot

# The commands as the file says them, so that what it says is what is tried.
said() { awk -v begins="#   podman $1" 'index($0, begins) == 1 { on = 1 } on { line = $0; on = sub(/\\$/, "", line); sub(/^# */, "", line); printf "%s ", line }' Containerfile; }
program=$(ls kua-*-linux-"$(dpkg --print-architecture)")
build=$(said build | sed "s|kua-VERSION-linux-amd64|$program|")
[[ $build == *$program* ]] || fail "the file says no command that builds it: $build"
eval "$build" >"$work/log" 2>&1 || fail "it can't be built: $build"
[ "$(podman image inspect --format '{{.Config.User}}' kua)" = 65532:65532 ] || fail "it is somebody"
ok "built: $(podman image inspect --format '{{.Size}}' kua | numfmt --to=si)B"

port=$((20000 + RANDOM % 20000))
start() {
	ran=kua-$port-$1
	# its own arguments and another port, so that nothing that runs here is in the
	# way; and no more than a machine may give that is itself in a container
	eval "$(said run | sed "s/ run / run --name $ran --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 /") serve --locked --first-start --listen 127.0.0.1:$port" >"$work/log" 2>&1 &
	for _ in $(seq 300); do
		curl -s -o /dev/null "http://127.0.0.1:$port/" && return
		kill -0 $! 2>/dev/null || break
		sleep 0.1
	done
	fail "it does not answer"
}
stop() {
	podman stop -t 20 "$ran" >/dev/null && wait $! || fail "it does not end as it should"
	ran=
}
page() { curl -s -H "Origin: http://127.0.0.1:$port" "http://127.0.0.1:$port$1" "${@:2}"; }
start first
ok "run as nobody, with nothing to write to but its volume"
code=$(grep -oE '([0-9A-Z]{5}-){5}[0-9A-Z]+' "$work/log")
told=(--data-urlencode "code=$code" --data-urlencode org=Invented --data-urlencode name=aigerim --data-urlencode pack=kz)
passphrase=$(page /first "${told[@]}" | sed -n 's/.*<p class="made"[^>]*>\([^<]*\)<.*/\1/p')
[ -n "$passphrase" ] || fail "no passphrase is shown"
page /first "${told[@]}" --data-urlencode "made=$passphrase" --data-urlencode "typed=$passphrase" --data step=confirm | grep -q /sign-in || fail "the register is not made"
ok "a register is made in the page, with the code of the log"
stop
start second
grep -q 'The register is locked' "$work/log" || fail "the register is not found again"
ok "the next container finds it, locked"
page /unlock -o /dev/null --data-urlencode "passphrase=$passphrase"
for _ in $(seq 100); do
	grep -q 'The pages are at' "$work/log" && break
	sleep 0.1
done
grep -q 'The pages are at' "$work/log" || fail "it does not open in the page"
podman exec "$ran" /kua lock >/dev/null || fail "it can't be locked from the machine"
ok "opened in the page, and locked from the machine"
stop
