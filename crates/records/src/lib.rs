//! ZFS send streams as bytes: records, payload rules, nvlists, Fletcher-4.
//!
//! Nothing here opens a file, starts a thread or knows a pool.
//!
//! ```
//! use zsend_records::drr::{Free, ReplayRecord, RecordType};
//! use zerocopy::byteorder::{LE, U64};
//!
//! let free = Free::<LE> {
//!     object: U64::new(7),
//!     offset: U64::new(0),
//!     length: U64::new(131072),
//!     toguid: U64::new(42),
//! };
//! let record = ReplayRecord::<LE>::new(&free);
//! assert_eq!(record.record_type(), RecordType::FREE);
//! assert_eq!(record.body_as::<Free<LE>>().unwrap().object.get(), 7);
//! ```

mod bodies;
pub mod byteswap;
pub mod chain;
pub mod describe;
pub mod drr;
pub mod flags;
pub mod fletcher;
pub mod nvlist;
pub mod payload;
pub mod reader;
pub mod token;
pub mod types;
pub mod writer;
