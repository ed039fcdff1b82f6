//! Rules of `crypt_keydata`, which BEGIN of a raw stream has.

use super::{At, Rule};
use crate::verify::fault::{Check, Wrong, at_least, between, exactly, so};
use zsend_crypto::key_data::names;
use zsend_records::drr::Begin;
use zsend_records::nvlist::NvList;
use zsend_records::zerocopy::byteorder::LE;

const KEY: &str = "dsl_crypt.c dsl_crypto_recv_raw_key_check";
const OBJSET: &str = "dsl_crypt.c dsl_crypto_recv_raw_objset_check";

pub(super) static RULES: &[Rule<Begin<LE>>] = &[
    Rule::new(
        "raw.key-data",
        "A raw stream has the wrapped keys of its dataset, and no other stream has.",
        "dmu_send.c dmu_send_impl",
        |at, _| {
            let has =
                at.frame.context.nvlist().is_some_and(|list| list.list(names::LIST).is_some());
            let found = if has { "there" } else { "absent" };
            let expected = if at.frame.context.is_raw() { "there" } else { "absent" };
            // A list that was not read has a rule of its own.
            let is_known = at.frame.context.nvlist().is_some() || at.frame.payload_len == 0;
            so(found == expected || !is_known, names::LIST, found, expected)
        },
    ),
    Rule::new("raw.suite", "The suite is one of the six that there are.", KEY, |at, _| {
        key(at, |keys| between(names::SUITE, number(keys, names::SUITE)?, 3, 8))
    }),
    Rule::new("raw.key-guid", "The key has a guid.", KEY, |at, _| {
        key(at, |keys| at_least(names::GUID, number(keys, names::GUID)?, 1))
    }),
    Rule::new(
        "raw.key-version",
        "The version of the key is 1: dump_record refuses all others.",
        KEY,
        |at, _| key(at, |keys| exactly(names::VERSION, number(keys, names::VERSION)?, 1u64)),
    ),
    Rule::new(
        "raw.wrapped",
        "The wrapped keys, their IV and MAC, and the MAC of the object set have the lengths that they have.",
        KEY,
        |at, _| {
            key(at, |keys| {
                bytes(keys, names::MASTER_KEY, 32)?;
                bytes(keys, names::HMAC_KEY, 64)?;
                bytes(keys, names::IV, 12)?;
                bytes(keys, names::MAC, 16)?;
                bytes(keys, names::PORTABLE_MAC, 32)
            })
        },
    ),
    Rule::new(
        "raw.keyformat",
        "The form of the user's key is raw, hex or passphrase; only a passphrase has iterations and a salt.",
        KEY,
        |at, _| {
            key(at, |keys| {
                let format = number(keys, names::FORMAT)?;
                between(names::FORMAT, format, 1, 3)?;
                for what in [names::ITERATIONS, names::SALT] {
                    let found = number(keys, what)?;
                    if format == 3 {
                        at_least(what, found, 1)?
                    } else {
                        exactly(what, found, 0u64)?
                    }
                }
                Ok(())
            })
        },
    ),
    Rule::new(
        "raw.meta-dnode",
        "The meta-dnode has a block of 16 KiB, three block pointers, 1 to 6 levels, and indirect blocks of 4 to 128 KiB.",
        OBJSET,
        |at, _| {
            key(at, |keys| {
                between(names::META_CHECKSUM, number(keys, names::META_CHECKSUM)?, 0, 14)?;
                between(names::META_COMPRESS, number(keys, names::META_COMPRESS)?, 0, 16)?;
                between(names::META_LEVELS, number(keys, names::META_LEVELS)?, 1, 6)?;
                exactly(names::META_BLKSZ, number(keys, names::META_BLKSZ)?, 16_384u64)?;
                between(names::META_INDBLKSHIFT, number(keys, names::META_INDBLKSHIFT)?, 12, 17)?;
                exactly(names::META_BLKPTRS, number(keys, names::META_BLKPTRS)?, 3u64)?;
                number(keys, names::META_MAXBLKID).map(|_| ())
            })
        },
    ),
    Rule::new(
        "raw.wrapped-key",
        "With the key: it opens the wrapped keys.",
        "zio_crypt.c zio_crypt_key_unwrap",
        |at, _| match at.frame.context.key() {
            Some(Err(error)) => {
                let right = "one that it opens; the key may be of another encryption root, or of a time before the key was changed";
                Err(Wrong::words("answer to the key that was given", error.to_string(), right)
                    .into())
            }
            Some(Ok(_)) | None => Ok(()),
        },
    ),
];

/// Checks the key data of a raw stream, if they are there.
fn key(at: &At<'_>, check: impl FnOnce(&NvList) -> Check) -> Check {
    let keys = at.frame.context.nvlist().and_then(|list| list.list(names::LIST));
    keys.filter(|_| at.frame.context.is_raw()).map_or(Ok(()), check)
}

fn number(keys: &NvList, what: &'static str) -> Result<u64, Box<Wrong>> {
    keys.u64(what).ok_or_else(|| Wrong::words(what, "absent", "a number").into())
}

fn bytes(keys: &NvList, what: &'static str, len: usize) -> Check {
    let found = keys.u8_array(what).map_or(0, <[u8]>::len);
    exactly(what, found as u64, len as u64)
}
