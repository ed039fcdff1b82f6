//! Unsafe code, all that the workspace has: the sums that every byte of a pool goes through, with the
//! widest vectors that the machine has, and a look at what the program was started with.
//!
//! Each `unsafe` here has its proof beside it and a safe twin that tests compare it to.
//!
//! ```
//! let words = [1u32, 2, 3].map(u32::to_le_bytes).concat();
//! assert_eq!(zsend_metal::fletcher4(&words), [6, 10, 15, 21]);
//! ```

mod fletcher;
pub mod gf256;
pub mod stdio;

pub use fletcher::{fletcher4, fletcher4_byteswapped, fletcher4_portable};
