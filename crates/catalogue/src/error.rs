//! Errors of reading and writing catalogues.

use crate::settings::Settings;
use std::io;
use std::path::{Path, PathBuf};

/// An error of a catalogue. Its text has the whole cause.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// A file or folder could not be read or written.
    #[error("cannot {verb} {}: {source}", path.display())]
    Io {
        /// The thing that was being done to it.
        verb: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// A line makes no sense.
    #[error("{}, line {number}: {why}", path.display())]
    Line {
        /// The catalogue.
        path: PathBuf,
        /// The line, from 1 on.
        number: u64,
        /// The reason.
        why: LineError,
    },
    /// Another run has the catalogue.
    #[error("{} is in use by another run", .0.display())]
    InUse(PathBuf),
    /// The streams of a folder have other flags, or are of another dialect: on them no stream of these stands.
    #[error(
        "{}: the streams there have the flags '{}' and dialect {}; a stream with '{}' and {} stands on none of them",
        path.display(), settings.0.flags, settings.0.dialect, settings.1.flags, settings.1.dialect
    )]
    Settings {
        /// The file that says so.
        path: PathBuf,
        /// Settings of the folder, and those that it was opened with.
        settings: Box<(Settings, Settings)>,
    },
    /// A line has the file that a stream is to have which is not its own.
    #[error(
        "a line of the catalogue has the file {file}, and another guid or txg than '{name}', which is to have it"
    )]
    Taken {
        /// The file.
        file: String,
        /// Full name of the snapshot.
        name: String,
    },
    /// There is no catalogue to take anything from.
    #[error("there is no catalogue in {} to merge", .0.display())]
    Nothing(PathBuf),
    /// A catalogue is larger than any that is read.
    #[error("{} has {bytes} bytes; at most {most} are read", path.display())]
    TooLarge {
        /// The catalogue.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The bound.
        most: u64,
    },
}

/// Reason why a line is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// It is longer than [`MAX_LINE`](crate::MAX_LINE).
    #[error("longer than {} bytes", crate::MAX_LINE)]
    TooLong,
    /// It is no JSON.
    #[error("no JSON: {0}")]
    NotJson(String),
    /// It is JSON, but no object of this kind.
    #[error("{0}")]
    Shape(String),
    /// It is of another version of the format.
    #[error("version {0} of the format is not known")]
    Version(u64),
    /// A field has a value that none may have.
    #[error("field {name}: '{value}' is {why}")]
    Field {
        /// The field.
        name: &'static str,
        /// Its value, cut where it is long.
        value: String,
        /// The reason.
        why: &'static str,
    },
    /// It has no end, and is no line of a catalogue that a crash has torn.
    #[error("it has no end")]
    Unended,
    /// It says something else of a stream than another line.
    #[error("'{file}' is another stream than {} says", place(other))]
    Conflict {
        /// The file of the stream.
        file: String,
        /// The other line's catalogue and number, if it was read from one.
        other: Option<Box<(PathBuf, u64)>>,
    },
}

fn place(line: &Option<Box<(PathBuf, u64)>>) -> String {
    match line.as_deref() {
        None => "an earlier line".to_owned(),
        Some((path, number)) => format!("{}, line {number},", path.display()),
    }
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, CatalogueError>;

impl CatalogueError {
    /// Something that failed on a path, as a function for `map_err`.
    pub(crate) fn io(verb: &'static str, path: &Path) -> impl Fn(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { verb, path: path.clone(), source }
    }

    /// Returns true if the system failed, and false if what was read makes no sense.
    pub const fn is_io(&self) -> bool {
        match self {
            Self::Io { .. } | Self::InUse(_) | Self::Nothing(_) => true,
            Self::Line { .. }
            | Self::TooLarge { .. }
            | Self::Settings { .. }
            | Self::Taken { .. } => false,
        }
    }
}
