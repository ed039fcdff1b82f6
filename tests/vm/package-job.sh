# Job of run.sh: runs in the machine with the kernel module.
set -eu
. /mnt/tree.sh
zsend=/mnt/zsend; src=tank
fail() { echo "package: FAILED: $*"; exit 1; }
# same WHAT A B: two texts are the same.
same() { if diff "$2" "$3" > /tmp/diff; then echo "$1: equal ($(wc -l < "$2") lines)"; else head -40 /tmp/diff; fail "$1"; fi; }
target() { truncate -s 256M "/tmp/$1.img"; zpool create -O mountpoint=none "$1" "/tmp/$1.img"; }
drop() { zpool destroy -f "$1"; rm -f "/tmp/$1.img"; }
echo "zfs $(cat /sys/module/zfs/version)"
make $src
zfs send -R -w -h $src@c > /tmp/kernel.zsend
zfs send -R -w -h -I @a $src@c > /tmp/kernel-inc.zsend
zfs send -R -p $src/fs@c > /tmp/kernel-plain.zsend
zfs send -n -v -P -R -w -h $src@c > /tmp/kernel.txt
show $src > /tmp/src.show
sync; zpool export $src
ours() { $zsend send -q -d /tmp/$src.img "$@"; }
ours -R -w -h $src@c > /tmp/ours.zsend; ours -R -w -h -I @a $src@c > /tmp/ours-inc.zsend
ours -R -p $src/fs@c > /tmp/ours-plain.zsend; ours -n -v -P -R -w -h $src@c > /tmp/ours.txt
for s in .zsend -inc.zsend -plain.zsend; do
  if cmp /tmp/kernel$s /tmp/ours$s; then echo "stream$s: $(stat -c %s /tmp/ours$s) bytes, as the kernel's"; else
    $zsend dump -v /tmp/kernel$s > /tmp/k.d || true; $zsend dump -v /tmp/ours$s > /tmp/o.d || true; diff /tmp/k.d /tmp/o.d | head -20; fail "stream$s differs"; fi
done
same "dry run" /tmp/kernel.txt /tmp/ours.txt
target k; target o
zfs receive -u -F -d k < /tmp/kernel.zsend
zfs receive -u -F -d o < /tmp/ours.zsend
show k > /tmp/k.show; show o > /tmp/o.show; same "received trees" /tmp/k.show /tmp/o.show
hashes k > /tmp/k.hash; hashes o > /tmp/o.hash; same "hashes" /tmp/k.hash /tmp/o.hash
grep -q 'cannot be mounted' /tmp/k.hash && echo "note: $(grep -c 'cannot be mounted' /tmp/k.hash) snapshots cannot be mounted, in both"
drop o
# A package that was broken off: at a share of its bytes, or between two streams.
size=$(stat -c %s /tmp/ours.zsend)
broken() {
  local what=$1 file=$2 at=$3; shift 3
  head -c "$at" "$file" | zfs receive -s -u -F -d o 2> /tmp/e || true
  local found token name
  found=$(zfs get -Hrt filesystem,volume -o name,value receive_resume_token o | awk '$2 != "-"' | head -1)
  token=$(echo "$found" | cut -f2)
  if [ -n "$token" ]; then
    echo "$what: cut at $at; token of $(echo "$found" | cut -f1)"
    ours "$@" --continue-from "$token" > /tmp/rest.zsend
  else
    name=$(zfs list -Hrt snapshot -o name -s createtxg o | tail -1); name=$src${name#o}
    echo "$what: cut at $at; no token, last is $name"
    ours "$@" --continue-from "$name" > /tmp/rest.zsend
  fi
  zfs receive -s -u -F -d o < /tmp/rest.zsend || { tail -3 /tmp/e; fail "$what: the rest is not received"; }
  show o > /tmp/o.show; same "$what: tree" /tmp/k.show /tmp/o.show
  hashes o > /tmp/o.hash; same "$what: hashes" /tmp/k.hash /tmp/o.hash
}
for share in 15 45 75 95; do
  target o; broken "-R at $share%" /tmp/ours.zsend $((size * share / 100)) -R -w -h $src@c; drop o
done
# Between streams, in the middle of the package.
cut=$($zsend dump -v /tmp/ours.zsend > /tmp/d.txt; python3 -c '
import struct
d=open("/tmp/ours.zsend","rb").read(); at=[]; i=0
magic=struct.pack("<Q",0x2f5bacbac)
while (i:=d.find(magic,i))>=0: at.append(i-8); i+=1
print(at[len(at)//2])')
target o; broken "-R between streams" /tmp/ours.zsend "$cut" -R -w -h $src@c; drop o
echo "package: ok"
