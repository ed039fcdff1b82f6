//! What is read, checked and made of stored streams.
//!
//! One program: each would be linked by itself, and would leave a core idle at its end.

mod change;
mod damaged;
mod dedup;
mod described;
mod fixtures;
mod format_doc;
mod join_package;
mod join_without_sums;
mod outline;
mod parts;
mod rechunk;
mod squash;
mod support;
mod verify;
mod verify_damage;
mod verify_doc;
mod verify_fields;
mod verify_members;
