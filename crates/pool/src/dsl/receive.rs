//! Receives that have not ended: the head that one goes into, and what that keeps of it.

use crate::Result;
use crate::dmu::objset::Objset;
use crate::dsl::dataset::Dataset;
use crate::dsl::dir::Dir;
use crate::error::PoolError;
use crate::zap;
use crate::zbookmark::Zbookmark;
use zsend_records::token::ResumeToken;

/// Name of the hidden child that an incremental receive goes into: `recv_clone_name`, OpenZFS
/// `module/zfs/dmu_recv.c`, zfs-2.3.2.
const RECEIVING: &str = "%recv";

impl Dir {
    /// Returns the head that an incremental receive goes into, if one has not ended: that of a hidden child.
    /// A full receive goes into the head of the directory itself.
    ///
    /// # Errors
    /// Those of reading the child.
    pub fn receiving(&self, mos: &Objset) -> Result<Option<Dataset>> {
        let Some(object) = self.children(mos)?.find(RECEIVING)? else { return Ok(None) };
        let hidden = Self::open(mos, object)?;
        Dataset::open(mos, hidden.head_dataset).map(Some)
    }
}

impl Dataset {
    /// Returns the token of a receive into this head that can be resumed: the fields `DS_FIELD_RESUME_*`.
    ///
    /// Follows `get_receive_resume_token_impl()`, OpenZFS `module/zfs/dsl_dataset.c`, and
    /// `include/sys/dsl_dataset.h`, zfs-2.3.2.
    ///
    /// # Errors
    /// [`PoolError::Corrupt`] if a field is of another type than it must be.
    pub fn receive_state(&self) -> Result<Option<ResumeToken>> {
        let number = |name: &str| self.number(name);
        let has = |name: &str| Ok::<_, PoolError>(self.field(name)?.is_some());
        let (Some(toguid), Some(toname)) =
            (number("com.delphix:resume_toguid")?, self.field("com.delphix:resume_toname")?)
        else {
            return Ok(None);
        };
        let toname = toname.string().ok_or_else(|| {
            let at = Zbookmark::new(0, self.object, 0, 0);
            PoolError::corrupt(at, "resume_toname", "no text", "a name")
        })?;
        let book = self.field("com.delphix:resume_redact_book_snaps")?;
        Ok(Some(ResumeToken {
            fromguid: number("com.delphix:resume_fromguid")?.filter(|&guid| guid != 0),
            object: number("com.delphix:resume_object")?.unwrap_or(0),
            offset: number("com.delphix:resume_offset")?.unwrap_or(0),
            bytes: number("com.delphix:resume_bytes")?.unwrap_or(0),
            toguid,
            toname,
            largeblockok: has("com.delphix:resume_largeblockok")?,
            embedok: has("com.delphix:resume_embedok")?,
            compressok: has("com.delphix:resume_compressok")?,
            rawok: has("com.datto:resume_rawok")?,
            savedok: false,
            redact_snaps: self.redacted_for()?,
            book_redact_snaps: book.map(zap::Entry::ints),
        }))
    }
}
