//! `api`: the public items of every crate that is published, in `docs/api`, and what differs from them.
//!
//! They are read from the pages that rustdoc makes: those know what macros make and where items are exported, and a stable
//! toolchain makes them. Of its JSON the format changes with most versions, and only nightly toolchains write it.

use crate::platforms::LIBRARIES;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use xtask::run::{cargo, root, succeed, target};

/// Runs the verb: compares, or with `--write` writes the lists anew.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let mut docs = cargo(&["doc", "--quiet", "--workspace", "--no-deps"]);
    docs.env("RUSTDOCFLAGS", "-D warnings");
    succeed(docs)?;
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => compare(),
        ["--write"] => write(),
        _ => Err("usage: api [--write]".to_owned()),
    }
}

/// Compares the pages that are there with the lists.
pub(crate) fn compare() -> Result<(), String> {
    let mut changes = String::new();
    for name in LIBRARIES {
        let (found, path) = (items(name)?, list(name));
        let known = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let (found, known): (BTreeSet<&str>, BTreeSet<&str>) =
            (found.lines().collect(), known.lines().collect());
        for (sign, lines) in [("-", known.difference(&found)), ("+", found.difference(&known))] {
            for line in lines {
                // Writing to a string does not fail.
                let _ = writeln!(changes, "{sign} {line}");
            }
        }
    }
    if changes.is_empty() {
        return Ok(());
    }
    Err(format!(
        "the public items are others than in docs/api:\n{changes}If that is meant, tell of it in CHANGELOG.md and \
         run `cargo xtask api --write`."
    ))
}

fn write() -> Result<(), String> {
    for name in LIBRARIES {
        let path = list(name);
        let folder = path.parent().unwrap_or(&path);
        fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        fs::write(&path, items(name)?).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    Ok(())
}

fn list(name: &str) -> PathBuf {
    root().join("docs/api").join(format!("{name}.txt"))
}

/// The items of a crate, one a line, in order.
fn items(name: &str) -> Result<String, String> {
    let mut lines = BTreeSet::new();
    let root = target().join("doc").join(format!("zsend_{name}"));
    let read =
        |path: &Path| fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()));
    // Pages of items that are gone may still be there, and no link leads to them.
    for link in links(&read(&root.join("all.html"))?, "") {
        let page = read(&root.join(&link))?;
        let is_type =
            ["struct.", "enum.", "union."].iter().any(|kind| file(&link).starts_with(kind));
        if is_type && !signatures(&page).any(|signature| signature.contains(" Debug for ")) {
            return Err(format!("zsend_{name}: {} has no Debug", item(&link)));
        }
        lines.extend(signatures(&page).map(|signature| format!("{} {signature}", item(&link))));
    }
    let mut modules = vec![String::new()];
    while let Some(module) = modules.pop() {
        let page = read(&root.join(&module).join("index.html"))?;
        let (exports, place) = (exports(&page), module.trim_end_matches('/').replace('/', "::"));
        lines.extend(exports.map(|export| format!("{place} {export}").trim_start().to_owned()));
        let inner = links(&page, " class=\"mod\"");
        modules
            .extend(inner.map(|link| format!("{module}{}", link.trim_end_matches("index.html"))));
    }
    if lines.len() < 5 {
        return Err(format!("zsend_{name}: rustdoc's pages have another form than is known here"));
    }
    Ok(lines.into_iter().fold(String::new(), |all, line| all + &line + "\n"))
}

/// Name of a page, as `struct.BlkPtr.html`.
fn file(link: &str) -> &str {
    link.rsplit_once('/').map_or(link, |(_, file)| file)
}

/// Path of an item by its page, as `blkptr::BlkPtr`.
fn item(link: &str) -> String {
    let name = file(link).split('.').nth(1).unwrap_or(link);
    let folder = link.rsplit_once('/').map_or("", |(folder, _)| folder).replace('/', "::");
    if folder.is_empty() { name.to_owned() } else { format!("{folder}::{name}") }
}

/// Links inside the crate whose tag has this, too.
fn links<'a>(page: &'a str, with: &'a str) -> impl Iterator<Item = String> + 'a {
    let tags = page.split("<a").skip(1).filter_map(|rest| rest.split_once('>'));
    tags.filter(move |(tag, _)| tag.contains(with)).filter_map(|(tag, _)| {
        let link = tag.split_once("href=\"")?.1.split_once('"')?.0;
        let is_item = link.ends_with(".html") && !link.starts_with("../") && !link.contains(':');
        let is_page = !with.is_empty() || link.contains('.') && !link.ends_with("index.html");
        (is_item && is_page && link != "all.html" && link != "help.html" && link != "settings.html")
            .then(|| link.to_owned())
    })
}

/// The item itself, its methods and its implementations of traits, from its page.
fn signatures(page: &str) -> impl Iterator<Item = String> + '_ {
    // What every type has, and what follows from its fields.
    let end = ["id=\"synthetic-implementations\"", "id=\"blanket-implementations\""]
        .iter()
        .filter_map(|mark| page.find(mark))
        .min()
        .unwrap_or(page.len());
    let page = &page[..end];
    let own = between(page, "<pre class=\"rust item-decl\">", "</pre>");
    let members = page.split("<section id=\"").skip(1).filter_map(|section| {
        let (tag, rest) = section.split_once('>')?;
        // Of a trait that is implemented, the name says all.
        if tag.contains("trait-impl") {
            return None;
        }
        let header = rest.split("<section id=").next()?;
        let (_, code) = header.split_once("class=\"code-header\">")?;
        code.split("</h").next()
    });
    own.chain(members).map(text)
}

/// Exports by a module of items of other modules and crates.
fn exports(page: &str) -> impl Iterator<Item = String> + '_ {
    between(page, "<code>", "</code>").map(text).filter(|text| text.starts_with("pub use "))
}

fn between<'a>(page: &'a str, start: &'a str, end: &'a str) -> impl Iterator<Item = &'a str> {
    page.split(start).skip(1).filter_map(move |rest| Some(rest.split_once(end)?.0))
}

/// Text without tags, on one line.
fn text(html: &str) -> String {
    let mut text = String::new();
    for part in html.split('<') {
        text += part.split_once('>').map_or(part, |(_, text)| text);
    }
    for (name, character) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&nbsp;", " "),
        ("&amp;", "&"),
    ] {
        text = text.replace(name, character);
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_gives_the_item_its_methods_and_traits() {
        let page = "<pre class=\"rust item-decl\"><code>#[non_exhaustive]\npub struct <a>Limits</a> { /* private */ }\
                    </code></pre><section id=\"method.of\" class=\"method\"><a>source</a><h4 class=\"code-header\">pub fn \
                    <a>of</a>(&amp;self) -&gt; <a>u64</a></h4></section><section id=\"impl-Clone-for-Limits\" class=\"impl\">\
                    <h3 class=\"code-header\">impl <a>Clone</a> for Limits</h3></section><section id=\"method.clone\" \
                    class=\"method trait-impl\"><h4 class=\"code-header\">fn clone(&amp;self)</h4></section>\
                    <h2 id=\"blanket-implementations\"><section id=\"impl-Any\" class=\"impl\"><h3 \
                    class=\"code-header\">impl Any</h3>";
        let found: Vec<String> = signatures(page).collect();
        assert_eq!(
            found,
            [
                "#[non_exhaustive] pub struct Limits { /* private */ }",
                "pub fn of(&self) -> u64",
                "impl Clone for Limits",
            ]
        );
        assert_eq!(item("blkptr/struct.BlkPtr.html"), "blkptr::BlkPtr");
        let page = "<a href=\"../help.html\">x</a><a class=\"mod\" href=\"dsl/index.html\">dsl</a>\
                    <a class=\"fn\" href=\"fn.f.html\">f</a><code>pub use bytes;</code><code>x</code>";
        assert_eq!(links(page, " class=\"mod\"").collect::<Vec<_>>(), ["dsl/index.html"]);
        assert_eq!(links(page, "").collect::<Vec<_>>(), ["fn.f.html"]);
        assert_eq!(exports(page).collect::<Vec<_>>(), ["pub use bytes;"]);
    }
}
