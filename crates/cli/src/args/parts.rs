//! Arguments of the verbs that keep a stream in parts.

use super::number;
use clap::Args as ClapArgs;
use std::path::PathBuf;

/// Units of a size, each 1024 times the one before.
const UNITS: &str = "KMGTP";

fn size(text: &str) -> Result<u64, String> {
    let unit = text.chars().last().and_then(|last| UNITS.find(last.to_ascii_uppercase()));
    let (digits, shift) = match unit {
        Some(index) => (&text[..text.len() - 1], 10 * (index + 1)),
        None => (text, 0),
    };
    let size: u64 = number(digits)?;
    let unit = u32::try_from(shift).ok().and_then(|shift| 1_u64.checked_shl(shift));
    let bytes = unit.and_then(|unit| size.checked_mul(unit));
    bytes.filter(|&bytes| bytes > 0).ok_or_else(|| {
        "a size is a number above zero, with K, M, G, T or P behind it for powers of 1024"
            .to_owned()
    })
}

fn percent(text: &str) -> Result<u64, String> {
    let percent = number(text)?;
    if (1..=100).contains(&percent) { Ok(percent) } else { Err("from 1 to 100 are taken".into()) }
}

/// Cut a stream or package into parts, at the borders of records
///
/// DIR gets the parts, 000001.zpart and so on, and manifest.jsonl, which lists them with their BLAKE3. The same
/// stream and SIZE give the same parts. Every checksum of the stream is checked on the way. Nothing that is in DIR
/// is overwritten, unless it is the same.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  zsend split --size 4G monday.zsend /media/parts
  zsend send -d /images tank/home@monday | zsend split --size 100M - parts
  zsend split --part 7 monday.zsend parts              a part that was lost is made again
  zsend join --check parts")]
pub(crate) struct SplitArgs {
    /// Most bytes of a part, of which K, M, G, T and P are powers of 1024; with --part what the list in DIR says,
    /// if it is there
    #[arg(long, value_name = "SIZE", value_parser = size, required_unless_present = "part")]
    pub(crate) size: Option<u64>,
    /// Make this part again, from 1 on, and nothing else
    #[arg(long, value_name = "N", value_parser = number::<u64>)]
    pub(crate) part: Option<u64>,
    /// The stream; - is standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The folder, which is made if it is not there
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
}

/// Put the parts of a stream together again, or check them
///
/// No byte is written to standard output before it was checked: the first part by its hash, so that it is read twice, and what
/// is behind it record by record. With -o, FILE gets its name if all was right.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  zsend join /media/parts | zfs receive -s tank/home
  zsend join /media/parts -o monday.zsend
  zsend join --check /media/parts
  zsend join --check --part 7 --json /media/parts")]
pub(crate) struct JoinArgs {
    /// Write to a file, as zsend send -o does; - is standard output
    #[arg(short = 'o', value_name = "FILE", conflicts_with = "check")]
    pub(crate) output: Option<PathBuf>,
    /// Say of each part if it is whole, damaged or missing, and write nothing
    #[arg(long)]
    pub(crate) check: bool,
    /// With --check: this part alone, from 1 on; may be repeated
    #[arg(long = "part", value_name = "N", value_parser = number::<u64>, requires = "check")]
    pub(crate) parts: Vec<u64>,
    /// With --check: one JSON object for each part
    #[arg(long, requires = "check")]
    pub(crate) json: bool,
    /// The folder with the parts and their list
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
}

/// Add parity to the parts of a stream, by which parts and bytes that are lost can be made again
///
/// DIR gets parity-001.zpar and so on, no larger than a part may be, or 1 MiB. They hold a copy of the list, too.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  zsend parity --percent 10 /media/parts
  zsend repair /media/parts")]
pub(crate) struct ParityArgs {
    /// Parity for each hundred bytes of parts: as much of them may be lost
    #[arg(long, value_name = "N", value_parser = percent)]
    pub(crate) percent: u64,
    /// The folder with the parts and their list
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
}

/// Make again what is lost or damaged of the parts of a stream, by their parity
///
/// Each part is made beside the old one, checked, and then takes its name. If too much is lost, nothing is changed.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  zsend repair /media/parts
  zsend repair --json /media/parts && zsend join /media/parts -o monday.zsend")]
pub(crate) struct RepairArgs {
    /// One JSON object for each file that was repaired
    #[arg(long)]
    pub(crate) json: bool,
    /// The folder with the parts and their parity
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        let some = [("1", 1), ("312", 312), ("4K", 4096), ("100m", 100 << 20), ("4G", 4 << 30)];
        for (text, bytes) in some {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "0", "K", "-1", "1.5G", "4GiB", "16384P", "99999999999999999999", "é"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
