//! The command line.

use crate::exit::warn;
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use zsend_encoder::dialect::Dialect;
use zsend_pool::pool::OpenOptions;

/// Everything before and after the subcommand.
#[derive(Debug, Parser)]
#[command(
    name = "zsend",
    version,
    about = "zfs send in user space: streams out of pool images and devices, with no kernel module",
    after_help = "Exit status: 0 done; 1 the input is damaged, a check failed, or what was asked for \
does not exist; 2 the command line is wrong; 3 a device or the output failed; 4 the pool or stream \
needs something that is not supported."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Send(SendArgs),
    List(ListArgs),
    Dump(DumpArgs),
    Token(TokenArgs),
}

/// Where pools are looked for.
#[derive(Debug, ClapArgs)]
pub(crate) struct PoolArgs {
    /// An image, a block device, or a folder of them; may be repeated
    #[arg(short = 'd', value_name = "PATH", default_value = "/dev")]
    pub(crate) devices: Vec<PathBuf>,
    /// Read the state that this transaction group left, not the newest
    #[arg(long, value_name = "N")]
    pub(crate) txg: Option<u64>,
    /// Read the state that the pool's checkpoint keeps
    #[arg(long)]
    pub(crate) checkpoint: bool,
    /// Read a pool even if another host may have it imported (multihost)
    #[arg(long)]
    pub(crate) force: bool,
    /// Only show the transaction groups that --txg takes, and which of them can be read
    #[arg(long)]
    pub(crate) list_txgs: bool,
}

impl PoolArgs {
    /// Which state to open. What takes time is told on standard error.
    pub(crate) fn options(&self) -> OpenOptions {
        let Self { txg, checkpoint, force, .. } = *self;
        OpenOptions::default()
            .txg(txg)
            .checkpoint(checkpoint)
            .force(force)
            .notice(|text| warn(text))
    }
}

fn dialect(name: &str) -> Result<Dialect, String> {
    name.parse().map_err(|e: zsend_encoder::dialect::UnknownDialect| e.to_string())
}

fn object_offset(text: &str) -> Result<(u64, u64), String> {
    let (object, offset) = text.split_once(',').ok_or("expected OBJECT,OFFSET")?;
    let number = |s: &str| s.parse().map_err(|e| format!("'{s}': {e}"));
    Ok((number(object)?, number(offset)?))
}

/// Flags of `zfs send` that are known and refused: packages, saved and redacted sends.
#[derive(Debug, ClapArgs)]
pub(crate) struct UnmadeArgs {
    #[arg(short = 'R', long = "replicate", hide = true)]
    replicate: bool,
    #[arg(short = 'I', hide = true, value_name = "SNAP")]
    intermediate: Option<String>,
    #[arg(short = 'p', long = "props", hide = true)]
    props: bool,
    #[arg(short = 'b', long = "backup", hide = true)]
    backup: bool,
    #[arg(short = 'h', long = "holds", hide = true)]
    holds: bool,
    #[arg(short = 's', long = "skip-missing", hide = true)]
    skip_missing: bool,
    #[arg(short = 'X', long = "exclude", hide = true, value_name = "DS")]
    exclude: Option<String>,
    #[arg(short = 'S', long = "saved", hide = true)]
    saved: bool,
    #[arg(long = "redact", hide = true, value_name = "BOOK")]
    redact: Option<String>,
    #[arg(short = 'D', long = "dedup", hide = true)]
    dedup: bool,
}

impl UnmadeArgs {
    /// What was asked for that is not made, if anything was.
    pub(crate) fn refused(&self) -> Option<&'static str> {
        [
            (self.replicate, "-R (packages)"),
            (self.intermediate.is_some(), "-I (packages)"),
            (self.props, "-p (packages)"),
            (self.backup, "-b (packages)"),
            (self.holds, "-h (packages)"),
            (self.skip_missing, "-s (packages)"),
            (self.exclude.is_some(), "-X (packages)"),
            (self.saved, "-S (saved sends)"),
            (self.redact.is_some(), "--redact (redacted sends)"),
            (self.dedup, "-D (dedup streams, which OpenZFS no longer makes either)"),
        ]
        .into_iter()
        .find_map(|(asked, name)| asked.then_some(name))
    }
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
  zsend send -d disk0.img -t 1-b45ff5d89-b8-789c... | ssh host zfs receive -s backup/home"
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
    /// Go on where a receive stopped: the token that it left in receive_resume_token
    #[arg(short = 't', value_name = "TOKEN", conflicts_with_all = ["from", "resume"])]
    pub(crate) token: Option<String>,
    /// Go on at this object and byte offset
    #[arg(long, value_name = "OBJECT,OFFSET", value_parser = object_offset)]
    pub(crate) resume: Option<(u64, u64)>,
    /// Key file of an encryption root; asked for on the terminal if needed and not given
    #[arg(long = "key", value_name = "DATASET=FILE")]
    pub(crate) keys: Vec<String>,
    /// Estimate only, write no stream
    #[arg(short = 'n', long = "dryrun")]
    pub(crate) dry_run: bool,
    /// Show progress and what was healed on the way; with -n the estimate
    #[arg(short = 'v', long = "verbose", action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Machine-readable -v
    #[arg(short = 'P', long = "parsable")]
    pub(crate) parsable: bool,
    /// With -n: the stream's true size to the byte, found without reading data
    #[arg(long, requires = "dry_run")]
    pub(crate) exact: bool,
    /// Write to FILE.partial, and rename it to FILE when the END record is on disk
    #[arg(short = 'o', value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Whose stream: openzfs, illumos or openzfs-xdr
    #[arg(long, value_name = "D", default_value = "openzfs", value_parser = dialect)]
    pub(crate) dialect: Dialect,
    /// Worker threads; 0 for as many as the machine has, and more for slow devices
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) threads: usize,
    /// Milliseconds that a read takes, where the reads that open the pool do not tell: from the page
    /// cache, of a slow device
    #[arg(long, value_name = "MS")]
    pub(crate) latency: Option<u32>,
    /// A tunable of the reference senders, by its name
    #[arg(long = "tunable", value_name = "NAME=VALUE")]
    pub(crate) tunables: Vec<String>,
    #[command(flatten)]
    pub(crate) unmade: UnmadeArgs,
    /// Print help
    // `zfs send -h` means holds, so the short flag is not help here.
    #[arg(long, action = clap::ArgAction::Help)]
    help: Option<bool>,
    /// What to send: pool/fs@snapshot, or pool/fs for the head
    #[arg(
        value_name = "POOL/DS@SNAP",
        required_unless_present = "token",
        conflicts_with = "token"
    )]
    pub(crate) target: Option<String>,
}

/// What kinds of things `list` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListType {
    Filesystem,
    Volume,
    Snapshot,
    Bookmark,
    All,
}

/// List pools, datasets, snapshots and bookmarks
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  zsend list -d disk0.img                    every filesystem and volume of every pool found
  zsend list -d disk0.img -t snapshot tank
  zsend list -d /images -r -t all -o name,guid,createtxg -Hp tank/home
  zsend list -d disk0.img --checkpoint -t snapshot tank
  zsend list -d disk0.img --list-txgs tank
  zsend list -d disk0.img --json -t all")]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) pool: PoolArgs,
    /// What to list, separated by commas
    #[arg(short = 't', value_name = "TYPE", value_delimiter = ',')]
    pub(crate) types: Vec<ListType>,
    /// Everything below the named dataset
    #[arg(short = 'r')]
    pub(crate) recursive: bool,
    /// Columns, separated by commas
    #[arg(short = 'o', value_name = "COLS", value_delimiter = ',')]
    pub(crate) columns: Vec<String>,
    /// No header, tabs between columns
    #[arg(short = 'H')]
    pub(crate) scripted: bool,
    /// Exact numbers
    #[arg(short = 'p')]
    pub(crate) exact: bool,
    /// One JSON array of objects
    #[arg(long)]
    pub(crate) json: bool,
    /// A pool or dataset; all pools if none is named
    #[arg(value_name = "POOL/DS")]
    pub(crate) target: Option<String>,
}

/// Show the records of a stream, as `zstream dump` does
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  zsend dump monday.zsend
  zsend dump -v < monday.zsend
  zsend send -d disk0.img tank/home@monday | zsend dump")]
pub(crate) struct DumpArgs {
    /// Every record
    #[arg(short = 'v', long = "verbose")]
    pub(crate) verbose: bool,
    /// Payloads as hexadecimal bytes; implies -v
    #[arg(short = 'd')]
    pub(crate) payloads: bool,
    /// Do not verify checksums
    #[arg(short = 'C')]
    pub(crate) no_checksum: bool,
    /// One JSON object a record
    #[arg(long)]
    pub(crate) json: bool,
    /// The stream; standard input if none is named
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

/// Show what a resume token says
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  zsend token 1-b45ff5d89-b8-789c...
  zsend token --json 1-b45ff5d89-b8-789c...")]
pub(crate) struct TokenArgs {
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// The token
    #[arg(value_name = "TOKEN")]
    pub(crate) token: String,
}
