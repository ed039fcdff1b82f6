//! The command, as its users run it.
//!
//! One program: several would each be linked, and each would leave a core idle at its end.

mod against;
mod all;
mod append;
mod bad_input;
mod chain;
mod change;
mod compat;
mod decrypt;
mod degraded;
mod dry_run;
mod encrypt;
mod encryption;
mod flags;
mod keys;
mod leftovers;
mod list;
mod output;
mod packages;
mod parts;
mod progress;
mod receive_token;
mod send_all;
mod send_all_again;
mod send_all_ends;
mod send_all_folder;
mod signals;
mod squash;
mod support;
mod tamper;
mod verify;
mod verify_tamper;
mod zfs_list;
