//! `outside`: the examples of a record type and of a step that changes streams, built in a crate that is no part of the
//! workspace, and run.

use std::fs;
use std::path::Path;
use xtask::run::{cargo, no_arguments, root, target};

/// A program that builds on the workspace's crates.
struct Example {
    /// Its name.
    name: &'static str,
    /// Its file, which stands alone.
    file: &'static str,
    /// Parts of its output.
    wanted: &'static [&'static str],
}

const EXAMPLES: [Example; 2] = [
    // The records of the stream that it made and read back, and the body of its own.
    Example {
        name: "note",
        file: "crates/encoder/examples/note.rs",
        wanted: &[
            "BEGIN FREEOBJECTS NOTE FREEOBJECTS END\n",
            "\nNOTE object = 7 toguid = 42 len = 12\n",
        ],
    },
    // The name that its own step gave, and the block that a step of the crate compressed.
    Example {
        name: "transform",
        file: "crates/stream/examples/transform.rs",
        wanted: &["backup/a@b\n", "WRITE of 4096 bytes in 512\n"],
    },
];
/// Crates of the workspace that they use.
const CRATES: [&str; 3] = ["encoder", "records", "stream"];

/// Runs the verb.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    no_arguments("outside", args)?;
    let folder = target().join("outside");
    make(&folder)?;
    EXAMPLES.iter().try_for_each(|example| run_one(&folder, example))
}

fn run_one(folder: &Path, example: &Example) -> Result<(), String> {
    let Example { name, file, wanted } = example;
    let mut program = cargo(&["run", "--quiet", "--bin", name, "--target-dir"]);
    program.arg(std::path::absolute(target()).map_err(|e| e.to_string())?).current_dir(folder);
    let out = program.output().map_err(|e| format!("{program:?}: {e}"))?;
    if !out.status.success() {
        let why = String::from_utf8_lossy(&out.stderr);
        return Err(format!("{program:?}: {}\n{why}", out.status));
    }
    let text = String::from_utf8_lossy(&out.stdout);
    match wanted.iter().find(|wanted| !text.contains(**wanted)) {
        None => {
            println!("{file} runs in a crate of its own");
            Ok(())
        }
        Some(wanted) => Err(format!("{file} did not print {wanted:?}, but:\n{text}")),
    }
}

/// Makes the crate: the examples are its only files beside the manifest. It has the versions of the
/// workspace's lock file, so that nothing is looked up anew, and its profile, so that what both use is built once.
fn make(folder: &Path) -> Result<(), String> {
    let failed = |e: std::io::Error| format!("{}: {e}", folder.display());
    let bin = folder.join("src/bin");
    // What an earlier run made may have other programs.
    let _ = fs::remove_dir_all(folder.join("src"));
    fs::create_dir_all(&bin).map_err(failed)?;
    let mut manifest = "[package]\nname = \"outside\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
                        [workspace]\n\n[dependencies]\nzerocopy = { version = \"0.8\", features = [\"derive\"] }\n"
        .to_owned();
    for name in CRATES {
        let path = root().join("crates").join(name);
        manifest += &format!("zsend-{name} = {{ path = {:?} }}\n", path.display().to_string());
    }
    let workspace = fs::read_to_string(root().join("Cargo.toml")).map_err(failed)?;
    let profiles = workspace.find("[profile.").ok_or("the workspace has profiles")?;
    manifest += &workspace[profiles..];
    fs::write(folder.join("Cargo.toml"), manifest).map_err(failed)?;
    fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock")).map_err(failed)?;
    EXAMPLES.iter().try_for_each(|Example { name, file, .. }| {
        fs::copy(root().join(file), bin.join(format!("{name}.rs"))).map(drop).map_err(failed)
    })
}
