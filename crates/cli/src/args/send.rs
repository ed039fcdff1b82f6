//! Arguments of `zsend send`.

use super::{AllArgs, PackageArgs, PoolArgs, number};
use clap::{Args as ClapArgs, ValueEnum};
use std::path::PathBuf;
use zsend_encoder::dialect::Dialect;

fn dialect(name: &str) -> Result<Dialect, String> {
    name.parse().map_err(|e: zsend_encoder::dialect::UnknownDialect| e.to_string())
}

fn object_offset(text: &str) -> Result<(u64, u64), String> {
    let (object, offset) = text.split_once(',').ok_or("expected OBJECT,OFFSET")?;
    let number = |s: &str| number(s).map_err(|why| format!("'{s}': {why}"));
    Ok((number(object)?, number(offset)?))
}

/// Most threads that may be asked for.
const MAX_THREADS: u16 = 512;

fn threads(text: &str) -> Result<u16, String> {
    let threads = number(text)?;
    if threads > MAX_THREADS {
        return Err(format!("at most {MAX_THREADS} are taken"));
    }
    Ok(threads)
}

/// Form of the progress that is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressFormat {
    /// As -v and -P say.
    #[default]
    Text,
    /// One JSON object a second, one a line.
    Json,
}

/// Write the stream of a snapshot, as `zfs send` does
#[derive(Debug, ClapArgs)]
#[command(
    disable_help_flag = true,
    after_help = "\
Examples:
  zsend send -d disk0.img tank/home@monday > monday.zsend
  zsend send -d /images -i @sunday -Lec -o monday.zsend tank/home@monday
  zsend send -d /dev -i tank/home#sunday tank/home@monday | ssh host zfs receive backup/home
  zsend send -d disk0.img -n -v tank/home@monday
  zsend send -d disk0.img tank/home > head.zsend      (the head, as last synced)
  zsend send -d disk0.img --list-txgs tank
  zsend send -d disk0.img --txg 1234 tank/home@monday > older.zsend
  zsend send -d disk0.img -w tank/secret@monday > raw.zsend
  zsend send -d disk0.img --key tank/secret=/media/key tank/secret@monday > plain.zsend
  zsend send -d /images --all -Lec -o /backup tank
  zsend send -d disk0.img -t 1-b45ff5d89-b8-789c... | ssh host zfs receive -s backup/home
  zsend send -d disk0.img --append monday.zsend.partial

SIGUSR1 shows how far a send has come. SIGINT, SIGTERM and SIGHUP end it at a record; with -o, what is
there stays in FILE.partial, with a token to go on from in FILE.partial.token."
)]
pub(crate) struct SendArgs {
    #[command(flatten)]
    pub(crate) pool: PoolArgs,
    /// Incremental source: @snapshot, #bookmark, or the full name of either
    #[arg(short = 'i', value_name = "SNAP|#BOOK", allow_hyphen_values = false)]
    pub(crate) from: Option<String>,
    /// Send blocks that lie in their block pointers as WRITE_EMBEDDED records
    #[arg(short = 'e', long = "embed")]
    pub(crate) embed: bool,
    /// Send blocks over 128 KiB whole
    #[arg(short = 'L', long = "large-block")]
    pub(crate) large_block: bool,
    /// Send compressed blocks as they are stored
    #[arg(short = 'c', long = "compressed")]
    pub(crate) compress: bool,
    /// Send all blocks as they are stored; for an unencrypted dataset the same as -Lec
    #[arg(short = 'w', long = "raw")]
    pub(crate) raw: bool,
    /// Send an encrypted dataset decrypted; a single stream is, without -w, whether this is given or
    /// not
    #[arg(short = 'U', long = "no-preserve-encryption")]
    pub(crate) no_preserve_encryption: bool,
    /// Taken for the sake of old scripts: the stream is a regular one, after a warning
    #[arg(short = 'D', long = "dedup")]
    pub(crate) dedup: bool,
    /// Go on where a receive stopped: the token that it left in receive_resume_token
    #[arg(
        short = 't',
        long = "resume",
        value_name = "TOKEN",
        conflicts_with_all = ["from", "resume_at"]
    )]
    pub(crate) token: Option<String>,
    /// Go on at this object and byte offset
    #[arg(long, value_name = "OBJECT,OFFSET", value_parser = object_offset)]
    pub(crate) resume_at: Option<(u64, u64)>,
    /// Key file of an encryption root; asked for on the terminal if needed and not given
    #[arg(long = "key", value_name = "DATASET=FILE")]
    pub(crate) keys: Vec<String>,
    /// Estimate only, write no stream
    #[arg(short = 'n', long = "dryrun")]
    pub(crate) dry_run: bool,
    /// Show the estimate, progress, and what was recovered on the way; twice: records too
    #[arg(short = 'v', long = "verbose", action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Machine-readable; implies the estimate of -v
    #[arg(short = 'P', long = "parsable")]
    pub(crate) parsable: bool,
    /// Show progress in the process's name (Linux: what `ps -o comm` and top show)
    #[arg(short = 'V', long = "proctitle")]
    pub(crate) proctitle: bool,
    /// Form of the progress on standard error; json: an object a second, one a line
    #[arg(long, value_name = "FORM", default_value = "text", hide_possible_values = true)]
    pub(crate) progress: ProgressFormat,
    /// With -n: the estimate as a JSON object
    #[arg(long, requires = "dry_run", conflicts_with = "parsable")]
    pub(crate) json: bool,
    /// With -n: the stream's true size to the byte, found without reading data
    #[arg(long, requires = "dry_run")]
    pub(crate) exact: bool,
    /// Write to a file, which gets its name when the stream is whole and on disk. Until then it is
    /// FILE.partial, or FILE.partial.2 and so on; what an earlier send left there goes. A device,
    /// FIFO or descriptor is written through; - is standard output
    #[arg(short = 'o', value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Go on in FILE itself, a stream that was cut: what is right of it stays, and the rest is written behind it, so
    /// that it becomes the stream that was not cut, byte for byte. FILE says which stream that is; a token given
    /// with -t must be of it. With the --dialect and the tunables that FILE was made with
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = [
            "output", "target", "from", "resume_at", "dry_run", "list_txgs", "all", "replicate", "intermediate",
            "props", "backup", "holds", "skip_missing", "exclude", "continue_from", "saved", "redact"
        ]
    )]
    pub(crate) append: Option<PathBuf>,
    /// Sender whose stream is written: openzfs, illumos or openzfs-xdr
    #[arg(long, value_name = "D", default_value = "openzfs", value_parser = dialect)]
    pub(crate) dialect: Dialect,
    /// Worker threads; 0 for as many as the machine has, and more for slow devices
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = threads)]
    pub(crate) threads: u16,
    /// Milliseconds that a read takes, where the reads that open the pool do not tell: from the page
    /// cache, of a slow device
    #[arg(long, value_name = "MS", value_parser = number::<u32>)]
    pub(crate) latency: Option<u32>,
    /// A tunable of the reference senders, by its name
    #[arg(long = "tunable", value_name = "NAME=VALUE")]
    pub(crate) tunables: Vec<String>,
    /// Print help
    // `zfs send -h` means holds, so the short flag is not help here.
    #[arg(long, action = clap::ArgAction::Help)]
    help: Option<bool>,
    /// Snapshot to send: pool/fs@snapshot; pool/fs for the head; or pool/N for the dataset whose
    /// object has that number, as `zdb -B` takes it. With --all: the pool
    #[arg(
        value_name = "POOL/DS@SNAP",
        required_unless_present_any = ["token", "list_txgs", "append"],
        conflicts_with = "token"
    )]
    pub(crate) target: Option<String>,
    #[command(flatten)]
    pub(crate) package: PackageArgs,
    #[command(flatten)]
    pub(crate) all: AllArgs,
}

impl SendArgs {
    /// Returns true if the estimate is shown before the stream, or in its place.
    pub(crate) const fn describes(&self) -> bool {
        self.verbose > 0 || self.parsable || self.proctitle || self.exact || self.json
    }
}
