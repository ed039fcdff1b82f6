//! `dedup`: a stream whose blocks come once.

use super::blocks::named;
use super::downgrade::IN_0_8;
use super::error::ChangeError;
use super::given::{Files, Given, GivenError, Opt, Verb};
use super::packet::Packet;
use super::redup::BYREF;
use super::spill::{MEMORY, Room, SpillIndex, SpillKey, SpillValue, TMP};
use super::transform::{Out, Transform};
use zsend_codec::checksum::compute;
use zsend_records::bytes::Bytes;
use zsend_records::drr::{Begin, Write, WriteByref};
use zsend_records::flags::{Features, RecordFlags};
use zsend_records::reader::{Record, Role};
use zsend_records::types::Checksum;
use zsend_records::zerocopy::byteorder::{LE, U64};
use zsend_records::zerocopy::{FromZeros, IntoBytes};

pub(super) static VERB: Verb = Verb {
    name: "dedup",
    alias: None,
    about: "Name blocks that came before instead of sending them again, as `zfs send -D` did. OpenZFS 2.0 and later do \
            not receive such streams: `zsend redup` makes one that they do",
    examples: &[
        "zsend dedup full.zsend | ssh old zfs receive tank/home",
        "zsend dedup full.zsend -o small.zsend && zsend redup small.zsend | zfs receive tank/home",
    ],
    operands: &[],
    options: &[
        Opt::verbose("Say at the end of each stream how many blocks and bytes are not sent again"),
        MEMORY,
        TMP,
    ],
    files: Files::One,
    make,
};

/// Puts references in the place of blocks that came before.
///
/// Two blocks are one if the whole record is the same, but for where it belongs: payload, sizes, compression, type and
/// the key that the sender gave it. So `redup` makes the very stream of it again. The comparison is by BLAKE3, 256
/// bits: of 2^64 blocks, two that differ have one hash with a chance of 2^-129, and nobody knows how to make two.
///
/// A reference is to an earlier block of the stream, or of an earlier stream of the same package, whose snapshots a
/// receiver finds by their guids. The stream says DEDUP and DEDUPPROPS, and the reference has the key of the block, or
/// its SHA-256 if that is not fit for dedup. Sources: OpenZFS `lib/libzfs/libzfs_sendrecv.c`, `cksummer()`;
/// `module/zfs/dmu_recv.c`, `receive_write_byref()`, zfs-0.8.6.
#[derive(Debug)]
struct Dedup {
    room: Room,
    /// Guid, object and offset of each block, by [`key`].
    seen: SpillIndex,
    in_package: bool,
    verbose: bool,
    blocks: u64,
    bytes: u64,
}

fn make(given: &Given) -> Result<Box<dyn Transform>, GivenError> {
    let room = Room::of(given)?;
    let seen = SpillIndex::new(room.clone());
    let verbose = given.has("verbose");
    Ok(Box::new(Dedup { room, seen, in_package: false, verbose, blocks: 0, bytes: 0 }))
}

/// The hash of a block, wherever it belongs.
fn key(write: &Write<LE>, payload: &[u8]) -> SpillKey {
    let mut write = *write;
    (write.toguid, write.object, write.offset) = (U64::ZERO, U64::ZERO, U64::ZERO);
    let mut hasher = blake3::Hasher::new();
    hasher.update(write.as_bytes());
    hasher.update(payload);
    *hasher.finalize().as_bytes()
}

fn pack(write: &Write<LE>) -> SpillValue {
    let mut value = SpillValue::default();
    for (to, from) in value.chunks_exact_mut(8).zip([write.toguid, write.object, write.offset]) {
        to.copy_from_slice(from.as_bytes());
    }
    value
}

impl Transform for Dedup {
    fn takes(&self) -> Features {
        Features::all()
    }

    fn record(&mut self, mut packet: Packet, out: &mut Out) -> Result<(), ChangeError> {
        match packet.record() {
            Record::Begin(_) => self.begin(&mut packet)?,
            Record::Write(write) => {
                let key = key(write, packet.payload());
                if let Some(value) = self.seen.get(&key)? {
                    out.put(self.byref(&packet, write, &value)?);
                    return Ok(());
                }
                self.seen.insert(&key, &pack(write))?;
            }
            Record::End(_) => {
                self.in_package &= packet.role != Role::PackageEnd;
                if self.verbose {
                    let (blocks, bytes) = (self.blocks, self.bytes);
                    packet.note(format!("{blocks} blocks, {bytes} bytes, are not sent again"));
                }
            }
            Record::Object(_)
            | Record::FreeObjects(_)
            | Record::Free(_)
            | Record::WriteByref(_)
            | Record::WriteEmbedded(_)
            | Record::Spill(_)
            | Record::ObjectRange(_)
            | Record::Redact(_)
            | Record::Unknown(_) => {}
        }
        out.put(packet);
        Ok(())
    }
}

impl Dedup {
    /// Says in a BEGIN that there are references, if the receivers of such streams take the rest too.
    fn begin(&mut self, packet: &mut Packet) -> Result<(), ChangeError> {
        let (role, origin) = (packet.role, packet.origin.clone());
        let Some(begin) = packet.body_mut::<Begin<LE>>() else { return Ok(()) };
        let features = begin.features();
        let why = if features.contains(Features::RAW) {
            "its blocks are encrypted, no two alike: with its key, `zsend decrypt` makes a plain stream of it"
        } else if features.intersects(BYREF) {
            "its blocks are named again already: `zsend redup` makes a stream with all of them"
        } else if !features.difference(IN_0_8).is_empty() {
            "OpenZFS before 2.0, which alone receives DEDUP, does not take its other features: `zsend downgrade --to \
             openzfs-0.8` makes a stream without them where that can be done"
        } else {
            ""
        };
        if !why.is_empty() {
            return Err(ChangeError::refused(&origin, format!("the stream has {features}: {why}")));
        }
        begin.set_features(features | BYREF);
        match role {
            Role::PackageBegin => self.in_package = true,
            Role::Stream | Role::PackageHeaderEnd | Role::PackageEnd => {}
        }
        // Streams that are received each by itself know nothing of one another.
        if role == Role::PackageBegin || !self.in_package {
            self.seen = SpillIndex::new(self.room.clone());
        }
        Ok(())
    }

    /// The reference to a block that came before.
    fn byref(
        &mut self,
        packet: &Packet,
        write: &Write<LE>,
        value: &SpillValue,
    ) -> Result<Packet, ChangeError> {
        let mut words = value.chunks_exact(8).map(|word| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(word);
            U64::<LE>::from_bytes(bytes)
        });
        let mut word = || words.next().unwrap_or_default();
        let mut byref = WriteByref::<LE>::new_zeroed();
        (byref.refguid, byref.refobject, byref.refoffset) = (word(), word(), word());
        (byref.toguid, byref.object, byref.offset) = (write.toguid, write.object, write.offset);
        byref.length = write.logical_size;
        byref.key_prop = write.key_prop;
        let is_fit = write.flags().contains(RecordFlags::CHECKSUM_DEDUP)
            && write.checksum().is_dedup()
            && write.key_cksum != [U64::ZERO; 4];
        if is_fit {
            (byref.checksumtype, byref.flags) = (write.checksumtype, write.flags);
            byref.key_cksum = write.key_cksum;
        } else {
            let sum = compute(Checksum::SHA256, packet.payload(), false, None)
                .map_err(|e| ChangeError::contents(&packet.origin, named(write), e.to_string()))?;
            byref.checksumtype = Checksum::SHA256.0;
            byref.flags = RecordFlags::CHECKSUM_DEDUP.bits();
            byref.key_cksum = sum.map(U64::new);
        }
        self.blocks += 1;
        self.bytes += packet.payload().len() as u64;
        Ok(packet.with(&byref, Bytes::new()))
    }
}
