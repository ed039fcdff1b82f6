//! Unpacks the compressed images of a pool, once, leaving holes where there are zeros.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use xtask::run::target;

/// Tells the images that this process unpacks apart.
static UNPACKED: AtomicU64 = AtomicU64::new(0);
/// Zeros shorter than this are written.
const PIECE: usize = 64 << 10;

/// Unpacks every `*.img.zst` of `dir` under `target/pools` and returns the folder that they are in.
///
/// # Errors
/// The file, and what is wrong with it.
pub fn unpack(dir: &Path) -> Result<PathBuf, String> {
    let name = dir.file_name().ok_or_else(|| format!("{}: not a folder", dir.display()))?;
    unpack_to(dir, &target().join("pools").join(name))
}

/// Unpacks every `*.img.zst` of `dir` into the folder `to`: for tests that change the images.
///
/// # Errors
/// The file, and what is wrong with it.
pub fn unpack_to(dir: &Path, to: &Path) -> Result<PathBuf, String> {
    let tell = |path: &Path, e: io::Error| format!("{}: {e}", path.display());
    fs::create_dir_all(to).map_err(|e| tell(to, e))?;
    for entry in fs::read_dir(dir).map_err(|e| tell(dir, e))? {
        let from = entry.map_err(|e| tell(dir, e))?.path();
        let Some(image) = from.file_name().and_then(|n| n.to_str()?.strip_suffix(".zst")) else {
            continue;
        };
        if Path::new(image).extension().is_none_or(|e| e != "img") {
            continue;
        }
        let image = to.join(image);
        if !is_newer(&image, &from) {
            unpack_one(&from, &image).map_err(|e| tell(&from, e))?;
        }
    }
    Ok(to.to_owned())
}

fn is_newer(image: &Path, source: &Path) -> bool {
    let time = |p: &Path| fs::metadata(p).and_then(|m| m.modified());
    matches!((time(image), time(source)), (Ok(a), Ok(b)) if a >= b)
}

fn unpack_one(from: &Path, to: &Path) -> io::Result<()> {
    let mut decoder = zstd::Decoder::new(File::open(from)?)?;
    decoder.window_log_max(31)?;
    // Written under a name of its own first: an image that is there is whole, and tests that run
    // side by side do not meet.
    let serial = UNPACKED.fetch_add(1, Ordering::Relaxed);
    let partial = to.with_extension(format!("partial-{}-{serial}", std::process::id()));
    let mut file = File::create(&partial)?;
    let mut piece = vec![0; PIECE];
    let mut size = 0;
    loop {
        let mut filled = 0;
        while filled < PIECE {
            match decoder.read(&mut piece[filled..])? {
                0 => break,
                n => filled += n,
            }
        }
        if filled == 0 {
            break;
        }
        size += filled as u64;
        if piece[..filled].iter().all(|&b| b == 0) {
            file.seek(SeekFrom::Start(size))?;
        } else {
            file.write_all(&piece[..filled])?;
        }
    }
    file.set_len(size)?;
    // An image is as old as what it was unpacked from: a pool whose host wrote heartbeats is watched
    // only if its devices were written to of late.
    file.set_modified(fs::metadata(from)?.modified()?)?;
    fs::rename(partial, to)
}
