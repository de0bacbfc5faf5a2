//! What is on the screen, and what keys do.

use super::*;
use serde_json::json;

fn view(state: &str, syncs: u64) -> View {
    let mut view = View::default();
    let object = |v: Json| v.as_object().cloned().expect("an object");
    view.clock.insert("DEFAULT_DATA_SET", object(json!({ "domainNumber": 24 })));
    view.clock.insert(
        "PARENT_DATA_SET",
        object(json!({
            "parentPortIdentity": "020000.fffe.000001-1", "grandmasterIdentity": "020000.fffe.000001",
            "grandmasterClockClass": 6, "grandmasterClockAccuracy": 0x21, "grandmasterPriority1": 128,
            "grandmasterPriority2": 128,
        })),
    );
    view.clock.insert(
        "CURRENT_DATA_SET",
        object(json!({ "stepsRemoved": 1, "offsetFromMaster": -95.0, "meanPathDelay": 2368.0 })),
    );
    view.clock.insert(
        "TIME_PROPERTIES_DATA_SET",
        object(json!({ "currentUtcOffset": 37, "currentUtcOffsetValid": true })),
    );
    view.clock.insert(
        "CLOCK_STATUS_NP",
        object(json!({ "clockState": "locked", "errorBound": 41.5, "frequency_ppb": -1234.5, "steps": 1 })),
    );
    let port = view.ports.entry(1).or_default();
    port.insert("PORT_DATA_SET", object(json!({ "portState": state, "delayMechanism": 1 })));
    port.insert("PORT_PROPERTIES_NP", object(json!({ "interface": "eth0", "timestamping": "HARDWARE" })));
    port.insert("PORT_STATS_NP", object(json!({ "rx_Sync": syncs })));
    port.insert("PORT_SERVICE_STATS_NP", object(json!({ "sync_mismatch": 3 })));
    view
}

fn press(screen: &mut Screen, key: char) -> bool {
    obey(screen, key as u8)
}

#[test]
fn everything_fits_80_by_24() {
    let mut screen = Screen::new("/run/escapement/ptpd".into(), Duration::from_secs(1));
    screen.take(view("SLAVE", 10));
    screen.looked = Instant::now() - Duration::from_secs(1);
    screen.take(view("SLAVE", 18));
    let text = picture(&screen, 80, 24);
    for part in [
        "clock 000000.0000.000000  domain 24  SLAVE on port 1 (eth0)",
        "grandmaster 020000.fffe.000001  class 6  within 100 ns  steps 1",
        "servo locked  error bound 41.5 ns  frequency -1234.5 ppb  steps 1",
        "-95.0 ns  rms 95.0 ns",
        "2.37 us  mean 2.37 us",
        "1 (eth0)",
        "HARDWARE",
        "no alarm",
        " q  quit",
        " c  clear",
    ] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    let rate = screen.rate(1, ManagementId::PORT_STATS_NP, "rx_Sync").expect("two looks");
    assert!((7.0..8.1).contains(&rate), "{rate}");
    assert_eq!(text.lines().count(), 24);
}

#[test]
fn keys_do_what_the_screen_says() {
    let mut screen = Screen::new(String::new(), Duration::from_secs(1));
    screen.take(view("FAULTY", 1));
    assert!(press(&mut screen, '2'));
    assert!(picture(&screen, 80, 24).contains("sync_mismatch"));
    assert!(press(&mut screen, '3'));
    assert!(picture(&screen, 80, 24).contains("masters heard"));
    assert!(press(&mut screen, 'p') && screen.paused);
    assert!(press(&mut screen, '-') && screen.interval == Duration::from_secs(2));
    assert!(press(&mut screen, 'c') && screen.offsets.is_empty());
    assert!(!press(&mut screen, 'q'));
    let text = picture(&screen, 80, 24);
    assert!(text.contains("port 1 (eth0) is FAULTY") && text.contains("no port is SLAVE"), "{text}");
    screen.trouble = Some("gone".into());
    assert!(picture(&screen, 80, 24).contains("NO ANSWER: gone"));
    // A small terminal is no reason to fall over.
    for page in ['1', '2', '3'] {
        press(&mut screen, page);
        for (w, h) in [(0, 0), (0, 9), (1, 1), (2, 40), (7, 3), (20, 5), (33, 9), (60, 2), (300, 80)] {
            let _ = picture(&screen, w, h);
        }
    }
}
