//! Steps by name: the words that each takes, and the step that is made of them.

use super::transform::Transform;
use zeroize::Zeroizing;

/// A step that has a name.
#[derive(Debug)]
#[non_exhaustive]
pub struct Verb {
    /// The name.
    pub name: &'static str,
    /// Another name of it, that of `zstream`.
    pub alias: Option<&'static str>,
    /// Help on one line.
    pub about: &'static str,
    /// Examples, each a line.
    pub examples: &'static [&'static str],
    /// Words that it takes before the names of files.
    pub operands: &'static [Operand],
    /// Options that it takes.
    pub options: &'static [Opt],
    /// Streams that it takes.
    pub files: Files,
    /// Makes the step.
    pub make: fn(&Given) -> Result<Box<dyn Transform>, GivenError>,
}

/// Number of streams that a step takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Files {
    /// One.
    One,
    /// One or more, one behind the other.
    Many,
}

/// A word that a step takes.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Operand {
    /// Its name, as help shows it.
    pub name: &'static str,
    /// Help on one line.
    pub help: &'static str,
    /// For any number of words, none too: tells such a word from the name of a file.
    pub any: Option<fn(&str) -> bool>,
}

/// An option that a step takes.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Opt {
    /// Its long name, without the dashes.
    pub long: &'static str,
    /// Its short name.
    pub short: Option<char>,
    /// Name of its value, as help shows it, if it has one.
    pub value: Option<&'static str>,
    /// True if it may be given more than once.
    pub is_repeated: bool,
    /// Help on one line.
    pub help: &'static str,
}

/// The words that a step was given.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// Operands, in order.
    pub operands: Vec<String>,
    /// Options by their long names, with their values.
    pub options: Vec<(String, String)>,
    /// Keys of encrypted datasets: name, and what the user has. Of an option `--key DATASET=FILE`.
    pub keys: Vec<(String, Zeroizing<Vec<u8>>)>,
}

/// A word that a step does not take, and the reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GivenError(
    /// The reason, in words.
    pub String,
);

impl Opt {
    /// The flag `-v`, with this help.
    pub(super) const fn verbose(help: &'static str) -> Self {
        Self { long: "verbose", short: Some('v'), value: None, is_repeated: false, help }
    }

    /// An option with a value, which is given once at most: its long name, the value's name, its help.
    pub(super) const fn with_value(
        long: &'static str,
        value: &'static str,
        help: &'static str,
    ) -> Self {
        Self { long, short: None, value: Some(value), is_repeated: false, help }
    }
}

impl Verb {
    /// The step of this name, or alias.
    pub fn named(name: &str) -> Option<&'static Self> {
        super::VERBS.iter().find(|verb| verb.name == name || verb.alias == Some(name)).copied()
    }
}

impl Given {
    /// Returns true if an option was given.
    pub fn has(&self, option: &str) -> bool {
        self.value(option).is_some()
    }

    /// The value of an option, the last if it was given more than once.
    pub fn value(&self, option: &str) -> Option<&str> {
        let mut values = self.options.iter().rev().filter(|(name, _)| name == option);
        values.next().map(|(_, value)| &**value)
    }

    /// The operand at this place.
    ///
    /// # Errors
    /// If there is none. `name` is its name.
    pub fn operand(&self, at: usize, name: &str) -> Result<&str, GivenError> {
        let operand = self.operands.get(at).map(|operand| &**operand);
        operand.ok_or_else(|| GivenError::new(format!("{name} is missing")))
    }
}

impl GivenError {
    /// A reason, in words.
    pub fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}
