//! Settings that stand as long as their client does.

use super::*;

fn settings(clock_class: u8) -> Payload<'static> {
    Payload::GrandmasterSettingsNp(GrandmasterSettingsNp {
        clock_quality: ClockQuality {
            clock_class,
            clock_accuracy: ClockAccuracy(0x21),
            offset_scaled_log_variance: 0x4e5d,
        },
        utc_offset: 37,
        time_flags: Flags::UTC_OFFSET_VALID | Flags::PTP_TIMESCALE | Flags::TIME_TRACEABLE,
        time_source: TimeSource::GNSS,
    })
}

fn lease(duration: u16) -> Vec<u8> {
    let events = EventMask::NONE.with(NotifyEvent::GrandmasterLease, true);
    set(&Payload::SubscribeEventsNp(SubscribeEventsNp { duration, events }))
}

fn told(bench: &mut Bench) -> (u8, bool) {
    let answer = bench.one(RW, &get(ManagementId::GRANDMASTER_SETTINGS_NP));
    let Payload::GrandmasterSettingsNp(s) = answer.payload() else { panic!() };
    (s.clock_quality.clock_class, s.time_flags.has(Flags::TIME_TRACEABLE))
}

#[test]
fn settings_stand_while_their_lease_is_renewed() {
    // Whichever comes first, the settings or the lease.
    for settings_first in [true, false] {
        let mut bench = Bench::new(1);
        let before = told(&mut bench);
        if settings_first {
            bench.ask(RW, &set(&settings(6)));
        }
        bench.ask(RW, &lease(3));
        bench.ask(RW, &set(&settings(6)));
        for _ in 0..10 {
            bench.pass(2);
            assert_eq!(told(&mut bench), (6, true));
            bench.ask(RW, &lease(3));
        }
        bench.ask(RW, &set(&settings(7)));
        bench.pass(2);
        assert_eq!(told(&mut bench), (7, true));
        bench.pass(1);
        assert_eq!(told(&mut bench), before, "three seconds without renewal");
        assert_eq!(bench.engine.management.next_deadline(), None);
    }
}

#[test]
fn a_lease_that_is_ended_ends_at_once_and_nothing_is_claimed_that_nobody_watches() {
    let mut bench = Bench::with(1, |c| {
        c.clock_quality.clock_class = 6;
        c.time_properties.time_traceable = true;
    });
    bench.ask(RW, &lease(3));
    bench.ask(RW, &set(&settings(7)));
    bench.ask(RW, &lease(0));
    assert_eq!(told(&mut bench), (248, false));
}

#[test]
fn settings_of_others_stand_for_good() {
    let mut bench = Bench::new(1);
    bench.ask(RW, &set(&settings(6)));
    bench.pass(100);
    assert_eq!(told(&mut bench), (6, true), "without a lease");
    // One client has a lease; another one's word came later.
    bench.ask(RW, &lease(3));
    let mut other = set(&settings(52));
    // The last octet of the sourcePortIdentity.
    other[29] ^= 1;
    bench.local(RW, &other);
    bench.pass(10);
    assert_eq!(told(&mut bench).0, 52);
}

#[test]
fn a_daemon_that_was_held_up_itself_looks_for_renewals_first() {
    let mut bench = Bench::new(1);
    let before = told(&mut bench);
    bench.ask(RW, &lease(3));
    bench.ask(RW, &set(&settings(6)));
    // Nobody looked for eight seconds; the renewals wait to be read.
    bench.now = Instant(bench.now.0 + 8_000_000_000);
    bench.engine.handle(bench.now, Input::Tick);
    assert_eq!(told(&mut bench), (6, true));
    bench.ask(RW, &lease(3));
    bench.pass(2);
    assert_eq!(told(&mut bench), (6, true));
    bench.pass(1);
    assert_eq!(told(&mut bench), before);
}
