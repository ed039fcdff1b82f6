#![doc = include_str!("../README.md")]

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
