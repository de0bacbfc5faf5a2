//! The JSON Schema of the configuration, held by another program against every configuration of this repository: what
//! `ptpd check` accepts is good by the schema, and what an editor should mark is not.

use std::path::{Path, PathBuf};
use std::process::Command;

use hil_tests::lab::skip;
use ptp_config::Overrides;
use ptp_config::program::{PHC_SYNC, TS2PHC};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Whether all the documents are good by the schema, and what is said otherwise.
fn judge(schema: &str, dir: &Path, documents: &[(String, String)]) -> (bool, String) {
    let mut command = Command::new("jsonschema");
    for (n, (name, yaml)) in documents.iter().enumerate() {
        let document: serde_json::Value =
            serde_yaml::from_str(yaml).unwrap_or_else(|e| panic!("{name}: {e}"));
        let file = dir.join(format!("{n}.json"));
        std::fs::write(&file, document.to_string()).expect("a file");
        command.arg("-i").arg(file);
    }
    let output = command.arg(root().join("docs").join(schema)).output().expect("it runs");
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
    let (fine, text) = judge("ptpd.schema.json", &dir, &good);
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
        let (fine, text) = judge("ptpd.schema.json", &dir, &[(bad.to_owned(), bad.to_owned())]);
        assert!(!fine && text.contains(part), "{bad}: {text}");
    }
    std::fs::remove_dir_all(dir).expect("it goes");
}

/// Configurations of a program that this repository ships or shows: files that are named so, files of guides, and YAML in
/// its own guide.
fn shipped(program: &str) -> Vec<(String, String)> {
    let read =
        |name: &str| std::fs::read_to_string(root().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    let installed = format!("packaging/etc/{program}.yaml");
    let mut all = vec![(installed.clone(), read(&installed))];
    for document in read("packaging/kubernetes/daemonset.yaml").split("\n---\n") {
        let document: serde_yaml::Value = serde_yaml::from_str(document).expect("YAML");
        if let Some(text) = document["data"][format!("{program}.yaml")].as_str() {
            all.push(("daemonset.yaml".into(), text.to_owned()));
        }
    }
    for entry in std::fs::read_dir(root().join("docs")).expect("docs") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|e| e != "md") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a page");
        let mark = format!("<!-- file /etc/escapement/{program}.yaml");
        for part in text.split(mark.as_str()).skip(1) {
            // The block behind the mark, fenced or indented.
            let part = part.split_once("-->\n").expect("the mark has an end").1.trim_start_matches('\n');
            let yaml = match part.strip_prefix("```yaml\n") {
                Some(fenced) => fenced.split("```").next().unwrap_or_default().to_owned(),
                None => {
                    let indented = part.lines().take_while(|l| l.is_empty() || l.starts_with("    "));
                    indented.map(|l| l.strip_prefix("    ").unwrap_or(l).to_owned() + "\n").collect()
                }
            };
            all.push((path.display().to_string(), yaml));
        }
        if path.file_stem().is_some_and(|s| s == program) {
            for block in text.split("```yaml\n").skip(1) {
                all.push((
                    path.display().to_string(),
                    block.split("```").next().unwrap_or_default().to_owned(),
                ));
            }
        }
    }
    all
}

#[test]
fn what_the_other_programs_take_is_good_by_their_schemas_and_mistakes_are_marked() {
    if Command::new("jsonschema").arg("--version").output().is_err() {
        return skip("jsonschema is not installed (package python3-jsonschema)");
    }
    let dir = std::env::temp_dir().join(format!("escapement-schemas-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory");
    let bad_phc_sync: &[(&str, &str)] = &[
        ("system_clok: sink", "system_clok"),
        ("rate: 0", "0"),
        ("instances: [{ sokket: /run/a }]", "sokket"),
        ("max_slew: 3", "3"),
        ("metrics: { listen: 9321 }", "9321"),
    ];
    let bad_ts2phc: &[(&str, &str)] = &[
        ("clocks: [phc0]", "time"),
        ("time: system", "clocks"),
        ("{ time: system, clocks: [{ edge: up, clock: phc0 }] }", "up"),
        ("{ time: system, clocks: [phc0], grace: 3 }", "3"),
    ];
    for (program, bad) in [(&PHC_SYNC, bad_phc_sync), (&TS2PHC, bad_ts2phc)] {
        let name = program.name();
        let schema = format!("{name}.schema.json");
        let mut good = shipped(name);
        assert!(good.len() >= 2, "{name}: {good:?}");
        let shown: Vec<_> = good.clone();
        for (file, yaml) in &shown {
            let read = program.read_octets(Path::new(file), yaml.as_bytes(), &Overrides::default());
            let values = read.finish().unwrap_or_else(|e| panic!("{file}: {yaml}\n{e}"));
            // What is in force, written out, is a good file, too.
            good.push((format!("{file}, effective"), values.effective()));
        }
        let (fine, text) = judge(&schema, &dir, &good);
        assert!(fine, "{name}: {text}");
        for (yaml, part) in bad {
            let (fine, text) = judge(&schema, &dir, &[((*yaml).to_owned(), (*yaml).to_owned())]);
            assert!(!fine && text.contains(part), "{yaml}: {text}");
            assert!(!program.read_octets(Path::new("x"), yaml.as_bytes(), &Overrides::default()).is_good());
        }
    }
    std::fs::remove_dir_all(dir).expect("it goes");
}
