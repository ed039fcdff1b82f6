//! Arguments of the verbs that look at stored streams together.

use super::PoolArgs;
use clap::Args as ClapArgs;
use std::ffi::OsString;
use std::path::PathBuf;

/// Show what raw streams and pools say of their encryption without a key, and if raw streams fit together
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  zsend keys monday.zsend tuesday.zsend
  zsend keys -d disk0.img tank
  zsend keys -d /dev/sdb -d /dev/sdc tank/secret backup/secret     what of the copy still fits the original
  zsend keys -d /dev/sdc backup/secret tuesday.zsend               if the stream fits the copy
  zsend keys --json -d disk0.img tank > tank.keys                  wrapped keys, for a backup")]
pub(crate) struct KeysArgs {
    #[command(flatten)]
    pub(crate) pool: PoolArgs,
    /// One JSON object for each dataset, snapshot, bookmark, stream and fault; with the wrapped keys
    #[arg(long)]
    pub(crate) json: bool,
    /// No header, tabs between columns
    #[arg(short = 'H', conflicts_with = "json")]
    pub(crate) scripted: bool,
    /// Streams, if there is a file of that name, or - is standard input; and else pools and datasets, with all below
    /// them; all pools if nothing is named
    #[arg(value_name = "FILE|POOL/DS")]
    pub(crate) targets: Vec<OsString>,
}

/// Say where a stream that was cut can be gone on with: the length to cut it to, and the token
///
/// Checks are those of verify --quick. A stream that is whole has no such place, and is said to
/// be whole. Packages are refused: see send --continue-from.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  zsend resume-point monday.zsend
  zsend resume-point --cut monday.zsend
  zsend send -d disk0.img --append monday.zsend        goes on in the file, which need not be cut before
  zsend send -d disk0.img -t $(zsend resume-point -H monday.zsend | cut -f 2) | ssh host zfs receive -s backup/home")]
pub(crate) struct ResumePointArgs {
    /// Cut the file there; a regular file only
    #[arg(long)]
    pub(crate) cut: bool,
    /// One JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// The length and the token alone, a tab between; nothing for a stream that is whole
    #[arg(short = 'H', conflicts_with = "json")]
    pub(crate) scripted: bool,
    /// The stream; standard input if none is named, or -
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

fn guid(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| {
        "a guid is a number as `zfs get guid` shows it, or 0x and hexadecimal digits".to_owned()
    })
}

/// Say in which order streams can be received, and what is missing or does not fit
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  zsend chain *.zsend
  zsend chain --json /backup                     a folder that zsend send --all has made
  zsend chain --have 14377190229310842391 tuesday.zsend wednesday.zsend")]
pub(crate) struct ChainArgs {
    /// One JSON object for each step, fault and verdict
    #[arg(long)]
    pub(crate) json: bool,
    /// No header, tabs between columns
    #[arg(short = 'H', conflicts_with = "json")]
    pub(crate) scripted: bool,
    /// Guid of a snapshot that the receiver has; may be repeated
    #[arg(long, value_name = "GUID", value_parser = guid)]
    pub(crate) have: Vec<u64>,
    /// Streams, and folders with a catalogue; - is standard input
    #[arg(value_name = "FILE|DIR", required = true)]
    pub(crate) files: Vec<PathBuf>,
}

/// Write streams of a volume onto an image or a device, and print the guid of the snapshot that it is of then
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  zsend raw disk.img monday.zsend                       a full stream; the file is made, with holes
  zsend raw -g 14377190229310842391 disk.img tuesday.zsend
  zsend send -R tank/vm@monday | zsend raw /dev/sdb")]
pub(crate) struct RawArgs {
    /// Guid of the snapshot that the volume is of: an increment must start from it
    #[arg(short = 'g', long, value_name = "GUID", value_parser = guid)]
    pub(crate) guid: Option<u64>,
    /// The image, which is made if it is not there, or the device
    #[arg(value_name = "IMAGE|DEVICE")]
    pub(crate) volume: PathBuf,
    /// The stream; standard input if none is named, or -
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

/// Put single streams into a package, which one `zfs receive` takes
///
/// Streams of one dataset become what `zfs send -I` makes, and those of a tree of datasets what `zfs send -R` makes, without
/// properties. They are taken in the order in which they are named; `zsend chain` tells the right one.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  zsend package monday.zsend tuesday.zsend wednesday.zsend | zfs receive -F tank/home
  zsend package -o week.zsend monday.zsend tuesday.zsend")]
pub(crate) struct PackArgs {
    /// Write to this file, which gets its name once it is whole, and not to standard output
    #[arg(short = 'o', long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// The streams, each a file of its own, in the order in which they are received
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
}

/// Take a package apart: each stream gets a file of its own
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  zsend unpackage -o streams package.zsend
  ssh host zfs send -R tank@monday | zsend unpackage -o streams
  zsend chain streams/*.zsend")]
pub(crate) struct UnpackArgs {
    /// Folder for the files, DATASET@SNAPSHOT.GUID.zsend; it is made if it is not there, and nothing in it is overwritten
    #[arg(short = 'o', long, value_name = "DIR")]
    pub(crate) output: PathBuf,
    /// The package; standard input if none is named, or -
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}
