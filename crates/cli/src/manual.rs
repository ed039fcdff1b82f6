//! `zsend man` and `zsend completions`: made of what `--help` is made of.

use crate::args::{self, CompletionsArgs, EXIT_STATUS, ManArgs, VERSION};
use crate::exit::{CommandResult, Failure};
use crate::stdout;
use clap::{Arg, ArgAction, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};
use std::io::{self, Write};
use zsend_pool::ErrorClass;

/// Variables that the program heeds.
const ENVIRONMENT: [(&str, &str); 5] = [
    ("NO_COLOR", "If set and not empty, help and errors have no colour, unless --color says so."),
    ("TERM", "If it is dumb or not set, progress is lines, not a bar."),
    ("TZ", "Time zone of the times that are shown."),
    (
        "SLURM_ARRAY_TASK_ID",
        "With send --all, the shard of this task of a job array, with _COUNT, _MIN, _MAX and _STEP.",
    ),
    (
        "JOB_COMPLETION_INDEX",
        "The same of an indexed job, whose number of completions JOB_COMPLETIONS or --shards says.",
    ),
];

/// Pages that belong together.
const SEE_ALSO: &str = "zfs-send(8), zfs-receive(8), zstream(8), zdb(8), zfsprops(7)";

/// The guide to what cannot be imported or received, if the program was built in a checkout.
const RESCUE: &str = include_str!(concat!(env!("OUT_DIR"), "/rescue.md"));

/// Prints a page, or writes all of them.
pub(crate) fn man(args: &ManArgs) -> CommandResult {
    if args.verb.as_deref() == Some("rescue") {
        return stdout::print(RESCUE.as_bytes());
    }
    let pages = pages();
    if let Some(dir) = &args.dir {
        for (name, page) in &pages {
            let path = dir.join(format!("{name}.1"));
            std::fs::write(&path, page).map_err(|e| Failure::io("write", &path, &e))?;
        }
        return Ok(());
    }
    let wanted = args.verb.as_ref().map_or_else(|| "zsend".to_owned(), |v| format!("zsend-{v}"));
    let page = pages.into_iter().find(|(name, _)| *name == wanted);
    let (_, page) = page.ok_or_else(|| {
        let verbs: Vec<_> = command().get_subcommands().map(|c| c.get_name().to_owned()).collect();
        Failure::new(
            ErrorClass::Usage,
            format!(
                "no verb is called '{}'; there are {}, and the page rescue",
                args.verb.as_deref().unwrap_or_default(),
                verbs.join(", ")
            ),
        )
    })?;
    stdout::print(&page)
}

/// Prints the completions of a shell.
pub(crate) fn completions(args: &CompletionsArgs) -> CommandResult {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut command(), "zsend", &mut text);
    stdout::print(&text)
}

fn command() -> Command {
    let mut command = args::command().disable_help_subcommand(true);
    command.build();
    command
}

/// Every page: its name, and its text.
fn pages() -> Vec<(String, Vec<u8>)> {
    let mut pages = Vec::new();
    add_pages(&command(), "zsend".to_owned(), &mut pages);
    pages
}

/// Adds the page of a command, and those of its verbs.
fn add_pages(command: &Command, name: String, pages: &mut Vec<(String, Vec<u8>)>) {
    let own = match pages.is_empty() {
        true => command.clone(),
        false => command.clone().display_name(name.clone()).version(VERSION),
    };
    // Memory takes everything.
    pages.push((name.clone(), page(&own).unwrap_or_default()));
    for verb in command.get_subcommands() {
        add_pages(verb, format!("{name}-{}", verb.get_name()), pages);
    }
}

fn page(command: &Command) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let man = Man::new(command.clone()).source(format!("zsend {VERSION}"));
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    section(&mut text, "SYNOPSIS", |roff| synopsis(roff, command))?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    if let Some((_, rest)) = help.split_once("Examples:\n") {
        let (examples, signals) = rest.split_once("\n\n").unwrap_or((rest, ""));
        section(&mut text, "EXAMPLES", |roff| {
            roff.control("nf", []);
            for line in examples.lines() {
                roff.text([roman(line.trim())]);
            }
            roff.control("fi", []);
        })?;
        if !signals.is_empty() {
            section(&mut text, "SIGNALS", |roff| {
                roff.text([roman(signals.replace('\n', " "))]);
            })?;
        }
    }
    section(&mut text, "EXIT STATUS", |roff| {
        let codes = EXIT_STATUS.trim_start_matches("Exit status: ").trim_end_matches('.');
        for code in codes.split("; ") {
            let (number, meaning) = split_code(code);
            roff.control("TP", []);
            roff.text([bold(number)]);
            roff.text([roman(meaning)]);
        }
    })?;
    section(&mut text, "ENVIRONMENT", |roff| {
        for (name, meaning) in ENVIRONMENT {
            roff.control("TP", []);
            roff.text([bold(name)]);
            roff.text([roman(meaning)]);
        }
    })?;
    section(&mut text, "SEE ALSO", |roff| {
        roff.text([roman(SEE_ALSO)]);
    })?;
    Ok(text)
}

/// Fills in the command line, with the name of each value.
fn synopsis(roff: &mut Roff, command: &Command) {
    let mut line = vec![bold(command.get_bin_name().unwrap_or_else(|| command.get_name()))];
    let is_shown = |arg: &&Arg| !arg.is_hide_set();
    let (operands, options): (Vec<&Arg>, Vec<&Arg>) =
        command.get_arguments().filter(is_shown).partition(|arg| arg.is_positional());
    for arg in options.into_iter().chain(operands) {
        let is_needed = arg.is_required_set();
        line.push(roman(if is_needed { " " } else { " [" }));
        let short = arg.get_short().map(|short| format!("-{short}"));
        let long = arg.get_long().map(|long| format!("--{long}"));
        for (i, flag) in short.into_iter().chain(long).enumerate() {
            line.extend((i > 0).then(|| roman("|")));
            line.push(bold(flag));
        }
        let takes_value = arg.get_action().takes_values();
        for name in arg.get_value_names().unwrap_or_default().iter().filter(|_| takes_value) {
            line.extend((!arg.is_positional()).then(|| roman(" ")));
            line.push(italic(name.as_str()));
        }
        line.extend((!is_needed).then(|| roman("]")));
        if matches!(arg.get_action(), ArgAction::Append | ArgAction::Count) {
            line.push(roman("..."));
        }
    }
    if command.has_subcommands() {
        line.push(roman(" "));
        line.push(italic("VERB"));
        line.push(roman(" ..."));
    }
    roff.text(line);
}

/// Splits `129, 130, 143 ended by…` behind its numbers.
fn split_code(code: &str) -> (&str, &str) {
    let is_word = |c: char| c.is_ascii_alphabetic();
    let at = code.find(is_word).unwrap_or(code.len());
    (code[..at].trim(), &code[at..])
}

fn section(text: &mut Vec<u8>, name: &str, fill: impl FnOnce(&mut Roff)) -> io::Result<()> {
    let mut roff = Roff::new();
    roff.control("SH", [name]);
    fill(&mut roff);
    text.write_all(roff.to_roff().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_has_a_page_with_all_sections() {
        let pages = pages();
        let count = |c: &Command| c.get_subcommands().count();
        let below: usize = command().get_subcommands().map(count).sum();
        assert_eq!(pages.len(), 1 + count(&command()) + below);
        assert!(below > 0 && pages.iter().any(|(name, _)| name == "zsend-catalogue-ls"));
        for (name, page) in &pages {
            let text = String::from_utf8(page.clone()).unwrap();
            for part in [".SH NAME", ".SH OPTIONS", ".SH \"EXIT STATUS\"", ".SH \"SEE ALSO\""] {
                assert!(
                    text.contains(part) || text.contains(&part.replace('"', "")),
                    "{name} lacks {part}"
                );
            }
            assert!(text.contains("130"), "{name}");
            // The foot has the program's name and version, and the page's own name.
            let title = text.lines().find(|line| line.starts_with(".TH ")).unwrap();
            assert!(title.starts_with(&format!(".TH {name} 1 ")), "{title}");
            assert!(title.contains(&format!("\"zsend {VERSION}\"")), "{title}");
        }
    }
}
