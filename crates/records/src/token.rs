//! Resume tokens: where a receive stopped, as text that the sender goes on from.

use crate::fletcher::Fletcher4;
use crate::nvlist::{Encoding, NvError, NvList, NvType, NvValue};
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use flate2::Compression;
use flate2::read::{ZlibDecoder, ZlibEncoder};
use std::io::{self, Read};
use std::str::FromStr;

/// Largest packed list that a token may claim, bytes. Only its lists of redaction snapshots grow.
pub const MAX_PACKED: u64 = 1 << 20;
/// The version that all known tokens have.
const VERSION: u64 = 1;
/// The deflate level of the reference.
const LEVEL: u32 = 6;

/// Faults of a token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It does not have the four parts `version-checksum-size-data`, joined by `-`.
    #[error("number of parts of the token is {found}, expected 4: version-checksum-size-data")]
    Parts {
        /// Number of its parts.
        found: usize,
    },
    /// A part is no number of 64 bits: the version in decimal, the others in hexadecimal.
    #[error("token {part} is {found:?}, expected a {base} number")]
    Number {
        /// Name of the part.
        part: &'static str,
        /// Text that is there.
        found: String,
        /// Form in which it is written.
        base: &'static str,
    },
    /// The version is unknown.
    #[error("token version is {found}, expected {VERSION}")]
    Version {
        /// The version.
        found: u64,
    },
    /// The data are not hexadecimal digits.
    #[error("token data have {found:?} at character {at}, expected a hexadecimal digit")]
    Hex {
        /// Characters of the data before it.
        at: usize,
        /// Text that is there.
        found: char,
    },
    /// The data end within a byte.
    #[error(
        "number of digits of the token is {found}, expected an even number: it may have been cut"
    )]
    OddHex {
        /// Number of digits.
        found: usize,
    },
    /// The checksum is not that of the data.
    #[error("token checksum is {found:x}, expected {expected:x}: the token may have been cut")]
    Checksum {
        /// Value in the token.
        found: u64,
        /// Value that the data give.
        expected: u64,
    },
    /// The list is larger than is read.
    #[error("token claims {found} bytes, expected at most {MAX_PACKED}")]
    TooLarge {
        /// The size that the token says.
        found: u64,
    },
    /// The data cannot be decompressed.
    #[error("token data are no zlib stream")]
    Zlib(#[source] io::Error),
    /// The data are of another size than the token says.
    #[error("token data are {found} bytes when decompressed, expected {expected}")]
    Size {
        /// Bytes they are; one more than expected stands for any more.
        found: u64,
        /// Bytes that the token says.
        expected: u64,
    },
    /// The list in the token is malformed.
    #[error(transparent)]
    Nvlist(#[from] NvError),
    /// A value is missing.
    #[error("token has no {key}")]
    Missing {
        /// Its name.
        key: &'static str,
    },
    /// A value is of the wrong type.
    #[error("token's {key} is of type {}, expected {}", .found.0, .expected.0)]
    Type {
        /// Its name.
        key: &'static str,
        /// The type that it has.
        found: NvType,
        /// The type that it must have.
        expected: NvType,
    },
}

/// Place at which a receive stopped, and the options of its stream.
///
/// Source: OpenZFS `module/zfs/dsl_dataset.c`, `get_receive_resume_token_impl()`, and
/// `lib/libzfs/libzfs_sendrecv.c`, `zfs_send_resume_token_to_nvlist()`, zfs-2.3.2.
///
/// ```
/// use zsend_records::token::ResumeToken;
///
/// let token = ResumeToken { object: 74, toguid: 9, toname: "tank/fs@b".into(), ..Default::default() };
/// assert_eq!(token.encode()?.parse::<ResumeToken>()?, token);
/// # Ok::<(), zsend_records::token::TokenError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResumeToken {
    /// Guid of the incremental source; none for a full stream, as where a list says zero.
    pub fromguid: Option<u64>,
    /// The object to go on with.
    pub object: u64,
    /// Offset in that object, bytes.
    pub offset: u64,
    /// Bytes that were received already; only estimates use it.
    pub bytes: u64,
    /// Guid of the snapshot that is sent.
    pub toguid: u64,
    /// Full name of that snapshot on the sender.
    pub toname: String,
    /// Large blocks were sent (`-L`).
    pub largeblockok: bool,
    /// Embedded blocks were sent (`-e`).
    pub embedok: bool,
    /// Compressed blocks were sent (`-c`).
    pub compressok: bool,
    /// A raw stream was sent (`-w`).
    pub rawok: bool,
    /// A partly received dataset was sent (`-S`); read, but no known writer sets it.
    pub savedok: bool,
    /// Guids of the snapshots that the stream is redacted by.
    pub redact_snaps: Option<Vec<u64>>,
    /// Guids of the snapshots of the redaction bookmark that the stream starts from.
    pub book_redact_snaps: Option<Vec<u64>>,
}

impl ResumeToken {
    /// Reads a token, with or without space around it.
    ///
    /// # Errors
    /// If a part is missing or malformed, the checksum or size is not that of the data, or the
    /// list in it lacks what a token must have.
    pub fn decode(token: &str) -> Result<Self, TokenError> {
        Self::from_nvlist(&unpack(token)?)
    }

    /// Writes the token, as the reference does but for the choices that a deflate encoder has.
    ///
    /// # Errors
    /// [`NvError::TooLong`] if the name or a list of guids is larger than a list holds, which is some gigabytes.
    pub fn encode(&self) -> Result<String, NvError> {
        let packed = self.to_nvlist().encode(Encoding::Native)?;
        let mut zlib = Vec::new();
        // Reading from memory into memory does not fail.
        let _ = ZlibEncoder::new(&packed[..], Compression::new(LEVEL)).read_to_end(&mut zlib);
        let mut token = format!("{VERSION}-{:x}-{:x}-", Fletcher4::of(&zlib).a, packed.len());
        for byte in zlib {
            token.push(digit(byte >> 4));
            token.push(digit(byte & 15));
        }
        Ok(token)
    }

    /// The token of a list, as it is in a token.
    ///
    /// # Errors
    /// If a value is missing or of the wrong type. What is not known is ignored.
    pub fn from_nvlist(list: &NvList) -> Result<Self, TokenError> {
        Ok(Self {
            fromguid: optional(list, "fromguid", NvType::UINT64, NvList::u64)?
                .filter(|&guid| guid != 0),
            object: required(list, "object", NvType::UINT64, NvList::u64)?,
            offset: required(list, "offset", NvType::UINT64, NvList::u64)?,
            bytes: required(list, "bytes", NvType::UINT64, NvList::u64)?,
            toguid: required(list, "toguid", NvType::UINT64, NvList::u64)?,
            toname: required(list, "toname", NvType::STRING, NvList::str)?.to_owned(),
            largeblockok: list.contains("largeblockok"),
            embedok: list.contains("embedok"),
            compressok: list.contains("compressok"),
            rawok: list.contains("rawok"),
            savedok: list.contains("savedok"),
            redact_snaps: guids(list, "redact_snaps")?,
            book_redact_snaps: guids(list, "book_redact_snaps")?,
        })
    }

    /// The list as it is in a token, in the order of the reference.
    pub fn to_nvlist(&self) -> NvList {
        let mut list = NvList::new();
        if let Some(guid) = self.fromguid {
            list.insert("fromguid", NvValue::Uint64(guid));
        }
        list.insert("object", NvValue::Uint64(self.object));
        list.insert("offset", NvValue::Uint64(self.offset));
        list.insert("bytes", NvValue::Uint64(self.bytes));
        list.insert("toguid", NvValue::Uint64(self.toguid));
        list.insert("toname", NvValue::String(self.toname.as_str().into()));
        for (name, set) in [
            ("largeblockok", self.largeblockok),
            ("embedok", self.embedok),
            ("compressok", self.compressok),
            ("rawok", self.rawok),
            ("savedok", self.savedok),
        ] {
            if set {
                list.insert(name, NvValue::Boolean);
            }
        }
        if let Some(guids) = &self.redact_snaps {
            list.insert("redact_snaps", NvValue::Uint64Array(guids.clone()));
        }
        if let Some(guids) = &self.book_redact_snaps {
            list.insert("book_redact_snaps", NvValue::Uint64Array(guids.clone()));
        }
        list
    }
}

impl FromStr for ResumeToken {
    type Err = TokenError;

    fn from_str(token: &str) -> Result<Self, TokenError> {
        Self::decode(token)
    }
}

/// The list in a token, whatever is in it.
///
/// # Errors
/// As [`ResumeToken::decode`], but for what the list must have.
pub fn unpack(token: &str) -> Result<NvList, TokenError> {
    let token = token.trim();
    let parts: Vec<&str> = token.splitn(4, '-').collect();
    let &[version, checksum, size, data] = &parts[..] else {
        return Err(TokenError::Parts { found: parts.len() });
    };
    let found = number(version, "version", 10)?;
    if found != VERSION {
        return Err(TokenError::Version { found });
    }
    let checksum = number(checksum, "checksum", 16)?;
    let size = number(size, "size", 16)?;
    let zlib = unhex(data)?;
    let expected = Fletcher4::of(&zlib).a;
    if checksum != expected {
        return Err(TokenError::Checksum { found: checksum, expected });
    }
    if size > MAX_PACKED {
        return Err(TokenError::TooLarge { found: size });
    }
    let mut packed = Vec::new();
    let decoder = ZlibDecoder::new(&zlib[..]);
    decoder.take(size + 1).read_to_end(&mut packed).map_err(TokenError::Zlib)?;
    if packed.len() as u64 != size {
        return Err(TokenError::Size { found: packed.len() as u64, expected: size });
    }
    Ok(NvList::decode(&packed)?.0)
}

fn number(text: &str, part: &'static str, radix: u32) -> Result<u64, TokenError> {
    let error = || TokenError::Number {
        part,
        found: text.chars().take(32).collect(),
        base: if radix == 10 { "decimal" } else { "hexadecimal" },
    };
    if text.starts_with('+') {
        return Err(error());
    }
    u64::from_str_radix(text, radix).map_err(|_| error())
}

fn unhex(data: &str) -> Result<Vec<u8>, TokenError> {
    let mut nibbles = Vec::with_capacity(data.len());
    for (at, found) in data.chars().enumerate() {
        match found.to_digit(16).and_then(|digit| u8::try_from(digit).ok()) {
            Some(nibble) => nibbles.push(nibble),
            None => return Err(TokenError::Hex { at, found }),
        }
    }
    let (pairs, rest) = nibbles.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(TokenError::OddHex { found: nibbles.len() });
    }
    Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

fn digit(nibble: u8) -> char {
    char::from_digit(nibble.into(), 16).unwrap_or('0')
}

fn optional<'a, T>(
    list: &'a NvList,
    key: &'static str,
    expected: NvType,
    get: fn(&'a NvList, &str) -> Option<T>,
) -> Result<Option<T>, TokenError> {
    match (list.get(key), get(list, key)) {
        (None, _) => Ok(None),
        (Some(_), Some(value)) => Ok(Some(value)),
        (Some(other), None) => Err(TokenError::Type { key, found: other.nv_type(), expected }),
    }
}

fn required<'a, T>(
    list: &'a NvList,
    key: &'static str,
    expected: NvType,
    get: fn(&'a NvList, &str) -> Option<T>,
) -> Result<T, TokenError> {
    optional(list, key, expected, get)?.ok_or(TokenError::Missing { key })
}

fn guids(list: &NvList, key: &'static str) -> Result<Option<Vec<u64>>, TokenError> {
    let guids = optional(list, key, NvType::UINT64_ARRAY, NvList::u64_array)?;
    Ok(guids.map(<[u64]>::to_vec))
}
