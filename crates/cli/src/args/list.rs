//! Arguments of `zsend list` and `zsend get`.

use super::{DEFAULT_DEVICES, PoolArgs, number};
use clap::{Args as ClapArgs, ValueEnum};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use zsend_props::ItemKind;

/// Kinds of things that are shown.
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

impl ListType {
    /// Returns true if things of this kind are meant.
    pub(crate) const fn is(self, kind: ItemKind) -> bool {
        match self {
            Self::All => true,
            Self::Filesystem => matches!(kind, ItemKind::Filesystem),
            Self::Volume => matches!(kind, ItemKind::Volume),
            Self::Snapshot => matches!(kind, ItemKind::Snapshot),
            Self::Bookmark => matches!(kind, ItemKind::Bookmark),
        }
    }
}

/// Choice of datasets, as `zfs list` and `zfs get` make it.
#[derive(Debug, ClapArgs)]
pub(crate) struct ChoiceArgs {
    /// Kinds to show, separated by commas: filesystem, volume, snapshot, bookmark, all
    #[arg(short = 't', value_name = "TYPE", value_delimiter = ',', hide_possible_values = true)]
    pub(crate) types: Vec<ListType>,
    /// Everything below the named datasets
    #[arg(short = 'r')]
    pub(crate) recursive: bool,
    /// As -r, to that many levels below. As in zfs, -d N does the same, unless N is the path of a device
    #[arg(long, value_name = "N", value_parser = number::<usize>)]
    pub(crate) depth: Option<usize>,
    /// No header, tabs between columns
    #[arg(short = 'H')]
    pub(crate) scripted: bool,
    /// Exact numbers
    #[arg(short = 'p')]
    pub(crate) exact: bool,
    /// JSON, in the shape of zfs 2.3
    #[arg(short = 'j', long)]
    pub(crate) json: bool,
    /// With -j: numbers as numbers, exact
    #[arg(long, requires = "json")]
    pub(crate) json_int: bool,
}

impl ChoiceArgs {
    /// Takes `-d N` of `zfs` out of the devices, where it is no path of one.
    fn take_depth(&mut self, pool: &mut PoolArgs) {
        let is_depth = |path: &PathBuf| {
            let depth = path.to_str()?.parse().ok()?;
            (!path.exists()).then_some(depth)
        };
        let Some(place) = pool.devices.iter().position(|path| is_depth(path).is_some()) else {
            return;
        };
        if self.depth.is_none() {
            self.depth = is_depth(&pool.devices.remove(place));
            if pool.devices.is_empty() {
                pool.devices.push(DEFAULT_DEVICES.into());
            }
        }
    }

    /// Returns true if numbers are shown exactly.
    pub(crate) const fn is_exact(&self) -> bool {
        self.exact || self.json_int
    }
}

/// A property to sort by.
#[derive(Clone, Debug)]
pub(crate) struct SortKey {
    pub(crate) property: String,
    /// Largest first.
    pub(crate) descends: bool,
    /// Place among all keys of the command line, whose values are parsed in its order.
    pub(crate) place: usize,
}

impl SortKey {
    fn new(property: &str, descends: bool) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let place = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { property: property.to_owned(), descends, place }
    }

    #[expect(clippy::unnecessary_wraps, reason = "a value parser may fail")]
    fn ascending(property: &str) -> Result<Self, String> {
        Ok(Self::new(property, false))
    }

    #[expect(clippy::unnecessary_wraps, reason = "a value parser may fail")]
    fn descending(property: &str) -> Result<Self, String> {
        Ok(Self::new(property, true))
    }
}

/// List pools, datasets, snapshots and bookmarks, as `zfs list` does
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  zsend list -d disk0.img                    every filesystem and volume of every pool found
  zsend list -d disk0.img -t snapshot tank
  zsend list -d /images -r -t all -o name,guid,createtxg -Hp tank/home
  zsend list -d disk0.img -r -o space -S used tank
  zsend list -d disk0.img --checkpoint -t snapshot tank
  zsend list -d disk0.img --list-txgs tank
  zsend list -d disk0.img -j -t all")]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) pool: PoolArgs,
    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,
    /// Columns, separated by commas: properties, user properties, name, space
    #[arg(short = 'o', value_name = "COLS", value_delimiter = ',')]
    pub(crate) columns: Vec<String>,
    /// Sort by a property, smallest first; may be repeated
    #[arg(short = 's', value_name = "PROPERTY", value_parser = SortKey::ascending)]
    pub(crate) ascending: Vec<SortKey>,
    /// Sort by a property, largest first; may be repeated
    #[arg(short = 'S', value_name = "PROPERTY", value_parser = SortKey::descending)]
    pub(crate) descending: Vec<SortKey>,
    /// Pools, datasets, snapshots or bookmarks; all pools if none is named
    #[arg(value_name = "POOL/DS")]
    pub(crate) targets: Vec<String>,
}

impl ListArgs {
    /// Gives `-d` the meaning that its value has.
    pub(crate) fn settled(mut self) -> Self {
        self.choice.take_depth(&mut self.pool);
        self
    }
}

/// Show properties, with their source, as `zfs get` does
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  zsend get -d disk0.img all tank/home
  zsend get -d disk0.img -r -s local,received all tank
  zsend get -d disk0.img -Hp -o value compression tank/home@monday")]
pub(crate) struct GetArgs {
    #[command(flatten)]
    pub(crate) pool: PoolArgs,
    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,
    /// Columns, separated by commas: name, property, value, received, source
    #[arg(short = 'o', value_name = "COLS", value_delimiter = ',')]
    pub(crate) columns: Vec<String>,
    /// Sources, separated by commas: local, default, inherited, received, none
    #[arg(short = 's', value_name = "SOURCE", value_delimiter = ',')]
    pub(crate) sources: Vec<String>,
    /// Properties, separated by commas, or all. With --list-txgs there are none
    #[arg(value_name = "PROPERTY", required_unless_present = "list_txgs")]
    pub(crate) properties: Option<String>,
    /// Pools, datasets, snapshots or bookmarks; all pools if none is named
    #[arg(value_name = "POOL/DS")]
    pub(crate) targets: Vec<String>,
}

impl GetArgs {
    /// Gives `-d` the meaning that its value has.
    pub(crate) fn settled(mut self) -> Self {
        self.choice.take_depth(&mut self.pool);
        self
    }
}
