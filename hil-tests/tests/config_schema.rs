//! The JSON Schema of the configuration, held by another program against every configuration of this repository: what
//! `ptpd check` accepts is good by the schema, and what an editor should mark is not.

use std::path::{Path, PathBuf};
use std::process::Command;

use hil_tests::lab::skip;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Whether all the documents are good by the schema, and what is said otherwise.
fn judge(dir: &Path, documents: &[(String, String)]) -> (bool, String) {
    let mut command = Command::new("jsonschema");
    for (n, (name, yaml)) in documents.iter().enumerate() {
        let document: serde_json::Value =
            serde_yaml::from_str(yaml).unwrap_or_else(|e| panic!("{name}: {e}"));
        let file = dir.join(format!("{n}.json"));
        std::fs::write(&file, document.to_string()).expect("a file");
        command.arg("-i").arg(file);
    }
    let output = command.arg(root().join("docs/ptpd.schema.json")).output().expect("it runs");
    let text =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    (output.status.success(), text)
}

#[test]
fn what_is_good_is_good_by_the_schema_and_mistakes_are_marked() {
    if Command::new("jsonschema").arg("--version").output().is_err() {
        return skip("jsonschema is not installed (package python3-jsonschema)");
    }
    let dir = std::env::temp_dir().join(format!("escapement-schema-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory");
    let mut good = Vec::new();
    for entry in std::fs::read_dir(root().join("profiles")).expect("profiles") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|e| e == "yaml") {
            let yaml = std::fs::read_to_string(&path).expect("a profile");
            good.push((path.display().to_string(), yaml));
        }
    }
    for guide in ["docs/configuration.md", "docs/options.md"] {
        let text = std::fs::read_to_string(root().join(guide)).expect("a guide");
        for block in text.split("```yaml\n").skip(1) {
            let (example, _) = block.split_once("```").expect("a block has an end");
            good.push((guide.to_owned(), example.to_owned()));
        }
    }
    assert!(good.len() > 20, "{} configurations", good.len());
    let (fine, text) = judge(&dir, &good);
    assert!(fine, "{text}");
    for (bad, part) in [
        ("priority1: 256", "256"),
        ("priorty1: 1", "priorty1"),
        ("ports: [{ transport: udp4 }]", "interface"),
        ("ports: [{ interface: eth0, transport: udp5 }]", "udp5"),
        ("servo: { step_threshold: 5 }", "5"),
        ("servo: { step_threshold: 5 parsecs }", "parsecs"),
        ("client_only: yes please", "yes please"),
        ("management: 5", "5"),
    ] {
        let (fine, text) = judge(&dir, &[(bad.to_owned(), bad.to_owned())]);
        assert!(!fine && text.contains(part), "{bad}: {text}");
    }
    std::fs::remove_dir_all(dir).expect("it goes");
}
