//! The linker's script.

use crate::functions::Functions;
use std::collections::HashMap;
use std::fmt::Write;

/// Number of runs that call a function.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Use {
    pub(crate) sends: usize,
    pub(crate) stored: usize,
}

impl Use {
    pub(crate) const fn is_any(self) -> bool {
        self.sends + self.stored > 0
    }
}

/// Place of a function among those that are used, the first ones first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    /// Most sends run it, and verbs for stored streams.
    Everywhere,
    /// Most sends run it, and nothing else.
    Sends,
    /// Some sends do.
    SomeSends,
    /// Verbs for stored streams run it.
    Stored,
}

impl Section {
    const ALL: [Self; 4] = [Self::Everywhere, Self::Sends, Self::SomeSends, Self::Stored];

    const fn of(count: Use, all_sends: usize) -> Option<Self> {
        match count {
            Use { sends: 0, stored: 0 } => None,
            Use { sends: 0, .. } => Some(Self::Stored),
            Use { sends, .. } if sends * 2 < all_sends => Some(Self::SomeSends),
            Use { stored: 0, .. } => Some(Self::Sends),
            Use { .. } => Some(Self::Everywhere),
        }
    }

    const fn describe(self) -> &'static str {
        match self {
            Self::Everywhere => "Of sends and of verbs for stored streams.",
            Self::Sends => "Of most sends.",
            Self::SomeSends => "Of some sends.",
            Self::Stored => "Of verbs for stored streams.",
        }
    }
}

const HEAD: &str = "\
/* Functions that sends run, and those of verbs for stored streams, in one place of the program: see crates/cli/build.rs.
   Made by `cargo xtask layout`. Names that the program has no more do no harm. */
SECTIONS
{
  .text.first :
  {
";
/// Functions that a machine with newer instructions runs. Callgrind has none.
const NEWER: &str = "    *(.text.*zsend_metal* .text.*sha2*x86*)\n";

/// The script that puts the used functions before the others.
pub(crate) fn script(functions: &Functions, uses: &[Use], all_sends: usize) -> String {
    let mut groups: HashMap<String, Group<'_>> = HashMap::new();
    for ((name, size), &count) in functions.iter().zip(uses) {
        let group = groups.entry(pattern(name)).or_default();
        group.bytes += size;
        if let Some(place) = Section::of(count, all_sends) {
            group.used_bytes += size;
            group.used.push((place, name));
        }
    }
    let mut lines: Vec<(Section, String)> = Vec::new();
    let mut wide: Vec<String> = Vec::new();
    for (pattern, group) in groups {
        let Some(first) = group.used.iter().map(|(place, _)| *place).min() else { continue };
        if group.used_bytes * 2 >= group.bytes {
            lines.push((first, pattern));
        } else {
            lines.extend(group.used.iter().map(|(place, name)| (*place, in_any_unit(name))));
            wide.push(pattern);
        }
    }
    lines.sort();
    lines.dedup();
    wide.sort();
    let mut text = HEAD.to_owned();
    for place in Section::ALL {
        let _ = writeln!(text, "    /* {} */", place.describe());
        for (_, pattern) in lines.iter().filter(|(of, _)| *of == place) {
            text += &section(pattern);
        }
        if place == Section::Sends {
            text += NEWER;
        }
    }
    text += "    /* Found by these where another compiler gives other numbers: those above that have one, and their namesakes of\n       \
             other types. */\n";
    text.extend(wide.iter().map(|pattern| section(pattern)));
    text += "  }\n}\nINSERT BEFORE .text;\n";
    text
}

/// Functions whose names differ in what changes with the compiler.
#[derive(Debug, Default)]
struct Group<'a> {
    bytes: u64,
    used_bytes: u64,
    used: Vec<(Section, &'a str)>,
}

/// The sections of a function, in words of the script. What is rarely called lies in one of the second name.
fn section(pattern: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.*".contains(c);
    let pattern: String = pattern.chars().map(|c| if plain(c) { c } else { '?' }).collect();
    format!("    *(.text.{pattern} .text.unlikely.{pattern})\n")
}

/// A function's name with `*` for what changes with the compiler and with releases: the hash behind a name, that of a
/// crate before one, and the version in the names of aws-lc.
fn pattern(name: &str) -> String {
    let is_hash =
        |text: &str| text.len() >= 16 && text.bytes().take(16).all(|b| b.is_ascii_hexdigit());
    if let Some((before, _)) = name.split_once("17h").filter(|(_, behind)| is_hash(behind)) {
        return format!("{before}17h*");
    }
    if let Some(rest) = name.strip_prefix("aws_lc_") {
        let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_');
        return format!("aws_lc_*_{rest}");
    }
    if !name.starts_with("_R") {
        return name.to_owned();
    }
    let mut pattern = String::new();
    let name = in_any_unit(name);
    let mut rest = name.as_str();
    // A crate is `Cs`, a hash, `_` and its name.
    while let Some((before, behind)) = rest.split_once("Cs") {
        pattern += before;
        pattern += "Cs";
        let hash = behind.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(behind.len());
        if behind[hash..].starts_with('_') {
            pattern += "*";
            rest = &behind[hash..];
        } else {
            rest = behind;
        }
    }
    pattern + rest
}

/// A function's name with `*` for the number behind it, which it has where units of code share it.
fn in_any_unit(name: &str) -> String {
    name.split_once(".llvm.").map_or_else(|| name.to_owned(), |(name, _)| format!("{name}*"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_what_changes() {
        let names = [
            ("_ZN5zsend4main17h5ec03c5f56e0e4d7E", "_ZN5zsend4main17h*"),
            ("_ZN5zsend4main17h5ec03c5f56e0e4d7E.llvm.123", "_ZN5zsend4main17h*"),
            ("_RNvNtCsjrHSEGnQ3l9_3std6thread4park", "_RNvNtCs*_3std6thread4park"),
            ("_RNvCsAb1_3std4main.llvm.364", "_RNvCs*_3std4main*"),
            ("_RNvXCsAb1_4core3fmtCsZ9_3std", "_RNvXCs*_4core3fmtCs*_3std"),
            ("aws_lc_0_47_0_EVP_aead", "aws_lc_*_EVP_aead"),
            ("ZSTD_decompress", "ZSTD_decompress"),
        ];
        for (name, want) in names {
            assert_eq!(pattern(name), want);
        }
    }

    #[test]
    fn functions_lie_in_the_order_of_their_use() {
        let list = "0 0000000000000010 t _ZN1a1a17h0000000000000001E\n\
                    0 0000000000000010 t _ZN1a1b17h0000000000000002E\n\
                    0 0000000000000010 t _ZN1a$3drop17h0000000000000003E.llvm.7\n\
                    0 0000000000000100 t _ZN1a$3drop17h0000000000000004E\n\
                    0 0000000000000010 t _ZN1a1c17h0000000000000005E\n\
                    0 0000000000000010 t _ZN1a1d17h0000000000000006E\n";
        let functions = Functions::listed(list);
        let used = |sends, stored| Use { sends, stored };
        let uses = [used(0, 1), used(4, 2), used(3, 0), used(0, 0), used(1, 1), used(0, 0)];
        let text = script(&functions, &uses, 4);
        let names: Vec<&str> = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("*(.text."))
            .filter_map(|line| line.split(' ').next())
            .collect();
        assert_eq!(
            names,
            [
                "_ZN1a1b17h*",
                // The name alone would bring the other one with it.
                "_ZN1a?3drop17h0000000000000003E*",
                "*zsend_metal*",
                "_ZN1a1c17h*",
                "_ZN1a1a17h*",
                "_ZN1a?3drop17h*",
            ]
        );
        assert!(text.ends_with("INSERT BEFORE .text;\n"));
    }
}
