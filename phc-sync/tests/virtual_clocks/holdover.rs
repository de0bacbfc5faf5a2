//! All sources are lost: what becomes of the clock, what is told of it, and what is kept over a restart.

use ptp_bound::{Page, Status};
use ptp_clock::Clock;

use super::*;

/// Files that go with the test.
struct Files(Vec<PathBuf>);

impl Drop for Files {
    fn drop(&mut self) {
        for file in &self.0 {
            let _ = std::fs::remove_file(file);
        }
    }
}

fn step(clock: &Scratch, ns: i64) {
    let mut clock = VirtualClock::open(&clock.0).expect("a good clock");
    clock.step(TimeInterval::from_nanos(ns)).expect("in range");
}

fn number(event: &str, name: &str) -> f64 {
    let rest = event.split_once(&format!("\"{name}\":")).unwrap_or_else(|| panic!("no {name} in {event}")).1;
    let end = rest.find([',', '}']).unwrap_or(rest.len());
    rest[..end].parse().unwrap_or_else(|e| panic!("{name}: {e} in {event}"))
}

/// Three sources that agree are the source; told apart, there is none.
#[test]
fn the_clock_outlives_its_sources_within_a_bound_that_grows_and_is_checked() {
    let epoch = Some(VirtualOptions::epoch_now());
    let source = || Scratch::clock(&VirtualOptions { epoch, ..VirtualOptions::default() });
    let sources = [source(), source(), source()];
    let sink = Scratch::clock(&VirtualOptions {
        epoch,
        frequency_error_ppb: 30_000.0,
        wander: 2.0,
        seed: 7,
        ..VirtualOptions::default()
    });
    let of = |name: &str| sink.0.with_extension(name);
    let (file, state, page, events) = (of("yaml"), of("state"), of("page"), of("events"));
    let _files = Files(vec![file.clone(), state.clone(), page.clone(), events.clone()]);
    let list: String =
        sources.iter().map(|s| format!("  - {{clock: '{}', error: 20 us}}\n", s.name())).collect();
    let text = format!(
        "system_clock: sink\nsystem_clock_device: {}\noffset: 0 s\nrate: 16\nselection: intersection\ninstances: [{}]\n\
         servo: pi\nlog_parts: [sources=error]\nsummary_updates: 16\nerror_bound_page: {}\nstate_file: {}\n\
         events_socket: {}\nmax_drift: 1 ppb\nholdover_limit: 5 ms\nsources:\n{list}",
        sink.name(),
        of("nobody").display(),
        page.display(),
        state.display(),
        events.display()
    );
    std::fs::write(&file, text).expect("write");
    let arguments = ["-m", "-f", &file.display().to_string()].map(str::to_owned);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let error = || observe(&sink.0).expect("a good clock").true_error;

    let mut running = Running::start(&arguments);
    let mut found = None;
    wait_for("the page", || {
        found = Page::open(&page).ok();
        found.is_some()
    });
    let page = found.expect("it is there");
    let status = || page.read().map(|b| b.status).ok();
    wait_for("a bound", || status() == Some(Status::Synchronized));
    // A minute is the least that is worth keeping. The summaries come once a second.
    for _ in 0..75 {
        running.line_with(" rms ");
    }
    step(&sources[0], -400_000);
    step(&sources[1], 400_000);
    let line = running.line_with("in holdover at");
    println!("{line}");
    let begun = Instant::now();
    events_until(&events, "begins holdover");
    // Written on loss.
    assert!(std::fs::read_to_string(&state).is_ok_and(|s| s.contains("program phc-sync")));
    let (mut last, mut adjusted, mut tightest) = (0, 0, f64::INFINITY);
    while begun.elapsed() < Duration::from_secs(40) {
        sleep(Duration::from_millis(500));
        let now = page.read().expect("it is written");
        let o = observe(&sink.0).expect("a good clock");
        assert_eq!(now.status, Status::FreeRunning);
        assert!(now.bound_ns >= last, "the bound shrinks: {} after {last}", now.bound_ns);
        let off = o.true_error.nanos_f64().abs();
        assert!(off <= now.bound_ns as f64, "off by {off} ns, bound {} ns", now.bound_ns);
        (last, adjusted) = (now.bound_ns, o.adjustments.max(adjusted));
        tightest = tightest.min(off / now.bound_ns as f64);
    }
    assert!(last > 20_000 && last < 5_000_000, "{last}");
    println!("after 40 s: bound {last} ns, true error {} ns", error());
    step(&sources[0], 400_000);
    step(&sources[1], -400_000);
    let all = events_until(&events, "\"within\":");
    let end = all.last().expect("the end of it");
    println!("{end}");
    assert!(end.contains("\"within\":true") && end.contains("\"kind\":\"holdover\""), "{end}");
    assert!(number(end, "after_s") >= 40.0 && number(end, "error_bound_ns") > 0.0, "{end}");
    wait_for("the clock right again", || error().abs() < TimeInterval::from_nanos(1_000));
    wait_for("it is told", || status() == Some(Status::Synchronized));

    // Somebody sets the clock while nobody knows better: the bound is withdrawn.
    step(&sources[0], -400_000);
    step(&sources[1], 400_000);
    running.line_with("in holdover at");
    wait_for("it is held", || status() == Some(Status::FreeRunning));
    step(&sink, 250_000);
    running.line_with("somebody else adjusts this clock");
    wait_for("nothing is promised", || status() == Some(Status::Unknown));
    step(&sources[0], 400_000);
    step(&sources[1], -400_000);
    wait_for("the clock right a third time", || error().abs() < TimeInterval::from_nanos(1_000));
    let said = running.stop();
    assert!(!said.contains(" s1 freq "), "{said}");
    let left = observe(&sink.0).expect("a good clock");
    assert!(left.true_rate_ppb.abs() < 1_000.0, "it was left at {} ppb", left.true_rate_ppb);

    // The next start knows what the last one learnt: the frequency at once, and a bound as soon as it is locked.
    VirtualClock::open(&sink.0).expect("a good clock").set_frequency(0.0).expect("in range");
    let mut running = Running::start(&arguments);
    running.line_with("oscillator is known from");
    running.line_with("starts at the last known frequency");
    let at_once = observe(&sink.0).expect("a good clock");
    // It is 30 000 ppb without; the first measurements may be in it.
    assert!(at_once.true_rate_ppb.abs() < 3_000.0, "{} ppb", at_once.true_rate_ppb);
    wait_for("the clock right after a restart", || {
        error().abs() < TimeInterval::from_nanos(1_000) && status() == Some(Status::Synchronized)
    });
    step(&sources[0], -400_000);
    step(&sources[1], 400_000);
    running.line_with("in holdover at");
    wait_for("a bound in holdover", || status() == Some(Status::FreeRunning));
    running.stop();
}

/// Files that are another's, damaged or of nowhere are told in one line each, and the clock is steered all the same.
#[test]
fn what_cannot_be_used_is_told_and_no_reason_to_stop() {
    let state = std::env::temp_dir().join(format!("phc-sync-state-{}", std::process::id()));
    let _files = Files(vec![state.clone()]);
    let start = |state: &str, wanted: &str| {
        let (source, sink) = pair();
        let (source_name, sink_name, state) = (source.name(), sink.name(), format!("state_file={state}"));
        let mut running =
            Running::start(&["-s", &source_name, "-c", &sink_name, "-R", "16", "-m", "--set", &state]);
        let line = running.line_with(wanted);
        println!("{line}");
        wait_for("the clocks together", || {
            observe(&sink.0).expect("a good clock").true_error.abs() < TimeInterval::from_nanos(1_000)
        });
        let said = running.stop();
        assert_eq!(said.matches("state file").count(), 1, "one line:\n{said}");
    };
    let name = state.display().to_string();
    start("/dev/null/nowhere/state", "lost with the next restart");
    for (text, wanted) in [
        ("nonsense\n", "not a state file of this program"),
        (
            "escapement-state 1\nclock /dev/ptp0\nfrequency_ppb 3\n",
            "is ptpd's: it is not used, and left alone",
        ),
        ("escapement-state 1\nprogram ts2phc\nx.y 3\n", "is ts2phc's: it is not used, and left alone"),
        (
            "escapement-state 1\nprogram phc-sync\nx.frequency_ppb 3\n",
            "the state file knows nothing of virtual:",
        ),
    ] {
        std::fs::write(&state, text).expect("write");
        start(&name, wanted);
        let left = std::fs::read_to_string(&state).expect("there is a file");
        assert_eq!(left != text, wanted.contains("not a state file"), "{left}");
    }
}
