//! Visits the blocks of a ZFS dataset in send order, reads them ahead in parallel, and sends them.
//!
//! ```no_run
//! //! use zsend_pool::CancelToken;
//! use zsend_pool::CancelToken;
//! use zsend_pool::pool::{OpenOptions, Pool};
//! use zsend_traverse::{SendOptions, SendPlan};
//!
//! let pool = Pool::open(&["disk0.img".into()], "tank", &OpenOptions::default())?;
//! let options = SendOptions { compress: true, ..SendOptions::default() };
//! let plan = SendPlan::by_name(&pool, "tank/home@monday", Some("tank/home@sunday"), options)?;
//! let cancel = CancelToken::default();
//! println!("{} bytes to come", plan.exact_size(&cancel)?.bytes());
//! let report = plan.write(std::fs::File::create("monday.zsend")?, &cancel, |progress| {
//!     eprint!("\r{} bytes", progress.bytes);
//! })?;
//! assert_eq!(report.replaced.len(), 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod ordered;
mod plan;
mod read;
#[cfg(test)]
mod testing;
mod tuning;
mod walk;

pub use error::{Result, SendError};
pub use plan::options::{SendOptions, TunableError, Tunables};
pub use plan::source::{Source, SourceKind};
pub use plan::{Progress, SendPlan, SendReport};
pub use walk::Blocks;
