//! Makes the benchmark pools with OpenZFS's libzpool, in user space.

use std::path::Path;
use std::process::Command;
use xtask::run::{root, succeed};

/// Variables and values for `mkperf.c`: sizes in MiB, counts.
type Sizes = &'static [(&'static str, &'static str)];
/// Pool name, compression, where it goes, and how large it is.
type MadePool = (&'static str, &'static str, &'static str, Sizes);

const POOLS: [MadePool; 4] = [
    (
        "perf",
        "lz4",
        "perf.img",
        &[("BIG", "2048"), ("BIGREC", "512"), ("VOL", "512"), ("SMALL", "200000")],
    ),
    ("pzstd", "zstd", "zstd.img", &[("BIG", "512"), ("VOL", "0"), ("SMALL", "0")]),
    ("pgzip", "gzip", "gzip.img", &[("BIG", "512"), ("VOL", "0"), ("SMALL", "0")]),
    (
        "prz",
        "lz4",
        "raidz2",
        &[("BIG", "1024"), ("VOL", "0"), ("SMALL", "0"), ("RAIDZ", "2"), ("VDEVMB", "1024")],
    ),
];

/// Builds `mkperf` and makes every pool that is not there. Needs a C compiler and the headers and
/// library of libzpool (Debian: `libzpool6linux libzfslinux-dev`, contrib).
pub(super) fn run(dir: &Path) -> Result<(), String> {
    std::fs::create_dir_all(dir.join("raidz2")).map_err(|e| e.to_string())?;
    let mkperf = dir.join("mkperf");
    let mut cc = Command::new("cc");
    cc.args(["-O1", "-w"]).arg(root().join("xtask/mkperf.c")).arg("-o").arg(&mkperf);
    cc.args(["-lzpool", "-lnvpair", "-lm", "-lpthread"]);
    succeed(cc)?;
    for (name, compression, place, sizes) in POOLS {
        let place = dir.join(place);
        let vdevs: Vec<_> = if place.is_dir() {
            (0..6).map(|i| place.join(format!("d{i}.img"))).collect()
        } else {
            vec![place]
        };
        if vdevs.iter().all(|v| v.exists()) {
            continue;
        }
        let mut make = Command::new(&mkperf);
        make.args([name, compression]).args(&vdevs).envs(sizes.iter().copied());
        succeed(make)?;
    }
    Ok(())
}
