#!/bin/bash
# package.sh ZSEND VM [WORKDIR]: packages against the real kernel module. VM runs WORKDIR/job.sh as root on a machine with
# OpenZFS, where WORKDIR is /mnt, and leaves the output in WORKDIR/job.log (see docs/packages.md).
#
# The job makes a pool of nested datasets, clones of clones, a promoted and a renamed one, holds, properties, encryption and
# volumes; sends it with -R by the kernel and by ZSEND, which must give the same bytes; receives both; and compares all that
# `zfs list`, `zfs get` and `zfs holds` show, and the hashes of all files and volumes. Then it breaks receives off at many
# places, goes on with --continue-from, and compares again. The last line is `package.sh: ok`.
set -eu
zsend=$(realpath "$1"); vm=$(realpath "$2"); work=${3:-$(mktemp -d)}; here=$(dirname "$(realpath "$0")")
mkdir -p "$work"; cp "$zsend" "$work/zsend"; cp "$here/package-job.sh" "$work/job.sh"; cp "$here/tree.sh" "$work/tree.sh"
bash "$vm" "$work" "${LIMIT:-3000}"
grep -v '^$' "$work/job.log"
grep -q '^package.sh: ok' "$work/job.log"
