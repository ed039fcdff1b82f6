//! Rules of a file, and what keeps them.

use glob::{MatchOptions, Pattern};
use serde::Deserialize;
use zsend_records::flags::Features;
use zsend_records::nvlist::NvValue;
use zsend_records::types::ObjsetType;

/// A pattern of names: `*` within a component, `**` over several.
const MATCH: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// The file, as it is written. A rule that is not there allows everything.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RulesFile {
    types: Option<Vec<Type>>,
    features: Option<Vec<String>>,
    raw: Option<Demand>,
    incremental: Option<Demand>,
    datasets: Option<Vec<String>>,
    snapshots: Option<Vec<String>>,
    holds: Option<Demand>,
    properties: Option<Properties>,
    mountpoints: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Properties {
    allow: Option<Vec<String>>,
    #[serde(default)]
    deny: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Type {
    Filesystem,
    Volume,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Demand {
    Required,
    Allowed,
    Refused,
}

/// Rules.
#[derive(Debug)]
pub(super) struct Rules {
    types: Option<Vec<Type>>,
    features: Option<Features>,
    raw: Option<Demand>,
    incremental: Option<Demand>,
    datasets: Option<Vec<Pattern>>,
    snapshots: Option<Vec<Pattern>>,
    holds: Option<Demand>,
    allowed: Option<Vec<Pattern>>,
    denied: Vec<Pattern>,
    mountpoints: Option<Vec<Pattern>>,
}

fn patterns(texts: Vec<String>) -> Result<Vec<Pattern>, String> {
    let parse = |text: String| Pattern::new(&text).map_err(|e| format!("pattern '{text}': {e}"));
    texts.into_iter().map(parse).collect()
}

fn matches(patterns: &[Pattern], name: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches_with(name, MATCH))
}

impl Rules {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let file: RulesFile = toml::from_str(text).map_err(|e| e.to_string())?;
        let feature = |name: String| {
            Features::from_name(&name).ok_or_else(|| format!("'{name}' is no feature"))
        };
        let features = file.features.map(|names| names.into_iter().map(feature).collect());
        let properties = file.properties.unwrap_or_default();
        if file.holds == Some(Demand::Required) {
            return Err("holds is \"allowed\" or \"refused\"".into());
        }
        Ok(Self {
            types: file.types,
            features: features.transpose()?,
            raw: file.raw,
            incremental: file.incremental,
            datasets: file.datasets.map(patterns).transpose()?,
            snapshots: file.snapshots.map(patterns).transpose()?,
            holds: file.holds,
            allowed: properties.allow.map(patterns).transpose()?,
            denied: patterns(properties.deny)?,
            mountpoints: file.mountpoints.map(patterns).transpose()?,
        })
    }

    pub(super) fn check_type(&self, found: ObjsetType) -> Result<(), String> {
        let Some(types) = &self.types else { return Ok(()) };
        let is_allowed = match found {
            ObjsetType::ZFS => types.contains(&Type::Filesystem),
            ObjsetType::ZVOL => types.contains(&Type::Volume),
            _ => false,
        };
        if is_allowed { Ok(()) } else { Err(format!("types: the stream is of a {found}")) }
    }

    pub(super) fn check_features(&self, found: Features) -> Result<(), String> {
        let Some(allowed) = self.features else { return Ok(()) };
        let others = found.difference(allowed);
        if others.is_empty() { Ok(()) } else { Err(format!("features: the stream has {others}")) }
    }

    pub(super) fn check_kind(&self, features: Features, is_increment: bool) -> Result<(), String> {
        check(self.raw, features.contains(Features::RAW), "raw: the stream")?;
        check(self.incremental, is_increment, "incremental: the stream")
    }

    pub(super) fn check_holds(&self, name: &str, has: bool) -> Result<(), String> {
        // That there are none is no fault where they may be.
        match (self.holds, has) {
            (Some(Demand::Refused), true) => Err(format!("holds: {name} has some")),
            _ => Ok(()),
        }
    }

    /// Judges a snapshot by its full name.
    pub(super) fn check_snapshot(&self, toname: &str) -> Result<(), String> {
        let (dataset, snapshot) = toname.split_once('@').unwrap_or((toname, ""));
        self.check_dataset(dataset)?;
        match &self.snapshots {
            Some(patterns) if !matches(patterns, snapshot) => {
                Err(format!("snapshots: '{toname}' has a name that no pattern has"))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn check_dataset(&self, name: &str) -> Result<(), String> {
        match &self.datasets {
            Some(patterns) if !matches(patterns, name) || !is_straight(name) => {
                Err(format!("datasets: '{name}' is a name that no pattern has"))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn check_property(
        &self,
        of: &str,
        property: &str,
        value: &NvValue,
    ) -> Result<(), String> {
        // Values come with their source, or alone.
        let value = match value {
            NvValue::List(list) => list.get("value").unwrap_or(value),
            other => other,
        };
        let shown = match value {
            NvValue::String(text) => text.to_string(),
            NvValue::Uint64(number) => number.to_string(),
            _ => String::new(),
        };
        if matches(&self.denied, property) {
            return Err(format!("properties.deny: {of} has {property}={shown}"));
        }
        let is_allowed = self.allowed.as_ref().is_none_or(|allowed| matches(allowed, property));
        if !is_allowed {
            return Err(format!("properties.allow: {of} has {property}={shown}"));
        }
        let Some(mountpoints) = &self.mountpoints else { return Ok(()) };
        if property != "mountpoint" {
            return Ok(());
        }
        if !is_straight(&shown) {
            return Err(format!(
                "mountpoints: {of} has {shown}, which leads elsewhere than it says"
            ));
        }
        match matches(mountpoints, &shown) {
            true => Ok(()),
            false => Err(format!("mountpoints: {of} has {shown}")),
        }
    }
}

/// Returns true for a name that has no step aside or back: a pattern fits the letters of a name.
fn is_straight(name: &str) -> bool {
    let name = name.strip_prefix('/').unwrap_or(name);
    name.is_empty() || name.split('/').all(|step| !["", ".", ".."].contains(&step))
}

fn check(choice: Option<Demand>, is: bool, what: &str) -> Result<(), String> {
    match (choice, is) {
        (Some(Demand::Required), false) => Err(format!("{what} is not")),
        (Some(Demand::Refused), true) => Err(format!("{what} is")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;

    const RULES: &str = r#"
types = ["filesystem"]
features = ["LZ4", "COMPRESSED", "EMBED_DATA"]
raw = "refused"
datasets = ["tank/home", "tank/home/**"]
snapshots = ["daily-*"]
holds = "refused"
mountpoints = ["/srv/**", "none"]

[properties]
deny = ["sharenfs", "*:*"]
"#;

    #[test]
    fn every_rule_is_asked() {
        let rules = Rules::parse(RULES).unwrap();
        assert!(rules.check_type(ObjsetType::ZFS).is_ok());
        assert!(rules.check_type(ObjsetType::ZVOL).is_err());
        assert!(rules.check_type(ObjsetType::META).is_err());
        assert!(rules.check_features(Features::LZ4 | Features::COMPRESSED).is_ok());
        let unknown = Features::from_bits_retain(1 << 40);
        for strange in [Features::RAW, Features::LARGE_BLOCKS | Features::LZ4, unknown] {
            assert!(rules.check_features(strange).unwrap_err().starts_with("features: "));
        }
        assert!(rules.check_kind(Features::RAW, false).unwrap_err().starts_with("raw: "));
        assert!(rules.check_kind(Features::empty(), true).is_ok());
        for (name, is_kept) in [
            ("tank/home@daily-1", true),
            ("tank/home/a/b@daily-2", true),
            ("tank/home@weekly", false),
            ("tank/homes@daily-1", false),
            ("tank@daily-1", false),
            ("tank/home/..@daily-1", false),
            ("", false),
        ] {
            assert_eq!(rules.check_snapshot(name).is_ok(), is_kept, "{name}");
        }
        assert!(rules.check_holds("tank/home", true).is_err());
        let text = |text: &str| NvValue::String(text.into());
        for (property, value, is_kept) in [
            ("compression", text("lz4"), true),
            ("sharenfs", text("on"), false),
            ("my:own", text("x"), false),
            ("mountpoint", text("/srv/home"), true),
            ("mountpoint", text("none"), true),
            ("mountpoint", text("/etc"), false),
            ("mountpoint", text("/srv/../etc"), false),
            ("mountpoint", text("/srv/a/.."), false),
            ("mountpoint", text("/srv/./a"), false),
            ("mountpoint", text("/srv//a"), false),
            ("mountpoint", text("/srv/..a/b."), true),
            ("mountpoint", NvValue::Uint64(1), false),
        ] {
            assert_eq!(rules.check_property("x", property, &value).is_ok(), is_kept, "{property}");
        }
        let mut list = zsend_records::nvlist::NvList::new();
        list.insert("value", text("/etc"));
        assert!(rules.check_property("x", "mountpoint", &NvValue::List(list)).is_err());
    }

    #[test]
    fn what_is_required_has_to_be_and_no_rule_allows_all() {
        let rules = Rules::parse("raw = \"required\"\nincremental = \"required\"").unwrap();
        assert!(rules.check_kind(Features::empty(), true).is_err());
        assert!(rules.check_kind(Features::RAW, false).is_err());
        assert!(rules.check_kind(Features::RAW, true).is_ok());
        let none = Rules::parse("").unwrap();
        assert!(none.check_type(ObjsetType::META).is_ok() && none.check_snapshot("").is_ok());
        let allow = Rules::parse("properties.allow = [\"comp*\"]").unwrap();
        let value = NvValue::Uint64(1);
        assert!(allow.check_property("x", "compression", &value).is_ok());
        assert!(allow.check_property("x", "quota", &value).is_err());
    }

    #[test]
    fn a_file_with_what_is_no_rule_is_refused() {
        for text in
            ["type = []", "raw = true", "features = [\"LZ5\"]", "datasets = [\"a**b\"]", "="]
        {
            assert!(Rules::parse(text).is_err(), "{text}");
        }
    }
}
