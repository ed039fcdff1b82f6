//! `zsend`: `zfs send` in user space.

mod args;
mod dump;
mod exit;
mod keys;
mod list;
mod output;
mod progress;
mod send;
mod text;
mod token;
mod txgs;

use args::{Args, Command};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match args.command {
        Command::Send(send) => send::run(&send),
        Command::List(list) => list::run(&list),
        Command::Dump(dump) => dump::run(&dump),
        Command::Token(token) => token::run(&token),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
