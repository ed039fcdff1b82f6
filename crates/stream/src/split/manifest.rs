//! The list of the parts: JSON, an object a line. The first says what the whole is, then comes one for each part,
//! and the last has the hash of all lines before it.

use super::error::{ManifestError, SplitError};
use crate::folder;
use blake3::Hash;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use zsend_records::Order;
use zsend_records::chain::Chain;
use zsend_records::fletcher::Fletcher4;
use zsend_records::sizes;

/// Name of the list in its folder.
pub const MANIFEST: &str = "manifest.jsonl";
/// Most parts of a stream.
pub const MAX_PARTS: u64 = 20_000;

/// Most bytes of a line, its end included. The longest has some 380.
const MAX_LINE: u64 = 512;
/// Most bytes of a list.
pub(crate) const MAX_FILE: u64 = (MAX_PARTS + 2) * MAX_LINE;
const VERSION: u32 = 1;
const KIND: &str = "zsend-parts";
const END: &str = "end";

/// File name of a part, by its number from 1 on.
pub fn part_name(number: u64) -> String {
    format!("{number:06}.zpart")
}

/// A part of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part {
    /// Bytes of the stream before it.
    pub offset: u64,
    /// Bytes of it.
    pub length: u64,
    /// Records of the input before it.
    pub record: u64,
    /// Sum of the stream up to it, and the stream's byte order.
    pub chain: Chain,
    /// BLAKE3 of it.
    pub hash: Hash,
}

impl Part {
    /// The byte of the whole behind it.
    pub(super) const fn end(&self) -> u64 {
        self.offset.saturating_add(self.length)
    }
}

/// All parts of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Manifest {
    /// Most bytes of a part.
    pub size: u64,
    /// Bytes of the whole.
    pub length: u64,
    /// Records of the whole.
    pub records: u64,
    /// BLAKE3 of the whole.
    pub hash: Hash,
    /// Parts, in their order; the first has the number 1.
    pub parts: Vec<Part>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeadLine {
    kind: String,
    version: u32,
    size: u64,
    parts: u64,
    length: u64,
    records: u64,
    blake3: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PartLine {
    part: u64,
    name: String,
    offset: u64,
    length: u64,
    record: u64,
    order: String,
    sum: String,
    blake3: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EndLine {
    kind: String,
    blake3: String,
}

impl Manifest {
    /// The list as it is written.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let head = HeadLine {
            kind: KIND.into(),
            version: VERSION,
            size: self.size,
            parts: self.parts.len() as u64,
            length: self.length,
            records: self.records,
            blake3: self.hash.to_hex().to_string(),
        };
        add_line(&mut text, &head);
        for (number, part) in (1..).zip(&self.parts) {
            let Fletcher4 { a, b, c, d } = part.chain.sum();
            let line = PartLine {
                part: number,
                name: part_name(number),
                offset: part.offset,
                length: part.length,
                record: part.record,
                order: order_name(part.chain.order()).into(),
                sum: format!("{a:x}/{b:x}/{c:x}/{d:x}"),
                blake3: part.hash.to_hex().to_string(),
            };
            add_line(&mut text, &line);
        }
        let hash = blake3::hash(text.as_bytes()).to_hex().to_string();
        add_line(&mut text, &EndLine { kind: END.into(), blake3: hash });
        text
    }

    /// Reads the list of a folder.
    ///
    /// # Errors
    /// If there is none, it cannot be read, or it makes no sense.
    pub fn of_folder(folder: &Path) -> Result<Self, SplitError> {
        let path = folder.join(MANIFEST);
        let failed = || SplitError::io("read", &path);
        let file = folder::open_if_there(&path).map_err(failed())?;
        let Some(file) = file else { return Err(SplitError::NoManifest(folder.to_owned())) };
        let refuse = |why| SplitError::Manifest { path: path.clone(), why };
        let text = bytes_of(&file).map_err(failed())?.map_err(refuse)?;
        Self::parse(&text).map_err(refuse)
    }

    /// Reads a list, of which everything is checked that it says of itself: parts follow one another from the
    /// start, are no longer than they may be, and have the names that their numbers give them.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn parse(text: &[u8]) -> Result<Self, ManifestError> {
        let bytes = text.len() as u64;
        if bytes > MAX_FILE {
            return Err(ManifestError::TooLarge { bytes, most: MAX_FILE });
        }
        let mut lines = Lines { rest: text, number: 0 };
        let head: HeadLine = lines.next()?;
        lines.expect("kind", head.kind, KIND.to_owned())?;
        lines.expect("version", head.version, VERSION)?;
        lines.within("parts", head.parts, 1, MAX_PARTS)?;
        lines.within("size", head.size, 1, u64::MAX)?;
        let hash = lines.hash(&head.blake3)?;
        let (mut parts, mut end, mut records) = (Vec::new(), 0_u64, 0);
        for number in 1..=head.parts {
            let line: PartLine = lines.next()?;
            lines.expect("part", line.part, number)?;
            lines.expect("name", line.name, part_name(number))?;
            lines.expect("offset", line.offset, end)?;
            lines.within("length", line.length, 1, head.size.min(u64::MAX - end))?;
            let least = if number == 1 { 0 } else { records + 1 };
            lines.within("record", line.record, least, head.records.saturating_sub(1))?;
            records = line.record;
            end += line.length;
            parts.push(Part {
                offset: line.offset,
                length: line.length,
                record: line.record,
                chain: Chain::from_sum(lines.sum(&line.sum)?, lines.order(&line.order)?),
                hash: lines.hash(&line.blake3)?,
            });
        }
        lines.expect("length of all parts", end, head.length)?;
        let found = blake3::hash(&text[..text.len() - lines.rest.len()]);
        let tail: EndLine = lines.next()?;
        lines.expect("kind", tail.kind, END.to_owned())?;
        let expected = lines.hash(&tail.blake3)?;
        if found != expected {
            let [found, expected] = [found, expected].map(|hash| hash.to_hex().to_string());
            return Err(ManifestError::Changed { found, expected });
        }
        if !lines.rest.is_empty() {
            let why = "there is more behind the last line".into();
            return Err(ManifestError::Line { number: lines.number + 1, why });
        }
        Ok(Self { size: head.size, length: head.length, records: head.records, hash, parts })
    }
}

/// The bytes of a list that is open; the inner error is one that is too long.
pub(crate) fn bytes_of(file: &File) -> std::io::Result<Result<Vec<u8>, ManifestError>> {
    let mut text = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut text)?;
    let bytes = text.len() as u64;
    Ok(match bytes > MAX_FILE {
        true => Err(ManifestError::TooLarge { bytes, most: MAX_FILE }),
        false => Ok(text),
    })
}

fn add_line(text: &mut String, line: &impl Serialize) {
    // Numbers and texts always have a form in JSON.
    *text += &serde_json::to_string(line).unwrap_or_default();
    text.push('\n');
}

const fn order_name(order: Order) -> &'static str {
    match order {
        Order::Little => "little",
        Order::Big => "big",
    }
}

/// The lines of a list that are yet to come.
struct Lines<'a> {
    rest: &'a [u8],
    /// Number of the last line, from 1 on.
    number: u64,
}

impl Lines<'_> {
    fn next<T: DeserializeOwned>(&mut self) -> Result<T, ManifestError> {
        let most = sizes::piece(MAX_LINE, self.rest.len());
        self.number += u64::from(!self.rest.is_empty());
        let Some(end) = self.rest[..most].iter().position(|&byte| byte == b'\n') else {
            return Err(match self.rest.len() > most {
                true => self.refuse("it is longer than any that is written".into()),
                false => ManifestError::Short,
            });
        };
        let (line, rest) = self.rest.split_at(end);
        self.rest = &rest[1..];
        serde_json::from_slice(line).map_err(|e| self.refuse(e.to_string()))
    }

    const fn refuse(&self, why: String) -> ManifestError {
        ManifestError::Line { number: self.number, why }
    }

    fn expect<T: PartialEq + ToString>(
        &self,
        what: &'static str,
        found: T,
        expected: T,
    ) -> Result<(), ManifestError> {
        if found == expected {
            return Ok(());
        }
        let (found, expected) = (short(&found.to_string()), expected.to_string());
        Err(ManifestError::Value { number: self.number, what, found, expected })
    }

    fn within(
        &self,
        what: &'static str,
        found: u64,
        least: u64,
        most: u64,
    ) -> Result<(), ManifestError> {
        if (least..=most).contains(&found) {
            return Ok(());
        }
        let (found, expected) = (found.to_string(), format!("{least} to {most}"));
        Err(ManifestError::Value { number: self.number, what, found, expected })
    }

    fn hash(&self, text: &str) -> Result<Hash, ManifestError> {
        let hash = Hash::from_hex(text).ok().filter(|hash| *text == *hash.to_hex());
        hash.ok_or_else(|| self.value("blake3", text, "64 hexadecimal digits"))
    }

    fn sum(&self, text: &str) -> Result<Fletcher4, ManifestError> {
        let mut words = text.split('/').map(|word| {
            let word = Some(word).filter(|word| word.bytes().all(|b| b.is_ascii_hexdigit()));
            word.and_then(|word| u64::from_str_radix(word, 16).ok())
        });
        let mut next = || words.next().flatten();
        match (next(), next(), next(), next(), words.next()) {
            (Some(a), Some(b), Some(c), Some(d), None) => Ok(Fletcher4 { a, b, c, d }),
            _ => Err(self.value("sum", text, "four hexadecimal numbers, slashes between")),
        }
    }

    fn order(&self, text: &str) -> Result<Order, ManifestError> {
        let orders = [Order::Little, Order::Big];
        let order = orders.into_iter().find(|order| order_name(*order) == text);
        order.ok_or_else(|| self.value("order", text, "little or big"))
    }

    fn value(&self, what: &'static str, found: &str, expected: &str) -> ManifestError {
        let (found, expected) = (short(found), expected.to_owned());
        ManifestError::Value { number: self.number, what, found, expected }
    }
}

/// A value as an error quotes it.
fn short(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_default).collect()
}

#[cfg(test)]
mod tests;
