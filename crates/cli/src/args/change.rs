//! The verbs that change streams: as many as the table of `zsend-stream` has, and `pipe`.

use clap::{Arg, ArgAction, ArgMatches, Command};
use std::ffi::OsString;
use std::path::PathBuf;
use zsend_stream::change::{Files, Given, Opt, VERBS, Verb};

/// Name of the verb that has several steps.
const PIPE: &str = "pipe";
/// Identifiers of arguments that all of these verbs have.
const OUTPUT: &str = "output";
const WORDS: &str = "words";
const STEPS: &str = "steps";
/// The option whose values are keys.
const KEY: &str = "key";

/// Words of one verb that changes streams.
#[derive(Debug)]
pub(crate) struct ChangeArgs {
    /// The steps, each with its words. Keys are not read yet: they are among the options.
    pub(crate) steps: Vec<(&'static Verb, Given)>,
    /// Streams; standard input if there is none, or `-`.
    pub(crate) files: Vec<PathBuf>,
    /// File to write; standard output if none is named.
    pub(crate) output: Option<PathBuf>,
}

/// The subcommands.
pub(super) fn commands() -> impl Iterator<Item = Command> {
    VERBS.iter().map(|verb| command(verb)).chain([pipe()])
}

/// The subcommand of this name.
pub(super) fn command_of(name: &str) -> Option<Command> {
    if name == PIPE { Some(pipe()) } else { Verb::named(name).map(command) }
}

/// The words of a subcommand, if it is one of these.
pub(super) fn parse(name: &str, matches: &ArgMatches) -> Option<Result<ChangeArgs, clap::Error>> {
    if name == PIPE {
        return Some(parse_pipe(matches));
    }
    let verb = Verb::named(name)?;
    let (given, files) = words(verb, matches);
    let output = matches.get_one(OUTPUT).cloned();
    Some(check_files(verb, ChangeArgs { steps: vec![(verb, given)], files, output }))
}

fn output() -> Arg {
    Arg::new(OUTPUT)
        .short('o')
        .long("output")
        .value_name("FILE")
        .value_parser(clap::value_parser!(PathBuf))
        .help(
            "Write to this file, which gets its name once it is whole, and not to standard output",
        )
}

fn command(verb: &'static Verb) -> Command {
    let mut command = step_command(verb).arg(output());
    if let Some(alias) = verb.alias {
        command = command.alias(alias);
    }
    let examples: String = verb.examples.iter().map(|line| format!("  {line}\n")).collect();
    command.after_help(format!("Examples:\n{}", examples.trim_end()))
}

/// A step's options and operands. Its files come behind the operands.
fn step_command(verb: &'static Verb) -> Command {
    let mut command = Command::new(verb.name).about(verb.about);
    for option in verb.options {
        command = command.arg(option_arg(option));
    }
    let mut shown = Vec::new();
    let mut help = String::new();
    for operand in verb.operands {
        match operand.any {
            None => {
                let arg = Arg::new(operand.name).value_name(operand.name).help(operand.help);
                command = command.arg(arg.required(true));
            }
            Some(_) => {
                shown.push(operand.name);
                help += &format!("{}. ", operand.help);
            }
        }
    }
    shown.push("FILE");
    help += match verb.files {
        Files::Many => "The streams; standard input if none is named, or -",
        _ => "The stream; standard input if none is named, or -",
    };
    let is_many = shown.len() > 1 || verb.files == Files::Many;
    let words = Arg::new(WORDS)
        .value_name(shown.join("|"))
        .value_parser(clap::value_parser!(OsString))
        .help(help);
    command.arg(if is_many { words.action(ArgAction::Append).num_args(0..) } else { words })
}

fn option_arg(option: &'static Opt) -> Arg {
    let arg = Arg::new(option.long).long(option.long).help(option.help);
    let arg = match option.short {
        Some(short) => arg.short(short),
        None => arg,
    };
    match option.value {
        None => arg.action(ArgAction::SetTrue),
        Some(value) if option.is_repeated => arg.value_name(value).action(ArgAction::Append),
        Some(value) => arg.value_name(value),
    }
}

/// The words of a step, and the files behind them.
fn words(verb: &'static Verb, matches: &ArgMatches) -> (Given, Vec<PathBuf>) {
    let mut given = Given::default();
    for option in verb.options {
        let name = || option.long.to_owned();
        if option.value.is_none() {
            given.options.extend(matches.get_flag(option.long).then(|| (name(), String::new())));
            continue;
        }
        let values = matches.get_many::<String>(option.long).into_iter().flatten();
        given.options.extend(values.map(|value| (name(), value.clone())));
    }
    let all: Vec<OsString> = matches.get_many(WORDS).into_iter().flatten().cloned().collect();
    let mut rest = &all[..];
    for operand in verb.operands {
        let Some(is_one) = operand.any else {
            given.operands.extend(matches.get_one::<String>(operand.name).cloned());
            continue;
        };
        let taken = rest.iter().take_while(|word| word.to_str().is_some_and(is_one)).count();
        let (words, behind) = rest.split_at(taken);
        given.operands.extend(words.iter().map(|word| word.to_string_lossy().into_owned()));
        rest = behind;
    }
    (given, rest.iter().map(PathBuf::from).collect())
}

fn pipe() -> Command {
    let names: Vec<_> = VERBS.iter().map(|verb| verb.name).collect();
    Command::new(PIPE)
        .about("Take a stream through several of these steps in one process")
        .after_help(
            "\
Examples:
  zsend pipe 'decompress | recompress zstd-3' monday.zsend -o small.zsend
  zsend send tank/home@monday | zsend pipe 'drop-record 128,0 | recompress lz4' | zfs receive backup/home",
        )
        .arg(output())
        .arg(Arg::new(STEPS).value_name("STEPS").required(true).help(format!(
            "The steps with their words, and | between: {}",
            names.join(", ")
        )))
        .arg(
            Arg::new(WORDS)
                .value_name("FILE")
                .value_parser(clap::value_parser!(PathBuf))
                .action(ArgAction::Append)
                .num_args(0..)
                .help("The stream; standard input if none is named, or -"),
        )
}

fn parse_pipe(matches: &ArgMatches) -> Result<ChangeArgs, clap::Error> {
    let mut steps = Vec::new();
    let text: &String = matches.get_one(STEPS).ok_or_else(|| usage("STEPS is missing"))?;
    for step in text.split('|') {
        let words = shlex::split(step)
            .ok_or_else(|| usage(format!("'{step}' has a quote without its end")))?;
        let name = words.first().ok_or_else(|| usage("a step is empty"))?;
        let verb = Verb::named(name).ok_or_else(|| {
            let names: Vec<_> = VERBS.iter().map(|verb| verb.name).collect();
            usage(format!("'{name}' is no step; there are {}", names.join(", ")))
        })?;
        let matches = step_command(verb).no_binary_name(false).try_get_matches_from(&words)?;
        let (given, files) = self::words(verb, &matches);
        if let Some(file) = files.first() {
            let why = format!(
                "'{}' is more than {name} takes; files come behind the steps",
                file.display()
            );
            return Err(usage(why));
        }
        steps.push((verb, given));
    }
    let files = matches.get_many(WORDS).into_iter().flatten().cloned().collect();
    let args = ChangeArgs { steps, files, output: matches.get_one(OUTPUT).cloned() };
    match args.steps.first() {
        Some((first, _)) => check_files(first, args),
        None => Ok(args),
    }
}

fn check_files(verb: &Verb, args: ChangeArgs) -> Result<ChangeArgs, clap::Error> {
    match (verb.files, &args.files[..]) {
        (Files::One, [_, second, ..]) => Err(usage(format!(
            "{} takes one stream, and '{}' is another",
            verb.name,
            second.display()
        ))),
        _ => Ok(args),
    }
}

fn usage(why: impl std::fmt::Display) -> clap::Error {
    clap::Error::raw(clap::error::ErrorKind::ValueValidation, format!("{why}\n"))
}

impl ChangeArgs {
    /// Names of files that words may have: operands, and those behind a `=` in keys.
    pub(crate) fn named_files(&self) -> Vec<String> {
        let given = self.steps.iter().map(|(_, given)| given);
        let names = given.flat_map(|given| {
            let keys = given.options.iter().filter(|(name, _)| name == KEY);
            let keys = keys.filter_map(|(_, value)| Some(value.split_once('=')?.1.to_owned()));
            given.operands.iter().cloned().chain(keys)
        });
        names.collect()
    }

    /// Takes the keys out of the options of each step, and puts in what `read` makes of them.
    pub(crate) fn read_keys<E>(
        &mut self,
        read: impl Fn(&str) -> Result<(String, zeroize::Zeroizing<Vec<u8>>), E>,
    ) -> Result<(), E> {
        for (_, given) in &mut self.steps {
            let keys = given.options.extract_if(.., |(name, _)| name == KEY);
            let keys: Vec<_> = keys.map(|(_, value)| read(&value)).collect::<Result<_, E>>()?;
            given.keys.extend(keys);
        }
        Ok(())
    }
}
