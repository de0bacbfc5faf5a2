use ptp_daemon::metrics::Format;

use super::*;

const SECOND: u64 = 1_000_000_000;

/// The system clock after one PTP daemon, measured at `at`.
fn snapshot(now: u64, at: Option<u64>, locked: bool) -> Snapshot {
    let mut samples = Samples::default();
    if let Some(at) = at {
        samples.measured(LastSample { at, offset_ns: -120.0, delay_ns: Some(900.0) });
    }
    Snapshot {
        now,
        patience_ns: 3 * SECOND,
        automatic: true,
        sinks: vec![SinkState {
            clock: "CLOCK_REALTIME".into(),
            source: "phc0".into(),
            samples,
            locked,
            state: if locked { ClockState::Locked } else { ClockState::Acquiring },
            frequency_ppb: Some(-1500.0),
            bound_ns: Some(1000.0),
            is_system: true,
            ..SinkState::default()
        }],
        upstreams: vec![Upstream { name: "ptpd".into(), connected: true, is_source: true }],
        ..Snapshot::default()
    }
}

fn words(s: &Snapshot) -> Vec<Reading> {
    s.conditions().into_iter().map(|c| c.reading).collect()
}

#[test]
fn what_is_not_known_is_absent() {
    let text = |s: &Snapshot| {
        let mut page = Page::default();
        s.page(&mut page, true);
        page.render(Format::Text)
    };
    let fresh = text(&snapshot(10 * SECOND, Some(9 * SECOND), true));
    for line in [
        "phc_sync_offset_seconds{clock=\"CLOCK_REALTIME\",source=\"phc0\"} -1.2e-7\n",
        "phc_sync_servo_state{clock=\"CLOCK_REALTIME\",state=\"locked\"} 1.0\n",
        "phc_sync_frequency_adjustment_ratio{clock=\"CLOCK_REALTIME\"} -0.0000015\n",
        "phc_sync_upstream_is_source{upstream=\"ptpd\"} 1.0\n",
        "iface=\"CLOCK_REALTIME\"} -120.0\n",
    ] {
        assert!(fresh.contains(line), "{line}\n{fresh}");
    }
    let stale = text(&snapshot(60 * SECOND, Some(9 * SECOND), true));
    for absent in ["phc_sync_offset_seconds{", "phc_sync_error_bound", "openshift_ptp_offset_ns"] {
        assert!(!stale.contains(absent), "{absent}\n{stale}");
    }
    assert!(stale.contains("phc_sync_offset_age_seconds{clock=\"CLOCK_REALTIME\"} 51"), "{stale}");
}

#[test]
fn ready_is_who_follows() {
    assert!(snapshot(10 * SECOND, Some(9 * SECOND), true).ready().is_ok());
    for (snapshot, why) in [
        (snapshot(10 * SECOND, Some(9 * SECOND), false), "does not follow"),
        (snapshot(60 * SECOND, Some(9 * SECOND), true), "does not follow"),
        (Snapshot::default(), "no source"),
    ] {
        let said = snapshot.ready().expect_err("it is not");
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn the_system_clock_is_held_while_its_error_is_known() {
    let mut s = snapshot(10 * SECOND, Some(9 * SECOND), true);
    assert_eq!(words(&s), [Reading::State("LOCKED"), Reading::State("LOCKED")]);
    s.upstreams[0].is_source = false;
    assert_eq!(words(&s), [Reading::State("LOCKED"), Reading::State("HOLDOVER")]);
    // An hour later, on what was learnt.
    s.now = 3600 * SECOND;
    let held =
        SinkState { state: ClockState::Holdover, locked: false, held_s: Some(3591.0), ..s.sinks[0].clone() };
    s.sinks = vec![SinkState { holdovers: 3, holdovers_within: 2, ..held }];
    assert_eq!(words(&s)[0], Reading::State("HOLDOVER"));
    let mut page = Page::default();
    s.page(&mut page, true);
    let text = page.render(Format::Text);
    for line in [
        "phc_sync_servo_state{clock=\"CLOCK_REALTIME\",state=\"holdover\"} 1.0\n",
        "phc_sync_error_bound_seconds{clock=\"CLOCK_REALTIME\"} 0.000001\n",
        "phc_sync_holdover_duration_seconds{clock=\"CLOCK_REALTIME\"} 3591.0\n",
        "phc_sync_holdovers_ended_total{clock=\"CLOCK_REALTIME\",outcome=\"beyond\"} 1\n",
        "phc_sync_system_clock_state{state=\"holdover\"} 1.0\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(s.ready().expect_err("it follows nothing").contains("holdover"));
    s.sinks[0].state = ClockState::Free;
    assert_eq!(words(&s)[0], Reading::State("FREERUN"));
    // It has not had a source yet.
    s.sinks.clear();
    assert_eq!(words(&s)[0], Reading::State("FREERUN"));
}
