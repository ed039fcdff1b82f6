//! A package: from a name to a list of streams, and to bytes.

use crate::error::{Omission, PackageRefusal, Result};
use crate::header::{self, PackageHeader};
use crate::options::PackageOptions;
use crate::order::{self, ByGuid, From, Step};
use crate::resume::Start;
use crate::scope;
use crate::tree::{Node, Scope, Tree};
use std::io::Write;
use zsend_pool::Pool;
use zsend_pool::Zbookmark;
use zsend_pool::dsl::dataset::Dataset;
use zsend_pool::{CancelToken, PoolError};
use zsend_records::flags::Features;
use zsend_records::nvlist::NvList;
use zsend_traverse::{Notice, SendError, SendOptions, SendPlan};

/// A package that was found to make sense: a header, and the streams of many snapshots.
#[derive(Debug)]
pub struct Package<'p> {
    pub(crate) pool: &'p Pool,
    pub(crate) target: String,
    pub(crate) send: SendOptions,
    pub(crate) redaction: Option<String>,
    pub(crate) header: PackageHeader,
    pub(crate) nodes: Vec<Node>,
    pub(crate) streams: Streams,
    pub(crate) omitted: Vec<Omission>,
    pub(crate) start: Start,
}

/// The streams of a package.
#[derive(Debug)]
pub(crate) enum Streams {
    /// Those of snapshots, by their objects.
    Many(Vec<Step>),
    /// That of the target alone, by its name and that of its source.
    One(Option<String>),
}

/// Totals of a package.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackageSummary {
    /// Bytes, headers included.
    pub bytes: u64,
    /// Records, those of the header and the one that closes the package included.
    pub records: u64,
    /// Streams.
    pub streams: usize,
}

/// Something that a package says while it is sent.
#[derive(Debug)]
#[non_exhaustive]
pub enum PackageNotice<'n> {
    /// A stream begins.
    Stream(&'n PackageStream<'n>),
    /// Something that an administrator should know of the stream.
    Warning(&'n str),
    /// Something that the stream that is under way says.
    Send(Notice),
}

/// One stream of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackageStream<'n> {
    /// Its place, from zero on.
    pub index: usize,
    /// Number of streams in the package.
    pub count: usize,
    /// Full name of the snapshot.
    pub name: String,
    /// Name of its source as `zfs send -v` shows it: short for a snapshot of the same dataset, and none
    /// for the origin of a clone.
    pub from: Option<&'n str>,
}

impl<'p> Package<'p> {
    /// A package of `target`, the full name of a snapshot.
    ///
    /// # Errors
    /// [`PackageRefusal`], [`SendError::NoDataset`], and those of reading the top dataset. Of what is
    /// below, what cannot be read is left out: see [`Self::omitted`].
    pub fn open(pool: &'p Pool, target: &str, options: &PackageOptions) -> Result<Self> {
        if options.send.resume.is_some() {
            return Err(PackageRefusal::Resumed.into());
        }
        let scope = scope::scope(pool, target, options)?;
        let Tree { nodes, described, mut omitted } = if options.asks_for_package() {
            Tree::gather(pool, &scope)?
        } else {
            return Err(PackageRefusal::Nothing(scope.target()).into());
        };
        let streams = if options.is_of_many() {
            Streams::Many(steps(pool, &scope, &nodes, &mut omitted)?)
        } else {
            Streams::One(options.source.as_deref().map(|from| scope::full_source(from, &scope.top)))
        };
        if options.replicate && options.source.is_some() && !options.incomplete {
            refuse_incomplete(&scope, &omitted)?;
        }
        let mut package = Package {
            pool,
            target: scope.target(),
            send: options.send.clone(),
            redaction: options.redaction.clone(),
            header: PackageHeader::new(&scope, NvList::new(), Features::empty())?,
            nodes,
            streams,
            omitted,
            start: Start::default(),
        };
        let mut features = Features::empty();
        // OpenZFS since 2.0 asks a snapshot for its version, which has none: `send_prelim_records()`.
        if options.send.dialect.is_illumos() && !package.is_empty() {
            features = package.plan(0)?.features() & Features::SA_SPILL;
        }
        package.header = PackageHeader::new(&scope, described, features)?;
        // A package of which all is left out has a header alone; one that cannot be made is none.
        match package.omitted.iter().find(|omission| omission.is_failure()) {
            Some(why) if package.is_empty() => Err(PackageRefusal::LeftOut(why.to_string()).into()),
            _ => Ok(package),
        }
    }

    /// Full name of the snapshot that is sent.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The pool.
    pub const fn pool(&self) -> &'p Pool {
        self.pool
    }

    /// Things that were asked for and are left out.
    pub fn omitted(&self) -> &[Omission] {
        &self.omitted
    }

    /// Number of streams.
    pub fn len(&self) -> usize {
        match &self.streams {
            Streams::Many(steps) => steps.len(),
            Streams::One(_) => 1,
        }
    }

    /// Returns true if there is no stream: all is left out that was asked for.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of the header.
    pub const fn header_size(&self) -> u64 {
        self.header.size()
    }

    /// Bytes of the package, if its streams have this many.
    pub const fn size_with(&self, streams: u64) -> u64 {
        self.header.size().saturating_add(streams).saturating_add(header::CLOSING_SIZE)
    }

    /// The stream at a place; `None` behind the last.
    pub fn member(&self, index: usize) -> Option<PackageStream<'_>> {
        let count = self.len();
        match &self.streams {
            Streams::One(from) if index == 0 => {
                let (name, from) = (self.target.clone(), from.as_deref());
                Some(PackageStream { index, count, name, from })
            }
            Streams::One(_) => None,
            Streams::Many(steps) => {
                let step = steps.get(index)?;
                let node = &self.nodes[step.node];
                let from = match step.from {
                    From::Snap(i) => Some(&*node.snaps[i].name),
                    From::Nothing | From::Origin => None,
                };
                Some(PackageStream {
                    index,
                    count,
                    name: node.full_name(&node.snaps[step.snap]),
                    from,
                })
            }
        }
    }

    /// The streams that are sent, in order: all, or those from where the package goes on.
    pub fn members(&self) -> impl Iterator<Item = PackageStream<'_>> {
        self.places().filter_map(|index| self.member(index))
    }

    /// The plan of the stream at a place.
    ///
    /// # Errors
    /// Those of [`SendPlan`]; [`PackageRefusal::Nothing`] if there is no such place.
    pub fn plan(&self, index: usize) -> Result<SendPlan<'p>> {
        self.plan_with(index, self.send.clone(), true)
    }

    /// The plan by which `zfs send -v` estimates the stream at a place: that of a clone's first snapshot
    /// without its origin.
    ///
    /// # Errors
    /// As [`Self::plan`].
    pub fn plan_of_estimate(&self, index: usize) -> Result<SendPlan<'p>> {
        self.plan_with(index, self.send.clone(), false)
    }

    fn plan_with(
        &self,
        index: usize,
        options: SendOptions,
        with_origin: bool,
    ) -> Result<SendPlan<'p>> {
        let options = self.start.options(index, options);
        let steps = match &self.streams {
            Streams::One(from) => {
                let plan = SendPlan::by_name(self.pool, &self.target, from.as_deref(), options)?;
                return Ok(match &self.redaction {
                    Some(book) => plan.redacted(book)?,
                    None => plan,
                });
            }
            Streams::Many(steps) => steps,
        };
        let step = steps.get(index).ok_or_else(|| PackageRefusal::Nothing(self.target.clone()))?;
        let node = &self.nodes[step.node];
        let snap = &node.snaps[step.snap];
        let from = match (step.from, node.origin) {
            (From::Snap(i), _) => Some((node.full_name(&node.snaps[i]), node.snaps[i].object)),
            (From::Origin, Some(origin)) if with_origin => {
                let dataset = Dataset::open(self.pool.mos(), origin.object)?;
                Some((self.pool.dataset_name(&dataset)?, origin.object))
            }
            (From::Origin | From::Nothing, _) => None,
        };
        let to = (node.full_name(snap), snap.object);
        Ok(SendPlan::by_named_object(self.pool, to, from, options)?)
    }

    /// Writes the package. `cancel` ends it within one read of each thread; `notice` is given what is said
    /// meanwhile.
    ///
    /// # Errors
    /// Those of [`SendPlan::write`] of the first stream that fails: what was written by then is a true
    /// beginning of the package.
    pub fn write(
        &self,
        mut out: impl Write + Send,
        cancel: &CancelToken,
        mut notice: impl FnMut(PackageNotice<'_>) + Send,
    ) -> Result<PackageSummary> {
        self.header.write(&mut out).map_err(SendError::Output)?;
        let mut total = PackageSummary { bytes: self.header.size(), records: 2, streams: 0 };
        for member in self.members() {
            // First, so that an error is known to be of this stream.
            notice(PackageNotice::Stream(&member));
            let plan = self.plan(member.index)?;
            for warning in plan.warnings() {
                notice(PackageNotice::Warning(&warning));
            }
            let sent = plan.write(&mut out, cancel, |said| notice(PackageNotice::Send(said)))?;
            total.bytes = total.bytes.saturating_add(sent.bytes());
            total.records = total.records.saturating_add(sent.records());
            total.streams += 1;
        }
        header::close(&mut out).map_err(SendError::Output)?;
        total.bytes = total.bytes.saturating_add(header::CLOSING_SIZE);
        total.records = total.records.saturating_add(1);
        Ok(total)
    }
}

/// Refuses an incremental package without something that is there and cannot be read.
///
/// Source: `recv_incremental_replication()`, OpenZFS `lib/libzfs/libzfs_sendrecv.c`, zfs-2.3.2.
fn refuse_incomplete(scope: &Scope<'_>, omitted: &[Omission]) -> Result<()> {
    let mut lost = omitted.iter().filter(|o| matches!(o, Omission::Unreadable { .. }));
    match lost.next() {
        None => Ok(()),
        Some(first) => Err(PackageRefusal::Incomplete {
            target: scope.target(),
            first: first.to_string(),
            others: lost.count(),
        }
        .into()),
    }
}

/// The streams of many snapshots, in order.
fn steps(
    pool: &Pool,
    scope: &Scope<'_>,
    nodes: &[Node],
    omitted: &mut Vec<Omission>,
) -> Result<Vec<Step>> {
    let by_guid = ByGuid::of(nodes);
    let origins = if scope.options.replicate { by_guid.origins(nodes) } else { Default::default() };
    let order = order::order(&by_guid.needs(nodes)).map_err(|at| {
        let found = format!("'{}' waits for itself", nodes[at].name);
        let at = Zbookmark::new(pool.mos().id(), 0, 0, 0);
        PoolError::corrupt(at, "origins and parents", found, "an order")
    })?;
    let mut steps = Vec::new();
    for index in order {
        let left_out = order::steps(scope, index, &nodes[index], &by_guid, &origins, &mut steps);
        omitted.extend(left_out);
    }
    Ok(steps)
}
