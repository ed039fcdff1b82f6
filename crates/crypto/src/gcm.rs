//! AES-GCM at every key length: by aws-lc, or in Rust where that is left out.

#[cfg(feature = "awslc")]
mod awslc;
#[cfg(feature = "awslc")]
pub(crate) use awslc::Gcm;

#[cfg(all(feature = "pure", not(feature = "awslc")))]
mod rust;
#[cfg(all(feature = "pure", not(feature = "awslc")))]
pub(crate) use rust::Gcm;

#[cfg(not(any(feature = "awslc", feature = "pure")))]
mod absent;
#[cfg(not(any(feature = "awslc", feature = "pure")))]
pub(crate) use absent::Gcm;
