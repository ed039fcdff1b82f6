//! BEGIN: the record, and the nvlist that some features need.

use super::SendPlan;
use crate::error::{Result, SendError};
use crate::read::SendPayload;
use zsend_crypto::key_data::names;
use zsend_crypto::{MetaDnode, RawKeyData};
use zsend_encoder::event::Begin;
use zsend_pool::dsl::crypt::Encryption;
use zsend_records::flags::BeginFlags;
use zsend_records::nvlist::{Encoding, NvList, NvValue};

impl SendPlan<'_> {
    /// The BEGIN of the stream, which [`Self::write_to`] begins with.
    ///
    /// # Errors
    /// [`SendError::Pool`] if the set of IVs of a raw stream cannot be read; [`SendError::Unsupported`] if
    /// the list behind it is too long to be packed.
    pub fn begin(&self) -> Result<Begin> {
        self.begin_of()
    }

    /// BEGIN, with its payload as one kind of send has it.
    pub(super) fn begin_of<P: SendPayload>(&self) -> Result<Begin<P>> {
        let mut flags = BeginFlags::SPILL_BLOCK;
        flags.set(BeginFlags::CLONE, self.incremental_source().is_some_and(|s| s.is_clone));
        flags.set(BeginFlags::CI_DATA, self.dataset().is_case_insensitive);
        flags.set(BeginFlags::FREERECORDS, self.options().tunables.set_freerecords_bit);
        let mut list = NvList::new();
        self.redaction.add_to(&mut list);
        if let Some(position) = self.options().resume {
            list.insert("resume_object", NvValue::Uint64(position.object()));
            list.insert("resume_offset", NvValue::Uint64(position.offset()));
        }
        if let Some(encryption) = self.encryption.as_ref().filter(|_| self.options().raw) {
            list.insert(names::LIST, NvValue::List(self.key_data(encryption)?));
        }
        let mut payload = Vec::new();
        if !list.is_empty() {
            let encoding = self.options().dialect.payload_encoding();
            payload = list
                .encode(encoding)
                .map_err(|e| SendError::Unsupported(format!("the list behind BEGIN: {e}")))?;
            // The native form ends where it ends; the other is padded (`pad_packed_nvlist()`).
            if encoding != Encoding::Native {
                payload.resize(payload.len().next_multiple_of(8), 0);
            }
        }
        Ok(Begin {
            creation_time: self.dataset().creation_time,
            objset_type: self.objset().kind(),
            flags,
            toguid: self.toguid(),
            fromguid: self.incremental_source().map_or(0, |s| s.guid),
            toname: self.toname(),
            payload: P::at_hand(payload.len() as u64, || payload.into()),
        })
    }

    /// The wrapped keys, and all else that a raw receiver needs to rebuild the object set.
    fn key_data(&self, encryption: &Encryption) -> Result<NvList> {
        let meta = self.objset().meta();
        let data = RawKeyData {
            key_object: encryption.key_object.clone(),
            portable_mac: *self.objset().portable_mac(),
            format: encryption.format,
            iterations: encryption.iterations,
            salt: encryption.salt,
            meta: MetaDnode {
                checksum: meta.checksum,
                compress: meta.compress,
                nlevels: meta.nlevels,
                blksz: meta.datablksz(),
                indblkshift: meta.indblkshift,
                nblkptr: meta.nblkptr,
                maxblkid: meta.maxblkid,
            },
            to_ivset: self.dataset().ivset_guid()?,
            from_ivset: self.incremental_source().map_or(0, |s| s.ivset_guid),
        };
        Ok(data.to_nvlist())
    }
}
