//! Numbers and tables as `zfs` prints them.

/// A number of things: `1 block`, `2 blocks`.
pub(crate) fn count(number: u64, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// The head of a column.
pub(crate) struct Head {
    pub(crate) text: String,
    /// The column is justified to the right.
    pub(crate) is_right: bool,
    /// Its width, whatever is in it.
    pub(crate) width: Option<usize>,
}

impl Head {
    /// The head of a column of text, as wide as it needs.
    pub(crate) fn of(text: &str) -> Self {
        Self { text: text.to_owned(), is_right: false, width: None }
    }
}

/// Rows of cells as a table of even columns, two spaces apart; `scripted` leaves out the heading, and
/// puts tabs between them.
pub(crate) fn table(
    head: Vec<Head>,
    rows: impl IntoIterator<Item = Vec<String>>,
    scripted: bool,
) -> String {
    let mut lines = vec![head.iter().map(|head| head.text.clone()).collect()];
    lines.extend(rows);
    if scripted {
        return lines.iter().skip(1).map(|line| line.join("\t") + "\n").collect();
    }
    let length = |cell: &String| cell.chars().count();
    let widest = |i: usize| lines.iter().filter_map(|line| line.get(i)).map(length).max();
    let width = |(i, head): (usize, &Head)| head.width.or(widest(i)).unwrap_or_default();
    let widths: Vec<usize> = head.iter().enumerate().map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let cells = line.iter().zip(&widths).zip(&head).map(|((cell, width), head)| {
            if head.is_right { format!("{cell:>width$}") } else { format!("{cell:width$}") }
        });
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}

/// Text that stays in its line, whatever names are in it: nothing in it moves the cursor of a terminal.
pub(crate) fn one_line(text: &str) -> String {
    escaped(text, |_| false)
}

/// Text with control characters, which names may have, as escapes; but for those that are kept.
pub(crate) fn escaped(text: &str, is_kept: impl Fn(char) -> bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && !is_kept(c) {
            escaped.extend(c.escape_default());
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// A number in a table, in which zero stands for none.
pub(crate) fn or_dash(number: u64) -> String {
    if number == 0 { "-".to_owned() } else { number.to_string() }
}
