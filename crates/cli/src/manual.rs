//! `zsend man` and `zsend completions`: made of what `--help` is made of.

use crate::args::{Args, CompletionsArgs, EXIT_STATUS, ManArgs, VERSION};
use crate::exit::{Done, Failure};
use crate::stdout;
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
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

/// Prints a page, or writes all of them.
pub(crate) fn man(args: &ManArgs) -> Done {
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
                "no verb is called '{}'; there are {}",
                args.verb.as_deref().unwrap_or_default(),
                verbs.join(", ")
            ),
        )
    })?;
    stdout::print(&page)
}

/// Prints the completions of a shell.
pub(crate) fn completions(args: &CompletionsArgs) -> Done {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut command(), "zsend", &mut text);
    stdout::print(&text)
}

fn command() -> Command {
    let mut command = Args::command().disable_help_subcommand(true);
    command.build();
    command
}

/// Every page: its name, and its text.
fn pages() -> Vec<(String, Vec<u8>)> {
    let command = command();
    let verbs = command.get_subcommands();
    let mut pages = vec![("zsend".to_owned(), command.clone())];
    pages.extend(verbs.map(|verb| {
        let name = format!("zsend-{}", verb.get_name());
        let page = verb.clone().display_name(name.clone()).version(VERSION);
        (name, page)
    }));
    // Memory takes everything.
    pages.into_iter().map(|(name, command)| (name, page(&command).unwrap_or_default())).collect()
}

fn page(command: &Command) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let man = Man::new(command.clone());
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
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
        assert_eq!(pages.len(), 1 + command().get_subcommands().count());
        for (name, page) in &pages {
            let text = String::from_utf8(page.clone()).unwrap();
            for part in [".SH NAME", ".SH OPTIONS", ".SH \"EXIT STATUS\"", ".SH \"SEE ALSO\""] {
                assert!(
                    text.contains(part) || text.contains(&part.replace('"', "")),
                    "{name} lacks {part}"
                );
            }
            assert!(text.contains("130"), "{name}");
        }
    }
}
