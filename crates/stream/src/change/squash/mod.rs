//! `squash`: one stream of several that follow one another.
//!
//! Each input is in the order of objects and offsets, so all are read side by side: `side` reads one, `heads` makes one
//! BEGIN of theirs, `merge` goes through the numbers of objects, and `object` through the data of one. A payload
//! that is too large to wait in memory is put `aside`.

mod aside;
mod heads;
mod merge;
mod object;
mod side;

use super::error::ChangeError;
use super::given::{Files, Given, GivenError, Opt, Verb};
use super::packet::Packet;
use super::source::ChangeInput;
use super::spill::{MEMORY, Room, TMP};
use super::transform::{Out, Transform};
use aside::Aside;
use merge::Merge;
use side::Side;
use zsend_records::drr::RecordType;

pub(super) static VERB: Verb = Verb {
    name: "squash",
    alias: None,
    about: "Make one stream of a full stream and its increments, or of increments, given in order",
    examples: &[
        "zsend squash full.zsend monday.zsend tuesday.zsend -o tuesday-full.zsend",
        "zsend squash monday.zsend tuesday.zsend | zfs receive tank/home",
        "zsend pipe 'squash | recompress zstd-9' full.zsend monday.zsend -o archive.zsend",
    ],
    operands: &[],
    options: &[
        Opt::with_value(
            MEMORY.long,
            "SIZE",
            "Memory, with K, M or G; 64M if it is not given. Records of more than a quarter of it, over all streams, wait \
               for those of the others in temporary files",
        ),
        TMP,
    ],
    files: Files::Many,
    make,
};

/// Merges streams.
#[derive(Debug)]
struct Squash {
    room: Room,
    /// The inputs were merged before their records came here.
    merged: bool,
}

fn make(given: &Given) -> Result<Box<dyn Transform>, GivenError> {
    Ok(Box::new(Squash { room: Room::of(given)?, merged: false }))
}

impl Transform for Squash {
    fn sources(&mut self, sources: Vec<ChangeInput>) -> Result<Vec<ChangeInput>, ChangeError> {
        self.merged = true;
        let inputs = sources.len() as u64;
        let sides = sources.into_iter().map(|mut source| {
            source.share(inputs);
            Side::new(source, Aside::new(self.room.clone(), inputs))
        });
        let merged = Merge::new(sides.collect())?;
        Ok(merged.map(ChangeInput::of).into_iter().collect())
    }

    fn record(&mut self, packet: Packet, out: &mut Out) -> Result<(), ChangeError> {
        if !self.merged && packet.record_type() == RecordType::BEGIN {
            let why = "squash reads streams side by side, so it has to be the first step";
            return Err(ChangeError::refused(&packet.origin, why));
        }
        out.put(packet);
        Ok(())
    }
}
