//! `zsend parity` and `zsend repair`.

use crate::args::{ParityArgs, RepairArgs};
use crate::exit::{CommandResult, Failure, warn};
use crate::parts::failure;
use crate::stdout;
use crate::text::{count, one_line};
use serde_json::json;
use std::path::Path;
use zsend_pool::ErrorClass;
use zsend_stream::parity::{
    ParityError, RepairedPart, make as make_parity, repair as repair_parts,
};
use zsend_stream::split::{MANIFEST, part_name};

/// Runs `zsend parity`.
pub(crate) fn make(args: &ParityArgs) -> CommandResult {
    let made = make_parity(&args.dir, args.percent).map_err(|e| failed(&args.dir, e))?;
    let bears = match made.bearable {
        0 => {
            "no whole part may be lost, which takes smaller parts or a larger --percent".to_owned()
        }
        bearable => format!("any {} may be lost", count(bearable, "part")),
    };
    let text = format!(
        "{}: {} in {}, of {} of {} bytes; {bears}",
        args.dir.display(),
        count(made.bytes, "byte"),
        count(made.volumes, "parity file"),
        count(made.recovery, "block"),
        made.block,
    );
    stdout::print((one_line(&text) + "\n").as_bytes())
}

/// Runs `zsend repair`.
pub(crate) fn repair(args: &RepairArgs) -> CommandResult {
    let repaired = repair_parts(&args.dir).map_err(|e| failed(&args.dir, e))?;
    let mut text = String::new();
    for part in &repaired.parts {
        text += &line(args, part);
    }
    if repaired.list {
        text += &match args.json {
            true => json!({ "kind": "repaired", "name": MANIFEST, "blocks": 0 }).to_string(),
            false => format!("{MANIFEST}: written again"),
        };
        text.push('\n');
    }
    if text.is_empty() && !args.json {
        text = one_line(&format!("{}: nothing was lost", args.dir.display())) + "\n";
    }
    for volume in &repaired.volumes {
        let volume = volume.display();
        warn(format!(
            "{volume} is damaged or missing: remove it, and make it anew with zsend parity"
        ));
    }
    stdout::print(text.as_bytes())
}

fn line(args: &RepairArgs, part: &RepairedPart) -> String {
    let RepairedPart { number, blocks, .. } = part;
    let name = part_name(*number);
    if args.json {
        return json!({ "kind": "repaired", "name": name, "blocks": blocks }).to_string() + "\n";
    }
    format!("{name}: repaired, {} made again\n", count(*blocks, "block"))
}

fn failed(dir: &Path, e: ParityError) -> Failure {
    match e {
        ParityError::Parts(e) => failure(&dir.display().to_string(), e),
        ParityError::TooLarge { .. } => Failure::new(ErrorClass::Unsupported, e),
        e => Failure::new(ErrorClass::Damaged, e),
    }
}
