//! `drop-record`: a stream without some of its blocks.

use super::blocks::{self, NOT_RAW, Unmet};
use super::error::ChangeError;
use super::given::{Files, Given, GivenError, Operand, Opt, Verb};
use super::packet::Packet;
use super::transform::{Out, Transform};
use crate::position::of_block;
use std::collections::BTreeSet;
use zsend_records::flags::Features;

pub(super) static VERB: Verb = Verb {
    name: "drop-record",
    alias: Some("drop_record"),
    about: "Leave blocks out of a stream that a receiver does not take",
    examples: &["zsend drop-record 128,0 128,131072 damaged.zsend | zfs receive tank/home"],
    operands: &[Operand {
        name: "OBJECT,OFFSET",
        help: "Blocks whose WRITE and WRITE_EMBEDDED records are left out",
        any: Some(blocks::is_block),
    }],
    options: &[Opt::verbose("Name the records that were left out")],
    files: Files::One,
    make,
};

/// Leaves blocks out.
#[derive(Debug)]
struct DropRecord {
    /// Blocks by object and offset.
    blocks: BTreeSet<(u64, u64)>,
    unmet: Unmet,
    verbose: bool,
    noted: Vec<String>,
}

fn make(given: &Given) -> Result<Box<dyn Transform>, GivenError> {
    let blocks = given.operands.iter().map(|word| match blocks::parse(word)? {
        (block, None) => Ok(block),
        (_, Some(_)) => Err(GivenError::new(format!("'{word}' is more than OBJECT,OFFSET"))),
    });
    let blocks: BTreeSet<_> = blocks.collect::<Result<_, _>>()?;
    if blocks.is_empty() {
        return Err(GivenError::new("OBJECT,OFFSET is missing"));
    }
    let unmet = Unmet::new(blocks.iter().copied());
    Ok(Box::new(DropRecord { blocks, unmet, verbose: given.has("verbose"), noted: Vec::new() }))
}

impl Transform for DropRecord {
    fn takes(&self) -> Features {
        NOT_RAW
    }

    fn record(&mut self, mut packet: Packet, out: &mut Out) -> Result<(), ChangeError> {
        let place = of_block(&packet.record());
        let Some((object, offset)) = place.filter(|place| self.blocks.contains(place)) else {
            self.unmet.end(&mut packet);
            if !self.noted.is_empty() {
                packet.note(std::mem::take(&mut self.noted).join("\n"));
            }
            out.put(packet);
            return Ok(());
        };
        self.unmet.met((object, offset));
        if self.verbose {
            let name = packet.record_type().name().unwrap_or_default();
            self.noted.push(format!("object {object}, offset {offset}: {name} left out"));
        }
        Ok(())
    }
}
