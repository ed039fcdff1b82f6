//! The MACs of a raw stream that are over more than one record, as rules.
//!
//! A full stream has all that they are over. The pointers of a dnode are made anew of its blocks, the dnodes
//! of a block of its records, and the object set of all blocks of dnodes. An incremental stream has not: there
//! the MACs of its blocks are checked, and these are not.

use super::fault::{About, Wrong};
use super::frame::PlacedFrame;
use super::framer::SeenPayload;
use crate::raw::{MacFault, Macs, Over};
use std::sync::Arc;
use zsend_crypto::CryptoError;
use zsend_records::drr::RecordType;
use zsend_records::reader::Record;

/// The MAC of a block of dnodes.
pub(super) static DNODES: About = About::new(
    "mac.dnodes",
    "With the key, in a full stream: the MAC in an OBJECT_RANGE is that of its dnodes, their bonuses and all their blocks.",
    "zio_crypt.c zio_crypt_init_uios_dnode",
);
/// The MAC of the object set.
pub(super) static OBJSET: About = About::new(
    "mac.objset",
    "With the key, in a full stream: the MAC in BEGIN is that of the object set, and of every object in it.",
    "zio_crypt.c zio_crypt_do_objset_hmacs",
);

/// Place of a record: the number of records, and of bytes, before it.
type RecordPlace = (u64, u64);

/// The MACs of the stream that is under way, if they can be checked.
#[derive(Debug, Default)]
pub(super) struct PendingMacs(Option<Macs<RecordPlace>>);

/// A MAC that is wrong: record and byte of its place, the first object of a block, the rule, and what is wrong.
pub(super) struct MacFinding {
    pub(super) record: u64,
    pub(super) byte: u64,
    pub(super) object: Option<u64>,
    pub(super) about: &'static About,
    pub(super) wrong: Wrong,
}

impl PendingMacs {
    /// Takes a record of a stream in, which keeps the rules if `is_right`; the MAC that is wrong, of those that
    /// can be checked now.
    pub(super) fn take(
        &mut self,
        frame: &PlacedFrame,
        payload: &SeenPayload,
        is_right: bool,
    ) -> Option<MacFinding> {
        let payload = match payload {
            SeenPayload::Bytes(bytes) => Some(bytes),
            SeenPayload::Sum(_) => None,
        };
        let place = (frame.record, frame.byte);
        let wrong = match frame.record_type() {
            // What is missing would be blamed on others.
            _ if !is_right => {
                self.0 = None;
                None
            }
            RecordType::BEGIN => {
                self.0 = begin(frame);
                None
            }
            RecordType::END => self.0.take().and_then(|macs| macs.end(place)),
            RecordType(_) => {
                let macs = self.0.as_mut();
                macs.and_then(|macs| macs.take(&place, &Record::of(&frame.header), payload))
            }
        };
        wrong.map(|wrong| {
            let (record, byte) = wrong.place;
            let (object, about) = match wrong.over {
                Over::Dnodes(first) => (Some(first), &DNODES),
                Over::Block => (None, &DNODES),
                Over::Objset => (None, &OBJSET),
            };
            MacFinding { record, byte, object, about, wrong: difference(wrong.fault) }
        })
    }
}

/// The MACs of the stream behind a BEGIN; `None` if it has not all that they are over, or there is no key.
fn begin(frame: &PlacedFrame) -> Option<Macs<RecordPlace>> {
    let context = &frame.context;
    let key = Arc::clone(context.key()?.as_ref().ok()?);
    // What is wrong in the list has rules of its own, and whoever breaks one does not come here.
    Macs::begin(context.begin(), context.nvlist()?, key, frame.order).ok().flatten()
}

fn difference(fault: MacFault) -> Wrong {
    match fault {
        MacFault::Crypto(error) => crypto(&error),
        MacFault::Layout(error) => {
            Wrong::words("dnode or block pointer", error.to_string(), "one that can be")
        }
        MacFault::Slot { object, first } => {
            Wrong::words("object", object, format!("one of the block of dnodes from {first} on"))
        }
    }
}

/// The difference where a MAC does not match, or a key does not open.
pub(super) fn crypto(error: &CryptoError) -> Wrong {
    Wrong::words("MAC", error.to_string(), "a MAC that matches, with this key")
}
