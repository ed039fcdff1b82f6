//! Names of the files that streams lie in.

use crate::catalogue::Key;
use crate::settings::Settings;

/// The end of every stream's file name.
pub const END: &str = ".zsend";

/// Most bytes of a file name that most file systems take.
const LONGEST: usize = 255;
/// Bytes that a name gets while its file is written: `.partial.1000.token`.
const LONGEST_END: usize = 19;

/// The file name of a stream: `DATASET@SNAPSHOT.GUID.ID.zsend`. The guid of the snapshot and the ID are
/// sixteen hexadecimal digits each; the ID is the beginning of BLAKE3 of all that tells two streams apart,
/// so that no two have one name. The names of dataset and snapshot are there for people: a slash is `+`, a
/// byte that is no letter, digit, `-` or `_` nor a dot within a name is `%` and two hexadecimal digits, as is
/// a colon, which on Windows stands before the name of another stream of bytes in the same file; and what is
/// too long is cut.
pub(crate) fn of(
    dataset: &str,
    snapshot: &str,
    key: &Key,
    fromguid: Option<u64>,
    settings: &Settings,
) -> String {
    whole(dataset, snapshot, format!(".{:016x}.{}{END}", key.guid, id(key, fromguid, settings)))
}

fn id(key: &Key, fromguid: Option<u64>, settings: &Settings) -> String {
    let mut hasher = blake3::Hasher::new();
    for number in [key.poolguid, key.guid, key.createtxg, fromguid.unwrap_or_default()] {
        hasher.update(&number.to_le_bytes());
    }
    // A full stream is none from a snapshot of guid zero.
    hasher.update(&[u8::from(fromguid.is_some())]);
    for text in [&settings.flags, &settings.dialect] {
        hasher.update(text.as_bytes()).update(&[0]);
    }
    let hash = hasher.finalize().to_hex();
    hash[..16].to_owned()
}

/// The file name of a stream that is known by its BEGIN alone: `DATASET@SNAPSHOT.GUID.zsend`, escaped and cut as those of a
/// catalogue, which have an ID behind the guid.
pub fn of_begin(dataset: &str, snapshot: &str, guid: u64) -> String {
    whole(dataset, snapshot, format!(".{guid:016x}{END}"))
}

fn whole(dataset: &str, snapshot: &str, end: String) -> String {
    let mut name = escape(dataset);
    name.push('@');
    name += &escape(snapshot);
    // All of it is ASCII.
    name.truncate(LONGEST - LONGEST_END - end.len());
    name + &end
}

fn escape(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for (i, byte) in name.bytes().enumerate() {
        match byte {
            b'/' => escaped.push('+'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => escaped.push(char::from(byte)),
            b'.' if i > 0 => escaped.push('.'),
            _ => escaped += &format!("%{byte:02x}"),
        }
    }
    escaped
}

/// Returns true for a name that [`of`] may have given: one name in a folder, visible, and of a stream. Older
/// versions left a colon as it is.
pub(crate) fn is_one(name: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_:.+%@".contains(&b);
    name.len() <= LONGEST
        && name.ends_with(END)
        && !name.starts_with('.')
        && name.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = Key { poolguid: 1, guid: 0xab, createtxg: 3 };

    fn of(dataset: &str, snapshot: &str, key: &Key, fromguid: Option<u64>) -> String {
        super::of(dataset, snapshot, key, fromguid, &Settings::new("Lec", "openzfs"))
    }

    #[test]
    fn a_name_tells_people_what_it_is() {
        let name = of("tank/home/a.b", "mon:1", &KEY, None);
        assert!(name.starts_with("tank+home+a.b@mon%3a1.00000000000000ab."), "{name}");
        assert!(name.len() == "tank+home+a.b@mon%3a1".len() + 17 + 17 + 6 && is_one(&name));
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        for hostile in
            ["..", "/etc/passwd", "../../x", ".", "-rf", "a\0b", "a\nb", "é", ".hidden", ""]
        {
            let name = of(hostile, hostile, &KEY, Some(7));
            assert!(is_one(&name), "{hostile}: {name}");
        }
        let long = of(&"é".repeat(127), &"s".repeat(127), &KEY, None);
        assert!(is_one(&long) && long.len() == LONGEST - LONGEST_END, "{long}");
        for other in
            ["", "x", ".zsend", "../a.zsend", "a/b.zsend", "/a.zsend", "a b.zsend", "a\u{e9}.zsend"]
        {
            assert!(!is_one(other), "{other}");
        }
    }

    #[test]
    fn streams_that_differ_have_names_that_differ() {
        let mut names: Vec<String> =
            [None, Some(0), Some(1)].map(|from| of("t", "s", &KEY, from)).into();
        for key in [Key { poolguid: 2, ..KEY }, Key { guid: 2, ..KEY }, Key { createtxg: 2, ..KEY }]
        {
            names.push(of("t", "s", &key, None));
        }
        // Names that look alike once they are cut, or escaped, are of different snapshots.
        for (flags, dialect) in [("Le", "openzfs"), ("Lec", "illumos"), ("", "openzfs")] {
            names.push(super::of("t", "s", &KEY, None, &Settings::new(flags, dialect)));
        }
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 9);
    }
}
