//! Receives that have not ended: the head that one goes into, and what that keeps of it.

use crate::Result;
use crate::dmu::objset::Objset;
use crate::dsl::dataset::Dataset;
use crate::dsl::dir::Dir;
use crate::error::PoolError;
use crate::zap;
use crate::zbookmark::Zbookmark;
use zsend_ondisk::names::dataset as names;
use zsend_ondisk::names::dir::RECEIVING;
use zsend_records::token::ResumeToken;

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
            (number(names::RESUME_TO_GUID)?, self.field(names::RESUME_TO_NAME)?)
        else {
            return Ok(None);
        };
        let toname = toname.string().ok_or_else(|| {
            let at = Zbookmark::new(0, self.object, 0, 0);
            PoolError::corrupt(at, "resume_toname", "no text", "a name")
        })?;
        let book = self.field(names::RESUME_BOOK_SNAPS)?;
        // A receive writes them from its start on; the token of one without a number has zero.
        Ok(Some(ResumeToken {
            fromguid: number(names::RESUME_FROM_GUID)?.filter(|&guid| guid != 0),
            object: number(names::RESUME_OBJECT)?.unwrap_or_default(),
            offset: number(names::RESUME_OFFSET)?.unwrap_or_default(),
            bytes: number(names::RESUME_BYTES)?.unwrap_or_default(),
            toguid,
            toname,
            largeblockok: has(names::RESUME_LARGE_BLOCK)?,
            embedok: has(names::RESUME_EMBED)?,
            compressok: has(names::RESUME_COMPRESS)?,
            rawok: has(names::RESUME_RAW)?,
            savedok: false,
            redact_snaps: self.redacted_for()?,
            book_redact_snaps: book.map(zap::ZapEntry::ints),
        }))
    }
}
