//! Whatever the file holds: an answer, in bounded time and size, never a panic.

use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use ptp_config::{Loaded, Overrides, diff, load_octets};

const GOOD: &str = include_str!("bad/everything.yaml");
const ALSO_GOOD: &str = "profile: default-p2p\nservo: { step_threshold: 1.5ms }\nports:\n  - interface: eth0\n    udp_ttl: 3\n  - { interface: eth1, transport: ethernet }\n";

/// Tries octets as a file, and looks at all that comes out.
fn answer(octets: &[u8]) -> Option<Loaded> {
    match load_octets(Path::new("f.yaml"), octets, &[], &Overrides::default()) {
        Ok(loaded) => {
            assert!(loaded.effective().len() < 1_000_000);
            assert_eq!(diff(&loaded, &loaded), []);
            Some(loaded)
        }
        Err(diagnostics) => {
            assert!(!diagnostics.as_slice().is_empty());
            let text = diagnostics.to_string();
            assert!(text.len() < 500_000);
            assert!(!text.contains('\u{1b}'), "an escape sequence reaches the terminal");
            for d in diagnostics.as_slice() {
                assert!(d.position.is_none_or(|p| p.line >= 1 && p.column >= 1));
            }
            None
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_octets(octets in vec(any::<u8>(), 0..400)) {
        answer(&octets);
    }

    #[test]
    fn any_text_of_yamls_own_characters(text in "[a-z0-9:\\-,\\[\\]{}#&*!|>'\"%@`\t\r\n ?~.é\u{1b}]{0,300}") {
        answer(text.as_bytes());
    }

    #[test]
    fn good_files_with_octets_changed(
        which in any::<bool>(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut octets = if which { GOOD } else { ALSO_GOOD }.as_bytes().to_vec();
        for (at, octet) in changes {
            let at = at.index(octets.len());
            octets[at] = octet;
        }
        octets.truncate(cut.index(octets.len() * 2).max(1));
        answer(&octets);
    }

    #[test]
    fn good_files_with_lines_moved(order in vec(any::<prop::sample::Index>(), 0..40)) {
        let lines: Vec<&str> = GOOD.lines().chain(ALSO_GOOD.lines()).collect();
        let text: String = order.iter().map(|i| format!("{}\n", i.get(&lines))).collect();
        answer(text.as_bytes());
    }

    #[test]
    fn any_value_for_any_number(key in prop::sample::select(vec!["priority1", "log_sync_interval", "delay_asymmetry",
        "clock_identity", "udp4_address", "udp_ttl", "clock_device", "state_file", "delay_filter_length"]),
        value in "[-+0-9a-fx:.nums/]{1,40}")
    {
        let text = format!("{key}: {value}\nports: [{{ interface: eth0 }}]\n");
        if let Some(loaded) = answer(text.as_bytes()) {
            let again = answer(loaded.effective().as_bytes()).expect("what is in force can be read again");
            prop_assert_eq!(again.config, loaded.config);
        }
    }
}

#[test]
fn hostile_files_take_bounded_work() {
    let bomb: String = std::iter::once("a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned())
        .chain((1..40).map(|i| format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 9].join(", "))))
        .collect();
    for text in [
        bomb,
        "[".repeat(100_000),
        "{".repeat(100_000),
        "- ".repeat(100_000),
        "a: ".repeat(80_000),
        "? ".repeat(100_000),
        "a: {b: ".repeat(30_000),
        "x: 1\n".repeat(50_000),
        "- 1\n".repeat(60_000),
        format!("ports:\n{}", "  - x: 1\n".repeat(20_000)),
        (0..5_000).map(|i| format!("k{i}: [{i}]\n")).collect(),
        format!("priority1: {}\n", "9".repeat(200_000)),
        format!("{}: 1\n", "k".repeat(200_000)),
        format!("'{}': 1\n", "\u{1b}[2J".repeat(10_000)),
        "\u{feff}priority1: 300\r\nports:\r\n".to_owned(),
        "\0\0\0".to_owned(),
        "priority1: |\n  12\n".to_owned(),
    ] {
        assert!(answer(text.as_bytes()).is_none(), "{:.60}", text);
    }
}
