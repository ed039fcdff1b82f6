//! The header of a package: BEGIN with a list of all that is sent, and its END.

use crate::error::PackageRefusal;
use crate::tree::Scope;
use std::io::{self, Write};
use zerocopy::FromZeros;
use zerocopy::byteorder::{LE, U32, U64};
use zsend_records::drr::{Begin, MAGIC, NAME_SIZE, RECORD_SIZE, ReplayRecord};
use zsend_records::flags::{Features, HeaderType, VersionInfo};
use zsend_records::nvlist::{Encoding, NvList, NvValue};
use zsend_records::writer::{RecordSink, StreamWriter};

/// Most bytes of the list, packed natively: what `zfs send` and `zfs receive` of OpenZFS take, unless
/// `ZFS_SENDRECV_MAX_NVLIST` says otherwise. Source: `libzfs_init()`, OpenZFS
/// `lib/libzfs/libzfs_util.c`, zfs-2.3.2.
const MAX_LIST: usize = 64 << 20;

/// Room that is left for the list.
#[derive(Debug)]
pub(crate) struct Room {
    left: usize,
    is_spent: bool,
}

impl Default for Room {
    fn default() -> Self {
        Self { left: MAX_LIST, is_spent: false }
    }
}

impl Room {
    /// Takes the room of one dataset; returns false if there is none left.
    pub(crate) fn takes(&mut self, key: &str, entry: &NvValue) -> bool {
        let mut one = NvList::new();
        one.insert(key, entry.clone());
        // What cannot be packed has no room in any list.
        let Ok(packed) = one.encode(Encoding::Native) else {
            self.is_spent = true;
            return false;
        };
        let size = packed.len();
        let has_room = self.has(size);
        if has_room {
            self.left -= size;
        }
        has_room
    }

    /// Returns true if there is room for this many bytes. Once there was not, there is none.
    pub(crate) fn has(&mut self, bytes: usize) -> bool {
        self.is_spent |= bytes > self.left;
        !self.is_spent
    }

    /// Returns true if something had no room.
    pub(crate) const fn is_spent(&self) -> bool {
        self.is_spent
    }
}

/// The header, packed.
#[derive(Debug)]
pub(crate) struct PackageHeader {
    toname: String,
    features: Features,
    payload: Vec<u8>,
}

impl PackageHeader {
    /// The header of a package whose datasets are described by `described`.
    ///
    /// Follows `send_prelim_records()`, OpenZFS `lib/libzfs/libzfs_sendrecv.c`, zfs-2.3.2.
    ///
    /// # Errors
    /// [`PackageRefusal::TooLarge`] if the list cannot be packed.
    pub(crate) fn new(
        scope: &Scope<'_>,
        described: NvList,
        features: Features,
    ) -> Result<Self, PackageRefusal> {
        let options = scope.options;
        let mut features = features;
        features.set(Features::HOLDS, options.holds);
        let mut payload = Vec::new();
        if options.is_described() {
            let mut list = NvList::new();
            if let Some(from) = &scope.fromsnap {
                list.insert("fromsnap", NvValue::String(from.into()));
            }
            list.insert("tosnap", NvValue::String((&scope.tosnap).into()));
            if !options.replicate {
                list.insert("not_recursive", NvValue::Boolean);
            }
            if options.send.raw {
                list.insert("raw", NvValue::Boolean);
            }
            list.insert("fss", NvValue::List(described));
            payload = list.encode(Encoding::Xdr).map_err(|_| {
                let target = scope.target();
                PackageRefusal::TooLarge { at: target.clone(), target }
            })?;
        }
        Ok(Self { toname: scope.target(), features, payload })
    }

    /// Bytes of the two records and the list.
    pub(crate) const fn size(&self) -> u64 {
        (2 * RECORD_SIZE + self.payload.len()) as u64
    }

    /// Writes it.
    pub(crate) fn write(&self, out: impl Write) -> io::Result<()> {
        let mut begin = Begin::<LE>::new_zeroed();
        begin.magic = U64::new(MAGIC);
        begin.versioninfo = U64::new(VersionInfo::new(HeaderType::COMPOUND, self.features).0);
        for (to, from) in begin.toname[..NAME_SIZE - 1].iter_mut().zip(self.toname.bytes()) {
            *to = from;
        }
        let mut record = ReplayRecord::new(&begin);
        record.payloadlen = U32::new(u32::try_from(self.payload.len()).map_err(io::Error::other)?);
        let mut writer = StreamWriter::new(out);
        writer.record(record, &self.payload)?;
        writer.end(0)?;
        Ok(writer.flush()?)
    }
}

/// Bytes of the record that closes a package.
pub(crate) const CLOSING_SIZE: u64 = RECORD_SIZE as u64;

/// Writes the record that closes a package.
pub(crate) fn close(out: impl Write) -> io::Result<()> {
    let mut writer = StreamWriter::new(out);
    writer.package_end()?;
    Ok(writer.flush()?)
}
