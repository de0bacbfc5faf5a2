//! What an operator sees: each file of `tests/bad` against the rendering beside it. After a wanted change, run with
//! `BLESS=1` and read the difference.

use std::path::{Path, PathBuf};

use ptp_config::{Overrides, Problem, load, load_octets, load_with};

fn dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad")
}

#[test]
fn bad_files_are_told_as_written_beside_them() {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir())
        .expect("the directory is in the repository")
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .collect();
    files.sort();
    assert!(files.len() >= 14, "{} files", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let octets = std::fs::read(&file).expect("it was listed");
        let name = Path::new(file.file_name().expect("it was listed"));
        let diagnostics =
            load_octets(name, &octets, &[], &Overrides::default()).expect_err("it is a bad file");
        let text = format!("{diagnostics}\n");
        let expected = file.with_extension("txt");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&expected, &text).expect("the directory can be written");
        }
        if std::fs::read_to_string(&expected).unwrap_or_default() != text {
            wrong.push(format!("{}:\n{text}", name.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_error_of_a_file_is_told_at_once_and_in_its_order() {
    let diagnostics = load(&dir().join("everything.yaml"), &[]).expect_err("it is a bad file");
    let lines: Vec<usize> =
        diagnostics.as_slice().iter().filter_map(|d| d.position).map(|p| p.line).collect();
    let expected =
        [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17, 18, 20, 21, 22, 24, 25, 26, 27, 30, 31, 32, 33, 34];
    assert_eq!(lines, expected);
    for diagnostic in diagnostics.as_slice() {
        assert!(!diagnostic.text.is_empty(), "{diagnostic:?}");
        let said = diagnostic.allowed.is_some() || diagnostic.help.is_some();
        assert!(said, "neither a range nor a suggestion: {diagnostic:?}");
        if matches!(diagnostic.problem, Problem::OutOfRange | Problem::WrongType) {
            assert!(diagnostic.allowed.is_some(), "{diagnostic:?}");
        }
    }
}

#[test]
fn machines_read_kind_place_and_replacement() {
    let file = b"priority1: 1\nservo:\n  first_step_threshold: 20\nports: [{interface: eth0}]\n";
    let diagnostics =
        load_octets(Path::new("x.yaml"), file, &[], &Overrides::default()).expect_err("20 has no unit");
    let [one] = diagnostics.as_slice() else { panic!("{diagnostics}") };
    assert_eq!(one.problem, Problem::WrongType);
    assert_eq!(one.position.map(|p| (p.line, p.column)), Some((3, 25)));
    assert_eq!(one.text, "20");
    assert_eq!(one.key.as_deref(), Some("servo.first_step_threshold"));
    assert_eq!(one.replacement.as_deref(), Some("20us"));
    let yaml = serde_yaml::to_string(&diagnostics).expect("plain data");
    assert!(yaml.contains("problem: wrong-type") && yaml.contains("line: 3"), "{yaml}");
}

#[test]
fn files_that_cannot_be_read_say_why() {
    let text = |octets: &[u8]| {
        load_octets(Path::new("x.yaml"), octets, &[], &Overrides::default())
            .expect_err("it is bad")
            .to_string()
    };
    let missing = load(Path::new("/nonexistent/ptpd.yaml"), &[]).expect_err("it is not there").to_string();
    assert!(missing.contains("No such file") && missing.contains("/nonexistent/ptpd.yaml"), "{missing}");
    assert!(load(&dir(), &[]).is_err(), "a directory");
    let latin1 = text(b"priority1: 1\ndescription: {user: caf\xe9}\n");
    assert!(
        latin1.contains("not UTF-8") && latin1.contains("x.yaml:2:24") && latin1.contains("0xe9"),
        "{latin1}"
    );
    assert!(text(&vec![b' '; 300 * 1024]).contains("larger than 256 KiB"));
    assert!(text("[".repeat(200_000).as_bytes()).contains("nested too deeply"));
    let many = text("x: 1\n".repeat(50_000).as_bytes());
    assert!(many.contains("more") && many.len() < 100_000, "{} octets", many.len());
}

#[test]
fn the_command_line_is_told_too() {
    let mut overrides = Overrides { interfaces: vec!["eth0/1".into()], ..Overrides::default() };
    overrides.set("--set priority1=999", "priority1", "999");
    overrides.set("--set piority2=1", "piority2", "1");
    overrides.profile = Some("nothing".into());
    let text = load_with(None, &[], &overrides).expect_err("all of it is bad").to_string();
    for part in
        ["--set priority1=999", "0 to 255", "did you mean `priority2`?", "no profile `nothing`", "eth0/1"]
    {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}
