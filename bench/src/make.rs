//! Makes the benchmark pools with OpenZFS's libzpool, in user space.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;
use xtask::run::{root, succeed};

/// A pool as `mkperf.c` makes it.
pub(super) struct MadePool {
    pub(super) name: &'static str,
    pub(super) compression: &'static str,
    /// Place in `target/perf`: an image, or a folder of them.
    pub(super) place: &'static str,
    /// Images: one, or those of the folder.
    pub(super) vdevs: usize,
    /// Variables and values: sizes in MiB, counts. What is not said here is the default.
    pub(super) sizes: &'static str,
}

/// The pools of all rows but those of [`crate::scale`] and [`crate::packages`].
///
/// `VDEVMB` is five MiB, for the labels, over the fewest whole metaslabs that hold the data and the
/// 128 MiB at least that a pool keeps back. Where `cat` is compared there are no holes (`FULL`).
pub(super) const POOLS: [MadePool; 5] = [
    MadePool {
        name: "perf",
        compression: "lz4",
        place: "perf.img",
        vdevs: 1,
        sizes: "BIG=2048 BIGREC=512 VOL=512 SMALL=200000 VDEVMB=3589 FULL=1",
    },
    MadePool {
        name: "pzstd",
        compression: "zstd",
        place: "zstd.img",
        vdevs: 1,
        sizes: "BIG=1024 VOL=0 SMALL=0 VDEVMB=773 FULL=1",
    },
    MadePool {
        name: "pgzip",
        compression: "gzip",
        place: "gzip.img",
        vdevs: 1,
        sizes: "BIG=1024 VOL=0 SMALL=0 VDEVMB=773 FULL=1",
    },
    MadePool {
        name: "prz",
        compression: "lz4",
        place: "raidz2",
        vdevs: 6,
        sizes: "BIG=1024 VOL=0 SMALL=0 RAIDZ=2 VDEVMB=1024",
    },
    MadePool {
        name: "enc",
        compression: "off",
        place: "enc.img",
        vdevs: 1,
        sizes: "BIG=0 VOL=0 SMALL=0 ENC=400 RAND=100 VDEVMB=645 FULL=1",
    },
];

/// Libraries of `mkperf.c`.
const LIBRARIES: [&str; 4] = ["-lzpool", "-lnvpair", "-lm", "-lpthread"];

impl MadePool {
    /// Parameters of the pool; kept beside it, to tell a pool that was made with others.
    fn stamp(&self) -> String {
        format!("{} {} {} {}\n", self.name, self.compression, self.vdevs, self.sizes)
    }

    fn stamp_file(&self, dir: &Path) -> PathBuf {
        dir.join(self.place).with_extension("made")
    }

    fn images(&self, dir: &Path) -> Vec<PathBuf> {
        let place = dir.join(self.place);
        match self.vdevs {
            1 => vec![place],
            vdevs => (0..vdevs).map(|i| place.join(format!("d{i}.img"))).collect(),
        }
    }
}

/// Makes the pools that are missing, or not as they should be. Needs a C compiler and the library
/// of libzpool (Debian: `libzpool6linux libzfslinux-dev`, contrib).
pub(super) fn run<'a>(dir: &Path, pools: impl Iterator<Item = &'a MadePool>) -> Result<(), String> {
    let mut mkperf = None;
    for pool in pools {
        let images = pool.images(dir);
        let made = fs::read_to_string(pool.stamp_file(dir)).is_ok_and(|text| text == pool.stamp());
        if made && images.iter().all(|i| i.exists()) {
            continue;
        }
        let mkperf = match &mkperf {
            Some(built) => built,
            None => mkperf.insert(compile(dir, "mkperf.c", "mkperf", &LIBRARIES)?),
        };
        make(mkperf, dir, pool, &images)?;
    }
    Ok(())
}

/// Compiles a C file of `bench/` into the folder of the pools.
pub(super) fn compile(
    dir: &Path,
    source: &str,
    program: &str,
    flags: &[&str],
) -> Result<PathBuf, String> {
    fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let program = dir.join(program);
    let mut cc = Command::new("cc");
    cc.args(["-O1", "-w", "-o"]).arg(&program).arg(root().join("bench").join(source)).args(flags);
    succeed(cc)?;
    Ok(program)
}

fn make(mkperf: &Path, dir: &Path, pool: &MadePool, images: &[PathBuf]) -> Result<(), String> {
    let begun = Instant::now();
    let (place, stamp) = (dir.join(pool.place), pool.stamp_file(dir));
    for image in images {
        let folder = image.parent().unwrap_or(dir);
        fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    // Emptied first and written last: a pool that was left half-way is made anew.
    write(&stamp, "")?;
    let mut make = Command::new(mkperf);
    make.args([pool.name, pool.compression]).args(images).stdout(Stdio::null());
    // Nothing but the stamp says what the pool is like.
    let sizes = pool.sizes.split(' ').filter_map(|size| size.split_once('='));
    make.env_clear().envs(sizes).env("KEY", place.with_extension("key"));
    succeed(make)?;
    write(&stamp, &pool.stamp())?;
    eprintln!("made {} in {:.0} s", place.display(), begun.elapsed().as_secs_f64());
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}
