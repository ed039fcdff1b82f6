//! Streams of a volume, written onto an image or a device of it.

use super::blocks::{NOT_RAW, ObjectTypes, embedded_block, plain};
use super::error::ChangeError;
use super::packet::Packet;
use super::transform::{Out, Transform};
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use zsend_ondisk::byteswap::swap;
use zsend_ondisk::zap::{BLOCK_MICRO, MicroEntryPhys, MicroPhys};
use zsend_records::bytes::Bytes;
use zsend_records::drr::{Begin, OBJECT_END};
use zsend_records::flags::Features;
use zsend_records::reader::{Record, Role};
use zsend_records::types::{ByteswapKind, DmuType, ObjsetType};
use zsend_records::zerocopy::FromBytes;
use zsend_records::zerocopy::byteorder::LE;

/// The object with a volume's data: `ZVOL_OBJ`.
const DATA: u64 = 1;
/// The object with a volume's properties: `ZVOL_ZAP_OBJ`.
const PROPERTIES: u64 = 2;
/// Type of the first: `DMU_OT_ZVOL`.
pub(super) const ZVOL: DmuType = DmuType(23);
/// Type of the second: `DMU_OT_ZVOL_PROP`.
const ZVOL_PROP: DmuType = DmuType(24);
/// Bytes that follow one another and are written together.
const TOGETHER: usize = 1 << 20;

/// Destination of a volume's data.
pub trait Volume: fmt::Debug + Send {
    /// Writes bytes at this offset.
    ///
    /// # Errors
    /// Those of the device.
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes a range read as zeros: `len` bytes from `offset` on, or all from there on if `len` is `None`. A file keeps
    /// its length, or grows up to `offset`.
    ///
    /// # Errors
    /// Those of the device.
    fn free(&mut self, offset: u64, len: Option<u64>) -> io::Result<()>;

    /// Takes note of the volume's size. A file gets that length.
    ///
    /// # Errors
    /// Those of the device, and where the volume has no room on it.
    fn set_size(&mut self, size: u64) -> io::Result<()>;

    /// Sees to it that all is there for good.
    ///
    /// # Errors
    /// Those of the device.
    fn sync(&mut self) -> io::Result<()>;
}

/// Guid of the snapshot that a volume is of, as far as it was written.
#[derive(Clone, Debug, Default)]
pub struct VolumeGuid(Arc<Mutex<Option<u64>>>);

impl VolumeGuid {
    /// Guid of the last snapshot that is there as a whole; `None` if there is none.
    pub fn get(&self) -> Option<u64> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, guid: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(guid);
    }
}

/// Writes the data of volume streams onto a volume, and gives no record.
///
/// Streams may follow one another, and each must start from the snapshot that is there by then. Blocks may come
/// compressed; they are decompressed by as many threads as there are if `decompress` is the step before.
///
/// Source: OpenZFS `cmd/zstream/zstream_raw.c`, master of August 2026.
#[derive(Debug)]
pub struct ToVolume<V> {
    volume: V,
    /// Guid of the snapshot that the volume is of.
    guid: VolumeGuid,
    toguid: u64,
    /// Types of objects: those of both of a volume's may come before the data of the first.
    types: ObjectTypes,
    /// Bytes that are not written yet, and their place.
    pending: Vec<u8>,
    pending_at: u64,
}

impl<V: Volume> ToVolume<V> {
    /// Writes onto a volume that is of the snapshot with this guid; `None` if it is of none, which a full stream alone
    /// may be written to.
    pub fn new(volume: V, guid: Option<u64>) -> (Self, VolumeGuid) {
        let told = VolumeGuid(Arc::new(Mutex::new(guid)));
        let to = Self {
            volume,
            guid: told.clone(),
            toguid: 0,
            types: ObjectTypes::default(),
            pending: Vec::new(),
            pending_at: 0,
        };
        (to, told)
    }

    fn begin(&mut self, packet: &Packet, begin: &Begin<LE>) -> Result<(), ChangeError> {
        self.types.clear();
        if packet.role != Role::Stream {
            return Ok(());
        }
        if begin.objset_type() != ObjsetType::ZVOL {
            return Err(ChangeError::refused(&packet.origin, "it is not the stream of a volume"));
        }
        let (from, have) = (begin.fromguid.get(), self.guid.get());
        if from != 0 && have != Some(from) {
            return Err(ChangeError::Base { origin: packet.origin.clone(), from, have });
        }
        self.toguid = begin.toguid.get();
        Ok(())
    }

    /// Adds bytes to those that are to be written.
    fn write(&mut self, bytes: &[u8], offset: u64) -> Result<(), ChangeError> {
        let follows = offset == self.pending_at.saturating_add(self.pending.len() as u64);
        if !follows || self.pending.len().saturating_add(bytes.len()) > TOGETHER {
            self.flush()?;
        }
        if self.pending.is_empty() {
            self.pending_at = offset;
        }
        self.pending.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ChangeError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let done = self.volume.write_at(&self.pending, self.pending_at);
        self.pending.clear();
        done.map_err(|source| ChangeError::Volume { offset: self.pending_at, source })
    }

    /// Takes a block of one of the two objects.
    fn block(
        &mut self,
        packet: &Packet,
        object: u64,
        offset: u64,
        block: &Bytes,
    ) -> Result<(), ChangeError> {
        match (object, self.types.of(object)) {
            (DATA, Some(ZVOL)) => self.write(block, offset),
            (PROPERTIES, Some(ZVOL_PROP)) => {
                let size = size(packet, block)?;
                self.flush()?;
                let done = self.volume.set_size(size);
                done.map_err(|source| ChangeError::Volume { offset: size, source })
            }
            _ => Ok(()),
        }
    }
}

impl<V: Volume> Transform for ToVolume<V> {
    fn takes(&self) -> Features {
        NOT_RAW.difference(Features::REDACTED.union(Features::RESUMING))
    }

    fn record(&mut self, packet: Packet, _out: &mut Out) -> Result<(), ChangeError> {
        match packet.record() {
            Record::Begin(begin) => self.begin(&packet, begin)?,
            Record::Object(object) => {
                self.types.note_object(&packet, object)?;
            }
            Record::Write(write) => {
                let block = plain(&packet, write)?;
                self.block(&packet, write.object.get(), write.offset.get(), &block)?;
            }
            Record::WriteEmbedded(embedded) => {
                let (write, block) = embedded_block(&packet, embedded, ZVOL)?;
                self.block(&packet, write.object.get(), write.offset.get(), &block.into())?;
            }
            Record::Free(free) => {
                let object = free.object.get();
                if object == DATA && self.types.of(object) == Some(ZVOL) {
                    self.flush()?;
                    let (offset, len) = (free.offset.get(), free.length.get());
                    let len = (len != OBJECT_END).then_some(len);
                    let done = self.volume.free(offset, len);
                    done.map_err(|source| ChangeError::Volume { offset, source })?;
                }
            }
            Record::End(_) if packet.role == Role::Stream => {
                self.flush()?;
                let done = self.volume.sync();
                done.map_err(|source| ChangeError::Volume { offset: 0, source })?;
                self.guid.set(self.toguid);
            }
            Record::End(_)
            | Record::FreeObjects(_)
            | Record::WriteByref(_)
            | Record::Spill(_)
            | Record::ObjectRange(_)
            | Record::Redact(_)
            | Record::Unknown(_) => {}
        }
        Ok(())
    }
}

/// The size in a volume's properties: the first entry of a micro ZAP.
fn size(packet: &Packet, block: &Bytes) -> Result<u64, ChangeError> {
    let fault = |why: &str| {
        ChangeError::contents(&packet.origin, "properties of the volume", why.to_owned())
    };
    let mut block = block.to_vec();
    // Embedded data is of the order of the pool, not of the stream.
    if block.starts_with(&BLOCK_MICRO.to_be_bytes()) {
        swap(ByteswapKind::Zap, &mut block);
    }
    let (head, rest) = MicroPhys::ref_from_prefix(&block).map_err(|_| fault("no micro ZAP"))?;
    if head.block_type.get() != BLOCK_MICRO {
        return Err(fault("no micro ZAP"));
    }
    let entry = rest.chunks_exact(size_of::<MicroEntryPhys>()).find_map(|entry| {
        let (entry, _) = MicroEntryPhys::ref_from_prefix(entry).ok()?;
        entry.name.starts_with(b"size\0").then(|| entry.value.get())
    });
    entry.ok_or_else(|| fault("no size"))
}
