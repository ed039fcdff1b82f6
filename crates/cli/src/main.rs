//! `zsend`: `zfs send` in user space.

mod against;
mod args;
mod catalogue;
mod chain;
mod change;
mod dump;
mod encryption;
mod exit;
mod get;
mod hints;
mod keys;
mod list;
mod manual;
mod output;
mod package;
mod parity;
mod parts;
mod progress;
mod prompt;
mod raw;
mod repack;
mod resume_point;
mod send;
mod send_all;
mod signals;
mod stdin;
mod stdout;
mod sys;
mod text;
mod token;
mod txgs;
mod verify;

use args::{Command, Parsed};
use clap::{ColorChoice, ValueEnum};
use exit::CommandResult;
use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    let line: Vec<String> = words.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let command = match args::parse(&words, color(&line)) {
        Ok(Parsed::Command(command)) => command,
        Ok(Parsed::Change(args)) => return end(change::run(args)),
        Err(e) => return unparsed(&e, &line),
    };
    let done = match command {
        Command::Send(send) => send::run(&send),
        Command::List(list) => list::run(&list.settled()),
        Command::Get(get) => get::run(&get.settled()),
        Command::Catalogue(catalogue) => catalogue::run(&catalogue),
        Command::Dump(dump) => dump::run(&dump),
        Command::Verify(verify) => verify::run(&verify),
        Command::Chain(chain) => chain::run(&chain),
        Command::Keys(keys) => encryption::run(&keys),
        Command::Package(args) => repack::package(&args),
        Command::Unpackage(args) => repack::unpackage(&args),
        Command::Raw(raw) => raw::run(&raw),
        Command::ResumePoint(point) => resume_point::run(&point),
        Command::Split(args) => parts::split(&args),
        Command::Join(args) => parts::join(&args),
        Command::Parity(args) => parity::make(&args),
        Command::Repair(args) => parity::repair(&args),
        Command::Token(token) => token::run(&token),
        Command::Man(man) => manual::man(&man),
        Command::Completions(completions) => manual::completions(&completions),
    };
    end(done)
}

fn end(done: CommandResult) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Prints help and version on standard output, and what is wrong with the command line on standard
/// error, with hints.
fn unparsed(e: &clap::Error, line: &[String]) -> ExitCode {
    if !e.use_stderr()
        && let Err(failure) = stdout::open()
    {
        return failure.report();
    }
    let printed = e.print();
    if e.use_stderr() {
        for hint in hints::of(line) {
            eprintln!("\n  hint: {hint}");
        }
        return ExitCode::from(2);
    }
    match stdout::finish(printed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Colour that the command line asks for, before it is parsed.
fn color(line: &[String]) -> ColorChoice {
    let mut values =
        line.iter().enumerate().filter_map(|(i, arg)| match arg.strip_prefix("--color") {
            Some("") => line.get(i + 1).map(String::as_str),
            Some(value) => value.strip_prefix('='),
            None => None,
        });
    values.next_back().and_then(|v| ColorChoice::from_str(v, true).ok()).unwrap_or_default()
}
