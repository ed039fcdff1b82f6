//! Rules of BEGIN.

use super::{At, Rule};
use crate::verify::context::List;
use crate::verify::fault::{
    Check, Wrong, at_most, between, exactly, exactly_hex, multiple_of, no_bits_but, so,
};
use zsend_records::drr::Begin;
use zsend_records::flags::{BeginFlags, Features};
use zsend_records::nvlist::NvValue;
use zsend_records::reader::Role;
use zsend_records::types::ObjsetType;
use zsend_records::zerocopy::byteorder::LE;

const SEND: &str = "dmu_send.c dmu_send_impl";
const FEATURES: &str = "dmu_send.c setup_featureflags";

pub(super) static RULES: &[Rule<Begin<LE>>] = &[
    Rule::new(
        "begin.features",
        "Every feature is one that there is, and not the one that only receivers use.",
        "zfs_ioctl.h DMU_STREAM_SUPPORTED",
        |_, begin| {
            let known = Features::all() - Features::SWITCH_TO_LARGE_BLOCKS;
            no_bits_but("features", begin.features().bits(), known.bits())
        },
    ),
    Rule::new(
        "begin.features-of-package",
        "A package's own BEGIN has no features but HOLDS, those of dedup and SA_SPILL, and a stream has no HOLDS.",
        "libzfs_sendrecv.c zfs_send",
        |at, begin| {
            let package =
                Features::HOLDS | Features::DEDUP | Features::DEDUPPROPS | Features::SA_SPILL;
            let may = if is_package(at) { package } else { Features::all() - Features::HOLDS };
            let may = may.bits() | begin.features().unknown();
            no_bits_but("features", begin.features().bits(), may)
        },
    ),
    Rule::new(
        "begin.features-together",
        "RAW goes with COMPRESSED and without EMBED_DATA; LARGE_MICROZAP goes with LARGE_BLOCKS.",
        FEATURES,
        |_, begin| {
            let has = |feature| begin.features().contains(feature);
            let raw =
                !has(Features::RAW) || (has(Features::COMPRESSED) && !has(Features::EMBED_DATA));
            let micro = !has(Features::LARGE_MICROZAP) || has(Features::LARGE_BLOCKS);
            so(raw && micro, "features", begin.features().to_string(), "features that go together")
        },
    ),
    Rule::new(
        "begin.flags",
        "Every flag is one that there is; a package's own BEGIN has none.",
        SEND,
        |at, begin| {
            let may = if is_package(at) { BeginFlags::empty() } else { BeginFlags::all() };
            no_bits_but("flags", begin.flags.get(), may.bits().into())
        },
    ),
    Rule::new(
        "begin.spill-block",
        "A raw stream marks the objects that have a spill block: SPILL_BLOCK.",
        "dmu_recv.c dmu_recv_begin_check",
        |at, begin| {
            let marks = begin.flags().contains(BeginFlags::SPILL_BLOCK);
            so(
                marks || !at.frame.context.is_raw(),
                "flags",
                begin.flags().to_string(),
                "SPILL_BLOCK among them",
            )
        },
    ),
    Rule::new(
        "begin.type",
        "The object set is of type 1 to 4; a package's own BEGIN has zero.",
        "dmu_recv.c dmu_recv_begin_check",
        |at, begin| match is_package(at) {
            true => exactly("type", begin.objset_type.get(), 0u64),
            false => {
                let (least, most) = (ObjsetType::META.0, ObjsetType::OTHER.0);
                between("type", begin.objset_type.get(), least.into(), most.into())
            }
        },
    ),
    Rule::new(
        "begin.guids",
        "A stream has the guid of its snapshot, and the same as source only if it has what a redacted one lacks; a package's own BEGIN has no source.",
        SEND,
        |at, begin| {
            let (to, from) = (begin.toguid.get(), begin.fromguid.get());
            if is_package(at) {
                return exactly_hex("fromguid", from, 0);
            }
            so(to != 0, "toguid", to, "a guid")?;
            // From the redaction bookmark of the snapshot itself.
            let fills = known_list(at)
                .is_none_or(|list| list.is_some_and(|list| list.contains("redact_from_snaps")));
            so(fills || to != from, "fromguid", from, "another guid than toguid, or zero")
        },
    ),
    Rule::new(
        "begin.clone",
        "A stream from a source in another dataset has a source.",
        SEND,
        |_, begin| {
            let is_clone = begin.flags().contains(BeginFlags::CLONE);
            so(!is_clone || begin.fromguid.get() != 0, "fromguid", 0, "a guid, as CLONE says")
        },
    ),
    Rule::new(
        "begin.creation-time",
        "A package's own BEGIN has no time.",
        "libzfs_sendrecv.c send_prelim_records",
        |at, begin| match is_package(at) {
            true => exactly("creation_time", begin.creation_time.get(), 0u64),
            false => Ok(()),
        },
    ),
    Rule::new(
        "begin.toname",
        "The name has a dataset and a snapshot, it ends with a zero, and behind it there are zeros.",
        "dsl_dataset.c dsl_dataset_name",
        toname,
    ),
    Rule::new(
        "begin.list",
        "The payload is a list, and nothing but up to seven zeros follows it.",
        "nvpair.c nvlist_unpack",
        list,
    ),
    Rule::new(
        "begin.list-size",
        "The list is a multiple of four bytes long, as nvlists are.",
        "nvpair.c nvs_native, nvs_xdr",
        |at, _| multiple_of("payloadlen", at.frame.header.payloadlen.get(), 4),
    ),
    Rule::new(
        "begin.resume",
        "A stream that goes on where another stopped says RESUMING, and at which object and offset; no other does.",
        SEND,
        |at, begin| {
            let Some(list) = known_list(at) else { return Ok(()) };
            let found = list.map_or(0, |list| {
                ["resume_object", "resume_offset"]
                    .iter()
                    .filter(|key| list.u64(key).is_some())
                    .count()
            });
            let resumes = begin.features().contains(Features::RESUMING);
            exactly("number of positions in the list", found as u64, if resumes { 2u64 } else { 0 })
        },
    ),
    Rule::new(
        "begin.redact",
        "A stream with REDACTED says by which snapshots; the lists of guids are lists of guids.",
        SEND,
        redact,
    ),
    Rule::new(
        "begin.package",
        "The list of a package says which snapshot it is of, and lists datasets with their snapshots.",
        "libzfs_sendrecv.c zfs_send, gather_nvlist",
        package,
    ),
];

fn is_package(at: &At<'_>) -> bool {
    at.role == Role::PackageBegin
}

/// The list, or `None` for what is there; nothing if it was not read, for which there is another rule.
fn known_list<'a>(at: &At<'a>) -> Option<Option<&'a zsend_records::nvlist::NvList>> {
    match at.frame.context.list() {
        List::Absent => Some(None),
        List::Read(list, ..) => Some(Some(list)),
        List::Malformed(_) | List::TooLarge | List::NotRead => None,
    }
}

fn toname(_: &At<'_>, begin: &Begin<LE>) -> Check {
    let name = begin.toname();
    let found = || String::from_utf8_lossy(name).into_owned();
    so(name.len() < begin.toname.len(), "toname", found(), "a name that ends with a zero")?;
    let behind = begin.toname[name.len()..].iter().filter(|&&byte| byte != 0).count();
    exactly("number of bytes that are not zero behind toname", behind as u64, 0u64)?;
    let mut parts = name.split(|&byte| byte == b'@');
    let (dataset, snapshot) = (parts.next(), parts.next());
    let is_part = |part: Option<&[u8]>| part.is_some_and(|part| !part.is_empty());
    let is_name = is_part(dataset) && is_part(snapshot) && parts.next().is_none();
    // What a dataset's name may be made of: zfs_namecheck.c valid_char().
    let is_char = |&byte: &u8| byte.is_ascii_alphanumeric() || b"-_.: /@%".contains(&byte);
    so(is_name && name.iter().all(is_char), "toname", found(), "dataset@snapshot")
}

fn list(at: &At<'_>, _: &Begin<LE>) -> Check {
    match at.frame.context.list() {
        List::Absent | List::NotRead => Ok(()),
        // There is no verdict on a package whose list is so large. That of a stream has a few keys.
        List::TooLarge if is_package(at) => Ok(()),
        List::TooLarge => {
            let found = format!("{} bytes", at.frame.payload_len);
            Err(Wrong::words("list", found, "a list that fits into 8 MiB, and into memory").into())
        }
        List::Malformed(error) => Err(Wrong::words("list", error.to_string(), "an nvlist").into()),
        List::Read(_, behind, others) => {
            at_most("number of bytes behind the list", *behind as u64, 7)?;
            exactly("number of bytes that are not zero behind the list", *others as u64, 0u64)
        }
    }
}

fn redact(at: &At<'_>, begin: &Begin<LE>) -> Check {
    let Some(list) = known_list(at) else { return Ok(()) };
    for key in ["redact_snaps", "redact_from_snaps"] {
        if let Some(value) = list.and_then(|list| list.get(key)) {
            let is_guids = matches!(value, NvValue::Uint64Array(_));
            so(is_guids, "type of a list of guids", u64::from(value.nv_type().0), "14")?;
        }
    }
    let is_redacted = begin.features().contains(Features::REDACTED);
    let says = list.is_some_and(|list| list.contains("redact_snaps"));
    so(says || !is_redacted, "redact_snaps", "absent", "a list of guids, as REDACTED says")
}

fn package(at: &At<'_>, _: &Begin<LE>) -> Check {
    let Some(Some(list)) = known_list(at).filter(|_| is_package(at)) else { return Ok(()) };
    so(list.str("tosnap").is_some(), "tosnap", "absent", "the name of a snapshot")?;
    let datasets = list.list("fss");
    so(datasets.is_some(), "fss", "absent", "a list of datasets")?;
    for (guid, dataset) in datasets.into_iter().flat_map(|datasets| datasets.iter()) {
        let digits = guid.strip_prefix("0x").map(|digits| u64::from_str_radix(digits, 16));
        so(matches!(digits, Some(Ok(_))), "key of a dataset", guid.to_owned(), "a guid")?;
        let NvValue::List(dataset) = dataset else {
            return Err(Wrong::words("dataset", "no list", "a list").into());
        };
        so(dataset.str("name").is_some(), "name of a dataset", "absent", "a name")?;
        so(dataset.list("snaps").is_some(), "snaps of a dataset", "absent", "a list")?;
    }
    Ok(())
}
