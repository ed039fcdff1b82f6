//! `downgrade`: a stream that an older receiver takes, where that can be made of it.

use super::blocks::{ObjectTypes, decompressed, embedded_block};
use super::error::ChangeError;
use super::given::{Files, Given, GivenError, Opt, Verb};
use super::packet::Packet;
use super::rechunk::{Rechunk, is_data};
use super::transform::{Out, Transform};
use zsend_records::drr::{Begin, Object, Write};
use zsend_records::flags::Features;
use zsend_records::reader::{Record, Role};
use zsend_records::sizes::OLD_MAX_BLOCK_SIZE;
use zsend_records::types::{Compress, DmuType};
use zsend_records::zerocopy::byteorder::LE;

pub(super) static VERB: Verb = Verb {
    name: "downgrade",
    alias: None,
    about: "Make a stream one that an older release of ZFS receives",
    examples: &[
        "zsend downgrade --to openzfs-0.8 monday.zsend | ssh old zfs receive tank/home",
        "zsend downgrade --to SA_SPILL,LZ4,EMBED_DATA,LARGE_BLOCKS monday.zsend -o plain.zsend",
    ],
    operands: &[],
    options: &[Opt::with_value(
        "to",
        "RELEASE|FEATURES",
        "The receiver: openzfs-2.3 (and 2.4), openzfs-2.0 (to 2.2), openzfs-0.8, openzfs-0.7, openzfs-0.6.5, or the features that \
               it takes, with commas between. Blocks are decompressed or split as it needs; what cannot be left out of a \
               stream is named",
    )],
    files: Files::One,
    make,
};

/// Features that each release receives, newest first.
///
/// Source: OpenZFS `include/sys/zfs_ioctl.h`, `DMU_BACKUP_FEATURE_MASK`, zfs-0.6.5 to zfs-2.3.0.
const RELEASES: &[(&str, Features)] = &[
    ("openzfs-2.4", SINCE_2_3),
    ("openzfs-2.3", SINCE_2_3),
    ("openzfs-2.2", SINCE_2_0),
    ("openzfs-2.1", SINCE_2_0),
    ("openzfs-2.0", SINCE_2_0),
    ("openzfs-0.8", IN_0_8),
    ("openzfs-0.7", IN_0_7),
    ("openzfs-0.6.5", IN_0_6_5),
];

const IN_0_6_5: Features = Features::DEDUP
    .union(Features::DEDUPPROPS)
    .union(Features::SA_SPILL)
    .union(Features::EMBED_DATA)
    .union(Features::LZ4)
    .union(Features::LARGE_BLOCKS);
const IN_0_7: Features =
    IN_0_6_5.union(Features::RESUMING).union(Features::COMPRESSED).union(Features::LARGE_DNODE);
pub(super) const IN_0_8: Features = IN_0_7.union(Features::RAW).union(Features::HOLDS);
const SINCE_2_0: Features = IN_0_8
    .difference(Features::DEDUP.union(Features::DEDUPPROPS))
    .union(Features::REDACTED)
    .union(Features::SWITCH_TO_LARGE_BLOCKS)
    .union(Features::ZSTD);
const SINCE_2_3: Features = SINCE_2_0.union(Features::LONGNAME).union(Features::LARGE_MICROZAP);

/// Features that a stream can do without, once its records are changed.
const LEFT_OUT: Features = Features::COMPRESSED
    .union(Features::LZ4)
    .union(Features::ZSTD)
    .union(Features::EMBED_DATA)
    .union(Features::LARGE_BLOCKS);

/// Makes streams ones without some features.
#[derive(Debug)]
struct Downgrade {
    takes: Features,
    /// Splits large blocks, in a stream that may not have them.
    split: Option<Rechunk>,
    types: ObjectTypes,
}

fn make(given: &Given) -> Result<Box<dyn Transform>, GivenError> {
    let to = given.value("to").ok_or_else(|| GivenError::new("--to is needed"))?;
    let release = RELEASES.iter().find(|(name, _)| *name == to);
    let takes = match release {
        Some((_, takes)) => *takes,
        None => {
            let features = to.split(',').filter(|name| !name.is_empty());
            features.map(feature).collect::<Result<_, _>>()?
        }
    };
    Ok(Box::new(Downgrade { takes, split: None, types: ObjectTypes::default() }))
}

fn feature(name: &str) -> Result<Features, GivenError> {
    Features::from_name(name).ok_or_else(|| {
        let releases: Vec<_> = RELEASES.iter().map(|(name, _)| *name).collect();
        let features: Vec<_> = Features::all().iter_names().map(|(name, _)| name).collect();
        GivenError::new(format!(
            "'{name}' is no release and no feature: there are {}, and {}",
            releases.join(", "),
            features.join(", ")
        ))
    })
}

impl Transform for Downgrade {
    fn takes(&self) -> Features {
        Features::all()
    }

    fn record(&mut self, mut packet: Packet, out: &mut Out) -> Result<(), ChangeError> {
        let header = packet.header;
        match Record::of(&header) {
            Record::Begin(begin) => self.begin(&mut packet, begin)?,
            Record::Object(object) => self.object(&mut packet, object)?,
            Record::Write(write) => {
                if !self.takes_codec(write) {
                    // What is split is decompressed there.
                    if self.split.is_none() {
                        out.put_after(packet, decompressed);
                        return Ok(());
                    }
                    packet = decompressed(packet)?;
                }
            }
            Record::WriteEmbedded(embedded) => {
                if !self.takes_embedded(embedded.compression()) {
                    let kind = self.types.of(embedded.object.get());
                    let kind = kind.unwrap_or(DmuType::PLAIN_FILE_CONTENTS);
                    let (write, block) = embedded_block(&packet, embedded, kind)?;
                    packet = packet.with(&write, block.into());
                }
            }
            Record::FreeObjects(_)
            | Record::Free(_)
            | Record::End(_)
            | Record::WriteByref(_)
            | Record::Spill(_)
            | Record::ObjectRange(_)
            | Record::Redact(_)
            | Record::Unknown(_) => {}
        }
        match &mut self.split {
            Some(split) => split.take(packet, out),
            None => {
                out.put(packet);
                Ok(())
            }
        }
    }
}

impl Downgrade {
    /// Says in a BEGIN what the stream is to be, if it can be that.
    fn begin(&mut self, packet: &mut Packet, begin: &Begin<LE>) -> Result<(), ChangeError> {
        let features = begin.features();
        let strange = features.difference(self.takes);
        let mut kept = strange.difference(LEFT_OUT);
        if features.contains(Features::RAW) {
            // Its blocks are encrypted as they are.
            kept |= strange;
        }
        if !kept.is_empty() {
            let why = format!("the receiver does not take {kept}, {}", reason(kept));
            return Err(ChangeError::refused(&packet.origin, why));
        }
        let splits = strange.contains(Features::LARGE_BLOCKS) && packet.role == Role::Stream;
        if splits && features.contains(Features::DEDUP) {
            let why = "large blocks are to be split, and references of the stream are to whole ones: `zsend redup` makes one \
                       with all blocks";
            return Err(ChangeError::refused(&packet.origin, why));
        }
        self.split = splits.then(Rechunk::without_large_blocks);
        self.types.clear();
        if let Some(begin) = packet.body_mut::<Begin<LE>>() {
            begin.set_features(features.intersection(self.takes));
        }
        Ok(())
    }

    fn object(&mut self, packet: &mut Packet, object: &Object<LE>) -> Result<(), ChangeError> {
        self.types.note_object(packet, object)?;
        let blksz = u64::from(object.blksz.get());
        if self.split.is_some()
            && blksz > OLD_MAX_BLOCK_SIZE
            && !object.object_type().is_some_and(is_data)
        {
            let why = format!(
                "object {} has blocks of {blksz} bytes, which the receiver does not take, and what they hold cannot be \
                 split",
                object.object
            );
            return Err(ChangeError::refused(&packet.origin, why));
        }
        Ok(())
    }

    fn takes_codec(&self, write: &Write<LE>) -> bool {
        match write.compression() {
            None | Some(Compress::OFF) => true,
            Some(codec) => self.takes.contains(Features::COMPRESSED) && self.knows(codec),
        }
    }

    fn takes_embedded(&self, codec: Compress) -> bool {
        self.takes.contains(Features::EMBED_DATA) && self.knows(codec)
    }

    fn knows(&self, codec: Compress) -> bool {
        codec.feature().is_some_and(|feature| self.takes.contains(feature))
    }
}

/// The way out, for the first feature that has one.
fn reason(kept: Features) -> &'static str {
    if kept.contains(Features::RAW) {
        "and blocks that are encrypted cannot be changed: with its key, `zsend decrypt` makes a plain stream of it"
    } else if kept.contains(Features::DEDUP) {
        "and blocks of the stream are told of alone: `zsend redup` makes one with all of them"
    } else {
        "and what the stream has by that cannot be left out"
    }
}
