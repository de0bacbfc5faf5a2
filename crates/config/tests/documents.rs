//! The documentation is made from the table of keys. After a change of the table, run with `BLESS=1`.

use std::path::{Path, PathBuf};

use ptp_config::program::{PHC_SYNC, TS2PHC};

const BEGIN: &str = "<!-- keys: made from the table in crates/config; do not edit -->\n";
const END: &str = "<!-- end of keys -->\n";

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

fn hold(name: &str, current: &str, wanted: &str) {
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path(name), wanted).expect("it can be written");
    } else {
        assert!(current == wanted, "{name} is not what the table says: run BLESS=1 cargo test -p ptp-config");
    }
}

#[test]
fn the_manual_page_is_current() {
    let current = std::fs::read_to_string(path("docs/man/ptpd.yaml.5")).unwrap_or_default();
    hold("docs/man/ptpd.yaml.5", &current, &ptp_config::manual_page());
}

#[test]
fn the_schema_is_current() {
    let current = std::fs::read_to_string(path("docs/ptpd.schema.json")).unwrap_or_default();
    let schema = serde_json::to_string_pretty(&ptp_config::json_schema()).expect("JSON") + "\n";
    hold("docs/ptpd.schema.json", &current, &schema);
}

/// The tables of keys in a guide.
fn hold_reference(name: &str, reference: &str) {
    let current = std::fs::read_to_string(path(name)).expect("it is in the repository");
    let (before, rest) = current.split_once(BEGIN).expect("the keys have their place");
    let (_, after) = rest.split_once(END).expect("the keys' place has an end");
    let wanted = format!("{before}{BEGIN}\n{reference}\n{END}{after}");
    hold(name, &current, &wanted);
}

#[test]
fn the_reference_in_the_guide_is_current() {
    hold_reference("docs/configuration.md", &ptp_config::reference_markdown());
}

/// Manual page, schema and reference of the other programs.
#[test]
fn the_documents_of_the_other_programs_are_current() {
    for program in [&PHC_SYNC, &TS2PHC] {
        let name = program.name();
        let page = format!("docs/man/{name}.yaml.5");
        let current = std::fs::read_to_string(path(&page)).unwrap_or_default();
        hold(&page, &current, &program.manual_page());
        let file = format!("docs/{name}.schema.json");
        let current = std::fs::read_to_string(path(&file)).unwrap_or_default();
        let schema = serde_json::to_string_pretty(&program.json_schema()).expect("JSON") + "\n";
        hold(&file, &current, &schema);
        hold_reference(&format!("docs/{name}.md"), &program.reference_markdown());
    }
}

/// Each example of the guides that is a whole configuration.
#[test]
fn the_guides_examples_are_good() {
    for (name, at_least) in [("docs/configuration.md", 3), ("docs/options.md", 8)] {
        let text = std::fs::read_to_string(path(name)).expect("it is in the repository");
        let mut examples = 0;
        for block in text.split("```yaml\n").skip(1) {
            let (example, _) = block.split_once("```").expect("a block has an end");
            let read =
                ptp_config::load_octets(Path::new("example"), example.as_bytes(), &[], &Default::default());
            let loaded = read.unwrap_or_else(|d| panic!("{name}: {example}\n{d}"));
            // What is in force, written out, is the same configuration.
            let effective = loaded.effective();
            let again = ptp_config::load_octets(
                Path::new("effective"),
                effective.as_bytes(),
                &[],
                &Default::default(),
            );
            let again = again.unwrap_or_else(|d| panic!("{name}: {effective}\n{d}"));
            assert_eq!(again.config, loaded.config, "{name}: {example}");
            examples += 1;
        }
        assert!(examples >= at_least, "{name}");
    }
}
