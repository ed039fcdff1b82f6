//! Pools of many datasets or snapshots: the start of a package, and `--all` beside single sends.

use crate::make::MadePool;
use crate::measure::{self, Line, Programs, Took, in_turn};
use crate::options::Options;
use crate::table::{Table, row};
use std::fs;
use std::path::Path;

/// A package that starts with a long list.
struct Package {
    what: &'static str,
    /// Target, below the pool.
    target: &'static str,
    pool: MadePool,
}

const PACKAGES: [Package; 2] = [
    Package {
        what: "-R of 10,000 datasets",
        target: "many@s",
        pool: MadePool {
            name: "pmany",
            compression: "lz4",
            place: "many.img",
            vdevs: 1,
            sizes: "MANY=9999 BIG=0 VOL=0 SMALL=0 VDEVMB=3589",
        },
    },
    Package {
        what: "-R of 2,000 snapshots",
        target: "snaps@s1999",
        pool: MadePool {
            name: "psnaps",
            compression: "lz4",
            place: "snaps.img",
            vdevs: 1,
            sizes: "SNAPS=2000 BIG=0 VOL=0 SMALL=0 VDEVMB=773",
        },
    },
];

/// A figure of a run.
type Figure = fn(Took) -> f64;

/// Datasets of the pool that `--all` sends.
const FILES: usize = 300;
const ALL: &str = "--all of 300 datasets, to files";
const ALL_POOL: MadePool = MadePool {
    name: "pall",
    compression: "lz4",
    place: "all.img",
    vdevs: 1,
    sizes: "FILES=300 BIG=0 VOL=0 SMALL=0 VDEVMB=1285",
};

impl Package {
    /// Names of the rows: start, whole, memory.
    fn rows(&self) -> [String; 3] {
        ["first byte", "whole", "peak memory"].map(|end| format!("{}: {end}", self.what))
    }

    fn is_wanted(&self, options: &Options) -> bool {
        options.wants(&self.rows().each_ref().map(String::as_str))
    }

    fn measure(
        &self,
        programs: &Programs,
        dir: &Path,
        options: &Options,
        table: &mut Table<'_>,
    ) -> Result<(), String> {
        let image = dir.join(self.pool.place);
        let line = |zsend: &Path| {
            let target = format!("{}/{}", self.pool.name, self.target);
            measure::ours(zsend, std::slice::from_ref(&image), &["-R".to_owned()], &target)
        };
        // A build of before there were packages refuses the flag.
        let before = options.before().map(line).filter(|l| measure::exact(l).is_ok());
        let lines = [Some(line(&programs.zsend)), before];
        let sides = measure::sides(lines.iter().flatten(), options);
        let mut took = in_turn("pipe", std::slice::from_ref(&image), &sides)?.into_iter();
        let ours = took.next().ok_or("no run of our own")?;
        let before = took.next();
        let figures: [(&str, Figure); 3] = [
            ("ms", |t| t.first_byte * 1e3),
            ("s", |t| t.first_byte + t.seconds),
            ("MiB", |t| t.peak_kib / 1024.0),
        ];
        for (name, (unit, figure)) in self.rows().iter().zip(figures) {
            let other = before.map(|t| (measure::BEFORE, figure(t)));
            table.push(row(name, unit, figure(ours), other));
        }
        Ok(())
    }
}

/// Pools of the rows that are asked for.
pub(super) fn pools(options: &Options) -> impl Iterator<Item = &'static MadePool> {
    let packages = PACKAGES.iter().filter(|p| p.is_wanted(options)).map(|p| &p.pool);
    packages.chain(options.wants(&[ALL]).then_some(&ALL_POOL))
}

/// Measures the rows that are asked for, as far as their pools are there.
pub(super) fn rows(
    programs: &Programs,
    dir: &Path,
    options: &Options,
    table: &mut Table<'_>,
) -> Result<(), String> {
    let is_there = |pool: &MadePool| measure::is_there(&dir.join(pool.place));
    for package in PACKAGES.iter().filter(|p| p.is_wanted(options) && is_there(&p.pool)) {
        package.measure(programs, dir, options, table)?;
    }
    if options.wants(&[ALL]) && is_there(&ALL_POOL) {
        all(programs, dir, options, table)?;
    }
    Ok(())
}

/// `--all` into an empty folder, beside one `send -o` after another.
fn all(
    programs: &Programs,
    dir: &Path,
    options: &Options,
    table: &mut Table<'_>,
) -> Result<(), String> {
    let image = dir.join(ALL_POOL.place);
    let folder = dir.join("all");
    let script = |commands: &str| -> Line {
        let (zsend, image, out) = (&programs.zsend, &image, &folder);
        let begin = format!(
            "set -e; rm -rf '{out}'; mkdir '{out}'; send() {{ '{zsend}' send -d '{image}' \"$@\"; }}; ",
            out = out.display(),
            zsend = zsend.display(),
            image = image.display(),
        );
        vec!["sh".into(), "-c".into(), begin + commands]
    };
    let out = folder.display();
    let pool = ALL_POOL.name;
    let each = format!(
        "i=0; while [ $i -lt {FILES} ]; do send {pool}/f$i@s -o '{out}'/$i; i=$((i+1)); done"
    );
    let lines = [script(&format!("send --all -o '{out}' {pool}")), script(&each)];
    let sides = measure::sides(&lines, options);
    let took = in_turn("null", std::slice::from_ref(&image), &sides)?;
    fs::remove_dir_all(&folder).map_err(|e| format!("{out}: {e}"))?;
    let other = took.get(1).map(|t| ("300 sends", t.seconds));
    table.push(row(ALL, "s", took[0].seconds, other));
    Ok(())
}
