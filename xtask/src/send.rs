//! `send`: the embedded pool's stream, made and checked; or `zsend send` with what is given.

use std::process::Command;
use xtask::run::{Profile, program, succeed, zsend};

/// Runs the verb.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    if args.is_empty() {
        return program(Profile::Release, "zsend-testkit", "embedded", args);
    }
    let mut command = Command::new(zsend(Profile::Release)?);
    command.arg("send").args(args);
    succeed(command)
}
