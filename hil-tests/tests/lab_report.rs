//! The demonstration's report, from a record that was made up: it must stand alone and show what it was given.

use hil_tests::lab::demo::{Node, Reading, Record, Setting, html, picture};

/// Five hosts as in the demonstration; their errors fall to a microsecond within ten seconds, and jump a little when the
/// grandmaster dies at 40 s.
fn made_up() -> Record {
    let parts = [
        ("gm", "grandmaster", 0.0, 1_300.0),
        ("standby", "standby", 41e6, -7_900.0),
        ("boundary", "boundary clock", -730e6, 18_400.0),
        ("client-1", "client", 12e6, -31_000.0),
        ("client-2", "client", -3.2e9, 55_500.0),
    ];
    let nodes = parts.map(|(name, role, phase_error, oscillator_error)| Node {
        name: name.into(),
        role,
        phase_error,
        oscillator_error,
    });
    let mut record = Record::new(nodes.to_vec(), 0, 1);
    record.killed_at = Some(40.0);
    record.events = vec![(0.0, "five hosts".into()), (40.0, "gm is killed".into())];
    record.memory = vec![Some(3200); 5];
    for step in 0..350u32 {
        let at = f64::from(step) * 0.2;
        for (index, list) in record.readings.iter_mut().enumerate() {
            let wave = (at * 3.1 + index as f64).sin() + (at * 7.7 + 2.0 * index as f64).sin();
            let locked = at > 4.0 + index as f64;
            let bump = if at > 44.0 { 6e3 * (-(at - 44.0) / 3.0).exp() } else { 0.0 };
            let truth = if locked { wave * 400.0 * index as f64 + bump } else { parts[index].2 };
            let gone = index == 0 && at >= 40.0;
            let reigns = index == 0 || (index == 1 && at >= 43.0);
            list.push(Reading {
                at,
                state: (!gone).then(|| match (reigns, locked) {
                    (true, _) => "MASTER".to_owned(),
                    (_, true) => "SLAVE".to_owned(),
                    _ => "UNCALIBRATED".to_owned(),
                }),
                grandmaster: Some(
                    if at >= 43.5 || (index == 1 && at >= 43.0) { "standby" } else { "gm" }.to_owned(),
                ),
                estimated: Some(truth + 300.0 * (at * 11.0).cos()),
                truth: Some(if reigns { 0.0 } else { truth }),
                path_delay: Some(2500.0),
                frequency: Some(-parts[index].3),
            });
        }
    }
    record
}

#[test]
fn a_report_stands_alone_and_is_complete() {
    let record = made_up();
    let page = html(&record, &Setting { version: "ptpd <test>".into(), ..Setting::default() });
    std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/report.html"), &page)
        .expect("cargo made the directory");
    for part in
        ["client-2", "grandmaster killed", "ptpd &lt;test&gt;", "prefers-color-scheme: dark", "3.1 MB"]
    {
        assert!(page.contains(part), "{part} is missing");
    }
    for outside in ["<link", "<script", " src=", "@import", "url("] {
        assert!(!page.contains(outside), "the page fetches something: {outside}");
    }
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    let svg = picture(&record);
    assert!(svg.contains("xmlns=") && svg.contains("<style>"), "a picture of its own");
    std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/report.svg"), &svg)
        .expect("cargo made the directory");
}
