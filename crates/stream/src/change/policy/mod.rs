//! `policy`: a stream goes on if it keeps the rules of a file, and ends before its first record if it does not.

mod rules;

use super::error::ChangeError;
use super::given::{Files, Given, GivenError, Operand, Verb};
use super::packet::Packet;
use super::transform::{Out, Transform};
use crate::begin_list::{BeginList, begin_list};
use rules::Rules;
use std::collections::BTreeSet;
use std::path::Path;
use zsend_records::drr::Begin;
use zsend_records::flags::Features;
use zsend_records::nvlist::{NvList, NvValue};
use zsend_records::reader::Role;
use zsend_records::zerocopy::byteorder::LE;

pub(super) static VERB: Verb = Verb {
    name: "policy",
    alias: None,
    about: "Pass a stream on if it keeps the rules of a file: what it is of, its features, names, properties",
    examples: &[
        "ssh host zfs send -R tank@monday | zsend policy rules.toml | zfs receive -d backup",
        "zsend policy rules.toml monday.zsend -o /dev/null && zfs receive tank/home < monday.zsend",
    ],
    operands: &[Operand {
        name: "RULES",
        help: "The file: TOML, as `docs/stored.md` has it",
        any: None,
    }],
    options: &[],
    files: Files::One,
    make,
};

/// Longest file of rules that is read.
const LONGEST: u64 = 1 << 20;

/// Holds streams to rules.
#[derive(Debug)]
struct PolicyCheck {
    rules: Rules,
    /// Guids of the snapshots that the header of a package tells of, if it tells of any.
    told: Option<BTreeSet<u64>>,
}

fn make(given: &Given) -> Result<Box<dyn Transform>, GivenError> {
    let path = given.operand(0, "RULES")?;
    let text = read(Path::new(path)).map_err(|e| GivenError::new(format!("{path}: {e}")))?;
    let rules = Rules::parse(&text).map_err(|why| GivenError::new(format!("{path}: {why}")))?;
    Ok(Box::new(PolicyCheck { rules, told: None }))
}

fn read(path: &Path) -> std::io::Result<String> {
    use std::io::{Error, Read};
    let mut text = String::new();
    std::fs::File::open(path)?.take(LONGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(Error::other(format!("longer than {LONGEST} bytes")));
    }
    Ok(text)
}

impl Transform for PolicyCheck {
    fn takes(&self) -> Features {
        Features::from_bits_retain(u64::MAX)
    }

    fn record(&mut self, packet: Packet, out: &mut Out) -> Result<(), ChangeError> {
        if let Some(begin) = packet.header.body_as::<Begin<LE>>() {
            let broken = match packet.role {
                Role::PackageBegin => self.package(&packet, begin),
                Role::Stream | Role::PackageHeaderEnd | Role::PackageEnd => self.stream(begin),
            };
            if let Err(why) = broken {
                return Err(ChangeError::Policy { origin: packet.origin, why });
            }
        }
        out.put(packet);
        Ok(())
    }
}

impl PolicyCheck {
    /// Judges a stream by its BEGIN.
    fn stream(&self, begin: &Begin<LE>) -> Result<(), String> {
        let rules = &self.rules;
        let guid = begin.toguid.get();
        if self.told.as_ref().is_some_and(|told| !told.contains(&guid)) {
            return Err(format!(
                "the package's header does not tell of the snapshot of guid {guid}"
            ));
        }
        let features = begin.features();
        rules.check_type(begin.objset_type())?;
        rules.check_features(features)?;
        rules.check_kind(features, begin.fromguid.get() != 0)?;
        rules.check_snapshot(&String::from_utf8_lossy(begin.toname()))
    }

    /// Judges a package by its header: the names of all that its list has, and their properties. What the list has in
    /// another form than senders write is not passed over: who receives it may read it otherwise.
    fn package(&mut self, packet: &Packet, begin: &Begin<LE>) -> Result<(), String> {
        self.told = None;
        let rules = &self.rules;
        rules.check_features(begin.features())?;
        rules.check_snapshot(&String::from_utf8_lossy(begin.toname()))?;
        let list = begin_list(packet.payload());
        let list = list.map_err(|e| format!("the package's list cannot be read: {e}"))?;
        let Some(BeginList { list, encoding, used }) = list else { return Ok(()) };
        // Of two pairs of one name, one is lost here.
        let packed = list.encode(encoding).map_err(|e| format!("the package's list: {e}"))?;
        if packet.payload().get(..used) != Some(&packed[..]) {
            return Err("the package's list is not as a sender packs it".into());
        }
        let mut told = BTreeSet::new();
        for (key, entry) in lists(list.list("fss").ok_or("the package's list has no fss")?) {
            let entry = entry.ok_or_else(|| format!("fss: {key} is no list"))?;
            let name = entry.str("name").ok_or_else(|| format!("fss: {key} has no name"))?;
            rules.check_dataset(name)?;
            for (property, value) in entry.list("props").into_iter().flat_map(NvList::iter) {
                rules.check_property(name, property, value)?;
            }
            for (snapshot, guid) in entry.list("snaps").into_iter().flat_map(NvList::iter) {
                rules.check_snapshot(&format!("{name}@{snapshot}"))?;
                let NvValue::Uint64(guid) = guid else {
                    return Err(format!("snaps: {name}@{snapshot} has no guid"));
                };
                told.insert(*guid);
            }
            for (snapshot, given) in entry.list("snapprops").into_iter().flat_map(lists) {
                let given = given.ok_or_else(|| format!("snapprops: {snapshot} is no list"))?;
                for (property, value) in given.iter() {
                    rules.check_property(&format!("{name}@{snapshot}"), property, value)?;
                }
            }
            if let Some(holds) = entry.list("snapholds") {
                rules.check_holds(name, holds.iter().next().is_some())?;
            }
        }
        self.told = Some(told);
        Ok(())
    }
}

/// The pairs of a list, each of which should be a list.
fn lists(list: &NvList) -> impl Iterator<Item = (&str, Option<&NvList>)> {
    list.iter().map(|(name, value)| match value {
        NvValue::List(inner) => (name, Some(inner)),
        _ => (name, None),
    })
}
