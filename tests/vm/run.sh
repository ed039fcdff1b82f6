#!/bin/bash
# run.sh JOB ZSEND VM [WORKDIR]: JOB-job.sh against the real kernel module. VM runs WORKDIR/job.sh as root on a machine with
# OpenZFS, where WORKDIR is /mnt, and leaves the output in WORKDIR/job.log (see docs/packages.md). The last line is `JOB: ok`.
#
# package: a pool of nested datasets, clones of clones, a promoted and a renamed one, holds, properties, encryption and
# volumes is sent with -R by the kernel and by ZSEND, which must give the same bytes; both are received; and all that
# `zfs list`, `zfs get` and `zfs holds` show is compared, and the hashes of all files and volumes. Then receives are broken off
# at many places, gone on with by --continue-from, and compared again.
#
# all: the same pool goes into a folder with --all, in two runs; what `catalogue ls --receive` prints receives it; and the
# snapshots and hashes are compared.
# change: streams of the kernel go through every step that changes streams, and what comes of each is received by the kernel; the
# hashes of files and volumes are compared with those at the sender.
# corpus: the same with the full plain streams WORKDIR/streams/*.zsend, each through every step; what comes of each is compared with
# what the stream itself is received as.
set -eu
job=$1; zsend=$(realpath "$2"); vm=$(realpath "$3"); work=${4:-$(mktemp -d)}; here=$(dirname "$(realpath "$0")")
mkdir -p "$work"; cp "$zsend" "$work/zsend"; cp "$here/$job-job.sh" "$work/job.sh"; cp "$here/tree.sh" "$work/tree.sh"
bash "$vm" "$work" "${LIMIT:-3000}"
grep -v '^$' "$work/job.log"
grep -q "^$job: ok" "$work/job.log"
