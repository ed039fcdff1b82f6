# Sourced by the jobs: how trees are made and compared.

# make POOL: a pool of nested datasets, clones, properties, holds, encryption and volumes, with the snapshots @a, @b and @c.
make() {
  local p=$1
  truncate -s 256M "/tmp/$p.img"; zpool create -O mountpoint="/$p" -O compression=lz4 "$p" "/tmp/$p.img"
  printf '%032d' 7 > /tmp/key.raw; echo 12345678 > /tmp/key.pass
  zfs create -o recordsize=16k -o test:user='a value' "$p/fs"; zfs create "$p/fs/Zebra"; zfs create "$p/fs/alpha"
  zfs create -o quota=100M -o refreservation=1M -o atime=off "$p/fs/alpha/deep"
  zfs create -V 4M -o volblocksize=16k "$p/vol"; zfs create -V 4M -s "$p/fs/sparse"
  zfs create -o encryption=on -o keyformat=raw -o keylocation=file:///tmp/key.raw "$p/enc"; zfs create "$p/enc/child"
  zfs create -o encryption=aes-128-ccm -o keyformat=passphrase -o keylocation=file:///tmp/key.pass "$p/enc/root2"
  fill "$p" 1; zfs snapshot -r "$p@a"; zfs hold -r kept "$p/fs@a"
  zfs clone -o test:clone=yes "$p/fs/alpha@a" "$p/fs/clone1"; echo one > "/$p/fs/clone1/one"
  zfs clone "$p/enc/child@a" "$p/enc/cl"
  fill "$p" 2; zfs snapshot -r -o test:snap=here "$p@b"
  zfs clone "$p/fs/clone1@b" "$p/clone2"; zfs clone "$p/vol@a" "$p/volclone"
  zfs clone "$p/fs/Zebra@b" "$p/fs/promoted"; zfs promote "$p/fs/promoted"
  zfs rename "$p/fs/alpha/deep" "$p/moved"; zfs create "$p/fs/late"; zfs set sync=disabled "$p/fs/late"
  rm -f "/$p/fs/file.1"; fill "$p" 3; zfs inherit -r atime "$p/fs"; zfs hold two "$p/clone2@b" 2>/dev/null || true
  zfs snapshot -r "$p@c"
}

# fill POOL N: some data everywhere, the same for the same N.
fill() {
  local fs n=$2
  for fs in $(zfs list -Ho name -t filesystem -r "$1"); do
    seq "$((n * 1000))" "$((n * 1000 + 20000))" > "/$fs/file.$n"; ln -sf "file.$n" "/$fs/link"
    truncate -s 1M "/$fs/sparse"; printf '%s' "$n" | dd of="/$fs/sparse" bs=1 seek="$((n * 100000))" conv=notrunc status=none
  done
  for fs in $(zfs list -Ho name -t volume -r "$1"); do
    seq "$n" 50000 | dd of="$(device "$fs")" bs=64k seek="$n" conv=notrunc,fsync status=none
  done
}

# device VOLUME: its device, with udev or without. It appears some time after the volume.
device() {
  local t z
  for t in $(seq 100); do
    for z in /dev/zd*; do
      case $z in *p[0-9]*) continue ;; esac
      if [ -b "$z" ] && [ "$(/lib/udev/zvol_id "$z" 2>/dev/null)" = "$1" ]; then echo "$z"; return; fi
    done
    sleep 0.1
  done
  echo "no device of $1" >&2; return 1
}

# show POOL: all that there is to compare of a pool, its own name taken out. What a receive makes anew is left out: txgs,
# object numbers, guids and times of heads, and figures that depend on when the space of what was freed comes back.
show() {
  local p=$1 anew='available|createtxg|creation|objsetid|used|usedbychildren|usedbydataset|usedbysnapshots|written|referenced|compressratio|refcompressratio|logicalused|logicalreferenced|snapshots_changed|mounted|keystatus|receive_resume_token|usedbyrefreservation'
  zfs list -Hrt all -o name,type,origin,volsize,encryptionroot,keylocation,userrefs "$p" | sort | sed "s,\b$p\b,POOL,g"
  zfs list -Hrt snapshot -o name,guid,createtxg "$p" | sort -k1,1 | cut -f1,2 | sed "s,\b$p\b,POOL,g"
  zfs get -Hpr all "$p" | grep -vE "	($anew)	" | grep -vE '^[^@]*	guid	' | sort | sed "s,\b$p\b,POOL,g"
  zfs list -Hrt snapshot -o name "$p" | xargs -r zfs holds -H | awk '{print $1, $2}' | sort | sed "s,\b$p\b,POOL,g"
}

# hashes POOL: those of the files and volumes of every snapshot. Keys are loaded for that.
hashes() {
  local p=$1 s d m
  zfs load-key -r -L file:///tmp/key.raw "$p/enc" 2>/dev/null || true
  zfs load-key -L file:///tmp/key.pass "$p/enc/root2" 2>/dev/null || true
  mkdir -p /tmp/m
  for s in $(zfs list -Hrt snapshot -o name "$p" | sort); do
    d=${s%@*}
    if [ "$(zfs get -Ho value type "$d")" = volume ]; then
      continue
    fi
    if mount -t zfs "$s" /tmp/m 2>/dev/null; then
      (cd /tmp/m && find . \( -type f -exec sha256sum {} + \) -o \( -type l -printf '%l %p\n' \) | sort) | sed "s,^,${s#"$p"} ,"
      umount /tmp/m
    else
      echo "${s#"$p"} cannot be mounted"
    fi
  done
  for s in $(zfs list -Hrt volume -o name "$p" | sort); do
    case $s in */enc/*) continue ;; esac
    m=$(device "$s") && echo "${s#"$p"} $(sha256sum < "$m")"
  done
}
