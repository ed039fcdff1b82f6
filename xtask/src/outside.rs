//! `outside`: the example of a record type, built as a crate that is no part of the workspace, and run.

use std::fs;
use std::path::Path;
use xtask::run::{cargo, root, target};

/// The example, which stands alone.
const EXAMPLE: &str = "crates/encoder/examples/note.rs";
/// Crates of the workspace that it uses.
const CRATES: [&str; 3] = ["encoder", "records", "stream"];
/// Parts of its output, about the stream that it made and read back: the records, and the body of its own.
const WANTED: [&str; 2] =
    ["BEGIN FREEOBJECTS NOTE FREEOBJECTS END\n", "\nNOTE object = 7 toguid = 42 len = 12\n"];

/// Runs the verb.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    if !args.is_empty() {
        return Err("usage: outside".to_owned());
    }
    let folder = target().join("outside");
    make(&folder)?;
    let mut program = cargo(&["run", "--quiet", "--target-dir"]);
    program.arg(folder.join("target")).current_dir(&folder);
    let out = program.output().map_err(|e| format!("{program:?}: {e}"))?;
    if !out.status.success() {
        let why = String::from_utf8_lossy(&out.stderr);
        return Err(format!("{program:?}: {}\n{why}", out.status));
    }
    let text = String::from_utf8_lossy(&out.stdout);
    match WANTED.into_iter().find(|wanted| !text.contains(wanted)) {
        None => {
            println!("{EXAMPLE} runs as a crate of its own: {}", WANTED[0].trim_end());
            Ok(())
        }
        Some(wanted) => Err(format!("{EXAMPLE} did not print {wanted:?}, but:\n{text}")),
    }
}

/// Makes the crate: the example is its only file beside the manifest. It has the versions of the
/// workspace's lock file, so that nothing is looked up anew.
fn make(folder: &Path) -> Result<(), String> {
    let failed = |e: std::io::Error| format!("{}: {e}", folder.display());
    fs::create_dir_all(folder.join("src")).map_err(failed)?;
    let mut manifest = "[package]\nname = \"note\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
                        [workspace]\n\n[dependencies]\nzerocopy = { version = \"0.8\", features = [\"derive\"] }\n"
        .to_owned();
    for name in CRATES {
        let path = root().join("crates").join(name);
        manifest += &format!("zsend-{name} = {{ path = {:?} }}\n", path.display().to_string());
    }
    fs::write(folder.join("Cargo.toml"), manifest).map_err(failed)?;
    fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock")).map_err(failed)?;
    fs::copy(root().join(EXAMPLE), folder.join("src/main.rs")).map_err(failed)?;
    Ok(())
}
