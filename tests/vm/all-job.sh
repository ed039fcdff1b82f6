# Job of run.sh: runs in the machine with the kernel module.
set -eu
. /mnt/tree.sh
zsend=/mnt/zsend; src=tank
fail() { echo "all: FAILED: $*"; exit 1; }
# same WHAT A B: two texts are the same.
same() { if diff "$2" "$3" > /tmp/diff; then echo "$1: equal ($(wc -l < "$2") lines)"; else head -40 /tmp/diff; fail "$1"; fi; }
# snapshots DATASET: all below it, with their guids.
snapshots() { zfs list -Hrt snapshot -o name,guid "$1" | sed "s,^$1,," | sort; }
echo "zfs $(cat /sys/module/zfs/version)"
make $src
zpool sync $src; zpool export $src
all() { $zsend send -q --all -w -d /tmp/$src.img -o /tmp/all $src; }
all; first=$($zsend catalogue ls -H /tmp/all | wc -l)
# More of it, a dataset that has another name now, and one that was made anew under its old one.
zpool import -d /tmp $src; zfs load-key -a || true; zfs mount -a
zfs rename $src/fs/late $src/fs/later; fill $src 4; zfs create $src/fs/late; fill $src 5; zfs snapshot -r $src@d
snapshots $src > /tmp/src.snaps; hashes $src > /tmp/src.hash
zpool sync $src; zpool export $src
all; echo "$first streams of the first run, $($zsend catalogue ls -H /tmp/all | wc -l) with the second"
$zsend catalogue check /tmp/all || fail check
truncate -s 512M /tmp/o.img; zpool create -O mountpoint=none o /tmp/o.img
$zsend catalogue ls --receive o/back /tmp/all > /tmp/receive.sh
sh /tmp/receive.sh || { cat /tmp/receive.sh; fail "receive.sh"; }
# What was renamed keeps its first name, and the new one of that name has a number.
zfs rename o/back/fs/late o/back/fs/later; zfs rename o/back/fs/late.2 o/back/fs/late
snapshots o/back > /tmp/o.snaps; same snapshots /tmp/src.snaps /tmp/o.snaps
# Each is an encryption root of its own here; the clone is of its origin.
for d in enc enc/child; do zfs load-key -L file:///tmp/key.raw "o/back/$d"; done
hashes o/back > /tmp/o.hash; same hashes /tmp/src.hash /tmp/o.hash
echo "all: ok"
