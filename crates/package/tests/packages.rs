//! Whole packages of fixtures: what the header says, which streams come in which order, and where a package
//! goes on.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[path = "../examples/replicate.rs"]
mod replicate;

use replicate::replicate;
use zsend_package::{
    Omission, Package, PackageError, PackageNotice, PackageOptions, PackageRefusal,
};
use zsend_pool::{Name, Zbookmark};
use zsend_pool::{OpenOptions, Pool};
use zsend_records::drr::Begin;
use zsend_records::nvlist::NvList;
use zsend_records::reader::StreamReader;
use zsend_testkit::pool::MendedPool;
use zsend_traverse::{CancelToken, Notice, ResumePosition, SendOptions};

fn pool(fixture: &str) -> Pool {
    let images = zsend_testkit::images::unpack(&zsend_testkit::fixture(fixture)).unwrap();
    Pool::open(&[images], fixture, &OpenOptions::default()).unwrap()
}

fn names(package: &Package<'_>) -> Vec<String> {
    package.members().map(|member| member.name).collect()
}

fn written(package: &Package<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    package.write(&mut out, &CancelToken::default(), |_| {}).unwrap();
    out
}

/// Names of the streams in a package, as their BEGINs have them, and the list of the header.
fn read(stream: &[u8]) -> (Vec<String>, NvList) {
    let (mut tonames, mut list) = (Vec::new(), None);
    for record in StreamReader::new(stream) {
        let record = record.unwrap();
        if let Some(begin) = record.header.body_as::<Begin<_>>() {
            if list.is_none() {
                list = Some(NvList::decode(&record.payload).unwrap().0);
            }
            tonames.push(String::from_utf8_lossy(begin.toname()).into_owned());
        }
    }
    (tonames.split_off(1), list.unwrap())
}

#[test]
fn datasets_come_in_the_order_of_the_header_and_their_snapshots_by_age() {
    let pool = pool("basic");
    let options = PackageOptions::default().with_replicate(true);
    let package = Package::open(&pool, "basic@all", &options).unwrap();
    let stream = written(&package);
    assert_eq!(stream.len() as u64, package.size_with(streams(&package)));
    let (tonames, header) = read(&stream);
    assert_eq!(tonames, names(&package));
    let fss = header.list("fss").unwrap();
    let listed: Vec<_> =
        fss.iter().map(|(key, _)| fss.list(key).unwrap().str("name").unwrap().to_owned()).collect();
    let mut sent: Vec<_> =
        tonames.iter().map(|name| name.split('@').next().unwrap().to_owned()).collect();
    sent.dedup();
    // The clone comes after its origin, and was listed behind it.
    assert_eq!(sent, listed);
    assert!(
        tonames.iter().position(|n| n == "basic/fs@b")
            < tonames.iter().position(|n| n == "basic/cl@x")
    );
}

fn streams(package: &Package<'_>) -> u64 {
    let size =
        |index| package.plan(index).unwrap().exact_size(&CancelToken::default()).unwrap().bytes();
    package.members().map(|member| size(member.index)).sum()
}

#[test]
fn a_package_goes_on_behind_a_snapshot_and_inside_a_stream() {
    let pool = pool("basic");
    let options = PackageOptions::default().with_replicate(true).with_holds(true);
    let open = || Package::open(&pool, "basic/fs@c", &options).unwrap();
    let whole = written(&open());
    let (all, header) = read(&whole);
    assert_eq!(all, ["basic/fs@a", "basic/fs@b", "basic/fs@c"]);
    // Behind a snapshot: the same header, and the very bytes of what is left.
    let mut rest = Vec::new();
    let sent = replicate(&pool, "basic/fs@c", Some("basic/fs@a"), &mut rest).unwrap();
    assert_eq!((sent.streams, sent.bytes), (2, rest.len() as u64));
    let (left, again) = read(&rest);
    assert_eq!((left, again), (all[1..].to_vec(), header));
    let head = usize::try_from(open().header_size()).unwrap();
    assert_eq!(rest[..head], whole[..head]);
    assert!(whole.ends_with(&rest[head..]));
    // Inside a stream: a place of each that the send says it can be resumed at.
    let package = open();
    let mut tokens = Vec::new();
    let mut at = 0;
    package
        .write(std::io::sink(), &CancelToken::default(), |notice| match notice {
            PackageNotice::Stream(member) => at = member.index,
            PackageNotice::Send(Notice::Progress(progress)) if progress.position.is_some() => {
                tokens.push((at, progress));
            }
            _ => {}
        })
        .unwrap();
    for (at, progress) in tokens.iter().step_by(tokens.len().div_ceil(6)) {
        let token = package.plan(*at).unwrap().token_at(progress).encode().unwrap();
        let mut rest = Vec::new();
        replicate(&pool, "basic/fs@c", Some(&token), &mut rest).unwrap();
        let (left, again) = read(&rest);
        assert_eq!((left, &again), (all[*at..].to_vec(), &read(&whole).1));
        // What comes behind the resumed stream is what came before.
        let plan = package.plan(*at).unwrap();
        let resumed = open().continue_from(&plan.token_at(progress)).unwrap();
        let resumed = resumed.plan(*at).unwrap().exact_size(&CancelToken::default()).unwrap();
        let behind = head + usize::try_from(resumed.bytes()).unwrap();
        assert!(whole.ends_with(&rest[behind..]), "stream {at}, {progress:?}");
    }
    assert!(tokens.iter().any(|(at, _)| *at > 0));
    // The last one leaves nothing, and what is not in the package is refused.
    let refused = |name: &str| match open().continue_after(name) {
        Err(PackageError::Refused(why)) => why,
        other => panic!("{other:?}"),
    };
    assert!(matches!(refused("basic/fs@c"), PackageRefusal::Nothing(_)));
    assert!(matches!(refused("basic/fs@all"), PackageRefusal::NotInPackage(_)));
}

#[test]
fn a_raw_package_goes_on_in_a_dataset_that_is_not_encrypted() {
    // What the receiver's token says then: embedded and compressed, and not raw.
    let pool = pool("basic");
    let raw = SendOptions::default().with_raw(true);
    let options = PackageOptions::new(raw).with_replicate(true);
    let open = || Package::open(&pool, "basic/fs@c", &options).unwrap();
    let (package, mut tokens) = (open(), Vec::new());
    let mut at = 0;
    let mut whole = Vec::new();
    package
        .write(&mut whole, &CancelToken::default(), |notice| match notice {
            PackageNotice::Stream(member) => at = member.index,
            PackageNotice::Send(Notice::Progress(progress)) if progress.position.is_some() => {
                tokens.push(open().plan(at).unwrap().token_at(&progress));
            }
            _ => {}
        })
        .unwrap();
    let mut token = tokens[tokens.len() / 2].clone();
    // The receiver's token, and the sender's own.
    for rawok in [false, true] {
        token.rawok = rawok;
        let rest = written(&open().continue_from(&token).unwrap());
        assert!(rest.len() < whole.len() && whole.ends_with(&rest[rest.len() - 1000..]));
    }
    // Without -w it is none of these.
    let plain = PackageOptions::default().with_replicate(true);
    let plain = Package::open(&pool, "basic/fs@c", &plain).unwrap();
    let refused = plain.continue_from(&token).unwrap_err();
    assert!(
        matches!(refused, PackageError::Refused(PackageRefusal::OtherFlags { .. })),
        "{refused}"
    );
}

#[test]
fn what_is_left_out_is_named() {
    let pool = pool("basic");
    let options = PackageOptions::default().with_replicate(true);
    let open = |name: &str, options: &PackageOptions| Package::open(&pool, name, options);
    // Snapshots that are younger are not sent.
    let package = open("basic/fs@b", &options).unwrap();
    let younger: Vec<String> = package.omitted().iter().map(ToString::to_string).collect();
    assert_eq!(
        younger[0],
        "skipping snapshot basic/fs@c because it was created after the destination snapshot (b)"
    );
    assert!(package.omitted().iter().all(|o| o.is_detail() && !o.is_failure()));
    // A source that is younger.
    let from = options.clone().with_source(Some("@all"));
    let Err(PackageError::Refused(PackageRefusal::LeftOut(why))) = open("basic/fs@b", &from) else {
        panic!("sent");
    };
    assert!(why.contains("incremental source (basic/fs@all) is not earlier than it"), "{why}");
    // Names that begin alike are not excluded.
    let without = options.with_excluded(vec!["basic/fs".into(), "basic/vo".into()]);
    let package = open("basic@all", &without).unwrap();
    let names = names(&package);
    assert!(names.iter().all(|name| !name.starts_with("basic/fs")));
    assert!(names.iter().any(|name| name.starts_with("basic/vol")));
}

#[test]
fn an_encrypted_dataset_is_refused_unless_it_is_raw() {
    let pool = pool("crypt");
    let options = PackageOptions::default().with_replicate(true);
    let refused = Package::open(&pool, "crypt/raw@b", &options).unwrap_err().to_string();
    assert!(refused.starts_with(
        "cannot send crypt/raw@b: encrypted dataset crypt/raw may not be sent with properties \
         without the raw flag\n"
    ));
    let raw = PackageOptions::new(SendOptions::default().with_raw(true)).with_replicate(true);
    let package = Package::open(&pool, "crypt/raw@b", &raw).unwrap();
    let (_, header) = read(&written(&package));
    assert!(header.contains("raw"));
    let fss = header.list("fss").unwrap();
    let roots: Vec<_> = fss
        .iter()
        .map(|(key, _)| fss.list(key).unwrap())
        .filter(|entry| entry.contains("is_encroot"))
        .map(|entry| entry.str("name").unwrap())
        .collect();
    assert_eq!(roots, ["crypt/raw"]);
    // Where a raw package goes on below its top, a stream of the top leads it.
    let rest = Package::open(&pool, "crypt/raw@b", &raw).unwrap();
    let rest = rest.continue_after("crypt/raw/child@a").unwrap();
    assert_eq!(names(&rest), ["crypt/raw@b", "crypt/raw/child@b"]);
    let (tonames, again) = read(&written(&rest));
    assert_eq!((tonames, again.contains("raw")), (names(&rest), true));
    let rest = Package::open(&pool, "crypt/raw@b", &raw).unwrap();
    let rest = rest.continue_after("crypt/raw@a").unwrap();
    assert_eq!(names(&rest)[0], "crypt/raw@b");
    // The clone lacks the snapshot, and is younger than it.
    assert!(package.omitted().iter().any(|omission| matches!(
        omission,
        Omission::LaterDataset { name, .. } if name == "crypt/raw/clone"
    )));
}

/// The object of a dataset or snapshot in the MOS, by its name.
fn object(pool: &Pool, name: &str) -> u64 {
    pool.dataset(&Name::parse(name).unwrap()).unwrap().object
}

/// The pool `basic` with one object of its MOS no longer what it was.
fn without(name: &str) -> Pool {
    let mut damaged = MendedPool::fixture("basic").unwrap();
    let object = object(&damaged.open().unwrap(), name);
    damaged.change_dnode(0, object, |slots| slots[4] = 0).unwrap();
    damaged.open().unwrap()
}

#[test]
fn what_cannot_be_read_costs_itself_and_is_named() {
    let options = PackageOptions::default().with_replicate(true);
    // The target of one child: the child, with the true reason.
    let pool = without("basic/vol@all");
    let package = Package::open(&pool, "basic@all", &options).unwrap();
    let [Omission::Unreadable { name, .. }] = package.omitted() else {
        panic!("{:?}", package.omitted());
    };
    assert_eq!(name, "basic/vol@all");
    assert!(!names(&package).iter().any(|name| name.starts_with("basic/vol@")));
    assert!(names(&package).contains(&"basic/fs@all".to_owned()));
    // The top's own: nothing is left.
    let pool = without("basic@all");
    assert!(Package::open(&pool, "basic@all", &options).is_err());
}

#[test]
fn an_incremental_package_is_whole_or_refused() {
    // A receiver that is forced destroys what the header lacks.
    let pool = without("basic/fs@b");
    let options = PackageOptions::default()
        .with_replicate(true)
        .with_source(Some("@a"))
        .with_intermediate(true);
    let refused = Package::open(&pool, "basic/fs@c", &options).unwrap_err();
    let PackageError::Refused(PackageRefusal::Incomplete { first, others: 0, .. }) = refused else {
        panic!("{refused}");
    };
    assert!(first.contains("basic/fs@b"), "{first}");
    let package = Package::open(&pool, "basic/fs@c", &options.with_incomplete(true)).unwrap();
    assert_eq!(names(&package), ["basic/fs@c"]);
}

#[test]
fn an_error_is_of_the_stream_that_it_ends() {
    let mut damaged = MendedPool::fixture("basic").unwrap();
    let pool = damaged.open().unwrap();
    let objset = object(&pool, "basic/fs@b");
    drop(pool);
    // Its object set is none any more, so that it cannot even be planned.
    damaged.change_block(Zbookmark::new(objset, 0, -1, 0), |root| root.fill(0)).unwrap();
    let pool = damaged.open().unwrap();
    let options = PackageOptions::default().with_replicate(true);
    let package = Package::open(&pool, "basic/fs@c", &options).unwrap();
    let mut begun = Vec::new();
    let ended = package.write(Vec::new(), &CancelToken::default(), |notice| {
        if let PackageNotice::Stream(member) = notice {
            begun.push(member.name.clone());
        }
    });
    assert!(ended.is_err());
    assert_eq!(begun, ["basic/fs@a", "basic/fs@b"]);
}

#[test]
fn a_place_in_each_stream_is_none_in_a_package() {
    let pool = pool("basic");
    let send = SendOptions::default().with_resume(ResumePosition::new(5, 0));
    let options = PackageOptions::new(send).with_replicate(true);
    let refused = Package::open(&pool, "basic@all", &options).unwrap_err();
    assert!(matches!(refused, PackageError::Refused(PackageRefusal::Resumed)), "{refused}");
}

#[test]
fn snapshots_are_left_out_by_name_too_and_patterns_are_none() {
    let pool = pool("basic");
    let options = |excluded: &str| {
        PackageOptions::default().with_replicate(true).with_excluded(vec![excluded.to_owned()])
    };
    let package = Package::open(&pool, "basic@all", &options("basic/fs@b")).unwrap();
    let left = names(&package);
    assert!(!left.contains(&"basic/fs@b".to_owned()) && left.contains(&"basic/fs@c".to_owned()));
    for bad in ["basic", "basic/*", "basic/vol#1", "basic/../vol", "basic/$ORIGIN", "basic//vol"] {
        let refused = Package::open(&pool, "basic@all", &options(bad)).unwrap_err();
        let is_named =
            matches!(&refused, PackageError::Refused(PackageRefusal::ExcludedName(n)) if n == bad);
        assert!(is_named, "{bad}: {refused}");
    }
}
