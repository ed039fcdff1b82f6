//! The shape of streams and packages: which record may stand where.

use super::error::StreamErrorKind;
use super::record::Role;
use crate::drr::{Begin, RecordType, ReplayRecord};
use crate::flags::{HeaderType, VersionInfo};
use zerocopy::byteorder::LE;

/// Place of the next record in the shape of a stream, or of a package of streams.
///
/// Source: OpenZFS `lib/libzfs/libzfs_sendrecv.c`, `send_prelim_records()` and
/// `send_conclusion_record()`, zfs-2.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(Spot);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spot {
    /// Before the first BEGIN.
    Start,
    /// In a stream by itself.
    Single,
    /// Between the BEGIN of a package and its END.
    PackageHeader,
    /// Between the streams of a package.
    Package,
    /// In a stream of a package.
    InPackage,
    /// After the last END.
    Done,
}

impl Place {
    /// The place of the first record.
    pub const START: Self = Self(Spot::Start);

    /// Returns true if a stream or package has come to its end.
    pub fn is_done(self) -> bool {
        self.0 == Spot::Done
    }

    /// Returns true if the next record can only be a BEGIN: at the start, and behind a whole stream or
    /// package.
    pub const fn is_before_stream(self) -> bool {
        matches!(self.0, Spot::Start | Spot::Done)
    }

    /// Returns true between a stream's BEGIN and its END.
    pub const fn is_in_stream(self) -> bool {
        matches!(self.0, Spot::Single | Spot::InPackage)
    }

    /// Returns true between the BEGIN of a package and its last END.
    pub const fn is_in_package(self) -> bool {
        matches!(self.0, Spot::PackageHeader | Spot::Package | Spot::InPackage)
    }

    /// Returns the place of the record after this one, and the part that this one plays.
    ///
    /// # Errors
    /// If a record of this type, or a BEGIN of this header type, may not stand here.
    pub fn next(self, header: &ReplayRecord<LE>) -> Result<(Self, Role), StreamErrorKind> {
        let kind = header.record_type();
        let opens = header
            .body_as::<Begin<LE>>()
            .map(|begin| VersionInfo(begin.versioninfo.get()).header_type());
        let unexpected = |expected| Err(StreamErrorKind::Unexpected { found: kind, expected });
        let wrong_type = |found: HeaderType, expected| {
            Err(StreamErrorKind::HeaderType { found: found.0, expected })
        };
        let (spot, role) = match (self.0, kind, opens) {
            (Spot::Start | Spot::Done, _, Some(HeaderType::SUBSTREAM)) => {
                (Spot::Single, Role::Stream)
            }
            (Spot::Start | Spot::Done, _, Some(HeaderType::COMPOUND)) => {
                (Spot::PackageHeader, Role::PackageBegin)
            }
            (Spot::Start | Spot::Done, _, Some(other)) => {
                return wrong_type(other, "1 (a stream) or 2 (a package)");
            }
            (Spot::Start | Spot::Done, ..) => return unexpected("BEGIN"),
            (Spot::PackageHeader, RecordType::END, _) => (Spot::Package, Role::PackageHeaderEnd),
            (Spot::PackageHeader, ..) => return unexpected("END, as after every package header"),
            (Spot::Package, _, Some(HeaderType::SUBSTREAM)) => (Spot::InPackage, Role::Stream),
            (Spot::Package, _, Some(other)) => {
                return wrong_type(other, "1 (a stream, in a package)");
            }
            (Spot::Package, RecordType::END, _) => (Spot::Done, Role::PackageEnd),
            (Spot::Package, ..) => {
                return unexpected("BEGIN, or END, as between streams of a package");
            }
            (Spot::Single | Spot::InPackage, RecordType::BEGIN, _) => {
                return unexpected("a record inside a stream, or END");
            }
            (Spot::Single, RecordType::END, _) => (Spot::Done, Role::Stream),
            (Spot::InPackage, RecordType::END, _) => (Spot::Package, Role::Stream),
            (spot @ (Spot::Single | Spot::InPackage), ..) => (spot, Role::Stream),
        };
        Ok((Self(spot), role))
    }
}
