//! Numbers and times as `zfs` prints them.

/// Returns a number with a binary suffix in at most five characters: `11.3M`.
///
/// Follows `zfs_nicenum_format()`, OpenZFS `lib/libzutil/zutil_nicenum.c`, zfs-2.3.2.
pub fn nice_number(number: u64) -> String {
    const UNITS: [&str; 7] = ["", "K", "M", "G", "T", "P", "E"];
    let index = (0..UNITS.len()).rev().find(|&i| number >> (10 * i) != 0).unwrap_or_default();
    let unit = 1u64 << (10 * index);
    if number.is_multiple_of(unit) {
        return format!("{}{}", number / unit, UNITS[index]);
    }
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let value = number as f64 / unit as f64;
    let mut text = String::new();
    for digits in [2, 1, 0] {
        text = format!("{value:.digits$}{}", UNITS[index]);
        if text.len() <= 5 {
            break;
        }
    }
    text
}

/// Returns bytes as [`nice_number`], and those below 1024 with a `B`.
pub fn nice_bytes(bytes: u64) -> String {
    let text = nice_number(bytes);
    if bytes < 1024 { format!("{text}B") } else { text }
}

/// Returns a time, seconds since 1970, in the words of `zfs list`, with seconds if wanted.
pub fn date(seconds: u64, with_seconds: bool) -> String {
    let time = i64::try_from(seconds).ok().and_then(|s| chrono::DateTime::from_timestamp(s, 0));
    let format = if with_seconds { "%a %b %e %k:%M:%S %Y" } else { "%a %b %e %k:%M %Y" };
    match time {
        Some(time) => time.with_timezone(&chrono::Local).format(format).to_string(),
        None => seconds.to_string(),
    }
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
        assert_eq!(nice_number(0), "0");
        assert_eq!(nice_number(994 << 10), "994K");
    }
}
