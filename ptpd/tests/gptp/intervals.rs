//! Message interval requests (802.1AS-2020 10.6.4.3) on the wire, with all special values.

use ptp_wire::{
    Body, Header, IntervalRequestFlags, LogInterval, MessageIntervalRequest, MessageType, Organization,
    PortIdentity, SdoId, TlvType, Writer,
};

use crate::net::{Net, PORT, SECOND, instance};

const KEEP: i8 = -128;
const INITIAL: i8 = 126;
const STOP: i8 = 127;

/// The end station asks the grandmaster.
fn ask(net: &mut Net, [link_delay, sync, announce]: [i8; 3], flags: IntervalRequestFlags) {
    let mut header = Header::new(MessageType::Signaling);
    header.sdo_id = SdoId::GPTP;
    header.minor_version = 1;
    header.source_port_identity = PortIdentity::new(net.hosts[1][0].config().clock_identity, 1);
    header.log_message_interval = LogInterval::NOT_APPLICABLE;
    let mut octets = vec![0; 128];
    let body = Body::Signaling { target_port_identity: PortIdentity::ANY };
    let mut w = Writer::new(&mut octets, &header, &body).expect("room");
    let request = Organization::MessageIntervalRequest(MessageIntervalRequest {
        link_delay_interval: LogInterval(link_delay),
        time_sync_interval: LogInterval(sync),
        announce_interval: LogInterval(announce),
        flags,
    });
    w.tlv_with(TlvType::ORGANIZATION_EXTENSION, |room| request.emit(room)).expect("room");
    let len = w.finish();
    net.inject(0, &octets[..len]);
}

fn both() -> IntervalRequestFlags {
    IntervalRequestFlags::COMPUTE_NEIGHBOR_RATE_RATIO
        .with(IntervalRequestFlags::COMPUTE_MEAN_LINK_DELAY, true)
}

/// Pdelay_Reqs, Syncs and Announces of the grandmaster in the next 32 s.
fn rates(net: &mut Net) -> [usize; 3] {
    net.run_for(SECOND / 100);
    let from = net.now;
    net.run_for(32 * SECOND);
    [MessageType::PdelayReq, MessageType::Sync, MessageType::Announce].map(|t| net.sent_since(from, 0, t))
}

fn about(measured: [usize; 3], expected: [usize; 3], what: &str) {
    for (m, e) in measured.into_iter().zip(expected) {
        assert!(m.abs_diff(e) <= 1 + e / 100, "{what}: {measured:?}, not {expected:?}");
    }
}

#[test]
fn a_request_is_obeyed_kept_reset_stopped_or_refused() {
    let mut net = Net::new([0, 1].map(|host| vec![instance(host, Some(0))]));
    // Whoever is not served for long must not take over.
    net.hosts[1][0].handle(ptpd::engine::Instant(0), ptpd::engine::Input::Tick);
    net.run_for(20 * SECOND);
    about(rates(&mut net), [32, 256, 32], "at the start");
    for (what, request, expected) in [
        ("asked for", [1, -4, -1], [16, 512, 64]),
        ("kept", [KEEP, KEEP, KEEP], [16, 512, 64]),
        ("one of them back", [KEEP, INITIAL, KEEP], [16, 256, 64]),
        ("the limits", [-7, -7, -7], [4096, 4096, 4096]),
        ("slow", [3, 2, 2], [4, 8, 8]),
        ("beyond the limits: refused whole", [0, -8, 0], [4, 8, 8]),
        ("reserved: refused whole", [125, 0, 0], [4, 8, 8]),
        ("reserved: refused whole", [0, 0, -127], [4, 8, 8]),
        ("stopped", [STOP, STOP, STOP], [0, 0, 0]),
        ("still stopped", [KEEP, KEEP, KEEP], [0, 0, 0]),
        ("back to the start", [INITIAL, INITIAL, INITIAL], [32, 256, 32]),
    ] {
        ask(&mut net, request, both());
        about(rates(&mut net), expected, what);
        assert_eq!(net.hosts[0][0].port_state(PORT), Some(ptpd::engine::PortState::Master), "{what}");
    }
}

/// computeNeighborRateRatio and computeMeanLinkDelay: what is not wanted stays as it was measured last.
#[test]
fn the_neighbour_may_do_without_rate_and_delay() {
    let mut net = Net::new([0, 1].map(|host| vec![instance(host, Some(0))]));
    net.run_for(20 * SECOND);
    ask(&mut net, [KEEP; 3], IntervalRequestFlags::COMPUTE_NEIGHBOR_RATE_RATIO);
    net.run_for(SECOND);
    net.delay = 500;
    net.run_for(30 * SECOND);
    let kept = net.hosts[0][0].port_delay(PORT).expect("measured").nanos_f64();
    let measured = net.hosts[1][0].port_delay(PORT).expect("measured").nanos_f64();
    assert!((kept - 300.0).abs() < 2.0 && (measured - 500.0).abs() < 2.0, "{kept} {measured}");
    ask(&mut net, [KEEP; 3], both());
    net.run_for(30 * SECOND);
    let again = net.hosts[0][0].port_delay(PORT).expect("measured").nanos_f64();
    assert!((again - 500.0).abs() < 2.0, "{again}");
}
