//! Made-up logs whose truth is known.

use ptp_evidence::{Interval, Store, StoreOptions};

use super::*;

#[test]
fn numbers_are_short_and_honest() {
    for (value, text) in
        [(0.0, "0"), (12.0, "12"), (1234.5, "1234"), (0.01234, "0.0123"), (99.9996, "100"), (99.95, "99.95")]
    {
        assert_eq!(short(value), text, "{value}");
    }
    assert_eq!(human(-1_234.0), "−1.23 µs");
    assert_eq!(percent(0.999_999_9), "99.999 %");
    assert_eq!((time("100us"), time("1 ms")), (Ok(100_000.0), Ok(1e6)));
    assert!(time("100").is_err() && time("-1us").is_err() && time("nans").is_err());
}

/// A directory that goes with the test.
struct Room(PathBuf);

impl Drop for Room {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// From 12:00:00 on a record a second for ten minutes: 50 ns off with a delay of 1 us, from second 100 for 20 s 2 us off, from second
/// 300 for a minute nothing, from second 500 for 30 s unlocked.
fn made_up(name: &str) -> (Room, i64) {
    let room = Room(std::env::temp_dir().join(format!("pmc-report-{name}-{}", std::process::id())));
    let mut store = Store::open(&StoreOptions::new(&room.0, "ptpd")).expect("written");
    let noon = ptp_evidence::parse_utc("2026-11-20T12:00:00Z").expect("a time");
    let put = |store: &mut Store, entry: Entry| store.append(&entry).expect("written");
    put(&mut store, Entry::new("start").at(noon).text("version", "1"));
    put(&mut store, Entry::new("configuration").at(noon).text("sha256", "ab"));
    for second in 1..=600i64 {
        if (301..=360).contains(&second) {
            continue;
        }
        let mut interval = Interval::default();
        let offset = if (101..=120).contains(&second) { -2_000.0 } else { 50.0 };
        interval.push(offset, Some(1_000.0), -500.0, Some(10.0));
        let unlocked = (501..=530).contains(&second);
        let record = interval.take(1_000_000_000).at(noon + second * 1_000_000_000);
        let record =
            record.monotonic((second * 1_000_000_000) as u64).text("instance", "").text("clock", "phc0");
        let record = record.text("state", if unlocked { "unlocked" } else { "locked" }).whole("class", 6);
        let record = record.whole("accuracy", 0x21).flag("traceable", true).whole("steps_removed", 1);
        put(&mut store, record.text("grandmaster", "001122.fffe.334455"));
    }
    (room, noon)
}

fn analyse(room: &Room, only: Option<Span>, question: Question) -> (Analysis, Found) {
    let mut analysis =
        Analysis::new(Mask::ALL.to_vec(), only, Some(Audit::new(Question { span: only, ..question })));
    let mut input = Input::open(std::slice::from_ref(&room.0), &[]);
    while let Some(item) = input.next() {
        analysis.push(&item);
    }
    analysis.finish(i64::MAX);
    (analysis, input.found())
}

#[test]
fn every_second_is_accounted_for() {
    let (room, noon) = made_up("account");
    let span = Span { from: noon, to: noon + 700_000_000_000 };
    let question =
        Question { limit_ns: 1_500.0, others: vec![("application".into(), 100.0)], ..Question::default() };
    let (analysis, found) = analyse(&room, Some(span), question);
    assert_eq!(found.verdict(), Verdict::Whole);
    let audit = analysis.audit.as_ref().expect("asked");
    let spent = |s| audit.time.get(&s).map_or(0.0, |ns| ns / 1e9);
    // 50 + 1000 of the path + 100 of the grandmaster + 100 is kept; 2000 and the rest is not.
    assert_eq!(spent(audit::Standing::Above), 20.0);
    assert_eq!(spent(audit::Standing::Unsynchronised), 30.0);
    assert_eq!(spent(audit::Standing::Unknown), 60.0 + 100.0);
    assert_eq!(spent(audit::Standing::Kept), 700.0 - 210.0);
    assert_eq!(audit.worst.map(|w| w.0), Some(3_200.0));
    assert_eq!(audit.verdict(), "not kept");
    let first = &audit.excursions[0];
    assert_eq!((first.span.from, first.span.seconds()), (noon + 100_000_000_000, 20.0));
    assert_eq!((audit.excursion_count, first.worst_ns), (4, Some(3_200.0)));
    assert_eq!(audit.traceable_ns, 540e9);

    // Within a second of asymmetry everything locked is kept, and what is left is proven or not.
    let kept = Span { from: noon + 120_000_000_000, to: noon + 290_000_000_000 };
    let (analysis, _) = analyse(&room, Some(kept), Question { limit_ns: 1_500.0, ..Question::default() });
    assert_eq!(analysis.audit.expect("asked").verdict(), "kept");
    let gap = Span { to: noon + 400_000_000_000, ..kept };
    let (analysis, _) = analyse(&room, Some(gap), Question { limit_ns: 1_500.0, ..Question::default() });
    assert_eq!(analysis.audit.expect("asked").verdict(), "not proven");
}

#[test]
fn a_report_knows_what_was_written() {
    let (room, noon) = made_up("page");
    let (analysis, found) = analyse(&room, None, Question { limit_ns: 1e6, ..Question::default() });
    let (key, stream) = analysis.streams.first_key_value().expect("one clock");
    assert_eq!((key.title().as_str(), stream.records, stream.samples), ("ptpd phc0", 540, 540));
    assert_eq!((stream.gap_count, stream.gap_seconds), (1, 60.0));
    assert_eq!(stream.worst, Some((-2_000.0, noon + 101_000_000_000)));
    assert!(
        (stream.synchronised() - 510.0 / 600.0).abs() < 1e-9 && (stream.availability() - 0.9).abs() < 1e-9
    );
    // The step of 2050 ns lies in the first of three stretches.
    assert_eq!(stream.stability.stretches, 3);
    assert_eq!(stream.stability.mtie.first_key_value().map(|(_, p)| *p), Some((1.0, 2_050.0)));
    assert!(!analysis.masks_kept());
    let setting = Setting { found: &found, now: noon, relative: false, plain_lines: false, masks: &[] };
    let page = html::page(&analysis, &setting);
    for part in ["ptpd phc0", "unbroken chain", "G.8271.1 point C", "001122.fffe.334455", "version 1 starts"]
    {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    assert!(!page.contains("NaN") && !page.contains("<script") && !page.contains("http"));
    let data = whole(&analysis, &found);
    assert_eq!(data["clocks"][0]["records"], 540);
    assert_eq!(data["verification"]["verdict"], "ok");
    assert!(text(&analysis, &setting).contains("largest −2 µs at 2026-11-20 12:01:41"));
}
