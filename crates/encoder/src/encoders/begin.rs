//! BEGIN: names what the stream holds, and carries the nvlist that some features need.

use super::RecordEncoder;
use crate::emit::Emit;
use crate::event;
use std::io;
use zerocopy::byteorder::{U32, U64};
use zsend_records::drr::{Begin, MAGIC, NAME_SIZE, ReplayRecord};
use zsend_records::flags::{HeaderType, VersionInfo};
use zsend_records::writer::{Measured, OutHeader};

pub(super) struct BeginEncoder;

impl<P: Measured> RecordEncoder<event::Begin<P>, P> for BeginEncoder {
    fn encode(&self, begin: &event::Begin<P>, out: &mut dyn Emit<P>) -> io::Result<()> {
        let params = out.params();
        let mut toname = [0; NAME_SIZE];
        // A name may fill the field but for its NUL. That of a head, with what the senders append, can be
        // longer; they cut it here too.
        for (to, from) in toname[..NAME_SIZE - 1].iter_mut().zip(begin.toname.bytes()) {
            *to = from;
        }
        let mut record = ReplayRecord::new(&Begin {
            magic: U64::new(MAGIC),
            versioninfo: U64::new(VersionInfo::new(HeaderType::SUBSTREAM, params.features).0),
            creation_time: U64::new(begin.creation_time),
            objset_type: U32::new(begin.objset_type.0),
            flags: U32::new(begin.flags.bits()),
            toguid: U64::new(begin.toguid),
            fromguid: U64::new(begin.fromguid),
            toname,
        });
        record.payloadlen =
            U32::new(u32::try_from(begin.payload.size()).map_err(io::Error::other)?);
        out.emit(OutHeader::new(record).map_err(io::Error::other)?, &begin.payload)
    }
}
