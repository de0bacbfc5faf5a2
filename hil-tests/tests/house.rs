//! The house stays a house: the rules of docs/architecture.md, held against the code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A crate uses only floors below its own.
const FLOORS: &[(&str, u8)] = &[
    ("ptp-wire", 0),
    ("ptp-clock", 1),
    ("ptp-net", 1),
    ("ptp-servo", 1),
    ("ptp-gnss", 1),
    ("ptp-security", 1),
    ("ptp-evidence", 1),
    ("ptp-daemon", 2),
    ("ptp-management", 2),
    ("ptp-config", 2),
    ("ptp-bound", 2),
    ("ptp-program", 3),
    ("ptpd", 4),
    ("phc-sync", 5),
    ("ts2phc", 4),
    ("pmc", 5),
    ("hil-tests", 5),
];

/// Third-party crates that would bring I/O into rooms that have none.
const WITHOUT_IO: &[&str] = &["ptp-wire", "ptp-servo"];
const IO_CRATES: &[&str] = &["libc", "nix", "socket2", "serialport", "tracing", "tracing-subscriber"];

/// `unsafe` lives here and nowhere else.
const UNSAFE_ROOMS: &[&str] = &["crates/clock/", "crates/net/", "crates/daemon/"];

/// A file is one concept; beyond this many lines of code it is two.
const MAX_LINES: usize = 700;
/// From here on a file is named in the report.
const LONG_LINES: usize = 400;
/// Files that are tables, and so may be longer.
const TABLES: &[&str] = &["crates/wire/src/management/table.rs"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the workspace is there")
}

/// All files below the workspace with this extension, as paths relative to it.
fn files(extension: &str) -> Vec<String> {
    fn walk(dir: &Path, extension: &str, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).expect("the tree is readable").filter_map(Result::ok) {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if name.starts_with('.') || name == "target" {
                continue;
            }
            if path.is_dir() {
                walk(&path, extension, found);
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    let root = root();
    let mut found = Vec::new();
    walk(&root, extension, &mut found);
    let mut names: Vec<String> = found
        .iter()
        .map(|path| path.strip_prefix(&root).expect("it was found there").to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Rust source with comments and the insides of literals blanked; lines stay where they are.
fn code_of(source: &str) -> String {
    let bytes: Vec<char> = source.chars().collect();
    let at = |i: usize| bytes.get(i).copied().unwrap_or('\0');
    let mut code = String::with_capacity(source.len());
    let mut i = 0;
    let blank = |code: &mut String, c: char| code.push(if c == '\n' { '\n' } else { ' ' });
    while i < bytes.len() {
        let raw_hashes = if at(i) == 'r'
            && (i == 0 || !(at(i - 1).is_alphanumeric() || at(i - 1) == '_') || at(i - 1) == 'b')
        {
            let hashes = bytes[i + 1..].iter().take_while(|c| **c == '#').count();
            (at(i + 1 + hashes) == '"').then_some(hashes)
        } else {
            None
        };
        if at(i) == '/' && at(i + 1) == '/' {
            while i < bytes.len() && at(i) != '\n' {
                i += 1;
            }
        } else if at(i) == '/' && at(i + 1) == '*' {
            let mut depth = 0;
            loop {
                if at(i) == '/' && at(i + 1) == '*' {
                    depth += 1;
                    i += 1;
                } else if at(i) == '*' && at(i + 1) == '/' {
                    depth -= 1;
                    i += 1;
                }
                blank(&mut code, at(i));
                i += 1;
                if depth == 0 || i >= bytes.len() {
                    break;
                }
            }
        } else if let Some(hashes) = raw_hashes {
            i += 2 + hashes;
            let close: String = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
            while i < bytes.len() && !bytes[i..].iter().take(hashes + 1).copied().eq(close.chars()) {
                blank(&mut code, at(i));
                i += 1;
            }
            i += hashes + 1;
            code.push_str("\"\"");
        } else if at(i) == '"' {
            code.push('"');
            i += 1;
            while i < bytes.len() && at(i) != '"' {
                if at(i) == '\\' {
                    i += 1;
                }
                blank(&mut code, at(i));
                i += 1;
            }
            code.push('"');
            i += 1;
        } else if at(i) == '\'' && at(i + 1) == '\\' {
            // An escaped character literal.
            i += 3;
            while i < bytes.len() && at(i) != '\'' {
                i += 1;
            }
            i += 1;
        } else if at(i) == '\'' && at(i + 2) == '\'' {
            i += 3;
        } else {
            code.push(at(i));
            i += 1;
        }
    }
    code
}

/// The part of a file before its unit tests.
fn without_tests(code: &str) -> &str {
    code.split("#[cfg(test)]\nmod tests {").next().unwrap_or(code)
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

/// Integration tests, benches and fuzz targets: code that ships to nobody.
fn is_test_file(name: &str) -> bool {
    name.contains("/tests/")
        || name.contains("/benches/")
        || name.contains("/fuzz/")
        || name.ends_with("/tests.rs")
}

#[test]
fn dependencies_go_downward_only() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--offline", "--no-deps", "--format-version", "1", "--manifest-path"])
        .arg(root().join("Cargo.toml"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let floors: BTreeMap<&str, u8> = FLOORS.iter().copied().collect();
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let name = package["name"].as_str().expect("a name");
        seen.insert(name);
        let Some(own) = floors.get(name) else {
            wrong.push(format!("{name} is on no floor: give it one in docs/architecture.md and here"));
            continue;
        };
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let other = dependency["name"].as_str().expect("a name");
            if let Some(floor) = floors.get(other)
                && floor >= own
            {
                wrong.push(format!("{name} (floor {own}) uses {other} (floor {floor})"));
            }
            if WITHOUT_IO.contains(&name) && IO_CRATES.contains(&other) && dependency["kind"].is_null() {
                wrong.push(format!("{name} does no I/O, and uses {other}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(seen, floors.keys().copied().collect(), "every floor's rooms are in the workspace");
}

#[test]
fn unsafe_stays_in_its_rooms() {
    let mut wrong = Vec::new();
    let (mut roots, mut blocks) = (0, 0);
    for name in files("rs") {
        let source = read(&name);
        let code = code_of(&source);
        let at_home = UNSAFE_ROOMS.iter().any(|room| name.starts_with(room));
        let lines: Vec<&str> = source.lines().collect();
        for (number, line) in
            code.lines().enumerate().filter(|(_, line)| words(line).any(|word| word == "unsafe"))
        {
            if !at_home {
                wrong.push(format!(
                    "{name}:{}: `unsafe` outside crates/clock, crates/net, crates/daemon",
                    number + 1
                ));
            } else if line.contains("unsafe {") || line.contains("unsafe impl") {
                blocks += 1;
                let above = &lines[number.saturating_sub(8)..=number];
                if !above.iter().any(|line| line.contains("SAFETY:")) {
                    wrong.push(format!("{name}:{}: `unsafe` without a SAFETY line", number + 1));
                }
            }
        }
        let is_root =
            name.ends_with("src/lib.rs") || name.ends_with("src/main.rs") || name.contains("/src/bin/");
        if is_root && !at_home {
            roots += 1;
            if !code.contains("#![forbid(unsafe_code)]") {
                wrong.push(format!("{name}: lacks #![forbid(unsafe_code)]"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(roots >= 9, "only {roots} crate roots were found");
    println!("{blocks} unsafe blocks, all in their rooms");
}

/// The engine does no I/O and reads no clock (docs/architecture.md).
#[test]
fn the_engine_is_a_value() {
    const FORBIDDEN: &[&str] = &[
        "std::time",
        "std::net",
        "std::fs",
        "std::io",
        "std::thread",
        "std::process",
        "std::env",
        "std::sync",
        "tracing::",
        "libc::",
        "nix::",
        "ptp_clock",
        "ptp_net",
        "ptp_daemon",
        "ptp_config",
        "println!",
        "eprintln!",
        "SystemTime",
        "HashMap",
        "thread_local!",
    ];
    let mut wrong = Vec::new();
    let mut count = 0;
    for name in files("rs").into_iter().filter(|name| name.starts_with("ptpd/src/engine/")) {
        count += 1;
        let code = code_of(&read(&name));
        for (number, line) in without_tests(&code).lines().enumerate() {
            for forbidden in FORBIDDEN.iter().filter(|forbidden| line.contains(**forbidden)) {
                wrong.push(format!("{name}:{}: {forbidden}", number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 3, "only {count} files of the engine were found");
}

#[test]
fn every_management_id_is_defined_once() {
    let table = "crates/wire/src/management/table.rs";
    let code = code_of(&read(table));
    let mut ids: BTreeMap<u32, &str> = BTreeMap::new();
    let mut names = BTreeSet::new();
    for line in code.lines() {
        // NAME = 0x2004, Port, [G S], ...
        let Some((name, rest)) = line.trim().split_once(" = 0x") else { continue };
        let Some((number, rest)) = rest.split_once(',') else { continue };
        if !(rest.trim_start().starts_with("Port") || rest.trim_start().starts_with("Clock")) {
            continue;
        }
        let number = u32::from_str_radix(number.trim(), 16).unwrap_or_else(|_| panic!("{table}: `{line}`"));
        if let Some(other) = ids.insert(number, name) {
            panic!("{table}: 0x{number:04x} is {other} and {name}");
        }
        assert!(names.insert(name), "{table}: {name} is defined twice");
    }
    assert!(
        ids.len() >= 41,
        "only {} management IDs were found in {table}: has its form changed?",
        ids.len()
    );
    let mut wrong = Vec::new();
    for name in files("rs") {
        if name == table || is_test_file(&name) || name.starts_with("crates/wire/src/tlv/") {
            continue;
        }
        let code = code_of(&read(&name));
        for (number, line) in without_tests(&code).lines().enumerate() {
            for word in words(line) {
                let hex = word.strip_prefix("0x").map(|hex| hex.replace('_', "")).unwrap_or_default();
                let hex = hex.trim_end_matches("u16");
                // Four digits; below 0x2000 they could be anything, and 0x2000, 0x4000 are flags as well.
                let flag = hex == "2000" || hex == "4000";
                if hex.len() == 4
                    && let Ok(value) = u32::from_str_radix(hex, 16)
                    && value >= 0x2000
                    && (!flag || line.contains("Management"))
                    && let Some(id) = ids.get(&value)
                {
                    wrong.push(format!("{name}:{}: {word} is ManagementId::{id}", number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{} management IDs, each defined once", ids.len());
}

#[test]
fn nothing_is_left_undone_or_hidden() {
    let marks = [["to", "do!("].concat(), ["unimplement", "ed!("].concat(), ["#[ign", "ore"].concat()];
    let mut wrong = Vec::new();
    for name in files("rs") {
        let source = read(&name);
        for (number, line) in code_of(&source).lines().enumerate() {
            for mark in marks.iter().filter(|mark| line.contains(mark.as_str())) {
                wrong.push(format!("{name}:{}: {mark}", number + 1));
            }
            let hides = line.contains("allow(") && line.contains("#");
            if hides
                && ["dead_code", "unused", "clippy::all", "warnings"].iter().any(|lint| line.contains(lint))
            {
                wrong.push(format!("{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_file_reads_in_one_sitting() {
    let mut wrong = Vec::new();
    for name in files("rs").into_iter().filter(|name| !TABLES.contains(&name.as_str())) {
        let source = read(&name);
        let length =
            if is_test_file(&name) { source.lines().count() } else { without_tests(&source).lines().count() };
        if length > MAX_LINES {
            wrong.push(format!("{name}: {length} lines, more than {MAX_LINES}"));
        } else if length > LONG_LINES {
            println!("long: {name}: {length} lines");
        }
    }
    for table in TABLES {
        assert!(root().join(table).is_file(), "{table} is gone: take it from the list of tables");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn links_in_the_documents_lead_somewhere() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for name in files("md") {
        let text = read(&name);
        let base = root().join(&name).parent().expect("a file is in a directory").to_path_buf();
        let mut fenced = false;
        for (number, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            }
            if fenced {
                continue;
            }
            for target in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let path = target.split(['#', ' ']).next().unwrap_or_default();
                if path.is_empty() || path.contains("://") || path.starts_with("mailto:") {
                    continue;
                }
                count += 1;
                if !base.join(path).exists() {
                    wrong.push(format!("{name}:{}: {target} is not there", number + 1));
                }
            }
        }
    }
    println!("{count} links looked at");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_house_inspector_sees_what_it_should() {
    let source = "let a = 1; // unsafe\nlet s = \"unsafe {\"; /* unsafe /* */ */ let c = '\"'; unsafe { x() }\nr#\"todo!()\"#;\nlet l: &'a str = b\"x\";";
    let code = code_of(source);
    let hits: Vec<usize> =
        code.lines().enumerate().filter(|(_, l)| words(l).any(|w| w == "unsafe")).map(|(n, _)| n).collect();
    assert_eq!(hits, [1], "{code}");
    assert_eq!(code.matches("unsafe").count(), 1);
    assert!(!code.contains("todo!"), "{code}");
    assert_eq!(code.lines().count(), source.lines().count());
    assert!(code.contains("&'a str"), "lifetimes are no literals: {code}");
}
