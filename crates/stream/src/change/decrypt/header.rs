//! BEGIN records of raw streams, and of packages of them, as a sender of plain ones writes them.

use super::super::error::ChangeError;
use super::super::packet::Packet;
use crate::begin_list::BeginList;
use zsend_crypto::key_data::names;
use zsend_records::drr::Begin;
use zsend_records::flags::Features;
use zsend_records::nvlist::{Encoding, NvList, NvValue};
use zsend_records::reader::Role;
use zsend_records::zerocopy::byteorder::LE;

/// Makes of a raw stream's BEGIN that of a plain one, whose blocks are compressed as those of the raw one are.
pub(super) fn plain_stream(packet: &mut Packet, list: &BeginList) -> Result<(), ChangeError> {
    without_raw(packet, Features::COMPRESSED);
    put_list(packet, &without(&list.list, &[names::LIST]), list.encoding)
}

/// Makes of the header of a package of raw streams that of plain ones: nothing in it says that its datasets are
/// encrypted, or where their keys are.
///
/// Source: OpenZFS `lib/libzfs/libzfs_sendrecv.c`, `send_iterate_fs()` and `send_prelim_records()`, zfs-2.3.2.
pub(super) fn plain_package(
    packet: &mut Packet,
    list: Option<BeginList>,
) -> Result<(), ChangeError> {
    without_raw(packet, Features::empty());
    let Some(BeginList { list, encoding, .. }) = list.filter(|all| all.list.contains("raw")) else {
        return Ok(());
    };
    let header = changed(&without(&list, &["raw"]), "fss", |fss| {
        let mut plain = NvList::with_flags(fss.flags());
        for (guid, dataset) in fss.iter() {
            let dataset = match dataset {
                NvValue::List(dataset) => {
                    let dataset = without(dataset, &["is_encroot"]);
                    NvValue::List(changed(&dataset, "props", |props| {
                        without(props, &["keylocation"])
                    }))
                }
                other => other.clone(),
            };
            plain.insert(guid, dataset);
        }
        plain
    });
    put_list(packet, &header, encoding)
}

fn without_raw(packet: &mut Packet, more: Features) {
    if let Some(begin) = packet.body_mut::<Begin<LE>>() {
        begin.set_features(begin.features().difference(Features::RAW) | more);
    }
}

/// Puts a list behind a BEGIN; none if there is nothing in it.
fn put_list(packet: &mut Packet, list: &NvList, encoding: Encoding) -> Result<(), ChangeError> {
    let mut bytes = if list.is_empty() {
        Vec::new()
    } else {
        list.encode(encoding).map_err(|e| {
            ChangeError::contents(&packet.origin, "list behind BEGIN", e.to_string())
        })?
    };
    if packet.payload().len().is_multiple_of(8) && packet.role == Role::Stream {
        // Senders since 2026 fill it up: `pad_packed_nvlist()`, OpenZFS `module/zfs/dmu_send.c`, master.
        bytes.resize(bytes.len().next_multiple_of(8), 0);
    }
    packet.set_list(bytes)
}

/// A list without the pairs of these names.
fn without(list: &NvList, names: &[&str]) -> NvList {
    let mut rest = NvList::with_flags(list.flags());
    for (name, value) in list.iter().filter(|(name, _)| !names.contains(name)) {
        rest.insert(name, value.clone());
    }
    rest
}

/// A list in which the list of this name, if there is one, is changed.
fn changed(list: &NvList, name: &str, change: impl Fn(&NvList) -> NvList) -> NvList {
    let mut made = NvList::with_flags(list.flags());
    for (found, value) in list.iter() {
        let value = match value {
            NvValue::List(inner) if found == name => NvValue::List(change(inner)),
            other => other.clone(),
        };
        made.insert(found, value);
    }
    made
}
