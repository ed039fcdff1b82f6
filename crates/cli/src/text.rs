//! Numbers, times and tables as `zfs` prints them.

/// Bytes with a binary suffix in at most five characters: `11.3M`.
///
/// Follows `zfs_nicenum_format()`, OpenZFS `lib/libzutil/zutil_nicenum.c`, zfs-2.3.2.
pub(crate) fn nice_bytes(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["", "K", "M", "G", "T", "P", "E"];
    let index = (0..UNITS.len()).rev().find(|&i| bytes >> (10 * i) != 0).unwrap_or(0);
    let unit = 1u64 << (10 * index);
    if index == 0 {
        return format!("{bytes}B");
    }
    if bytes.is_multiple_of(unit) {
        return format!("{}{}", bytes / unit, UNITS[index]);
    }
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let value = bytes as f64 / unit as f64;
    let mut text = String::new();
    for digits in [2, 1, 0] {
        text = format!("{value:.digits$}{}", UNITS[index]);
        if text.len() <= 5 {
            break;
        }
    }
    text
}

/// A number of things: `1 block`, `2 blocks`.
pub(crate) fn count(number: u64, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// A time in the words of `zfs list`, or with `exact` in seconds since 1970.
pub(crate) fn creation(seconds: u64, exact: bool) -> String {
    let time = i64::try_from(seconds).ok().and_then(|s| chrono::DateTime::from_timestamp(s, 0));
    match time {
        Some(time) if !exact => {
            time.with_timezone(&chrono::Local).format("%a %b %e %H:%M %Y").to_string()
        }
        _ => seconds.to_string(),
    }
}

/// Lines of equally many cells as a table of even columns; `scripted` puts tabs between them.
pub(crate) fn aligned(lines: &[Vec<String>], scripted: bool) -> String {
    let count = lines.first().map_or(0, Vec::len);
    let width = |i: usize| lines.iter().filter_map(|l| l.get(i)).map(String::len).max();
    let widths: Vec<usize> = (0..count).map(|i| width(i).unwrap_or(0)).collect();
    let mut text = String::new();
    for line in lines {
        if scripted {
            text += &line.join("\t");
        } else {
            let cells = line.iter().zip(&widths).map(|(cell, w)| format!("{cell:w$}"));
            text += cells.collect::<Vec<_>>().join("  ").trim_end();
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_at_most_five_characters() {
        let cases = [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1K"),
            (1536, "1.50K"),
            (11_876_640, "11.3M"),
            (7_282_680, "6.95M"),
            (1_048_575, "1024K"),
            (u64::MAX, "16.0E"),
        ];
        for (bytes, text) in cases {
            assert_eq!(nice_bytes(bytes), text);
        }
    }
}
