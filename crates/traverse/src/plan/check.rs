//! Refusals of a send before its first record, and warnings.

use super::{SendPlan, features};
use crate::error::{Refusal, Result, SendError};
use zsend_crypto::KeyVersion;
use zsend_pool::zil;

impl SendPlan<'_> {
    /// Refuses what cannot be sent: for all reasons that are known before the first record, most of
    /// which an estimate does not ask. [`Self::write`] and [`Self::exact_size`] begin with it.
    ///
    /// # Errors
    /// [`SendError::CannotSend`], [`SendError::LargeMicrozap`] and [`SendError::Unsupported`].
    pub fn check(&self) -> Result<()> {
        self.check_whole()?;
        match &self.encryption {
            Some(encryption) if self.options.raw => {
                let version = encryption.key_object.version;
                if version != KeyVersion::CURRENT {
                    return Err(SendError::Unsupported(format!(
                        "raw send of '{}': encryption key version {}",
                        self.target, version.0
                    )));
                }
            }
            Some(encryption) if !self.pool.has_key(encryption) => {
                return Err(self.refuse(Refusal::KeyNotLoaded));
            }
            Some(_) | None => {}
        }
        features::check(self.features)?;
        self.redaction.check(&self.target, self.options.dialect)
    }

    /// Refuses the head of a receive that has not ended, as estimates do too: it is half done, and the
    /// receive may go on with it at any time.
    pub(super) fn check_whole(&self) -> Result<()> {
        if self.target.is_head() && self.dataset.is_inconsistent && self.saved.is_none() {
            return Err(self.refuse(Refusal::Busy));
        }
        Ok(())
    }

    pub(super) fn refuse(&self, why: Refusal) -> SendError {
        SendError::CannotSend { name: self.target.to_string(), why }
    }

    /// Warnings that the administrator should have before the send: of what is sent, and of what is
    /// not.
    pub fn warnings(&self) -> Vec<String> {
        let name = self.target.to_string();
        let mut warnings = Vec::new();
        if !self.target.is_head() && self.dataset.is_inconsistent {
            warnings.push(format!(
                "'{name}' was taken of a receive that had not ended: it is not whole"
            ));
        }
        if self.target.is_head() {
            warnings.extend(zil::unreplayed(&self.objset, self.pool.uberblock().txg).told(&name));
        }
        warnings
    }
}
