//! `encrypt`: the raw stream of a plain full one, for a new encrypted dataset.
//!
//! Its BEGIN has a MAC that is over every block of the stream, so the records wait in a temporary file, encrypted, until
//! the stream has ended.

mod keys;
mod sealing;
mod spool;

use super::error::ChangeError;
use super::given::{Files, Given, GivenError, Opt, Verb};
use super::packet::Packet;
use super::transform::{Out, Transform};
use crate::begin_list::BeginList;
use keys::{UserKey, no_random};
use sealing::Sealing;
use spool::{Spool, Spooled};
use std::path::PathBuf;
use zsend_crypto::key_data::names;
use zsend_records::Order;
use zsend_records::drr::Begin;
use zsend_records::flags::Features;
use zsend_records::nvlist::{Encoding, NvList, NvValue};
use zsend_records::reader::{Record, Role};
use zsend_records::types::ObjsetType;
use zsend_records::zerocopy::byteorder::LE;

pub(super) static VERB: Verb = Verb {
    name: "encrypt",
    alias: None,
    about: "Make a raw stream of a plain full one, for a new encrypted dataset",
    examples: &[
        "zsend encrypt --key tank/home=/media/key plain.zsend | zfs receive backup/home",
        "zsend send -Lc tank/home@monday | zsend encrypt --key tank/home=phrase --keyformat passphrase -o secret.zsend",
    ],
    operands: &[],
    options: &[
        Opt::with_value(
            "key",
            "DATASET=FILE",
            "The stream's dataset, and the key that its new keys are wrapped with",
        ),
        Opt::with_value(
            "suite",
            "SUITE",
            "Value of the property encryption: aes-256-gcm if none is given",
        ),
        Opt::with_value(
            "keyformat",
            "FORM",
            "Form of the key: raw (if none is given), hex or passphrase",
        ),
        Opt::with_value(
            "pbkdf2iters",
            "NUMBER",
            "Iterations that make a key of a passphrase: 350000 if none are given",
        ),
        Opt::with_value(
            "tmp",
            "DIR",
            "Folder of the temporary file, which becomes as long as the stream",
        ),
    ],
    files: Files::One,
    make,
};

/// Encrypts one full stream.
#[derive(Debug)]
struct Encrypt {
    user: UserKey,
    folder: Option<PathBuf>,
    state: EncryptState,
}

/// Part of the stream that is under way.
#[derive(Debug)]
enum EncryptState {
    /// No record came.
    Before,
    /// BEGIN came, and its list.
    Within { begin: Box<Packet>, list: NvList, sealing: Box<Sealing> },
    /// END came. BEGIN is there until it is given.
    Behind { begin: Option<Box<Packet>>, records: Spooled, end: Option<Box<Packet>> },
}

/// Bytes of records that are given together at the end.
const PIECE: usize = 4 << 20;

fn make(given: &Given) -> Result<Box<dyn Transform>, GivenError> {
    let folder = given.value("tmp").map(PathBuf::from);
    Ok(Box::new(Encrypt { user: UserKey::of(given)?, folder, state: EncryptState::Before }))
}

impl Transform for Encrypt {
    fn record(&mut self, packet: Packet, _: &mut Out) -> Result<(), ChangeError> {
        match (&mut self.state, packet.record()) {
            (EncryptState::Before, Record::Begin(&begin)) => self.begin(packet, &begin),
            (EncryptState::Within { sealing, .. }, record) => match record {
                Record::End(_) => self.end_of_stream(packet),
                record => sealing.take(&packet, &record),
            },
            (EncryptState::Before | EncryptState::Behind { .. }, _) => {
                let why = "another stream follows: each is encrypted by itself";
                Err(ChangeError::refused(&packet.origin, why))
            }
        }
    }

    fn end(&mut self, out: &mut Out) -> Result<bool, ChangeError> {
        let EncryptState::Behind { begin, records, end } = &mut self.state else {
            return Ok(false);
        };
        let Some(like) = end.as_deref().cloned() else { return Ok(false) };
        if let Some(begin) = begin.take() {
            out.put(*begin);
        }
        let mut bytes = 0;
        while bytes < PIECE {
            let Some(packet) = records.next(&like)? else {
                *end = None;
                out.put(like);
                return Ok(false);
            };
            bytes += packet.payload().len() + zsend_records::drr::RECORD_SIZE;
            out.put(packet);
        }
        Ok(true)
    }
}

impl Encrypt {
    fn begin(&mut self, packet: Packet, begin: &Begin<LE>) -> Result<(), ChangeError> {
        let refused = |why: String| Err(ChangeError::refused(&packet.origin, why));
        let features = begin.features();
        if packet.role != Role::Stream {
            return refused(
                "a package has several streams: each is encrypted by itself".to_owned(),
            );
        }
        if features.contains(Features::RAW) {
            return refused("the stream is encrypted already".to_owned());
        }
        if begin.fromguid.get() != 0 {
            return refused(
                "the stream is incremental: the MACs of an encrypted one are over blocks that are not in it".to_owned(),
            );
        }
        if features.intersects(Features::RESUMING | Features::REDACTED) {
            return refused(
                "a part of the snapshot is not in the stream: it was resumed or redacted"
                    .to_owned(),
            );
        }
        let kind = ObjsetType(begin.objset_type.get());
        if ![ObjsetType::ZFS, ObjsetType::ZVOL].contains(&kind) {
            return refused(format!(
                "the snapshot is of type {}, and a receiver takes none but file systems and volumes raw",
                kind.0
            ));
        }
        let toname = String::from_utf8_lossy(begin.toname()).into_owned();
        let dataset = toname.split('@').next().unwrap_or_default();
        if dataset != self.user.dataset {
            return refused(format!(
                "the stream is of {toname}, and the key was given for {}",
                self.user.dataset
            ));
        }
        let list = match packet.begin_list()? {
            Some(BeginList { list, .. }) => list,
            None => NvList::new(),
        };
        if list.contains("redact_snaps") {
            return refused(
                "a part of the snapshot is not in the stream: it was redacted".to_owned(),
            );
        }
        let made = self.user.make().map_err(no_random)?;
        let made = made.map_err(|e| {
            ChangeError::refused(&packet.origin, format!("{}: {e}", self.user.suite))
        })?;
        let spool = Spool::new(self.folder.as_deref())?;
        let sealing = Box::new(Sealing::new(made, spool, &packet, begin)?);
        self.state = EncryptState::Within { begin: Box::new(packet), list, sealing };
        Ok(())
    }

    fn end_of_stream(&mut self, end: Packet) -> Result<(), ChangeError> {
        let EncryptState::Within { mut begin, list, sealing } =
            std::mem::replace(&mut self.state, EncryptState::Before)
        else {
            return Ok(());
        };
        let (object, at_end, spool) = sealing.finish(&end)?;
        put_keys(&mut begin, list, self.user.key_data(object, &at_end))?;
        let records = spool.read()?;
        self.state = EncryptState::Behind { begin: Some(begin), records, end: Some(Box::new(end)) };
        Ok(())
    }
}

/// Makes of a BEGIN that of a raw stream.
fn put_keys(begin: &mut Packet, mut list: NvList, keys: NvList) -> Result<(), ChangeError> {
    list.insert(names::LIST, NvValue::List(keys));
    // Every receiver takes this encoding, of a sender of its own byte order.
    let packed = list.encode(match begin.order {
        Order::Little => Encoding::Native,
        Order::Big => Encoding::NativeBig,
    });
    begin.set_list(
        packed.map_err(|e| ChangeError::contents(&begin.origin, "list of BEGIN", e.to_string()))?,
    )?;
    if let Some(body) = begin.body_mut::<Begin<LE>>() {
        let features = body.features().difference(Features::EMBED_DATA);
        body.set_features(features | Features::RAW | Features::COMPRESSED);
    }
    Ok(())
}
