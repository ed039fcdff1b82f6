//! `redup`: a stream with every block in it, of one whose blocks are named again.

use super::error::ChangeError;
use super::given::{Files, Given, GivenError, Opt, Verb};
use super::packet::Packet;
use super::spill::{MEMORY, Room, SpillFile, SpillIndex, SpillKey, SpillValue, TMP};
use super::transform::{Out, Transform};
use zsend_records::drr::{Begin, RECORD_SIZE, ReplayRecord, Write, WriteByref};
use zsend_records::flags::Features;
use zsend_records::payload::payload_len;
use zsend_records::reader::{Record, Role};
use zsend_records::zerocopy::byteorder::LE;
use zsend_records::zerocopy::{FromZeros, IntoBytes};

pub(super) static VERB: Verb = Verb {
    name: "redup",
    alias: None,
    about: "Make a stream that any receiver takes of one that `zfs send -D` of before OpenZFS 2.0 wrote",
    examples: &[
        "zsend redup old.zsend | zfs receive tank/home",
        "ssh old zfs send -D tank/home@monday | zsend redup --tmp /var/tmp -o home.zsend",
    ],
    operands: &[],
    options: &[
        Opt::verbose("Say at the end of each stream how many records were WRITE_BYREF"),
        MEMORY,
        TMP,
    ],
    files: Files::One,
    make,
};

/// The features of a stream whose blocks are named again.
pub(super) const BYREF: Features = Features::DEDUP.union(Features::DEDUPPROPS);

/// Puts blocks in the place of references.
///
/// As `zstream redup` does, it knows the blocks of all that came before, which in a package are those of earlier
/// streams too, and of two with the same guid, object and offset the later. The stream comes out byte for byte as from
/// `zstream redup`, but for the END records of a package: that program writes checksums into records in which senders
/// have none. Source: OpenZFS `cmd/zstream/zstream_redup.c`, `zfs_redup_stream()`, zfs-2.3.2.
#[derive(Debug)]
struct Redup {
    /// WRITE records that came, each header with its payload.
    seen: SpillFile,
    /// Places of these, by [`key`].
    places: SpillIndex,
    /// The package, or else the stream, that is under way has references.
    package: bool,
    stream: bool,
    verbose: bool,
    records: u64,
    replaced: u64,
}

fn make(given: &Given) -> Result<Box<dyn Transform>, GivenError> {
    let room = Room::of(given)?;
    Ok(Box::new(Redup {
        seen: SpillFile::new(room.clone()),
        places: SpillIndex::new(room),
        package: false,
        stream: false,
        verbose: given.has("verbose"),
        records: 0,
        replaced: 0,
    }))
}

/// The key of a block: object set, object and offset, spread evenly.
fn key(guid: u64, object: u64, offset: u64) -> SpillKey {
    let mut bytes = [0; 24];
    for (to, from) in bytes.chunks_exact_mut(8).zip([guid, object, offset]) {
        to.copy_from_slice(&from.to_le_bytes());
    }
    *blake3::hash(&bytes).as_bytes()
}

/// Object and offset, for messages.
fn named(byref: &WriteByref<LE>) -> String {
    format!("object {}, offset {}", byref.object, byref.offset)
}

impl Transform for Redup {
    fn takes(&self) -> Features {
        Features::all()
    }

    fn record(&mut self, mut packet: Packet, out: &mut Out) -> Result<(), ChangeError> {
        self.records += 1;
        match packet.record() {
            Record::Begin(_) => self.begin(&mut packet),
            Record::Write(write) if self.package || self.stream => self.keep(&packet, write)?,
            Record::WriteByref(&byref) => self.replace(&mut packet, &byref)?,
            Record::End(_) => self.end_of_stream(&mut packet),
            Record::Write(_)
            | Record::Object(_)
            | Record::FreeObjects(_)
            | Record::Free(_)
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

impl Redup {
    /// Takes the features of references out of a BEGIN.
    fn begin(&mut self, packet: &mut Packet) {
        let role = packet.role;
        let Some(begin) = packet.body_mut::<Begin<LE>>() else { return };
        let features = begin.features();
        let has = features.intersects(BYREF);
        match role {
            Role::PackageBegin => self.package = has,
            Role::Stream | Role::PackageHeaderEnd | Role::PackageEnd => self.stream = has,
        }
        begin.set_features(features.difference(BYREF));
    }

    fn end_of_stream(&mut self, packet: &mut Packet) {
        match packet.role {
            Role::PackageEnd => self.package = false,
            Role::Stream | Role::PackageBegin | Role::PackageHeaderEnd => {}
        }
        self.stream = false;
        if self.verbose {
            packet.note(format!(
                "{} records so far, of which {} were WRITE_BYREF",
                self.records, self.replaced
            ));
        }
    }

    /// Keeps a block that may be named again.
    fn keep(&mut self, packet: &Packet, write: &Write<LE>) -> Result<(), ChangeError> {
        let at = self.seen.append([packet.header.as_bytes(), packet.payload()])?;
        let key = key(write.toguid.get(), write.object.get(), write.offset.get());
        let mut value = SpillValue::default();
        value[..8].copy_from_slice(&at.to_le_bytes());
        self.places.insert(&key, &value)
    }

    /// Makes the WRITE of a reference.
    fn replace(&mut self, packet: &mut Packet, byref: &WriteByref<LE>) -> Result<(), ChangeError> {
        let (guid, object, offset) =
            (byref.refguid.get(), byref.refobject.get(), byref.refoffset.get());
        let damaged = |why: String| ChangeError::contents(&packet.origin, named(byref), why);
        let Some(value) = self.places.get(&key(guid, object, offset))? else {
            return Err(damaged(format!(
                "it refers to object {object}, offset {offset} of guid {guid}, and no WRITE of that came before in a \
                 stream that has DEDUP"
            )));
        };
        let mut place = [0; 8];
        place.copy_from_slice(&value[..8]);
        let at = u64::from_le_bytes(place);
        let mut header = ReplayRecord::<LE>::new_zeroed();
        self.seen.read(at, header.as_mut_bytes())?;
        let len = payload_len(&header)
            .map_err(|source| ChangeError::Record { origin: packet.origin.clone(), source })?;
        let Some(write) = header.body_as_mut::<Write<LE>>() else {
            return Err(damaged("it refers to a record that is no WRITE".to_owned()));
        };
        // What a reference says bounds the memory that the batch takes.
        let (length, lsize) = (byref.length.get(), write.logical_size.get());
        let fits = length == lsize && len <= lsize;
        let (true, Ok(size)) = (fits, usize::try_from(len)) else {
            return Err(damaged(format!(
                "it stands for {length} bytes, and refers to object {object}, offset {offset} of guid {guid}, a block \
                 of {lsize} bytes that takes {len}"
            )));
        };
        (write.toguid, write.object, write.offset) = (byref.toguid, byref.object, byref.offset);
        let mut payload = vec![0; size];
        self.seen.read(at + RECORD_SIZE as u64, &mut payload)?;
        packet.header = header;
        packet.set_payload(payload);
        self.replaced += 1;
        Ok(())
    }
}
