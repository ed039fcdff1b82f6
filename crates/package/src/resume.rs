//! Going on with a package that was broken off.

use crate::error::{PackageRefusal, Result};
use crate::order::From;
use crate::package::{Package, Streams};
use zsend_records::token::ResumeToken;
use zsend_traverse::{ResumePosition, SendOptions};

/// The place at which a package begins.
#[derive(Debug, Default)]
pub(crate) struct Start {
    /// The stream.
    pub(crate) index: usize,
    /// The place in it.
    token: Option<ResumeToken>,
    /// A stream that goes before it although the receiver has it: see [`Package::lead`].
    lead: Option<usize>,
}

impl Start {
    /// Options of the stream at a place: the one that goes on has those of its token, too.
    pub(crate) fn options(&self, index: usize, options: SendOptions) -> SendOptions {
        let Some(token) = self.token.as_ref().filter(|_| index == self.index) else {
            return options;
        };
        let (embed, large_block) = (options.embed, options.large_block);
        let (compress, raw) = (options.compress, options.raw);
        options
            .with_embed(embed || token.embedok)
            .with_large_block(large_block || token.largeblockok)
            .with_compress(compress || token.compressok)
            .with_raw(raw || token.rawok)
            .with_resume(ResumePosition::new(token.object, token.offset))
            .with_received(token.bytes)
    }
}

/// Refuses a token of a stream that was made with flags that the options lack, or raw where they are not:
/// the streams behind it would be of another form. What a raw send has goes without saying. `is_encrypted`
/// says it of the stream's dataset: a raw send of one that is not makes a stream that is not raw, and so is the
/// receiver's token of it.
fn refuse_other_flags(
    options: &SendOptions,
    token: &ResumeToken,
    is_encrypted: bool,
) -> Result<()> {
    let lacks = (token.largeblockok && !options.large_block)
        || (token.embedok && !options.embed)
        || (token.compressok && !options.compress);
    let is_same = match options.raw {
        true => token.rawok || !is_encrypted,
        false => !token.rawok && !lacks,
    };
    if is_same {
        return Ok(());
    }
    Err(PackageRefusal::OtherFlags {
        large_block: token.largeblockok,
        embed: token.embedok,
        compress: token.compressok,
        raw: token.rawok,
    }
    .into())
}

impl Package<'_> {
    /// The rest of the package for a receiver that has all of it up to the snapshot `name`, a full name as it
    /// is at the sender: the header again, and the streams behind that snapshot's.
    ///
    /// `zfs receive` takes it as it takes a package: what the header says of datasets that are there already
    /// is true of them.
    ///
    /// # Errors
    /// [`PackageRefusal::NotInPackage`], and [`PackageRefusal::Nothing`] if it is the last.
    pub fn continue_after(mut self, name: &str) -> Result<Self> {
        let found =
            (0..self.len()).find(|&index| self.member(index).is_some_and(|m| m.name == name));
        let found = found.ok_or_else(|| PackageRefusal::NotInPackage(name.to_owned()))?;
        if found + 1 == self.len() {
            return Err(PackageRefusal::Nothing(self.target).into());
        }
        self.start = self.start_at(found + 1, None);
        Ok(self)
    }

    /// The rest of the package for a receiver that has a part of one stream, which left this token in
    /// `receive_resume_token`: the header again, that stream from there on, and those behind it.
    ///
    /// # Errors
    /// [`PackageRefusal::NotInPackage`] if no stream of the package is the token's: from the same snapshot,
    /// to the same.
    pub fn continue_from(mut self, token: &ResumeToken) -> Result<Self> {
        let mut found = None;
        for index in 0..self.len() {
            // A full stream is from a snapshot of guid zero.
            let is_same = self.guids(index)? == (token.toguid, token.fromguid.unwrap_or_default());
            let is_named = self.member(index).is_some_and(|m| m.name == token.toname);
            // A snapshot that was renamed is known by its guid; one of two with a guid by its name.
            if is_same && (found.is_none() || is_named) {
                found = Some(index);
            }
        }
        let index = found.ok_or_else(|| PackageRefusal::NotInPackage(token.toname.clone()))?;
        let is_encrypted = match self.send.raw {
            true => self.pool.encryption(self.plan(index)?.dataset())?.is_some(),
            false => false,
        };
        refuse_other_flags(&self.send, token, is_encrypted)?;
        self.start = self.start_at(index, Some(token.clone()));
        Ok(self)
    }

    /// Returns true if the receiver has the stream at a place, and is sent it for what follows it.
    pub const fn is_sent_again(&self, index: usize) -> bool {
        index < self.start.index
    }

    /// The places of the streams that are sent.
    pub(crate) fn places(&self) -> impl Iterator<Item = usize> + use<> {
        self.start.lead.into_iter().chain(self.start.index..self.len())
    }

    fn start_at(&self, index: usize, token: Option<ResumeToken>) -> Start {
        Start { index, token, lead: self.lead(index) }
    }

    /// The stream that a raw package begins with where it goes on below its top dataset: the last
    /// incremental one of that. The receiver passes over it, for it has the snapshot. But what comes first in
    /// a package is to it the top of the tree in which it joins encrypted datasets to their roots again.
    ///
    /// Follows `zfs_receive_one()` and `recv_fix_encryption_hierarchy()`, OpenZFS
    /// `lib/libzfs/libzfs_sendrecv.c`, zfs-2.3.2.
    fn lead(&self, index: usize) -> Option<usize> {
        let Streams::Many(steps) = &self.streams else { return None };
        if !self.send.raw || steps.get(index)?.node == 0 {
            return None;
        }
        steps[..index].iter().rposition(|s| s.node == 0 && matches!(s.from, From::Snap(_)))
    }

    /// Guids of a stream's snapshot and of its source, zero for none.
    fn guids(&self, index: usize) -> Result<(u64, u64)> {
        let steps = match &self.streams {
            Streams::One(_) => {
                let plan = self.plan(index)?;
                let from = plan.incremental_source().map_or(0, |source| source.guid);
                return Ok((plan.toguid(), from));
            }
            Streams::Many(steps) => steps,
        };
        let step = &steps[index];
        let node = &self.nodes[step.node];
        let from = match step.from {
            From::Nothing => 0,
            From::Snap(i) => node.snaps[i].guid,
            From::Origin => node.origin.map_or(0, |origin| origin.guid),
        };
        Ok((node.snaps[step.snap].guid, from))
    }
}
