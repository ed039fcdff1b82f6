//! Sends the embedded pool, and checks the stream: what `cargo xtask send` runs.

use sha2::{Digest, Sha256};
use std::fs;
use std::process::Command;
use std::process::ExitCode;
use xtask::run::{Profile, exit_code, succeed, target, zsend};
use zsend_records::drr::RecordType;
use zsend_records::reader::StreamReader;
use zsend_testkit::{cases, fixture, hex, images};

/// The smallest fixture.
const POOL: &str = "dedup";

fn main() -> ExitCode {
    exit_code(run())
}

fn run() -> Result<(), String> {
    let zsend = zsend(Profile::Release)?;
    let mut command = Command::new(&zsend);
    command.arg("send");
    let fixture = fixture(POOL);
    let images = images::unpack(&fixture)?;
    let case = cases::read(&fixture)?.into_iter().next().ok_or("the embedded pool has no case")?;
    let want = case.references.first().and_then(|r| r.sha256.clone()).ok_or("no reference")?;
    let out = target().join(format!("{}.zsend", case.id));
    command.arg("-d").arg(&images).arg("-o").arg(&out).args(&case.args);
    succeed(command)?;
    let stream = fs::read(&out).map_err(|e| format!("{}: {e}", out.display()))?;
    println!("sent {} to {}", case.args.join(" "), out.display());
    println!("{} bytes", stream.len());
    let mut counts = [0u64; RecordType::COUNT];
    let mut reader = StreamReader::new(&stream[..]);
    while let Some(record) = reader.next_record().map_err(|e| e.to_string())? {
        if let Some(n) = counts.get_mut(record.frame.record_type().0 as usize) {
            *n += 1;
        }
    }
    for (kind, count) in (0u32..).zip(counts).filter(|(_, count)| *count > 0) {
        println!("{count:>8} {}", RecordType(kind).name().unwrap_or("?"));
    }
    println!("checksum of every record verified");
    let got = hex(Sha256::digest(&stream));
    if got != want {
        return Err(format!("sha256 {got} differs from the reference {want}"));
    }
    println!("equal to the reference: sha256 {want}");
    println!("\nThe program is {}. See what the pool holds:", zsend.display());
    println!("  {} list -d {} -t all", zsend.display(), images.display());
    Ok(())
}
