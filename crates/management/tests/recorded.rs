//! Recorded answers of linuxptp's ptp4l must print as linuxptp's own pmc printed them.

use ptp_management::text::Text;
use ptp_management::{Command, Reply, json};
use ptp_wire::management::{Action, ManagementId, Payload};

/// The same exchange as octets and as pmc's text: both nodes' answers over the network.
const EXCHANGE: &[u8] = include_bytes!("../../wire/tests/data/management/all-gets.pcap");
const PRINTED: &str = include_str!("data/pmc-network.txt");
const GRANDMASTER: &str = include_str!("data/pmc-uds-grandmaster.txt");
const CLIENT: &str = include_str!("data/pmc-uds-client.txt");

fn messages() -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    let mut rest = &EXCHANGE[24..];
    while let Some((head, tail)) = rest.split_at_checked(16) {
        let len = u32::from_le_bytes(head[8..12].try_into().unwrap()) as usize;
        let (frame, tail) = tail.split_at(len);
        rest = tail;
        if frame[12..14] == [0x08, 0x00] {
            messages.push(frame[42..].to_vec());
        }
    }
    messages
}

fn replies() -> Vec<Reply> {
    messages().iter().filter_map(|octets| Reply::parse(octets)).collect()
}

#[test]
fn text_is_linuxptps_octet_by_octet() {
    let printed: String = PRINTED.split_inclusive('\n').filter(|l| !l.starts_with("sending: ")).collect();
    let ours: String = replies().iter().map(|r| Text(r).to_string()).collect();
    assert_eq!(replies().len(), 38);
    assert_eq!(ours, printed);
}

/// What the network does not answer, or not with these values, is compared by its shape: rebuild the octets from the text.
#[test]
fn text_of_the_local_sockets() {
    for (recording, node) in [(GRANDMASTER, "020000.fffe.000011"), (CLIENT, "020000.fffe.000012")] {
        for (name, shown) in [
            (
                "PORT_PROPERTIES_NP",
                &[
                    "portIdentity            ",
                    "portState               ",
                    "timestamping            SOFTWARE",
                    "interface               d",
                ][..],
            ),
            (
                "PORT_HWCLOCK_NP",
                &["portIdentity            ", "phcIndex                -1", "flags                   0"][..],
            ),
        ] {
            let id = ManagementId::from_name(name).unwrap();
            let payload = match id {
                ManagementId::PORT_HWCLOCK_NP => {
                    Payload::PortHwclockNp(ptp_wire::management::PortHwclockNp {
                        port_identity: format!("{node}-1").parse().unwrap(),
                        phc_index: -1,
                        flags: 0,
                    })
                }
                _ => Payload::PortPropertiesNp(ptp_wire::management::PortPropertiesNp {
                    port_identity: format!("{node}-1").parse().unwrap(),
                    port_state: if node.ends_with("11") { 6 } else { 8 },
                    timestamping: 0,
                    interface: ptp_wire::management::PtpText::from_text(if node.ends_with("11") {
                        "da"
                    } else {
                        "dc"
                    }),
                }),
            };
            let start = recording.find(&format!("RESPONSE MANAGEMENT {name} \n")).unwrap();
            let line = recording[..start].rfind('\n').unwrap() + 1;
            let end = recording[start..].match_indices('\n').nth(shown.len()).unwrap().0 + start + 1;
            let recorded = &recording[line..end];
            let sequence_id = recorded.split(' ').nth(2).unwrap().parse().unwrap();
            let reply = reply(format!("{node}-1").parse().unwrap(), sequence_id, payload);
            assert_eq!(Text(&reply).to_string(), recorded);
            for line in shown {
                assert!(recorded.contains(line), "{line}");
            }
        }
    }
    let offset = reply(
        "020000.fffe.000012-0".parse().unwrap(),
        2,
        Payload::CurrentDataSet(ptp_wire::management::CurrentDataSet {
            steps_removed: 1,
            offset_from_master: ptp_wire::TimeInterval::from_nanos(-95),
            mean_path_delay: ptp_wire::TimeInterval::from_nanos(2368),
        }),
    );
    assert!(CLIENT.contains(&Text(&offset).to_string()));
    let status = reply(
        "020000.fffe.000012-0".parse().unwrap(),
        12,
        Payload::TimeStatusNp(ptp_wire::management::TimeStatusNp {
            master_offset: -95,
            ingress_time: 1795233696730406930,
            gm_present: true,
            gm_identity: "020000.fffe.000011".parse().unwrap(),
            ..Default::default()
        }),
    );
    assert!(CLIENT.contains(&Text(&status).to_string()));
}

fn reply(source: ptp_wire::PortIdentity, sequence_id: u16, payload: Payload<'_>) -> Reply {
    use ptp_wire::{Body, Header, MessageType, PortIdentity, TlvType, Writer};
    let mut header = Header::new(MessageType::Management);
    header.source_port_identity = source;
    header.sequence_id = sequence_id;
    let body = Body::Management(ptp_wire::management::ManagementHeader {
        target_port_identity: PortIdentity::ANY,
        starting_boundary_hops: 0,
        boundary_hops: 0,
        action: Action::Response,
    });
    let mut buf = [0; 1500];
    let mut writer = Writer::new(&mut buf, &header, &body).unwrap();
    writer.tlv_with(TlvType::MANAGEMENT, |room| payload.emit(room)).unwrap();
    let len = writer.finish();
    Reply::parse(&buf[..len]).unwrap()
}

/// printf rounds ties to even; so must we.
#[test]
fn tenths_round_as_printf_does() {
    for (scaled, shown) in
        [(0x4000, "0.2"), (0xc000, "0.8"), (0x1_4000, "1.2"), (-0x4000, "-0.2"), (-1, "-0.0")]
    {
        let payload = Payload::CurrentDataSet(ptp_wire::management::CurrentDataSet {
            steps_removed: 0,
            offset_from_master: ptp_wire::TimeInterval(scaled),
            mean_path_delay: ptp_wire::TimeInterval::ZERO,
        });
        let text = Text(&reply(Default::default(), 0, payload)).to_string();
        assert!(text.contains(&format!("offsetFromMaster {shown}\n")), "{text}");
    }
}

#[test]
fn unicast_masters_stand_under_their_headings() {
    use ptp_wire::management::{UnicastMaster, UnicastMasterTableNp};
    let master = UnicastMaster {
        port_identity: "020000.fffe.000011-1".parse().unwrap(),
        clock_quality: ptp_wire::ClockQuality::DEFAULT,
        selected: true,
        port_state: 3,
        priority1: 128,
        priority2: 128,
        address: ptp_wire::PortAddress { network_protocol: 1, address: &[10, 0, 0, 1] },
    };
    let mut octets = [0; 64];
    let len = master.emit(&mut octets).unwrap();
    let table = UnicastMasterTableNp::new(1, &octets[..len]).unwrap();
    let text = Text(&reply(Default::default(), 0, Payload::UnicastMasterTableNp(table))).to_string();
    let lines: Vec<_> = text.lines().map(str::trim_start).collect();
    let (head, row) = (lines[2], lines[3]);
    let under =
        |heading: &str, value: &str| assert_eq!(row.find(value), head.find(heading), "{heading}\n{text}");
    under("BM", "yes");
    under("identity", "020000.fffe.000011-1");
    under("address", "10.0.0.1");
    under("state", "HAVE_SYDY");
    under("clockClass", "248");
    under("clockQuality", "0xfe");
    under("offsetScaledLogVariance", "0xffff");
    under("p1", "128");
    assert_eq!(row.rfind("128"), head.find("p2"));
}

/// Our GETs are linuxptp's, octet by octet, but for CMLDS_INFO_NP, which it alone sends short, and the addressing.
#[test]
fn requests_are_linuxptps() {
    use ptp_management::{Client, ClientConfig, Transport};
    use std::os::fd::{AsFd, BorrowedFd};
    struct Recorder(std::fs::File, std::sync::mpsc::Sender<Vec<u8>>);
    impl AsFd for Recorder {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }
    impl Transport for Recorder {
        fn identity(&self) -> ptp_wire::PortIdentity {
            "020000.fffe.000012-1".parse().unwrap()
        }
        fn send(&mut self, message: &[u8]) -> Result<(), ptp_management::ClientError> {
            self.1.send(message.to_vec()).unwrap();
            Ok(())
        }
        fn receive(&mut self, _: &mut [u8]) -> Result<Option<usize>, ptp_management::ClientError> {
            Ok(None)
        }
    }
    let (sender, sent) = std::sync::mpsc::channel();
    let config = ClientConfig { boundary_hops: 0, ..ClientConfig::default() };
    let mut client = Client::new(Recorder(std::fs::File::open("/dev/null").unwrap(), sender), config);
    let mut compared = 0;
    for octets in messages() {
        let message = ptp_wire::Message::parse(&octets).unwrap();
        let Some(content) = ptp_wire::management::Content::of(&message) else { continue };
        if !matches!(message.body(), ptp_wire::Body::Management(m) if m.action == Action::Get) {
            continue;
        }
        let line = format!("get {}", content.id());
        let Ok(Command::Send(request)) = Command::parse(&line) else { panic!("{line}") };
        client.send(&request).unwrap();
        let ours = sent.recv().unwrap();
        if content.id() != ManagementId::CMLDS_INFO_NP {
            assert_eq!(ours, message.octets(), "{line}");
            compared += 1;
        }
    }
    assert_eq!(compared, 37);
}

#[test]
fn json_has_what_the_schema_says() {
    let replies = replies();
    let of = |id: ManagementId| {
        let reply = replies.iter().find(|r| r.id() == id).unwrap();
        serde_json::from_str::<serde_json::Value>(&json::reply(reply).to_string()).unwrap()
    };
    let ds = of(ManagementId::PARENT_DATA_SET);
    assert_eq!(ds["source"], "020000.fffe.000011-1");
    assert_eq!((&ds["sequenceId"], &ds["action"]), (&3.into(), &"RESPONSE".into()));
    assert_eq!((&ds["id"], &ds["idNumber"]), (&"PARENT_DATA_SET".into(), &0x2002.into()));
    assert_eq!(ds["data"]["grandmasterClockClass"], 248);
    assert_eq!(ds["data"]["grandmasterClockAccuracy"], 254);
    assert_eq!(ds["data"]["parentStats"], false);
    assert_eq!(of(ManagementId::CURRENT_DATA_SET)["data"]["offsetFromMaster"], 0.0);
    let refused = of(ManagementId::PORT_PROPERTIES_NP);
    assert_eq!(refused["error"]["name"], "NOT_SUPPORTED");
    assert_eq!(refused["error"]["number"], 6);
    assert!(refused.get("data").is_none());
    assert_eq!(of(ManagementId::NULL_MANAGEMENT)["data"], serde_json::json!({}));
}
