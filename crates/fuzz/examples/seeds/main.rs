//! Makes the seed corpora in `fuzz/corpus` from the fixtures:
//! `cargo run --package zsend-fuzz --example seeds`.

mod streams;

use std::fs;
use std::path::{Path, PathBuf};
use zsend_ondisk::Order;
use zsend_ondisk::dnode::{DnodeBuilder, DnodePhys};
use zsend_pool::Zbookmark;
use zsend_pool::blkptr::{BlkPtr, Dva};
use zsend_pool::dmu::objset::Objset;
use zsend_pool::dsl::name::Name;
use zsend_pool::{OpenOptions, Pool};
use zsend_records::nvlist::NvList;
use zsend_records::types::{ByteswapKind, Compress, DmuType};

/// A seed larger than this teaches a fuzzer nothing that a smaller one does not.
const MOST: usize = 20 << 10;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    streams::streams()?;
    streams::edits()?;
    streams::parts()?;
    for (pool, image) in [("gang", "d0.img"), ("becrypt", "d0.img"), ("xmmp", "d0.img")] {
        let dir = zsend_testkit::images::unpack(&zsend_testkit::fixture(pool))?;
        labels(pool, &dir.join(image))?;
        blocks(pool, &dir)?;
    }
    space_maps("bdtl")?;
    codecs()?;
    levels()?;
    let dir = zsend_testkit::images::unpack(&zsend_testkit::fixture("xgpt"))?;
    let disk = fs::read(dir.join("d0.img"))?;
    save("gpt", "xgpt", &[&[0][..], &disk[..34 * 512]].concat())?;
    redaction()?;
    dsl()?;
    pools()?;
    objset()
}

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target)
}

fn save(target: &str, name: &str, bytes: &[u8]) -> Result<()> {
    if bytes.len() <= MOST {
        fs::create_dir_all(corpus(target))?;
        fs::write(corpus(target).join(name), bytes)?;
    }
    Ok(())
}

/// The list and the first uberblocks of a label.
fn labels(pool: &str, image: &Path) -> Result<()> {
    let bytes = fs::read(image)?;
    let (list, encoding, used) = NvList::decode_prefix(&bytes[16 << 10..128 << 10])?;
    save("label", pool, &bytes[16 << 10..(16 << 10) + used])?;
    save("nvlist", &format!("{pool}-label"), &list.encode(encoding)?)?;
    let ring = bytes[128 << 10..256 << 10].chunks(1024);
    let full = ring.filter(|slot| slot[..8].iter().any(|&b| b != 0)).take(3);
    let words: Vec<u8> = full.flat_map(|slot| &slot[..984]).copied().collect();
    save("uberblock", pool, &words)
}

/// Blocks of the MOS: dnodes, ZAPs, and one of each other type.
fn blocks(name: &str, dir: &Path) -> Result<()> {
    let options = OpenOptions::default().force(true);
    let found = zsend_pool::discover(&[dir.to_owned()], &zsend_pool::CancelToken::default())?;
    let pool = Pool::open_found(found.pools.first().ok_or("no pool")?, &options)?;
    let mos = pool.mos();
    if let Some(dnodes) = mos.block(mos.meta(), 0, 1)? {
        save("block", &format!("{name}-dnodes"), &[&[10][..], &dnodes[..8192]].concat())?;
        decrypt(name, &dnodes)?;
    }
    let root = mos.read_block(mos.root(), &Zbookmark::root(0))?;
    save("block", &format!("{name}-objset"), &[&[11][..], &root].concat())?;
    let mut seen = Vec::new();
    let mut zaps = 0;
    for object in 1..400 {
        let Ok(dnode) = mos.dnode(object) else { continue };
        let kind = dnode.object_type;
        let Some(first) = mos.block(&dnode, object, 0)? else { continue };
        if kind.byteswap() == Some(ByteswapKind::Zap) && zaps < 6 {
            let mut bytes = vec![u8::try_from(first.len().ilog2())?.saturating_sub(9)];
            for blkid in 0..=dnode.maxblkid.min(8) {
                bytes.extend(mos.block(&dnode, object, blkid)?.unwrap_or_default());
            }
            save("zap", &format!("{name}-{object}"), &bytes)?;
            zaps += usize::from(bytes.len() <= MOST);
        }
        if !seen.contains(&kind) {
            let part = &first[..first.len().min(4096)];
            save("block", &format!("{name}-{kind}"), &[&[kind.0][..], part].concat())?;
            seen.push(kind);
        }
    }
    Ok(())
}

/// The first space maps of a pool, metaslabs' and DTLs', and one of every kind of entry.
fn space_maps(name: &str) -> Result<()> {
    let dir = zsend_testkit::images::unpack(&zsend_testkit::fixture(name))?;
    let pool = Pool::open(&[dir], name, &OpenOptions::default())?;
    let mos = pool.mos();
    let mut seen = 0;
    for object in 1..400 {
        let Ok(dnode) = mos.dnode(object) else { continue };
        if dnode.object_type.0 != 8 || seen == 6 {
            continue;
        }
        let Some(first) = mos.block(&dnode, object, 0)? else { continue };
        let length = u64::from_le_bytes(dnode.bonus().get(8..16).unwrap_or(&[0; 8]).try_into()?);
        let log = &first[..usize::try_from(length)?.min(first.len()).min(2048)];
        save("space_map", &format!("{name}-{object}"), &[&[9][..], log].concat())?;
        seen += 1;
    }
    let entries = [0x28_0001_u64, 1 << 63 | 7, 3 << 62 | 0xff_ffff | 9 << 24, 1 << 40, 0x28_8000];
    let words: Vec<u8> = entries.iter().flat_map(|w| w.to_le_bytes()).collect();
    save("space_map", "kinds", &[&[0][..], &words].concat())
}

/// The smallest block of each codec.
fn codecs() -> Result<()> {
    let dir = zsend_testkit::images::unpack(&zsend_testkit::fixture("comp"))?;
    let pool = Pool::open(&[dir], "comp", &OpenOptions::default())?;
    let mut best: Vec<(Compress, u64, Vec<u8>)> = Vec::new();
    for (child, _) in pool.root_dir()?.children(pool.mos())?.items {
        if child.starts_with(['$', '%']) {
            continue;
        }
        let head = pool.head(&Name::parse(&format!("comp/{child}"))?.dataset)?;
        let Ok(os) = pool.objset(&head) else { continue };
        for object in 1..64 {
            let Ok(dnode) = os.dnode(object) else { continue };
            for bp in pointers(&os, &dnode)? {
                let usable = !bp.is_hole() && !bp.is_embedded() && bp.compress() != Compress::OFF;
                if !usable || best.iter().any(|(c, p, _)| *c == bp.compress() && *p <= bp.psize()) {
                    continue;
                }
                let stored = pool.zio().read_stored(&bp, &Zbookmark::default())?.data.to_vec();
                best.retain(|(c, ..)| *c != bp.compress());
                let sectors = u16::try_from(bp.lsize() / 512 - 1)?.to_le_bytes();
                let seed = [&[bp.compress().0], &sectors[..], &stored].concat();
                best.push((bp.compress(), bp.psize(), seed));
            }
        }
    }
    for (codec, _, seed) in best {
        save("decompress", &codec.name(), &seed)?;
    }
    Ok(())
}

/// A block with text, zeros and bytes that count, for some of the codecs and levels.
fn levels() -> Result<()> {
    let mut block = b"Pack my box with five dozen liquor jugs. ".repeat(20);
    block.extend([0; 300]);
    block.extend((0..=255).cycle().take(700));
    for (which, compression) in zsend_codec::Compression::all().enumerate() {
        if which % 5 == 1 {
            let which = u8::try_from(which)?;
            save("compress", &compression.to_string(), &[&[which, 0, 4][..], &block].concat())?;
        }
    }
    Ok(())
}

/// The block pointers that an object's dnode leads to, one level down.
fn pointers(os: &Objset, dnode: &zsend_pool::dmu::dnode::Dnode) -> Result<Vec<BlkPtr>> {
    let mut all = Vec::new();
    for bp in (0..3).filter_map(|i| dnode.blkptr(i)) {
        if bp.level() == 1 && !bp.is_hole() {
            let block = os.read_block(&bp, &Zbookmark::default())?;
            all.extend((0..8).filter_map(|i| BlkPtr::at(&block, i)));
        } else {
            all.push(bp);
        }
    }
    Ok(all)
}

/// A pointer without checksum to `sectors` at `sector`.
fn pointer(kind: u8, level: u32, sector: u64, sectors: u64) -> Vec<u8> {
    let bp = BlkPtr::builder()
        .object_type(DmuType(kind))
        .size(sectors * 512)
        .level(level)
        .dva(0, Dva::new(0, sector * 512, sectors * 512).expect("a small device"))
        .logical_birth(1);
    bp.build().expect("a small block").to_bytes(Order::Little).to_vec()
}

fn dnode(kind: u8, levels: u8, sectors: u16, maxblkid: u64, pointer: &[u8]) -> Vec<u8> {
    let core = DnodePhys {
        kind,
        indblkshift: 14,
        nlevels: levels,
        checksum: 2,
        compress: 2,
        flags: 1,
        datablkszsec: sectors.into(),
        maxblkid: maxblkid.into(),
        ..DnodePhys::default()
    };
    let pointers = BlkPtr::at(pointer, 0).into_iter().collect();
    let dnode = DnodeBuilder { core, pointers, ..DnodeBuilder::default() };
    dnode.build(Order::Little).expect("one pointer fits")
}

/// Redaction lists of three runs, of which the second ends with its object, one for each place that the
/// header may have.
fn redaction() -> Result<()> {
    let header = [u64::MAX, u64::MAX, 3, 2, 11, 22, 0, 0];
    let entries = [[3, 0, 256 << 48, 0], [3, 5, 256 << 48 | 2, 0], [7, 1, 1 << 48 | 9, 0]];
    let words = header.iter().chain(entries.as_flattened());
    let mut list: Vec<u8> = words.flat_map(|w: &u64| w.to_le_bytes()).collect();
    list.resize(64 + 512, 0);
    for (flags, name) in [(0, "bonus"), (1, "spill")] {
        save("redaction", name, &[&[flags][..], &list].concat())?;
    }
    Ok(())
}

/// A pool's top directory with a child that is a clone, their heads and a snapshot, and what these name: ZAPs
/// of children, snapshots, properties and bookmarks, and deadlists of either kind.
fn dsl() -> Result<()> {
    let object = |kind: u8, words: &[(usize, u64)], entries: &[(&str, u64)]| {
        let mut bonus = [0; 40];
        words.iter().for_each(|(i, word)| bonus[*i] = *word);
        let mut block: Vec<u8> = ((1_u64 << 63) + 3).to_le_bytes().to_vec();
        block.resize(64, 0);
        for (name, value) in entries {
            block.extend(value.to_le_bytes());
            block.extend([0; 6]);
            block.extend(name.as_bytes());
            block.resize(block.len().next_multiple_of(64), 0);
        }
        block.resize(512, 0);
        let bonus: Vec<u8> = bonus.iter().flat_map(|word: &u64| word.to_le_bytes()).collect();
        [&[kind][..], &bonus, &block].concat()
    };
    let all = [
        // Directories: head, parent, origin, children, properties.
        object(0, &[(1, 3), (4, 5), (10, 7)], &[]),
        object(2, &[(1, 4), (2, 1), (3, 8)], &[("com.datto:crypto_key_obj", 7)]),
        // Heads: directory, previous snapshot and its txg, names of snapshots, deadlist, bytes, guid.
        object(1, &[(0, 1), (1, 8), (2, 50), (4, 6), (7, 60), (8, 9), (9, 4096), (14, 11)], &[]),
        object(
            3,
            &[(0, 2), (1, 8), (2, 50), (7, 70), (8, 10), (9, 8192), (14, 12)],
            &[("com.delphix:bookmarks", 11), ("org.open-zfs:large_blocks", 0)],
        ),
        object(4, &[], &[("child", 2), ("$MOS", 1)]),
        object(5, &[], &[("monday", 8)]),
        object(6, &[], &[("recordsize", 131_072), ("dedup$recvd", 2), ("compression$inherit", 0)]),
        // The snapshot: its children make it one.
        object(1, &[(0, 1), (3, 3), (5, 2), (7, 50), (8, 10), (9, 2048), (14, 13)], &[]),
        object(7, &[(0, 512), (1, 512), (2, 1024)], &[("1", 10), ("32", 10)]),
        object(8, &[(0, 2), (1, 1024), (2, 1024), (3, 2048)], &[]),
        object(10, &[], &[("tuesday", 3)]),
        object(9, &[(0, u64::MAX), (1, u64::MAX), (2, 2), (3, 1), (4, 13)], &[]),
    ];
    save("dsl", "clone", &all.concat())?;
    save("dsl", "head", &all[..6].concat())
}

/// One change of each part of a pool, for each base: see `zsend_fuzz::pool`.
fn pools() -> Result<()> {
    const PARTS: u64 = 5;
    for base in 0..7_u8 {
        for part in 0..PARTS {
            // A variant of an enum is drawn by a word that is spread over all of them.
            let variant = u32::try_from((part << 32) / PARTS + 1)?.to_le_bytes();
            let object = [u8::try_from(part)? + 1, 0];
            let block: &[u8] = if part % 2 == 0 && part > 0 { &[0, 0] } else { &[] };
            let change =
                [&[base % 3], &object[..], &variant, block, &[64, 0, 1, 2, 3, 4, 0]].concat();
            // A small pool comes from the same bytes: of one disk, and without an object.
            let small: &[u8] = if base == 6 { &[0, 0, 0] } else { &[] };
            let seed = [&[base], small, &change].concat();
            save("pool", &format!("{base}-{part}"), &seed)?;
            if part > 0 {
                save("props", &format!("{base}-{part}"), &seed)?;
            }
        }
    }
    Ok(())
}

/// A block of dnodes with bonuses that are encrypted, of one slot and of two, and free slots.
fn decrypt(name: &str, dnodes: &[u8]) -> Result<()> {
    const SA: u8 = 44;
    let made = |slots: u8, bonus: usize, spill: bool| {
        let core = DnodePhys {
            kind: 19,
            nlevels: 1,
            bonustype: SA,
            datablkszsec: 1.into(),
            extra_slots: slots - 1,
            ..DnodePhys::default()
        };
        let dnode = DnodeBuilder {
            core,
            pointers: vec![BlkPtr::default()],
            bonus: vec![3; bonus],
            spill: spill.then(BlkPtr::default),
        };
        dnode.build(Order::Little)
    };
    let block = [made(1, 168, false)?, vec![0; 512], made(2, 700, true)?, made(1, 0, false)?];
    save("decrypt", "made", &[&[0][..], &block.concat()].concat())?;
    for flags in 0..4 {
        save("decrypt", &format!("{name}-{flags}"), &[&[flags][..], &dnodes[..8192]].concat())?;
    }
    Ok(())
}

/// An object set of a micro ZAP, and a gang header, both made by hand.
fn objset() -> Result<()> {
    let mut device = vec![0; 4 << 10];
    device[..512].copy_from_slice(&dnode(10, 1, 32, 0, &pointer(10, 0, 2, 32)));
    device[704] = 2;
    device.truncate(1024);
    let mut dnodes = vec![0; 16 << 10];
    dnodes[512..1024].copy_from_slice(&dnode(21, 1, 1, 0, &pointer(21, 0, 34, 1)));
    dnodes[1024..1536].copy_from_slice(&dnode(19, 2, 1, 9, &pointer(19, 1, 2, 32)));
    device.extend(dnodes);
    let mut zap = vec![0; 512];
    zap[..8].copy_from_slice(&((1_u64 << 63) + 3).to_le_bytes());
    zap[64] = 7;
    zap[78..82].copy_from_slice(b"ROOT");
    device.extend(zap);
    save("objset", "little", &[&[0][..], &device].concat())?;

    let children = [pointer(0, 0, 2, 1), pointer(0, 0, 3, 1), vec![0; 128]].concat();
    let mut gang = vec![0, 1];
    gang.extend(children);
    gang.resize(2 + 4 * 512, 7);
    save("gang", "small", &gang)
}
