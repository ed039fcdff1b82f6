//! The subcommands, and the whole command line.

use super::{
    CatalogueArgs, ChainArgs, ChangeArgs, CompletionsArgs, DumpArgs, GetArgs, JoinArgs, KeysArgs,
    ListArgs, ManArgs, PackArgs, ParityArgs, RawArgs, RepairArgs, ResumePointArgs, SendArgs,
    SplitArgs, TokenArgs, UnpackArgs, VerifyArgs, change,
};
use clap::{Args as ClapArgs, ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::ffi::OsString;

/// Version, with the commit if it was built in a checkout.
pub(crate) const VERSION: &str = env!("ZSEND_VERSION");

/// Exit codes, as the help and the manual give them.
pub(crate) const EXIT_STATUS: &str = "\
Exit status: 0 done, even if unreadable blocks were replaced, as with zfs send: the last line has their number; \
1 the input is damaged, a check failed, or what was asked for does not exist; \
2 the command line is wrong; 3 a device or the output failed; 4 the pool or stream needs something \
that is not supported; 10 a stream is cut, and whole so far (verify, chain), or was changed or split as far as it goes, or ends before its first record (resume-point, send --append); 11 a stream does not continue the one before (verify, chain), or \
raw streams do not fit together (keys); \
129, 130, 143 ended by SIGHUP, SIGINT, SIGTERM. A reader that goes away ends what writes a stream with 3, and is no \
error for the other verbs.";

// Options that may stand before a subcommand or behind it. A doc comment would become the description of every command.
#[derive(Debug, ClapArgs)]
struct Everywhere {
    /// Colour of help and errors: on a terminal, unless NO_COLOR is set; always; or never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: ColorChoice,
}

/// Everything before and after the subcommand.
#[derive(Debug, Parser)]
#[command(
    name = "zsend",
    version = VERSION,
    about = "zfs send in user space: streams out of pool images and devices, with no kernel module",
    after_help = EXIT_STATUS
)]
struct Args {
    // Looked at before the line is parsed, for what is wrong with the line.
    #[command(flatten)]
    _everywhere: Everywhere,
    #[command(subcommand)]
    command: Command,
}

macro_rules! commands {
    ($($command:ident($args:ty) = $name:literal,)+) => {
        /// The subcommands.
        #[derive(Debug, Subcommand)]
        pub(crate) enum Command {
            $(#[command(name = $name)] $command($args),)+
        }

        impl Command {
            /// Parses the words of a subcommand, its name included, with no other at hand; `None` if there is none of that
            /// name.
            fn alone(name: &str, words: &[OsString]) -> Option<Result<Self, clap::Error>> {
                match name {
                    $($name => Some(alone::<$args>($name, words).map(Self::$command)),)+
                    _ => None,
                }
            }
        }
    };
}

commands! {
    Send(Box<SendArgs>) = "send",
    List(ListArgs) = "list",
    Get(GetArgs) = "get",
    Catalogue(CatalogueArgs) = "catalogue",
    Dump(DumpArgs) = "dump",
    Verify(VerifyArgs) = "verify",
    Chain(ChainArgs) = "chain",
    Keys(KeysArgs) = "keys",
    Package(PackArgs) = "package",
    Unpackage(UnpackArgs) = "unpackage",
    Raw(RawArgs) = "raw",
    Token(TokenArgs) = "token",
    ResumePoint(ResumePointArgs) = "resume-point",
    Split(SplitArgs) = "split",
    Join(JoinArgs) = "join",
    Parity(ParityArgs) = "parity",
    Repair(RepairArgs) = "repair",
    Man(ManArgs) = "man",
    Completions(CompletionsArgs) = "completions",
}

/// A command line that was understood.
#[derive(Debug)]
pub(crate) enum Parsed {
    Command(Command),
    Change(ChangeArgs),
}

/// The whole command line.
pub(crate) fn command() -> clap::Command {
    Args::command().subcommands(change::commands())
}

/// Parses a command line, the program's name included.
///
/// # Errors
/// If it is wrong, or asks for help or the version, which are the error's text.
pub(crate) fn parse(line: &[OsString], color: ColorChoice) -> Result<Parsed, clap::Error> {
    // All subcommands take longer to set up than a small dataset to send. They are, to say why one alone refuses a line.
    if let Some(Ok(parsed)) = parse_alone(line) {
        return Ok(parsed);
    }
    let matches = command().color(color).try_get_matches_from(line)?;
    if let Some((name, words)) = matches.subcommand()
        && let Some(change) = change::parse(name, words)
    {
        return change.map(Parsed::Change);
    }
    Args::from_arg_matches(&matches).map(|args| Parsed::Command(args.command))
}

/// As [`parse`], with nothing set up but the subcommand that the line begins with; `None` if it begins with none.
fn parse_alone(line: &[OsString]) -> Option<Result<Parsed, clap::Error>> {
    let words = line.get(1..)?;
    let name = words.first()?.to_str()?;
    if let Some(parsed) = Command::alone(name, words) {
        return Some(parsed.map(Parsed::Command));
    }
    let command = Everywhere::augment_args(change::command_of(name)?);
    let matches = match command.try_get_matches_from(words) {
        Ok(matches) => matches,
        Err(error) => return Some(Err(error)),
    };
    change::parse(name, &matches).map(|change| change.map(Parsed::Change))
}

fn alone<A: ClapArgs>(name: &'static str, words: &[OsString]) -> Result<A, clap::Error> {
    let command = Everywhere::augment_args(A::augment_args(clap::Command::new(name)));
    A::from_arg_matches(&command.try_get_matches_from(words)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        ["zsend"].into_iter().chain(line.split(' ')).map(OsString::from).collect()
    }

    /// Words of a line, as they are understood if all subcommands are set up.
    fn whole(line: &str) -> String {
        // An option before the subcommand: then it is not set up alone.
        let line = format!("--color auto {line}");
        assert!(parse_alone(&words(&line)).is_none());
        format!("{:?}", parse(&words(&line), ColorChoice::Auto).expect("a right line"))
    }

    #[test]
    fn a_subcommand_alone_understands_what_the_whole_understands() {
        let lines = [
            "send tank/home@monday",
            "send -d a.img -d b.img -Lec -i @sunday --color never tank/home@monday -o out",
            "send --all -d a.img -o folder tank",
            "list -t snapshot -o name,used tank",
            "get all tank/home",
            "catalogue ls folder",
            "dump -v a.zsend",
            "verify --quick --all-faults a.zsend b.zsend",
            "chain a.zsend b.zsend",
            "resume-point cut.zsend",
            "convert --nvlist xdr a.zsend -o b.zsend",
            "recompress zstd-3 a.zsend",
            "drop-record 128,0 --color=always a.zsend",
            "pipe decompress a.zsend",
        ];
        for line in lines {
            let alone = parse_alone(&words(line)).expect("a subcommand").expect("a right line");
            assert_eq!(format!("{alone:?}"), whole(line), "{line}");
        }
    }

    #[test]
    fn every_subcommand_is_set_up_alone() {
        let whole = command();
        assert!(whole.get_subcommands().count() > 30);
        for subcommand in whole.get_subcommands() {
            for name in [subcommand.get_name()].into_iter().chain(subcommand.get_all_aliases()) {
                let parsed = parse_alone(&words(&format!("{name} --help"))).expect(name);
                assert_eq!(
                    parsed.expect_err("the help").kind(),
                    clap::error::ErrorKind::DisplayHelp
                );
            }
        }
    }

    #[test]
    fn what_one_alone_refuses_is_told_with_the_whole() {
        for (line, says) in [
            ("send", "Usage: zsend send"),
            ("send --nothing a", "Usage: zsend send"),
            ("send --color green a", "--color <WHEN>"),
            ("sned a", "'send'"),
            ("send --version", "--version"),
            ("recompress", "Usage: zsend recompress"),
            ("--version", VERSION),
        ] {
            let error = parse(&words(line), ColorChoice::Never).expect_err("a wrong line");
            assert!(error.to_string().contains(says), "{line}: {error}");
        }
    }
}
