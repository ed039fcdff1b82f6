//! `convert`: the same records in another form: byte order, and packing of the lists behind BEGIN.

use super::blocks::{ObjectTypes, decompressed, embedded_block, without_codec};
use super::error::ChangeError;
use super::given::{Files, Given, GivenError, Opt, Verb};
use super::packet::Packet;
use super::transform::{Out, Transform};
use crate::begin_list::BeginList;
use crate::raw::{self, turn};
use zsend_codec::checksum::compute;
use zsend_records::Order;
use zsend_records::drr::{Begin, Object, ObjectRange, Spill, Write, WriteEmbedded};
use zsend_records::flags::{Features, RecordFlags};
use zsend_records::nvlist::Encoding;
use zsend_records::reader::{Record, Role};
use zsend_records::types::{ByteswapKind, Compress, DmuType};
use zsend_records::zerocopy::byteorder::{LE, U64};

pub(super) static VERB: Verb = Verb {
    name: "convert",
    alias: None,
    about: "Put a stream into another byte order, and the lists behind its BEGIN into another packing",
    examples: &[
        "zsend convert --byteorder little sparc.zsend | zfs receive tank/home",
        "zsend convert --nvlist xdr raw.zsend -o portable.zsend",
        "zsend convert --dialect openzfs-xdr raw.zsend | zfs receive tank/secret",
    ],
    operands: &[],
    options: &[
        Opt::with_value(
            "byteorder",
            "little|big",
            "Byte order of records and of what they hold, as a machine of that order sends it",
        ),
        Opt::with_value(
            "nvlist",
            "native|xdr",
            "Packing of the list behind the BEGIN of each stream: native is what receivers of the same byte order \
                   take, xdr what all do. That of a package's header is always xdr",
        ),
        Opt::with_value(
            "dialect",
            "openzfs|openzfs-xdr",
            "Packing as this sender has it: openzfs up to 2.4 native, later ones xdr",
        ),
    ],
    files: Files::One,
    make,
};

/// Puts streams into another form.
#[derive(Debug)]
struct Convert {
    order: Option<Order>,
    is_xdr: Option<bool>,
    /// The stream that is under way is raw.
    is_raw: bool,
    /// Number and type of the object that is under way, and of those before it whose data may still come.
    types: ObjectTypes,
}

fn make(given: &Given) -> Result<Box<dyn Transform>, GivenError> {
    let unknown = |option: &str, value: &str, there: &str| {
        GivenError::new(format!("--{option} is {there}, not '{value}'"))
    };
    let order = match given.value("byteorder") {
        None => None,
        Some("little") => Some(Order::Little),
        Some("big") => Some(Order::Big),
        Some(other) => return Err(unknown("byteorder", other, "little or big")),
    };
    let nvlist = match given.value("nvlist") {
        None => None,
        Some("native") => Some(false),
        Some("xdr") => Some(true),
        Some(other) => return Err(unknown("nvlist", other, "native or xdr")),
    };
    let dialect = match given.value("dialect") {
        None => None,
        Some("openzfs") => Some(false),
        Some("openzfs-xdr") => Some(true),
        Some("illumos") => {
            return Err(GivenError::new(
                "a stored stream cannot become one of dialect illumos: its objects stand before the data of all of them",
            ));
        }
        Some(other) => return Err(unknown("dialect", other, "openzfs or openzfs-xdr")),
    };
    if matches!((nvlist, dialect), (Some(a), Some(b)) if a != b) {
        return Err(GivenError::new("--nvlist and --dialect ask for different packings"));
    }
    if order.is_none() && nvlist.is_none() && dialect.is_none() {
        return Err(GivenError::new("one of --byteorder, --nvlist and --dialect is needed"));
    }
    Ok(Box::new(Convert {
        order,
        is_xdr: nvlist.or(dialect),
        is_raw: false,
        types: ObjectTypes::default(),
    }))
}

impl Transform for Convert {
    fn takes(&self) -> Features {
        Features::all()
    }

    fn record(&mut self, mut packet: Packet, out: &mut Out) -> Result<(), ChangeError> {
        let from = packet.order;
        let to = self.order.unwrap_or(from);
        if let Some(begin) = packet.header.body_as::<Begin<LE>>() {
            self.types.clear();
            self.is_raw = begin.features().contains(Features::RAW);
            out.put(self.begin(packet, to)?);
            return Ok(());
        }
        if from == to {
            out.put(packet);
            return Ok(());
        }
        if let Some(object) = packet.header.body_as::<Object<LE>>() {
            // Of a type that no dnode can hold nobody knows the fields.
            match object.object_type() {
                Some(kind) => self.types.note(object.object.get(), kind),
                None => self.types.forget(object.object.get()),
            }
        }
        if let Some(&embedded) = packet.header.body_as::<WriteEmbedded<LE>>() {
            let object_type = self.types.of(embedded.object.get());
            out.put(turned_embedded(packet, &embedded, object_type, to)?);
            return Ok(());
        }
        if self.is_raw {
            out.put(turned_raw(packet, to));
            return Ok(());
        }
        let write = packet.header.body_as::<Write<LE>>();
        if write.is_some_and(|write| !wants_work(write)) {
            packet.order = to;
            out.put(packet);
            return Ok(());
        }
        out.put_after(packet, move |packet| {
            let mut packet = turned(packet, to)?;
            packet.order = to;
            Ok(packet)
        });
        Ok(())
    }
}

impl Convert {
    /// Packs the list behind a BEGIN anew.
    fn begin(&self, mut packet: Packet, to: Order) -> Result<Packet, ChangeError> {
        packet.order = to;
        // The list of a package's header is XDR, which is the same in either order.
        if packet.role != Role::Stream {
            return Ok(packet);
        }
        let Some(BeginList { list, encoding, used }) = packet.begin_list()? else {
            return Ok(packet);
        };
        let fault = |why: String| ChangeError::contents(&packet.origin, "list behind BEGIN", why);
        if packet.payload()[used..].iter().any(|&byte| byte != 0) {
            return Err(fault(format!("bytes behind byte {used}, its end, are not zero")));
        }
        let packing = match (self.is_xdr, to) {
            (Some(true), Order::Little) => Encoding::Xdr,
            (Some(true), Order::Big) => Encoding::XdrBig,
            (Some(false), Order::Little) => Encoding::Native,
            (Some(false), Order::Big) => Encoding::NativeBig,
            (None, to) => in_order(encoding, to),
        };
        if packing == encoding {
            return Ok(packet);
        }
        let mut packed = list.encode(packing).map_err(|e| fault(e.to_string()))?;
        let is_xdr = packing.is_xdr();
        if is_xdr {
            // `pad_packed_nvlist()`, OpenZFS `module/zfs/dmu_send.c`, master of August 2026.
            packed.resize(packed.len().next_multiple_of(8), 0);
        }
        packet.set_list(packed)?;
        Ok(packet)
    }
}

/// The packing of a machine of this byte order.
const fn in_order(encoding: Encoding, to: Order) -> Encoding {
    use Encoding::{Native, NativeBig, Xdr, XdrBig, XdrSigned, XdrSignedBig};
    match (encoding, to) {
        (Native | NativeBig, Order::Little) => Native,
        (Native | NativeBig, Order::Big) => NativeBig,
        (Xdr | XdrBig, Order::Little) => Xdr,
        (Xdr | XdrBig, Order::Big) => XdrBig,
        (XdrSigned | XdrSignedBig, Order::Little) => XdrSigned,
        (XdrSigned | XdrSignedBig, Order::Big) => XdrSignedBig,
    }
}

/// The type of what is to be turned; `None` for what is the same in either order, and for what nobody knows.
fn turnable(kind: DmuType) -> Option<DmuType> {
    kind.byteswap().filter(|swap| *swap != ByteswapKind::U8).map(|_| kind)
}

/// Returns true if a block may be turned, or its checksum be another in the other order.
fn wants_work(write: &Write<LE>) -> bool {
    write.object_type().and_then(turnable).is_some() || has_key_of_order(write)
}

/// Returns true if the record has the checksum of a block that is compressed, which is of the sender's order.
fn has_key_of_order(write: &Write<LE>) -> bool {
    let is_compressed = write.compression().is_some_and(|codec| codec != Compress::OFF);
    is_compressed && write.key_prop.get() != 0 && write.checksum().is_in_pointer()
}

/// Turns what a record of a plain stream holds. A spill block is not turned, as its record does not say what it holds.
///
/// Source: OpenZFS `module/zfs/dmu_recv.c`, `receive_read_record()` and `flush_write_batch_impl()`, zfs-2.3.2.
fn turned(mut packet: Packet, to: Order) -> Result<Packet, ChangeError> {
    let header = packet.header;
    match Record::of(&header) {
        Record::Write(write) => {
            let Some(kind) = write.object_type().and_then(turnable) else {
                return Ok(with_key_of(packet, write, to));
            };
            // A receiver turns nothing that is compressed.
            if write.compression().is_some() {
                packet = decompressed(packet)?;
                let mut bytes = packet.take_payload();
                turn(kind, to, &mut bytes);
                packet.set_payload(bytes);
            } else {
                packet = without_codec(packet);
                packet.set_payload(raw::turned(kind, to, packet.payload()));
            }
        }
        Record::Object(object) => {
            if let Some(kind) = object.bonustype() {
                let mut bytes = packet.payload().to_vec();
                let len = bytes.len().min(object.bonuslen.get() as usize);
                turn(kind, to, &mut bytes[..len]);
                packet.set_payload(bytes);
            }
        }
        Record::Begin(_)
        | Record::FreeObjects(_)
        | Record::Free(_)
        | Record::End(_)
        | Record::WriteByref(_)
        | Record::Spill(_)
        | Record::WriteEmbedded(_)
        | Record::ObjectRange(_)
        | Record::Redact(_)
        | Record::Unknown(_) => {}
    }
    Ok(packet)
}

/// Puts the checksum that a block pointer of the other order has into a WRITE of a compressed block. A sender sends none
/// compressed but those of its own order. That of a plain block may be of either order.
fn with_key_of(mut packet: Packet, write: &Write<LE>, to: Order) -> Packet {
    let kind = write.checksum();
    if !has_key_of_order(write) {
        return packet;
    }
    let old = write.key_cksum.map(U64::get);
    let sum = |order| compute(kind, packet.payload(), order == Order::Big, None).ok();
    let new = match (sum(packet.order), sum(to)) {
        (Some(is), Some(new)) if is == old => new,
        // It is not that of the payload, which it is not for this step to say.
        (Some(_), _) => old,
        // The salt is the pool's secret. The two orders differ in that of the words' bytes.
        (None, _) => old.map(u64::swap_bytes),
    };
    if let Some(write) = packet.body_mut::<Write<LE>>() {
        write.key_cksum = new.map(U64::new);
    }
    packet
}

/// Turns embedded data, which the receiver takes to be of the order of the stream: what is not bytes alone becomes a
/// plain block.
///
/// Source: OpenZFS `module/zfs/dmu_recv.c`, `receive_write_embedded()`, zfs-2.3.2.
fn turned_embedded(
    mut packet: Packet,
    embedded: &WriteEmbedded<LE>,
    object_type: Option<DmuType>,
    to: Order,
) -> Result<Packet, ChangeError> {
    if let Some(object_type) = object_type.and_then(turnable) {
        let (write, mut block) = embedded_block(&packet, embedded, object_type)?;
        turn(object_type, to, &mut block);
        packet = packet.with(&write, block.into());
    }
    packet.order = to;
    Ok(packet)
}

/// Says in a record of a raw stream that what it holds is of the other order now. Blocks are as they lie on disk; a
/// sender has turned a bonus of another order than its own, though it is encrypted.
///
/// Source: OpenZFS `module/zfs/dmu_send.c`, `dump_dnode()`, and `module/zfs/arc.c`, `arc_read()`, zfs-2.3.2.
fn turned_raw(mut packet: Packet, to: Order) -> Packet {
    packet.order = to;
    let flag = RecordFlags::RAW_BYTESWAP.bits();
    if let Some(write) = packet.body_mut::<Write<LE>>() {
        write.flags ^= flag;
    } else if let Some(spill) = packet.body_mut::<Spill<LE>>() {
        spill.flags ^= flag;
    } else if let Some(range) = packet.body_mut::<ObjectRange<LE>>() {
        range.flags ^= flag;
    } else if let Some(object) = packet.body_mut::<Object<LE>>() {
        object.flags ^= flag;
        if let Some(kind) = object.bonustype() {
            packet.set_payload(raw::turned(kind, to, packet.payload()));
        }
    }
    packet
}
