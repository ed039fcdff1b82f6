# Job of run.sh: runs in the machine with the kernel module.
set -eu
. /mnt/tree.sh
zsend=/mnt/zsend; tried=0; refused=0
fail() { echo "corpus: FAILED: $*"; exit 1; }
echo "zfs $(cat /sys/module/zfs/version)"
head -c 32 /dev/zero | tr '\0' k > /tmp/key.raw
truncate -s 2G /tmp/o.img; zpool create -O mountpoint=none o /tmp/o.img
# content DATASET SNAP: hashes of all that is in it.
content() {
  if [ "$(zfs get -Ho value type "$1")" = volume ]; then sha256sum < "$(device "$1")"; return; fi
  mkdir -p /tmp/m; mount -t zfs "$1@$2" /tmp/m
  (cd /tmp/m && find . \( -type f -exec sha256sum {} + \) -o \( -type l -printf '%l %p\n' \) -o -printf '%y %m %U %G %s %T@ %p\n' | sort)
  umount /tmp/m
}
snap() { zfs list -Ht snapshot -o name o/x | sed 's/.*@//'; }
steps=('decompress' 'recompress off' 'recompress lz4' 'recompress lzjb' 'recompress zle' 'recompress gzip-6' 'recompress zstd-3' 'recompress zstd-fast-10'
  'convert --byteorder big' 'rechunk --split 8K' 'rechunk --split 32K' 'rechunk --split 128K' 'rechunk 256K' 'downgrade --to openzfs-0.8' 'downgrade --to SA_SPILL' 'dedup | redup'
  'policy /tmp/rules' 'rechunk --split 4K | recompress zstd-3 | convert --byteorder big' 'encrypt')
printf 'types = ["filesystem", "volume"]\nraw = "refused"\n' > /tmp/rules
for stream in /mnt/streams/*.zsend; do
  name=$(basename "$stream" .zsend)
  zfs receive -u o/x < "$stream" || fail "$name: the stream itself is not received"
  at=$(snap); content o/x "$at" > /tmp/want; zfs destroy -r o/x
  for step in "${steps[@]}"; do
    line=$step
    if [ "$step" = encrypt ]; then
      dataset=$($zsend dump "$stream" | sed -n 's/^\ttoname = \(.*\)@.*/\1/p' | head -1); line="encrypt --key $dataset=/tmp/key.raw"
    fi
    code=0; $zsend pipe "$line" "$stream" > /tmp/changed 2> /tmp/why || code=$?
    if [ $code = 4 ]; then echo "$name: $step: refused: $(tail -1 /tmp/why)"; refused=$((refused + 1)); continue; fi
    [ $code = 0 ] || fail "$name: $step: $(cat /tmp/why)"
    $zsend verify /tmp/changed > /tmp/verdict || { cat /tmp/verdict; fail "$name: $step: not whole"; }
    zfs receive -u o/x < /tmp/changed || fail "$name: $step: not received"
    if [ "$step" = encrypt ]; then zfs load-key -L file:///tmp/key.raw o/x || fail "$name: the key does not open it"; fi
    if [ "$(zfs get -Ho value type o/x)" = volume ]; then device o/x > /dev/null; fi
    content o/x "$at" > /tmp/got; cmp -s /tmp/want /tmp/got || { diff /tmp/want /tmp/got | head; fail "$name: $step: other contents"; }
    zfs destroy -r o/x; tried=$((tried + 1))
  done
  echo "$name: through ${#steps[@]} steps"
done
echo "$tried streams received and compared, $refused refused by name"
echo "corpus: ok"
