//! Visits the blocks of a ZFS dataset in send order, reads them ahead in parallel, and sends them.
//!
//! ```no_run
//! use std::sync::atomic::AtomicBool;
//! use zsend_pool::pool::{OpenOptions, Pool};
//! use zsend_traverse::options::SendOptions;
//! use zsend_traverse::send::SendPlan;
//!
//! let pool = Pool::open(&["disk0.img".into()], "tank", &OpenOptions::default())?;
//! let options = SendOptions { compress: true, ..SendOptions::default() };
//! let plan = SendPlan::by_name(&pool, "tank/home@monday", Some("tank/home@sunday"), options)?;
//! let cancel = AtomicBool::new(false);
//! println!("{} bytes to come", plan.exact_size(&cancel)?.bytes());
//! let report = plan.write(std::fs::File::create("monday.zsend")?, &cancel, |progress| {
//!     eprint!("\r{} bytes", progress.bytes);
//! })?;
//! assert_eq!(report.replaced.len(), 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod batch;
mod begin;
mod budget;
mod error;
mod estimate;
mod features;
mod items;
mod job;
pub mod listed;
pub mod options;
pub mod part;
pub mod pipeline;
mod redaction;
mod relay;
mod runs;
pub mod send;
pub mod source;
mod task;
pub mod walk;
pub mod wanted;
mod work;

pub use error::{Result, SendError};
