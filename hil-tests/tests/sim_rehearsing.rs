//! docs/rehearsing.md is true: its files are written, its commands are run.

use std::path::{Path, PathBuf};
use std::process::Command;

const TEXT: &str = include_str!("../../docs/rehearsing.md");

/// The fenced blocks of a kind, each with the file's name that stands before it, if there is one.
fn blocks(kind: &str) -> Vec<(Option<&str>, String)> {
    let mut found = Vec::new();
    let mut name = None;
    let mut block: Option<(bool, String)> = None;
    for line in TEXT.lines() {
        match &mut block {
            Some((wanted, text)) if line == "```" => {
                if *wanted {
                    found.push((name, std::mem::take(text)));
                }
                block = None;
                name = None;
            }
            Some((_, text)) => {
                text.push_str(line);
                text.push('\n');
            }
            None if line.starts_with("```") => block = Some((&line[3..] == kind, String::new())),
            None => {
                name = line
                    .strip_prefix('`')
                    .and_then(|l| l.strip_suffix("`:"))
                    .or(name.filter(|_| line.is_empty()))
            }
        }
    }
    found
}

#[test]
fn the_walk_through_can_be_walked() {
    let directory: PathBuf =
        std::env::temp_dir().join(format!("escapement-rehearsing-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let files = blocks("yaml");
    for (name, text) in &files {
        let file = directory.join(name.unwrap_or_else(|| panic!("which file is this?\n{text}")));
        std::fs::create_dir_all(file.parent().expect("one")).expect("a directory");
        std::fs::write(file, text).expect("written");
    }
    assert!(files.len() >= 6, "{files:?}");
    let mut commands = 0;
    for (_, block) in blocks("sh") {
        for line in block.lines() {
            let (command, remark) = line.split_once(" # ").unwrap_or((line, ""));
            let mut words = command.split_whitespace();
            assert_eq!(words.next(), Some("escapement-sim"), "{line}");
            let program = Path::new(env!("CARGO_BIN_EXE_escapement-sim"));
            let output = Command::new(program).current_dir(&directory).args(words).output().expect("runs");
            let wanted = remark.strip_prefix("exits ").map_or(0, |code| code.parse().expect("a number"));
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(wanted), "{line}\n{text}{complaint}");
            commands += 1;
        }
    }
    assert!(commands >= 7, "{commands}");
    for made in ["site.yaml", "site.html", "takeover.html", "backbone.pcap"] {
        assert!(directory.join(made).is_file(), "{made}");
    }
    std::fs::remove_dir_all(directory).expect("removed");
}

#[test]
fn every_word_of_the_format_is_documented() {
    let text = TEXT.replace('\n', " ");
    let source = ["read", "clocks", "steps", "expect", "model"].map(|file| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/sim/scenario/{file}.rs"));
        std::fs::read_to_string(path).expect("the source")
    });
    let mut words = 0;
    // Keys are what is asked for: reader.KIND(fields, "key") and take("key").
    for source in &source {
        for asked in source
            .split("f, \"")
            .skip(1)
            .chain(source.split("top, \"").skip(1))
            .chain(source.split("take(\"").skip(1))
        {
            let key = asked.split('"').next().unwrap_or("");
            words += 1;
            assert!(
                text.contains(&format!("`{key}"))
                    || text.contains(&format!(" {key}:"))
                    || text.contains(&format!("`, `{key}")),
                "`{key}` is not in docs/rehearsing.md"
            );
        }
    }
    assert!(words > 60, "{words}");
    for kind in hil_tests::sim::scenario::AttackKind::WORDS {
        assert!(text.contains(&format!("`{kind}`")), "`{kind}` is not in docs/rehearsing.md");
    }
}
