//! Stored streams: reading, checking and changing them.
//!
//! One program: several would each be linked, and each would leave a core idle at its end.

mod change;
mod damaged;
mod dedup;
mod described;
mod encrypt;
mod fixtures;
mod format_doc;
mod join_package;
mod join_without_sums;
mod lists;
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
