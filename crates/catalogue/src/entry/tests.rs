use super::*;
use crate::settings::Settings;
use proptest::prelude::*;

/// An entry of any values that a run may give.
pub(crate) fn entry() -> impl Strategy<Value = Entry> {
    let name = "[a-zA-Z][a-zA-Z0-9_:. /é\"\\\\-]{0,40}";
    let numbers = any::<(u64, u64, u64, u64, u64, u64, u64)>();
    let source = prop::option::of((name, any::<u64>()));
    (name, name, source, prop::option::of(any::<u64>()), numbers, "(L|)(e|)(c|)(w|)").prop_map(
        |(dataset, snapshot, source, keyguid, numbers, flags)| {
            let (guid, createtxg, creation, size, records, replaced, poolguid) = numbers;
            let (from, fromguid) = source.unzip();
            let key = Key { poolguid, guid, createtxg };
            Entry {
                file: file_name::of(
                    &dataset,
                    &snapshot,
                    &key,
                    fromguid,
                    &Settings::new(flags.as_str(), "openzfs"),
                ),
                blake3: blake3::hash(dataset.as_bytes()).to_hex().to_string(),
                flags,
                guid,
                fromguid,
                size,
                records,
                replaced,
                keyguid,
                createtxg,
                creation,
                poolguid,
                dataset,
                snapshot,
                from,
                ..Entry::default()
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_line_gives_back_what_it_was_made_of(entry in entry()) {
        let line = entry.to_line();
        prop_assert!(line.ends_with('\n') && line.matches('\n').count() == 1);
        prop_assert!(line.len() <= MAX_LINE);
        prop_assert_eq!(Entry::parse(line.as_bytes()), Ok(entry));
    }
}

/// A line that is right, for changes.
fn line() -> String {
    let key = Key { poolguid: 9, guid: u64::MAX, createtxg: 4 };
    let entry = Entry {
        dataset: "tank/fs".to_owned(),
        snapshot: "a".to_owned(),
        guid: key.guid,
        createtxg: key.createtxg,
        poolguid: key.poolguid,
        file: file_name::of("tank/fs", "a", &key, None, &Settings::new("", "openzfs")),
        blake3: "0".repeat(64),
        ..Entry::default()
    };
    entry.to_line()
}

#[test]
fn guids_are_strings() {
    assert!(line().contains(r#""guid":"18446744073709551615""#), "{}", line());
}

#[test]
fn hostile_lines_are_refused_by_name() {
    let good = line();
    Entry::parse(good.as_bytes()).unwrap();
    let file = Entry::parse(good.as_bytes()).unwrap().file;
    for (from, to, name) in [
        (file.as_str(), "../../etc/passwd.zsend", "file"),
        (&file, "/etc/x.zsend", "file"),
        (&file, "a/b.zsend", "file"),
        (&file, "..", "file"),
        (&file, "catalogue.jsonl", "file"),
        (&file, "a\\u0000.zsend", "file"),
        ("tank/fs", "", "dataset"),
        ("tank/fs", "t\\u001b[2Jank", "dataset"),
        ("openzfs", "other", "dialect"),
        (r#""flags":"""#, r#""flags":"cL""#, "flags"),
        (r#""flags":"""#, r#""flags":"LL""#, "flags"),
        ("00000000000000000000000000000000", "G0000000000000000000000000000000", "blake3"),
        (r#""from":null"#, r#""from":"tank/fs@0""#, "from"),
        (r#""fromguid":null"#, r#""fromguid":"1""#, "from"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from}");
        match Entry::parse(bad.as_bytes()) {
            Err(LineError::Field { name: found, .. }) => assert_eq!(found, name, "{to}"),
            other => panic!("{to}: {other:?}"),
        }
    }
    for (from, to) in [
        (r#""size":0"#, r#""size":-1"#),
        (r#""size":0"#, r#""size":1.5"#),
        (r#""size":0"#, r#""size":0,"size":0"#),
        (r#""size":0"#, r#""size":0,"more":0"#),
        (r#""size":0,"#, ""),
        (r#""guid":"18446744073709551615""#, r#""guid":18446744073709551615"#),
        (r#""guid":"18446744073709551615""#, r#""guid":"18446744073709551616""#),
        (r#""guid":"18446744073709551615""#, r#""guid":"+1""#),
        (r#""guid":"18446744073709551615""#, r#""guid":"""#),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from}");
        let refused = Entry::parse(bad.as_bytes());
        assert!(matches!(refused, Err(LineError::Shape(_))), "{to}: {refused:?}");
    }
    let newer = good.replacen(r#""version":1"#, r#""version":2,"new":[]"#, 1);
    assert_eq!(Entry::parse(newer.as_bytes()), Err(LineError::Version(2)));
    // It is said as it stands, however large.
    let newer = good.replacen(r#""version":1"#, r#""version":1099511627776"#, 1);
    assert_eq!(Entry::parse(newer.as_bytes()), Err(LineError::Version(1 << 40)));
    for bad in ["", "{", "\0\0\0", "\u{feff}{}", "{}x", &"[".repeat(8000)] {
        assert!(matches!(Entry::parse(bad.as_bytes()), Err(LineError::NotJson(_))), "{bad:?}");
    }
    for bad in ["{}", "[]", "null", "7", "\"x\""] {
        assert!(matches!(Entry::parse(bad.as_bytes()), Err(LineError::Shape(_))), "{bad:?}");
    }
    let long = good.replacen("tank/fs", &"x".repeat(MAX_LINE), 1);
    assert_eq!(Entry::parse(long.as_bytes()), Err(LineError::TooLong));
}
