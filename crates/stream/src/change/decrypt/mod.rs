//! `decrypt`: the plain stream of a raw one, made with its key.
//!
//! It is the stream that a sender with the key writes by `zfs send -Lc`: what that sends of an encrypted snapshot, and
//! in which order, is what a raw send has.

mod blocks;
mod dnodes;
mod header;
mod order;

use super::error::ChangeError;
use super::given::{Files, Given, GivenError, Opt, Verb};
use super::packet::{Packet, RecordOrigin};
use super::transform::{Out, Transform};
use crate::raw::{Keys, Macs, Over, WrongMac};
use crate::segment::resumed_at;
use blocks::{plain_spill, plain_write};
use dnodes::Dnodes;
use order::RecordOrder;
use std::sync::Arc;
use zsend_crypto::DatasetKey;
use zsend_records::drr::{Begin, FreeObjects};
use zsend_records::flags::Features;
use zsend_records::nvlist::NvList;
use zsend_records::reader::{Record, Role};
use zsend_records::zerocopy::byteorder::LE;

pub(super) static VERB: Verb = Verb {
    name: "decrypt",
    alias: None,
    about: "Make the plain stream of a raw one, with its key",
    examples: &[
        "zsend decrypt --key tank/secret=/media/key secret.zsend | zfs receive backup/plain",
        "zsend pipe 'decrypt --key tank=/media/key | recompress zstd-3' raw.zsend -o plain.zsend",
    ],
    operands: &[],
    options: &[Opt {
        long: "key",
        short: None,
        value: Some("DATASET=FILE"),
        is_repeated: true,
        help: "Key of an encryption root: raw, hex or a passphrase, as the root has it. It opens the streams of DATASET \
               and of those below it",
    }],
    files: Files::One,
    make,
};

/// Decrypts raw streams; others stay as they are.
#[derive(Debug)]
struct Decrypt {
    keys: Keys,
    stream: Option<Stream>,
    /// Free objects that the next record may go on with.
    free: Option<Free>,
}

/// A raw stream that is under way.
#[derive(Debug)]
struct Stream {
    key: Arc<DatasetKey>,
    /// MACs of dnodes, as far as they can be checked.
    macs: Option<Macs<RecordOrigin>>,
    /// The block of dnodes that is under way.
    dnodes: Option<Dnodes>,
    /// Least number of an object that the stream has.
    first_object: u64,
    order: RecordOrder,
}

/// Free objects, as a raw sender tells of them.
#[derive(Debug)]
struct Free {
    packet: Packet,
    /// An OBJECT_RANGE stood behind them.
    is_cut: bool,
}

fn make(given: &Given) -> Result<Box<dyn Transform>, GivenError> {
    let keys = Keys::new(given.keys.iter().cloned());
    if keys.is_empty() {
        return Err(GivenError::new("--key DATASET=FILE is missing"));
    }
    Ok(Box::new(Decrypt { keys, stream: None, free: None }))
}

impl Transform for Decrypt {
    fn record(&mut self, mut packet: Packet, out: &mut Out) -> Result<(), ChangeError> {
        if packet.header.body_as::<Begin<LE>>().is_some() {
            self.flush(out);
            return self.begin(packet, out);
        }
        let Some(stream) = self.stream.as_mut().filter(|_| packet.role == Role::Stream) else {
            out.put(packet);
            return Ok(());
        };
        let header = packet.header;
        let record = Record::of(&header);
        stream.order.check(&packet)?;
        if let Record::FreeObjects(free) = record {
            self.free_objects(packet, free, out);
            return Ok(());
        }
        let is_range = matches!(record, Record::ObjectRange(_));
        if !is_range && let Some(free) = self.free.take() {
            out.put(free.packet);
        }
        match record {
            Record::ObjectRange(range) => {
                if let Some(free) = &mut self.free {
                    free.is_cut = true;
                }
                stream.dnodes = Some(Dnodes::begin(&packet, range, stream)?);
                check(&mut stream.macs, &packet)?;
            }
            Record::Object(object) => {
                let dnodes = stream.dnodes.as_mut().ok_or_else(|| {
                    let what = format!("object {}", object.object);
                    ChangeError::contents(&packet.origin, what, "no OBJECT_RANGE is before it")
                })?;
                let bonus = dnodes.check(&packet, object)?;
                check(&mut stream.macs, &packet)?;
                dnodes.open(&mut packet, object, bonus)?;
                out.put(packet);
            }
            Record::Write(_) => {
                check(&mut stream.macs, &packet)?;
                let key = Arc::clone(&stream.key);
                out.put_after(packet, move |packet| plain_write(packet, &key));
            }
            Record::Spill(_) => {
                check(&mut stream.macs, &packet)?;
                let key = Arc::clone(&stream.key);
                out.put_after(packet, move |packet| plain_spill(packet, &key));
            }
            Record::End(_) => {
                let macs = self.stream.take().and_then(|stream| stream.macs);
                let wrong = macs.and_then(|macs| macs.end(packet.origin.clone()));
                wrong.map_or(Ok(()), |wrong| Err(wrong_mac(wrong)))?;
                out.put(packet);
            }
            Record::Free(_) | Record::Redact(_) => out.put(packet),
            Record::WriteEmbedded(_) | Record::WriteByref(_) | Record::Unknown(_) => {
                let what = packet.record_type().name().unwrap_or("a record of an unknown type");
                return Err(ChangeError::contents(&packet.origin, what, "a raw stream has none"));
            }
            Record::Begin(_) | Record::FreeObjects(_) => {}
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Out) -> Result<bool, ChangeError> {
        self.flush(out);
        Ok(false)
    }
}

impl Decrypt {
    /// Gives the free objects that wait.
    fn flush(&mut self, out: &mut Out) {
        if let Some(free) = self.free.take() {
            out.put(free.packet);
        }
    }

    /// Takes a BEGIN, and opens the keys of a raw stream.
    fn begin(&mut self, mut packet: Packet, out: &mut Out) -> Result<(), ChangeError> {
        self.stream = None;
        let is_raw = |begin: &Begin<LE>| begin.features().contains(Features::RAW);
        let begin = packet.header.body_as::<Begin<LE>>().copied();
        let Some(begin) = begin.filter(|begin| packet.role == Role::PackageBegin || is_raw(begin))
        else {
            out.put(packet);
            return Ok(());
        };
        let list = packet.begin_list()?;
        if packet.role == Role::PackageBegin {
            header::plain_package(&mut packet, list)?;
            out.put(packet);
            return Ok(());
        }
        let list = list.ok_or_else(|| {
            ChangeError::contents(&packet.origin, "BEGIN", "a raw stream has a list behind it")
        })?;
        let key = self.open(&packet, &begin, &list.list)?;
        let first_object = resumed_at(&list.list).map_or(0, |(object, _)| object);
        let macs =
            Macs::begin(&begin, &list.list, Arc::clone(&key), packet.order).map_err(|e| {
                ChangeError::contents(&packet.origin, "the list behind BEGIN", e.to_string())
            })?;
        let order = RecordOrder::default();
        self.stream = Some(Stream { key, macs, dnodes: None, first_object, order });
        header::plain_stream(&mut packet, &list)?;
        out.put(packet);
        Ok(())
    }

    fn open(
        &self,
        packet: &Packet,
        begin: &Begin<LE>,
        list: &NvList,
    ) -> Result<Arc<DatasetKey>, ChangeError> {
        let toname = String::from_utf8_lossy(begin.toname());
        match self.keys.open(&toname, list) {
            Some(Ok(key)) => Ok(key),
            Some(Err(error)) => {
                let what = format!("the key of {toname}");
                Err(ChangeError::contents(&packet.origin, what, error.to_string()))
            }
            None => {
                let why = format!(
                    "no key was given of the dataset of {toname}, or of one above it: --key DATASET=FILE"
                );
                Err(ChangeError::refused(&packet.origin, why))
            }
        }
    }

    /// Takes free objects: a raw sender tells of them in two records where an OBJECT_RANGE comes between, and another
    /// in one.
    ///
    /// Source: OpenZFS `module/zfs/dmu_send.c`, `dump_freeobjects()`, zfs-2.3.2.
    fn free_objects(&mut self, packet: Packet, free: &FreeObjects<LE>, out: &mut Out) {
        if let Some(Free { packet: before, is_cut: true }) = &mut self.free
            && let Some(run) = before.body_mut::<FreeObjects<LE>>()
            && run.firstobj.get().checked_add(run.numobjs.get()) == Some(free.firstobj.get())
            && let Some(both) = run.numobjs.get().checked_add(free.numobjs.get())
        {
            run.numobjs = both.into();
            return;
        }
        self.flush(out);
        self.free = Some(Free { packet, is_cut: false });
    }
}

/// Takes a record in among what the MACs of dnodes are over.
fn check(macs: &mut Option<Macs<RecordOrigin>>, packet: &Packet) -> Result<(), ChangeError> {
    let Some(macs) = macs else { return Ok(()) };
    let wrong = macs.take(&packet.origin, &packet.record(), Some(packet.payload()));
    wrong.map_or(Ok(()), |wrong| Err(wrong_mac(wrong)))
}

fn wrong_mac(wrong: WrongMac<RecordOrigin>) -> ChangeError {
    let what = match wrong.over {
        Over::Dnodes(first) => format!("dnodes from object {first}"),
        Over::Block => "block".to_owned(),
        Over::Objset => "object set".to_owned(),
    };
    ChangeError::contents(&wrong.place, what, wrong.fault.to_string())
}
