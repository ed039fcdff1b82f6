# Job of run.sh: runs in the machine with the kernel module.
set -eu
. /mnt/tree.sh
zsend=/mnt/zsend; src=tank; tried=0
fail() { echo "change: FAILED: $*"; exit 1; }
echo "zfs $(cat /sys/module/zfs/version)"
make $src
truncate -s 1G /tmp/o.img; zpool create -O mountpoint=none o /tmp/o.img
# content SNAPSHOT|VOLUME: hashes of all that is in it.
content() {
  case $1 in
    *@*) mkdir -p /tmp/m; mount -t zfs "$1" /tmp/m
      (cd /tmp/m && find . \( -type f -exec sha256sum {} + \) -o \( -type l -printf '%l %p\n' \) -o -type d -printf '%p\n' | sort)
      umount /tmp/m ;;
    *) sha256sum < "$(device "$1")" ;;
  esac
}
# send NAME ARGS: a stream of the kernel's.
send() { local name=$1; shift; zfs send "$@" > "/tmp/$name.zsend"; }
# received STREAM WHAT: a dataset o/x@SNAP has what WHAT has.
received() {
  local what=$1 want=$2 of=$3
  zfs list -Ho name "$of" > /dev/null || fail "$what: nothing is there"
  if [ -f /tmp/need-key ]; then zfs load-key -L "$(cat /tmp/need-key)" "${of%@*}" || fail "$what: the key does not open it"; fi
  content "$of" > /tmp/got; cmp -s "$want" /tmp/got || { diff "$want" /tmp/got | head; fail "$what: other contents"; }
  tried=$((tried + 1))
}
# try WHAT WANT SNAP BASE STREAM STEPS: the stream through the steps is received, on its base through STEPS too if there is one.
try() {
  local what=$1 want=$2 snap=$3 base=$4 stream=$5 steps=$6 base_steps=${7-$6}
  if [ "$base" != - ]; then
    if [ "$base_steps" = - ]; then cat "/tmp/$base.zsend"; else $zsend pipe "$base_steps" "/tmp/$base.zsend"; fi > /tmp/base
    zfs receive -u o/x < /tmp/base || fail "$what: the base is not received"
  fi
  $zsend pipe "$steps" "/tmp/$stream.zsend" > /tmp/changed || fail "$what: not changed"
  $zsend verify /tmp/changed > /tmp/verdict || { cat /tmp/verdict; fail "$what: not whole"; }
  zfs receive -u o/x < /tmp/changed || fail "$what: not received"
  received "$what" "$want" "o/x@$snap"
  zfs destroy -r o/x
}
send full $src/fs@a; send full-Lec -Lec $src/fs@a; send all $src/fs@c; send all-Lec -Lec $src/fs@c
send inc -i @a $src/fs@b; send inc-Lec -Lec -i @a $src/fs@c; send bc -i @b $src/fs@c
send clone -Lec $src/fs/promoted@c; send zebra -c $src/clone2@c; send moved -e $src/moved@c
for s in a b c; do content $src/fs@$s > /tmp/fs.$s; done
content $src/fs/promoted@c > /tmp/promoted.c; content $src/clone2@c > /tmp/clone2.c; content $src/moved@c > /tmp/moved.c
steps=('decompress' 'recompress off' 'recompress lz4' 'recompress lzjb' 'recompress zle' 'recompress gzip-9' 'recompress zstd-19'
  'recompress zstd-fast-10' 'convert --byteorder big' 'convert --byteorder big | convert --byteorder little' 'rechunk --split 4K'
  'downgrade --to SA_SPILL' 'downgrade --to openzfs-0.8' 'rechunk --split 4K | recompress zstd-3' 'rechunk 1M | recompress lz4 | convert --byteorder big')
for step in "${steps[@]}"; do
  try "full, $step" /tmp/fs.a a - full "$step"
  try "full -Lec, $step" /tmp/fs.a a - full-Lec "$step"
  try "all -Lec, $step" /tmp/fs.c c - all-Lec "$step"
  case $step in
    *rechunk\ 1M*) ;;
    *) try "increment, $step" /tmp/fs.b b full inc "$step"
      try "increment -Lec, $step" /tmp/fs.c c full-Lec inc-Lec "$step" ;;
  esac
  echo "$step: received"
done
for step in 'decompress' 'recompress zstd-3' 'convert --byteorder big' 'rechunk --split 8K' 'rechunk 256K'; do
  try "promoted, $step" /tmp/promoted.c c - clone "$step"
  try "clone2, $step" /tmp/clone2.c c - zebra "$step"
  try "moved, $step" /tmp/moved.c c - moved "$step"
done
echo "datasets of one kind and another: received"
# Volumes: received, and onto an image.
send vol $src/vol@a; send vol-c -c $src/vol@c; send vol-inc -i @a $src/vol@c
zfs clone $src/vol@a $src/va; zfs clone $src/vol@c $src/vc; content $src/va > /tmp/vol.a; content $src/vc > /tmp/vol.c
guid=$($zsend raw /tmp/image /tmp/vol.zsend); sha256sum < /tmp/image | cmp - /tmp/vol.a || fail "raw: image of the full stream"
$zsend raw -g "$guid" /tmp/image /tmp/vol-inc.zsend > /tmp/guid; sha256sum < /tmp/image | cmp - /tmp/vol.c || fail "raw: image of the increment"
[ "$(cat /tmp/guid)" = "$(zfs get -Hpo value guid $src/vol@c)" ] || fail "raw: guid"
for step in 'recompress gzip-1' 'convert --byteorder big' 'rechunk 4K' 'rechunk 64K' 'downgrade --to openzfs-0.7'; do
  $zsend pipe "$step" /tmp/vol-c.zsend | zfs receive -u o/x || fail "volume, $step"
  content o/x > /tmp/got; cmp -s /tmp/vol.c /tmp/got || fail "volume, $step: other contents"
  zfs destroy -r o/x; tried=$((tried + 1))
done
echo "volumes: received, and on an image"
# Raw streams: turned, packed anew, and decrypted; and plain ones encrypted.
send enc -w $src/enc@a; send enc-inc -w -i @a $src/enc@c; send pass -w $src/enc/root2@c
for s in a c; do content $src/enc@$s > /tmp/enc.$s; done; content $src/enc/root2@c > /tmp/pass.c
echo file:///tmp/key.raw > /tmp/need-key
# A list packed by a machine of the other order is taken by none.
for step in 'convert --nvlist xdr' 'convert --byteorder big --nvlist xdr'; do
  try "raw, $step" /tmp/enc.a a - enc "$step"
  try "raw increment, $step" /tmp/enc.c c enc enc-inc "$step"
done
rm /tmp/need-key
key="--key $src/enc=/tmp/key.raw --key $src/enc/root2=/tmp/key.pass"
try "decrypt" /tmp/enc.a a - enc "decrypt $key"
try "decrypt an increment" /tmp/enc.c c enc enc-inc "decrypt $key"
try "decrypt with a passphrase" /tmp/pass.c c - pass "decrypt $key | recompress zstd-3"
if $zsend encrypt --help > /dev/null 2>&1; then
  echo file:///tmp/key.raw > /tmp/need-key
  try "encrypt" /tmp/fs.a a - full "encrypt --key $src/fs=/tmp/key.raw"
  try "encrypt -Lec" /tmp/fs.c c - all-Lec "encrypt --key $src/fs=/tmp/key.raw"
  rm /tmp/need-key
fi
echo "raw streams: received"
# Packages: those of single streams, and what comes out of one.
$zsend package /tmp/full.zsend /tmp/inc.zsend /tmp/bc.zsend > /tmp/p; zfs receive -u o/x < /tmp/p || fail "package: not received"
for s in a b c; do received "package, @$s" /tmp/fs.$s o/x@$s; done; zfs destroy -r o/x
zfs send -R $src/fs@c > /tmp/R.zsend; $zsend unpackage -o /tmp/apart /tmp/R.zsend
$zsend package $($zsend chain -H /tmp/apart/*.zsend | cut -f7) > /tmp/p || fail "package of a tree"
zfs receive -u -d o < /tmp/p || fail "package of a tree: not received"
for s in a b c; do received "package of a tree, @$s" /tmp/fs.$s o/fs@$s; done
received "package of a tree, a clone" /tmp/promoted.c o/fs/promoted@c; zfs destroy -R o/fs
for step in 'recompress zstd-3' 'convert --byteorder big' 'downgrade --to SA_SPILL,LZ4'; do
  $zsend pipe "$step" /tmp/R.zsend | zfs receive -u -d o || fail "-R, $step: not received"
  received "-R, $step" /tmp/fs.c o/fs@c; zfs destroy -R o/fs
done
echo "packages: received"
if $zsend squash --help > /dev/null 2>&1; then
  $zsend squash /tmp/full.zsend /tmp/inc.zsend /tmp/bc.zsend > /tmp/s; zfs receive -u o/x < /tmp/s || fail "squash: not received"
  received squash /tmp/fs.c o/x@c; zfs destroy -r o/x
  zfs receive -u o/x < /tmp/full.zsend; $zsend squash /tmp/inc.zsend /tmp/bc.zsend > /tmp/s
  zfs receive -u o/x < /tmp/s || fail "squash of increments: not received"; received "squash of increments" /tmp/fs.c o/x@c; zfs destroy -r o/x
  echo "squash: received"
fi
# A stream that was cut is gone on with in its own file.
zpool sync $src; zpool export $src
for share in 3 20 45 70 99; do
  size=$(stat -c %s /tmp/all-Lec.zsend); head -c $((size * share / 100)) /tmp/all-Lec.zsend > /tmp/cut
  $zsend send -q -d /tmp/$src.img --append /tmp/cut || fail "append at $share%"
  cmp /tmp/cut /tmp/all-Lec.zsend || fail "append at $share%: not the kernel's stream"; tried=$((tried + 1))
done
echo "cut streams: gone on with, as the kernel's"
echo "$tried streams received or compared"
echo "change: ok"
