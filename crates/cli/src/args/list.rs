//! Arguments of `zsend list`.

use super::PoolArgs;
use clap::{Args as ClapArgs, ValueEnum};

/// Kinds of things that `list` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListType {
    #[value(alias = "fs", alias = "filesystems")]
    Filesystem,
    #[value(alias = "vol", alias = "volumes")]
    Volume,
    #[value(alias = "snap", alias = "snapshots")]
    Snapshot,
    #[value(alias = "bookmarks")]
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
    /// Kinds to list, separated by commas
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
