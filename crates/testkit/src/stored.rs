//! Stored streams in folders, packed.
//!
//! A folder is one of a pool, with `streams.tar.zst` in it; a folder of such folders; or one of `*.zsend.bz2` and
//! `*.zsend.zst`.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The archive of a pool's streams.
const ARCHIVE: &str = "streams.tar.zst";

/// Returns true if a folder has a pool's streams in an archive.
pub fn has_archive(folder: &Path) -> bool {
    folder.join(ARCHIVE).exists()
}

/// The folder itself, if it has streams, or those in it that have.
///
/// # Errors
/// In words, if it cannot be read.
pub fn folders(dir: &Path) -> Result<Vec<PathBuf>, String> {
    let mut paths = names(dir)?;
    if has_archive(dir) || paths.iter().any(|path| is_stream(path)) {
        return Ok(vec![dir.to_owned()]);
    }
    paths.retain(|path| has_archive(path));
    Ok(paths)
}

/// Gives every stream of a folder to `visit`, unpacked, with its name.
///
/// # Errors
/// In words, if one cannot be read; and what `visit` gives.
pub fn each(
    folder: &Path,
    mut visit: impl FnMut(&str, &mut dyn Read) -> Result<(), String>,
) -> Result<(), String> {
    let told = |path: &Path| {
        let path = path.display().to_string();
        move |e: io::Error| format!("{path}: {e}")
    };
    let archive = folder.join(ARCHIVE);
    if archive.exists() {
        let mut decoder = zstd::Decoder::new(File::open(&archive).map_err(told(&archive))?)
            .map_err(told(&archive))?;
        decoder.window_log_max(31).map_err(told(&archive))?;
        let mut tar = tar::Archive::new(decoder);
        for entry in tar.entries().map_err(told(&archive))? {
            let mut entry = entry.map_err(told(&archive))?;
            let path = entry.path().map_err(told(&archive))?;
            let name = path.to_string_lossy().trim_start_matches("./").to_owned();
            if entry.header().entry_type().is_file() {
                visit(&name, &mut entry)?;
            }
        }
    }
    for path in names(folder)?.into_iter().filter(|path| is_stream(path)) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.extension().is_some_and(|e| e == "zst") {
            let file = File::open(&path).map_err(told(&path))?;
            visit(&name, &mut zstd::Decoder::new(file).map_err(told(&path))?)?;
            continue;
        }
        let out = Command::new("bzip2").arg("-dc").arg(&path).output().map_err(told(&path))?;
        if !out.status.success() {
            return Err(format!("{name}: bzip2: {}", String::from_utf8_lossy(&out.stderr)));
        }
        visit(&name, &mut &out.stdout[..])?;
    }
    Ok(())
}

/// Contents of a folder, sorted.
fn names(dir: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

fn is_stream(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with(".zsend.bz2") || name.ends_with(".zsend.zst")
}
