//! The functions of a program, and those that a run has called.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::process::Command;

/// Functions of a program, by their place in it.
#[derive(Debug, Default)]
pub(crate) struct Functions {
    /// Names as the linker has them, and sizes in bytes.
    all: Vec<(String, u64)>,
    numbers: HashMap<String, usize>,
}

impl Functions {
    /// Functions of a program that is not stripped, as `nm` lists them.
    pub(crate) fn of(program: &Path) -> Result<Self, String> {
        let mut nm = Command::new("nm");
        let out = nm.args(["--numeric-sort", "--print-size", "--defined-only"]).arg(program);
        let out = out.output().map_err(|e| format!("nm, of binutils: {e}"))?;
        if !out.status.success() {
            return Err(String::from_utf8_lossy(&out.stderr).into_owned());
        }
        Ok(Self::listed(&String::from_utf8_lossy(&out.stdout)))
    }

    /// Functions of a list of `nm`: of each an address, a size, a letter and a name.
    pub(crate) fn listed(text: &str) -> Self {
        let mut functions = Self::default();
        for line in text.lines() {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [_, size, "t" | "T" | "w" | "W", name] = fields[..] else { continue };
            let Ok(size) = u64::from_str_radix(size, 16) else { continue };
            functions.numbers.insert(name.to_owned(), functions.all.len());
            functions.all.push((name.to_owned(), size));
        }
        functions
    }

    pub(crate) const fn len(&self) -> usize {
        self.all.len()
    }

    /// Names and sizes.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.all.iter().map(|(name, size)| (name.as_str(), *size))
    }

    /// Numbers of the functions of a profile. Callgrind gives a function's name where it comes first, as `fn=(7) NAME`,
    /// or `cfn=` for one that is called.
    pub(crate) fn called(&self, profile: &str) -> Vec<usize> {
        let name = |line: &str| {
            let line = line.strip_prefix('c').unwrap_or(line);
            let (_, name) = line.strip_prefix("fn=(")?.split_once(") ")?;
            self.numbers.get(name).copied()
        };
        profile.lines().filter_map(name).collect::<BTreeSet<usize>>().into_iter().collect()
    }
}

/// Bytes of a section, by a list of `readelf --sections --wide`: of each a name, a type, an address, an offset, a size.
pub(crate) fn section_size(list: &str, name: &str) -> Option<u64> {
    let (_, behind) = list.split_once(&format!(" {name} "))?;
    u64::from_str_radix(behind.split_whitespace().nth(3)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_of_a_profile_are_found_by_name() {
        let list = "0000000000001000 0000000000000010 T main\n\
                    0000000000001010 0000000000000020 t _ZN1a1b17h0123456789abcdefE\n\
                    0000000000002000 0000000000000008 R table\n\
                    0000000000003000 t unsized\n";
        let functions = Functions::listed(list);
        let all: Vec<_> = functions.iter().collect();
        assert_eq!(all, [("main", 16), ("_ZN1a1b17h0123456789abcdefE", 32)]);
        let profile = "fl=(1) main.c\nfn=(1) main\n0 7\ncfn=(2) _ZN1a1b17h0123456789abcdefE\n\
                       calls=1 0\n0 5\n\nfn=(2)\n0 5\nfn=(3) malloc\n";
        assert_eq!(functions.called(profile), [0, 1]);
        assert_eq!(functions.called("fn=(1) other\n"), [0_usize; 0]);
    }

    #[test]
    fn a_section_has_its_size() {
        let list = "  [16] .text.first       PROGBITS        000000000018f900 18e900 3626b0 00  AX  0   0 64\n  \
                    [17] .text             PROGBITS        00000000004f1fc0 4f0fc0 453715 00  AX  0   0 64\n";
        assert_eq!(section_size(list, ".text.first"), Some(0x0036_26b0));
        assert_eq!(section_size(list, ".text"), Some(0x0045_3715));
        assert_eq!(section_size(list, ".first"), None);
    }
}
