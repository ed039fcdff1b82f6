//! Arguments of `zsend send --all`, and of `zsend catalogue`.

use super::number;
use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use std::path::PathBuf;
use zsend_catalogue::{BadShard, Shard};

/// Kind of the incremental sources of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum BaseArg {
    /// Snapshots alone.
    Snapshot,
    /// Snapshots, and bookmarks where they are gone.
    #[default]
    Bookmark,
}

fn shard(text: &str) -> Result<Shard, String> {
    text.parse().map_err(|e: BadShard| e.to_string())
}

/// Flags of a run over all datasets.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "All datasets of a pool, each snapshot as a stream of its own")]
pub(crate) struct AllArgs {
    /// Send every snapshot of every filesystem and volume of a pool, each into a file of the folder -o,
    /// incrementally from the one before, and list them in the folder's catalogue.jsonl. What is listed is not
    /// sent again
    #[arg(
        long,
        requires = "output",
        conflicts_with_all = [
            "from", "token", "resume_at", "dry_run", "parsable", "proctitle",
            "progress", "list_txgs", "replicate", "json", "exact", "incomplete",
            "intermediate", "props", "backup", "holds", "skip_missing", "exclude", "continue_from", "saved",
            "redact"
        ]
    )]
    pub(crate) all: bool,
    /// With --all: this dataset and those below it
    #[arg(short = 'r', value_name = "DATASET", requires = "all")]
    pub(crate) root: Option<String>,
    /// With --all: of each dataset the newest snapshot alone
    #[arg(long, requires = "all")]
    pub(crate) newest: bool,
    /// With --all: what a stream may be incremental from: snapshot, or bookmark too, where the snapshot that is
    /// listed is gone and a bookmark of it is there
    #[arg(long, value_name = "KIND", default_value = "bookmark", requires = "all")]
    pub(crate) base: BaseArg,
    /// With --all: part K of N, from 1 on, of the datasets; they are listed in catalogue-K-of-N.jsonl. At first
    /// what a job array says: SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX
    #[arg(long, value_name = "K/N", value_parser = shard, requires = "all")]
    pub(crate) shard: Option<Shard>,
    /// With --all: the N of a job array that does not say it (or the variable JOB_COMPLETIONS)
    #[arg(long, value_name = "N", value_parser = number::<u32>, requires = "all", conflicts_with = "shard")]
    pub(crate) shards: Option<u32>,
    /// With --all: streams at once; 0 for as many as there are threads, and eight at most
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = number::<u16>, requires = "all")]
    pub(crate) at_once: u16,
}

/// Show, check and merge the catalogues that `zsend send --all` keeps
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  zsend catalogue ls /backup
  zsend catalogue ls --json /backup | jq -r 'select(.from == null) | .file'
  zsend catalogue ls --receive tank/back /backup | ssh host sh
  zsend catalogue check /backup
  zsend catalogue merge /backup")]
pub(crate) struct CatalogueArgs {
    #[command(subcommand)]
    pub(crate) verb: CatalogueVerb,
}

/// The verbs of `zsend catalogue`.
#[derive(Debug, Subcommand)]
pub(crate) enum CatalogueVerb {
    /// List the streams, in an order in which they can be received
    Ls {
        /// One JSON object a line, as in the catalogue
        #[arg(long)]
        json: bool,
        /// No header, tabs between columns, exact numbers
        #[arg(short = 'H')]
        scripted: bool,
        /// The commands that receive all streams, for `sh`: what was the pool becomes TARGET, a dataset that is not
        /// there yet
        #[arg(long, value_name = "TARGET", conflicts_with_all = ["json", "scripted"])]
        receive: Option<String>,
        /// The folder
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Read every stream, and compare it with the catalogue; and see that what each is incremental from is there
    Check {
        /// Files that are read at once; 0 for as many as the machine has processors
        #[arg(long, value_name = "N", default_value_t = 0, value_parser = number::<u16>)]
        threads: u16,
        /// The folder
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Add what the catalogues of shards have to the folder's catalogue.jsonl
    Merge {
        /// The folder
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// Catalogues; those of the shards in the folder if none is named
        #[arg(value_name = "FILE")]
        from: Vec<PathBuf>,
    },
}
