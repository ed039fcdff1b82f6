//! Visits the blocks of a ZFS dataset in send order, reads them ahead in parallel, and sends them.
//!
//! ```no_run
//! use zsend_pool::pool::{OpenOptions, Pool};
//! use zsend_traverse::{CancelToken, Notice, SendOptions, SendPlan};
//!
//! let pool = Pool::open(&["disk0.img".into()], "tank", &OpenOptions::default())?;
//! let options = SendOptions::default().with_compress(true);
//! let plan = SendPlan::by_name(&pool, "tank/home@monday", Some("tank/home@sunday"), options)?;
//! // Another thread may have a clone of it, and cancel.
//! let cancel = CancelToken::default();
//! println!("{} bytes to come", plan.exact_size(&cancel)?.bytes());
//! let file = std::fs::File::create("monday.zsend")?;
//! let summary = plan.write(file, &cancel, |notice| match notice {
//!     Notice::Progress(progress) => eprint!("\r{} bytes", progress.bytes),
//!     Notice::Replaced(lost) => eprintln!("lost: {lost}"),
//!     _ => {}
//! })?;
//! println!("{} records", summary.records());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`SendPlan::write_to`] writes with an encoder of the caller: its own table of record types, and its
//! own sink. [`Blocks`] lists the blocks of a dataset without sending them.

mod error;
mod ordered;
mod plan;
mod read;
#[cfg(test)]
mod testing;
mod tuning;
mod walk;

pub use error::{Refusal, Result, ResumeRefusal, SendError};
pub use plan::{
    IncrementalSource, Notice, Progress, ResumePosition, SendOptions, SendPlan, SourceKind, Target,
    TunableError, Tunables,
};
pub use walk::Blocks;
pub use zsend_pool::CancelToken;
