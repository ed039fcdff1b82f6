//! Single streams put into a package, as `zfs send -I` and `-R` have it.

use super::error::ChangeError;
use super::packet::{Packet, RecordOrigin};
use super::transform::{Out, Transform};
use crate::segment::Segment;
use std::collections::BTreeMap;
use zsend_records::Order;
use zsend_records::bytes::Bytes;
use zsend_records::drr::{Begin, End, MAGIC, NAME_SIZE, ReplayRecord};
use zsend_records::flags::{Features, HeaderType, VersionInfo};
use zsend_records::nvlist::{Encoding, NvList, NvValue};
use zsend_records::reader::Role;
use zsend_records::zerocopy::FromZeros;
use zsend_records::zerocopy::byteorder::LE;

/// Reason that streams are no package.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PackagerError {
    /// There is no stream.
    #[error("there is no stream")]
    Empty,
    /// A stream is part of a package already.
    #[error("{0} is a package already: `zsend unpackage` takes it apart")]
    Package(String),
    /// A stream goes on with one that was cut.
    #[error("{0} is the rest of a stream, which a package does not have")]
    Resumed(String),
    /// A stream does not continue the one of its dataset that comes before it.
    #[error(
        "{toname} starts from guid {from}, which the stream before it does not bring: `zsend chain` tells the order"
    )]
    Order {
        /// Full name of the snapshot.
        toname: String,
        /// Guid of the snapshot that it starts from.
        from: u64,
    },
    /// No dataset is above all others.
    #[error("{one} and {other} have no dataset above both of them among these streams")]
    Apart {
        /// A dataset.
        one: String,
        /// Another.
        other: String,
    },
    /// The name is longer than a BEGIN has room for.
    #[error("{0} is too long a name")]
    Name(String),
}

/// Puts streams into a package, in their order.
///
/// Streams of one dataset become what `zfs send -I` makes: a header without a list. Those of several become a package as
/// of `-R`, with a list of datasets and snapshots, and no properties. The guid of a dataset itself is in no stream; that of
/// its last snapshot stands for it, as it has to be some number that no other dataset has.
///
/// Source: OpenZFS `lib/libzfs/libzfs_sendrecv.c`, `send_prelim_records()`, `send_iterate_fs()` and
/// `send_conclusion_record()`, zfs-2.3.2.
#[derive(Debug)]
pub struct Packager {
    toname: String,
    list: Option<NvList>,
    is_begun: bool,
    last: Option<(RecordOrigin, Order)>,
}

impl Packager {
    /// A package of the streams that these segments begin, in this order.
    ///
    /// # Errors
    /// If they are none that one receive takes.
    pub fn new(segments: &[Segment]) -> Result<Self, PackagerError> {
        let datasets = datasets(segments)?;
        let top = top(&datasets)?;
        let toname = top.last.toname.clone();
        if toname.len() >= NAME_SIZE {
            return Err(PackagerError::Name(toname));
        }
        let list = (datasets.len() > 1).then(|| list(&datasets, top, segments));
        Ok(Self { toname, list, is_begun: false, last: None })
    }

    /// The header of the package, before its first stream.
    fn header(&self, first: &Packet, out: &mut Out) -> Result<(), ChangeError> {
        let mut begin = Begin::<LE>::new_zeroed();
        begin.magic = MAGIC.into();
        begin.versioninfo = VersionInfo::new(HeaderType::COMPOUND, Features::empty()).0.into();
        for (to, from) in begin.toname.iter_mut().zip(self.toname.bytes()) {
            *to = from;
        }
        let payload = match &self.list {
            Some(list) => list.encode(Encoding::Xdr).map_err(|e| {
                ChangeError::refused(&first.origin, format!("the package's list: {e}"))
            })?,
            None => Vec::new(),
        };
        let mut header = ReplayRecord::new(&begin);
        let len = u32::try_from(payload.len());
        let len =
            len.map_err(|_| ChangeError::refused(&first.origin, "the package's list is too long"))?;
        header.payloadlen = len.into();
        let (origin, order) = (first.origin.clone(), first.order);
        out.put(Packet::new(origin, order, Role::PackageBegin, header, payload.into()));
        out.put(end(first.origin.clone(), order, Role::PackageHeaderEnd));
        Ok(())
    }
}

fn end(origin: RecordOrigin, order: Order, role: Role) -> Packet {
    let header = ReplayRecord::new(&End::<LE>::new_zeroed());
    Packet::new(origin, order, role, header, Bytes::new())
}

impl Transform for Packager {
    fn takes(&self) -> Features {
        Features::all()
    }

    fn record(&mut self, packet: Packet, out: &mut Out) -> Result<(), ChangeError> {
        if packet.role != Role::Stream {
            return Err(ChangeError::refused(&packet.origin, "it is a package already"));
        }
        if !self.is_begun {
            self.is_begun = true;
            self.header(&packet, out)?;
        }
        self.last = Some((packet.origin.clone(), packet.order));
        out.put(packet);
        Ok(())
    }

    fn end(&mut self, out: &mut Out) -> Result<bool, ChangeError> {
        if let Some((origin, order)) = self.last.take() {
            out.put(end(origin, order, Role::PackageEnd));
        }
        Ok(false)
    }
}

/// A dataset of the streams.
struct DatasetStreams<'a> {
    name: &'a str,
    first: &'a Segment,
    last: &'a Segment,
    /// Snapshots by their short names, in order.
    snapshots: Vec<(&'a str, u64)>,
}

fn short(segment: &Segment) -> &str {
    segment.toname.split_once('@').map_or("", |(_, short)| short)
}

/// The datasets in the order of their first streams, each of whose streams continues the one before.
fn datasets(segments: &[Segment]) -> Result<Vec<DatasetStreams<'_>>, PackagerError> {
    let mut datasets: Vec<DatasetStreams<'_>> = Vec::new();
    let mut places = BTreeMap::new();
    for segment in segments {
        let toname = || segment.toname.clone();
        if segment.is_member {
            return Err(PackagerError::Package(toname()));
        }
        if segment.resumed_at.is_some() {
            return Err(PackagerError::Resumed(toname()));
        }
        let snapshot = (short(segment), segment.toguid);
        let place = *places.entry(segment.dataset()).or_insert(datasets.len());
        match datasets.get_mut(place) {
            Some(dataset) if dataset.last.toguid == segment.fromguid => {
                dataset.last = segment;
                dataset.snapshots.push(snapshot);
            }
            Some(_) => {
                return Err(PackagerError::Order { toname: toname(), from: segment.fromguid });
            }
            None => datasets.push(DatasetStreams {
                name: segment.dataset(),
                first: segment,
                last: segment,
                snapshots: vec![snapshot],
            }),
        }
    }
    Ok(datasets)
}

/// The dataset above all others.
fn top<'d, 'a>(
    datasets: &'d [DatasetStreams<'a>],
) -> Result<&'d DatasetStreams<'a>, PackagerError> {
    let top = datasets.iter().min_by_key(|dataset| dataset.name.len());
    let top = top.ok_or(PackagerError::Empty)?;
    let is_below = |dataset: &&DatasetStreams<'_>| {
        let below = dataset.name.strip_prefix(top.name);
        !below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
    };
    match datasets.iter().find(is_below) {
        None => Ok(top),
        Some(other) => {
            Err(PackagerError::Apart { one: top.name.to_owned(), other: other.name.to_owned() })
        }
    }
}

/// The list of a package's header.
fn list(datasets: &[DatasetStreams<'_>], top: &DatasetStreams<'_>, segments: &[Segment]) -> NvList {
    let by_name: BTreeMap<&str, &DatasetStreams<'_>> =
        datasets.iter().map(|d| (d.name, d)).collect();
    let mut fss = NvList::new();
    for dataset in datasets {
        let mut entry = NvList::new();
        entry.insert("name", NvValue::String(dataset.name.into()));
        let parent = dataset.name.rsplit_once('/').and_then(|(parent, _)| by_name.get(parent));
        let parent = parent.map_or(0, |parent| parent.last.toguid);
        entry.insert("parentfromsnap", NvValue::Uint64(parent));
        if dataset.first.is_clone() {
            entry.insert("origin", NvValue::Uint64(dataset.first.fromguid));
        }
        entry.insert("props", NvValue::List(NvList::new()));
        let (mut snaps, mut snapprops) = (NvList::new(), NvList::new());
        for (name, guid) in &dataset.snapshots {
            snaps.insert(*name, NvValue::Uint64(*guid));
            snapprops.insert(*name, NvValue::List(NvList::new()));
        }
        entry.insert("snaps", NvValue::List(snaps));
        entry.insert("snapprops", NvValue::List(snapprops));
        fss.insert(format!("{:#x}", dataset.last.toguid), NvValue::List(entry));
    }
    let mut list = NvList::new();
    list.insert("tosnap", NvValue::String(short(top.last).into()));
    if segments.iter().all(Segment::is_raw) {
        list.insert("raw", NvValue::Boolean);
    }
    list.insert("fss", NvValue::List(fss));
    list
}
