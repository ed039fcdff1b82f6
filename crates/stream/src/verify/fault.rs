//! A fault of a stream: the rule that is broken, its place, what is there, and what a right sender writes.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use zsend_records::chain::ChecksumMismatch;
use zsend_records::drr::RecordType;
use zsend_records::fletcher::Fletcher4;

/// All that is known of a rule, but its check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct About {
    /// Its name, which stays the same from release to release.
    pub name: &'static str,
    /// Sentence that says what a right sender writes.
    pub says: &'static str,
    /// File and function of OpenZFS that the rule is from.
    pub source: &'static str,
}

impl About {
    pub(super) const fn new(name: &'static str, says: &'static str, source: &'static str) -> Self {
        Self { name, says, source }
    }
}

/// Something that was found, or expected.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultValue {
    /// A number: bytes, a type, an object.
    Number(u64),
    /// A guid, a word of flags, a magic number.
    Hex(u64),
    /// A Fletcher-4.
    Sum(Fletcher4),
    /// Anything else, in words.
    Words(Cow<'static, str>),
}

/// Value that a right sender writes in place of the one that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expected {
    /// This and nothing else.
    Exactly(FaultValue),
    /// A number up to this one.
    AtMost(u64),
    /// A number from this one on.
    AtLeast(u64),
    /// A number between these two, both included.
    Between(u64, u64),
    /// A multiple of this number.
    MultipleOf(u64),
}

/// Difference between a stream and what a right sender writes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wrong {
    /// The field, or the part of a record.
    pub what: &'static str,
    /// Value that is there.
    pub found: FaultValue,
    /// Value that a right sender writes.
    pub expected: Expected,
}

/// A rule that a record breaks, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// Name of the input, as its caller gave it.
    pub file: Arc<str>,
    /// Number of records before this one in the input.
    pub record: u64,
    /// Bytes of input before the record.
    pub byte: u64,
    /// Type of the record; `None` if it has none that is known.
    pub record_type: Option<RecordType>,
    /// Object that the record is about.
    pub object: Option<u64>,
    /// Offset in that object, bytes.
    pub offset: Option<u64>,
    /// The rule.
    pub rule: &'static About,
    /// Value that is there, and the right one.
    pub wrong: Wrong,
}

/// Result of a rule, which nearly always is that it is kept: so it is small.
pub(super) type Check = Result<(), Box<Wrong>>;

impl Wrong {
    pub(super) const fn new(what: &'static str, found: FaultValue, expected: Expected) -> Self {
        Self { what, found, expected }
    }

    /// A difference whose right side is said in words.
    pub(super) fn words(
        what: &'static str,
        found: impl Into<FaultValue>,
        expected: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(what, found.into(), Expected::Exactly(FaultValue::Words(expected.into())))
    }

    pub(super) const fn sum(what: &'static str, mismatch: ChecksumMismatch) -> Self {
        let ChecksumMismatch { found, expected } = mismatch;
        Self::new(what, FaultValue::Sum(found), Expected::Exactly(FaultValue::Sum(expected)))
    }
}

/// Passes if the number is this one.
pub(super) fn exactly(
    what: &'static str,
    found: impl Into<u64>,
    expected: impl Into<u64>,
) -> Check {
    let (found, expected) = (found.into(), expected.into());
    let right = Expected::Exactly(FaultValue::Number(expected));
    pass(found == expected, what, FaultValue::Number(found), right)
}

/// As [`exactly`], of a guid or a word of flags.
pub(super) fn exactly_hex(what: &'static str, found: u64, expected: u64) -> Check {
    let right = Expected::Exactly(FaultValue::Hex(expected));
    pass(found == expected, what, FaultValue::Hex(found), right)
}

/// Passes if the number is this one or less.
pub(super) fn at_most(what: &'static str, found: impl Into<u64>, most: u64) -> Check {
    let found = found.into();
    pass(found <= most, what, FaultValue::Number(found), Expected::AtMost(most))
}

/// Passes if the number is this one or more.
pub(super) fn at_least(what: &'static str, found: impl Into<u64>, least: u64) -> Check {
    let found = found.into();
    pass(found >= least, what, FaultValue::Number(found), Expected::AtLeast(least))
}

/// Passes if the number is one of these or between them.
pub(super) fn between(what: &'static str, found: impl Into<u64>, least: u64, most: u64) -> Check {
    let found = found.into();
    let is_between = (least..=most).contains(&found);
    pass(is_between, what, FaultValue::Number(found), Expected::Between(least, most))
}

/// Passes if the number is a multiple of the other one.
pub(super) fn multiple_of(what: &'static str, found: impl Into<u64>, of: u64) -> Check {
    let found = found.into();
    pass(found.is_multiple_of(of), what, FaultValue::Number(found), Expected::MultipleOf(of))
}

/// Passes if no bit is set but these.
pub(super) fn no_bits_but(what: &'static str, found: impl Into<u64>, bits: u64) -> Check {
    let found = found.into();
    exactly_hex(what, found, found & bits)
}

/// Passes if it is so.
pub(super) fn so(
    is_so: bool,
    what: &'static str,
    found: impl Into<FaultValue>,
    expected: &'static str,
) -> Check {
    if is_so { Ok(()) } else { Err(Wrong::words(what, found, expected).into()) }
}

fn pass(passes: bool, what: &'static str, found: FaultValue, expected: Expected) -> Check {
    if passes { Ok(()) } else { Err(Wrong::new(what, found, expected).into()) }
}

impl From<u64> for FaultValue {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<&'static str> for FaultValue {
    fn from(words: &'static str) -> Self {
        Self::Words(words.into())
    }
}

impl From<String> for FaultValue {
    fn from(words: String) -> Self {
        Self::Words(words.into())
    }
}

impl fmt::Display for FaultValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Hex(number) => write!(f, "{number:#x}"),
            Self::Sum(Fletcher4 { a, b, c, d }) => write!(f, "{a:x}/{b:x}/{c:x}/{d:x}"),
            Self::Words(words) => f.write_str(words),
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(value) => write!(f, "{value}"),
            Self::AtMost(most) => write!(f, "at most {most}"),
            Self::AtLeast(least) => write!(f, "at least {least}"),
            Self::Between(least, most) => write!(f, "{least} to {most}"),
            Self::MultipleOf(of) => write!(f, "a multiple of {of}"),
        }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}, expected {}", self.what, self.found, self.expected)
    }
}

impl fmt::Display for Fault {
    /// The file, the place, the rule's name, and what is wrong.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: byte {}, record {}", self.file, self.byte, self.record)?;
        if let Some(kind) = self.record_type {
            write!(f, ", {kind}")?;
        }
        match (self.object, self.offset) {
            (Some(object), Some(offset)) => write!(f, " <{object}, {offset}>")?,
            (Some(object), None) => write!(f, " <{object}>")?,
            (None, _) => {}
        }
        write!(f, ": {}: {}", self.rule.name, self.wrong)
    }
}
