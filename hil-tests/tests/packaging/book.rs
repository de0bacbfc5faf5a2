//! The book: its table of contents is whole, its links lead somewhere, its examples are good.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use hil_tests::lab::our_program;

use crate::blocks::{How, blocks};
use crate::install::empty;
use crate::units::root;

fn pages() -> BTreeSet<String> {
    let dir = std::fs::read_dir(root().join("docs")).expect("in the repository");
    let names = dir.map(|e| e.expect("readable").file_name().to_string_lossy().into_owned());
    names.filter(|n| n.ends_with(".md")).collect()
}

fn text(page: &str) -> String {
    std::fs::read_to_string(root().join("docs").join(page)).unwrap_or_else(|e| panic!("{page}: {e}"))
}

/// Where the links of a text lead, without what is in fences.
fn links(text: &str) -> Vec<String> {
    let mut fenced = false;
    let mut found = Vec::new();
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        if !fenced {
            found.extend(line.split("](").skip(1).filter_map(|l| l.split(')').next()).map(str::to_owned));
        }
    }
    found
}

/// A heading as a fragment.
fn fragments(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|l| l.starts_with('#')).map(|l| l.trim_start_matches('#').trim());
    let fragment = |h: &str| {
        let kept = h.to_lowercase().replace(' ', "-");
        kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
    };
    headings.map(fragment).collect()
}

#[test]
fn every_page_is_in_the_book_once() {
    let summary = text("SUMMARY.md");
    let listed = links(&summary);
    let once: BTreeSet<_> = listed.iter().cloned().collect();
    assert_eq!(once.len(), listed.len(), "a page is listed twice: {listed:?}");
    let mut wanted = pages();
    wanted.insert("monitoring/README.md".to_owned());
    wanted.remove("SUMMARY.md");
    assert_eq!(once, wanted, "docs/SUMMARY.md lists other pages than there are");
    let toml = std::fs::read_to_string(root().join("book.toml")).expect("in the repository");
    for line in ["src = \"docs\"", "create-missing = false", "use-default-preprocessors = false"] {
        assert!(toml.contains(line), "book.toml lacks: {line}");
    }
}

#[test]
fn links_lead_somewhere() {
    let mut seen = 0;
    for page in pages().iter().map(String::as_str).chain(["../README.md"]) {
        for link in links(&text(page)) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, fragment) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() { page.to_owned() } else { file.to_owned() };
            // In the README links begin at the repository.
            let base = if page.starts_with("..") && !file.is_empty() { root() } else { root().join("docs") };
            let there = base.join(&target);
            assert!(there.exists(), "{page}: {link} leads nowhere");
            if !fragment.is_empty() {
                let there = std::fs::read_to_string(&there).expect("a page");
                assert!(fragments(&there).contains(fragment), "{page}: {link}: there is no such heading");
            }
            seen += 1;
        }
    }
    assert!(seen > 60, "only {seen} links");
}

/// Each configuration of the guides, checked by the program that reads it.
#[test]
fn configurations_of_the_guides_are_good() {
    let dir = empty("guides");
    let mut files = 0;
    for page in ["quickstart.md", "guide-trading-floor.md", "guide-fronthaul.md", "interworking.md"] {
        for block in blocks(&root().join("docs").join(page)) {
            let How::File { path, .. } = &block.how else { continue };
            let name = Path::new(path).file_name().expect("a file").to_string_lossy().into_owned();
            let file = dir.join(format!("{files}-{name}"));
            std::fs::write(&file, &block.text).expect("target is ours");
            check(&file, &name, &format!("{page}:{}", block.line));
            files += 1;
        }
    }
    assert!(files >= 8, "only {files} files");
}

/// Has a file checked by its program.
fn check(file: &Path, name: &str, place: &str) {
    let program = name.trim_end_matches(".yaml");
    let mut command = Command::new(our_program(program).unwrap_or_else(|e| panic!("{e}")));
    match program {
        "ptpd" => command.arg("check").arg(file),
        _ => command.arg("-f").arg(file).arg("--check"),
    };
    let output = command.env("ESCAPEMENT_PROFILES", root().join("profiles")).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{place}: {said}");
    assert!(!said.contains("warning"), "{place} leaves its profile: {said}");
}
