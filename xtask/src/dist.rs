//! `dist`: static binaries, Debian packages, checksums and a list of parts, in `target/dist`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use xtask::run::{cargo, root, succeed, target};

/// Machines that binaries are made for, and the names that Debian has for them.
const TARGETS: [(&str, &str); 2] =
    [("x86_64-unknown-linux-musl", "amd64"), ("aarch64-unknown-linux-musl", "arm64")];

/// Tools that are not part of Rust, the command that shows that each is there, and how to get it.
const TOOLS: [(&str, &[&str], &str); 3] = [
    ("cargo-zigbuild", &["zigbuild", "--help"], "pip install ziglang cargo-zigbuild"),
    ("cargo-deb", &["deb", "--version"], "cargo install cargo-deb"),
    ("cargo-cyclonedx", &["cyclonedx", "--version"], "cargo install cargo-cyclonedx"),
];

/// Runs the verb. `--try` installs, runs and removes the package of this machine in a Debian root of
/// its own, which needs root and `debootstrap`; `--only TARGET` makes the binary of one machine.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let only = match args.iter().position(|arg| arg == "--only") {
        None => None,
        Some(i) => {
            let named = args.get(i + 1).map_or("", String::as_str);
            let known = TARGETS.map(|(triple, _)| triple);
            if !known.contains(&named) {
                return Err(format!("--only takes {}", known.join(" or ")));
            }
            Some(named)
        }
    };
    for (tool, probe, how) in TOOLS {
        let out = cargo(probe).output().map_err(|e| format!("cargo: {e}"))?;
        if !out.status.success() {
            return Err(format!("{tool} is missing: {how}"));
        }
    }
    // The manifest of the packages names files there, wherever cargo builds.
    let dist = root().join("target/dist");
    if dist.exists() {
        fs::remove_dir_all(&dist).map_err(|e| format!("{}: {e}", dist.display()))?;
    }
    fs::create_dir_all(&dist).map_err(|e| format!("{}: {e}", dist.display()))?;
    documents(&dist)?;
    for (triple, debian) in TARGETS.iter().filter(|(t, _)| only.is_none_or(|only| only == *t)) {
        build(triple, &dist)?;
        package(triple, debian, &dist)?;
    }
    parts(&dist)?;
    checksums(&dist)?;
    for file in files(&dist)? {
        let size = fs::metadata(&file).map_err(|e| e.to_string())?.len();
        println!("{size:>10} {}", file.display());
    }
    if args.iter().any(|arg| arg == "--try") { attempt(&dist) } else { Ok(()) }
}

/// Manual pages and completions, by the program itself.
fn documents(dist: &Path) -> Result<(), String> {
    let zsend = xtask::run::zsend(xtask::run::Profile::Release)?;
    let man = dist.join("man");
    fs::create_dir_all(&man).map_err(|e| e.to_string())?;
    let mut pages = Command::new(&zsend);
    pages.args(["man", "--dir"]).arg(&man);
    succeed(pages)?;
    for (shell, name) in [("bash", "zsend"), ("zsh", "_zsend"), ("fish", "zsend.fish")] {
        let out = output(Command::new(&zsend).args(["completions", shell]))?;
        let folder = dist.join("completions").join(shell);
        fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
        fs::write(folder.join(name), out).map_err(|e| e.to_string())?;
    }
    Ok(())
}

/// A static binary, and its debug information apart.
fn build(triple: &str, dist: &Path) -> Result<(), String> {
    succeed(cargo(&["zigbuild", "--release", "--package", "zsend-cli", "--target", triple]))?;
    let built = target().join(triple).join("release/zsend");
    let binary = dist.join(format!("zsend-{triple}"));
    let debug = dist.join(format!("zsend-{triple}.debug"));
    let objcopy = llvm_objcopy()?;
    let mut keep = Command::new(&objcopy);
    keep.arg("--only-keep-debug").arg(&built).arg(&debug);
    succeed(keep)?;
    let mut strip = Command::new(&objcopy);
    strip.arg("--strip-all").arg(link_to(&debug)).arg(&built).arg(&binary).current_dir(dist);
    succeed(strip)?;
    // What the package takes.
    fs::copy(&binary, dist.join("zsend")).map_err(|e| e.to_string())?;
    Ok(())
}

fn link_to(debug: &Path) -> String {
    let name = debug.file_name().unwrap_or_default().to_string_lossy().into_owned();
    format!("--add-gnu-debuglink={name}")
}

/// Rust's own `objcopy`, which knows every machine.
fn llvm_objcopy() -> Result<PathBuf, String> {
    let how = "rustup component add llvm-tools";
    let out = Command::new("rustc").args(["--print", "target-libdir"]).output();
    let out = out.map_err(|e| format!("rustc: {e}"))?;
    let libdir = PathBuf::from(String::from_utf8_lossy(&out.stdout).trim());
    let tool = libdir.parent().map(|dir| dir.join("bin/llvm-objcopy"));
    tool.filter(|tool| tool.exists()).ok_or_else(|| format!("llvm-objcopy is missing: {how}"))
}

fn package(triple: &str, debian: &str, dist: &Path) -> Result<(), String> {
    let mut deb = cargo(&["deb", "--no-build", "--no-strip", "--package", "zsend-cli"]);
    deb.args(["--target", triple, "--output"]).arg(dist.join(format!("zsend_{debian}.deb")));
    succeed(deb)
}

/// A list of the parts of the program, in CycloneDX.
fn parts(dist: &Path) -> Result<(), String> {
    let mut list = cargo(&["cyclonedx", "--format", "json", "--override-filename", "zsend.cdx"]);
    list.args(["--manifest-path", "crates/cli/Cargo.toml"]);
    succeed(list)?;
    // One is written beside the manifest of each crate; the program's counts.
    for entry in fs::read_dir(root().join("crates")).map_err(|e| e.to_string())?.flatten() {
        let made = entry.path().join("zsend.cdx.json");
        if entry.file_name() == "cli" {
            fs::copy(&made, dist.join("zsend.cdx.json")).map_err(|e| format!("cyclonedx: {e}"))?;
        }
        let _ = fs::remove_file(made);
    }
    for other in ["bench", "xtask"] {
        let _ = fs::remove_file(root().join(other).join("zsend.cdx.json"));
    }
    Ok(())
}

/// Output of a command that succeeds.
fn output(command: &mut Command) -> Result<Vec<u8>, String> {
    let out = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    if out.status.success() { Ok(out.stdout) } else { Err(format!("{command:?}: {}", out.status)) }
}

/// `SHA256SUMS` over the binaries, the packages and the list of parts.
fn checksums(dist: &Path) -> Result<(), String> {
    let _ = fs::remove_file(dist.join("zsend"));
    let names: Vec<_> =
        files(dist)?.iter().filter_map(|f| f.file_name().map(ToOwned::to_owned)).collect();
    let sums = output(Command::new("sha256sum").args(&names).current_dir(dist))?;
    fs::write(dist.join("SHA256SUMS"), sums).map_err(|e| e.to_string())
}

fn files(dist: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(dist).map_err(|e| format!("{}: {e}", dist.display()))?;
    let mut files: Vec<_> = entries.flatten().map(|e| e.path()).filter(|p| p.is_file()).collect();
    files.sort();
    Ok(files)
}

/// Installs the package in a clean Debian 12, sends the embedded pool, reads the manual, completes a
/// word, and removes it.
fn attempt(dist: &Path) -> Result<(), String> {
    // `cargo xtask send` unpacks the embedded pool.
    let images = target().join("pools/dedup");
    if !images.exists() {
        return Err("the embedded pool is not unpacked: run `cargo xtask send` first".into());
    }
    let place = dist.join("root");
    let mut bootstrap = Command::new("debootstrap");
    bootstrap.args(["--variant=minbase", "--include=man-db,bash-completion", "bookworm"]);
    bootstrap.arg(&place);
    succeed(bootstrap)?;
    let copy = |from: &Path, to: &str| {
        fs::copy(from, place.join(to)).map(|_| ()).map_err(|e| format!("{}: {e}", from.display()))
    };
    copy(&dist.join("zsend_amd64.deb"), "tmp/zsend.deb")?;
    copy(&images.join("d0.img"), "tmp/d0.img")?;
    copy(&root().join("xtask/src/try.sh"), "tmp/try.sh")?;
    let mut chroot = Command::new("chroot");
    chroot.arg(&place).args(["bash", "/tmp/try.sh"]);
    succeed(chroot)?;
    println!("the package was installed, used and removed in a clean Debian 12");
    fs::remove_dir_all(&place).map_err(|e| e.to_string())
}
