//! The client against servers that behave, chatter, or are silent, over real UNIX sockets.

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ptp_management::{Client, ClientConfig, ClientError, Request, Uds};
use ptp_wire::management::{
    Action, ErrorId, ManagementErrorStatus, ManagementHeader, ManagementId, Payload, PtpText,
};
use ptp_wire::{Body, Header, Message, MessageType, PortIdentity, TlvType, Writer};

const WINDOW: Duration = Duration::from_millis(100);

struct Directory(PathBuf);

impl Directory {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ptp-management-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn client(&self) -> Client<Uds> {
        let uds = Uds::connect(&self.0.join("server"), Some(&self.0.join("client"))).unwrap();
        Client::new(uds, ClientConfig::default())
    }

    fn server(&self) -> UnixDatagram {
        let socket = UnixDatagram::bind(self.0.join("server")).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        socket
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A response of port `port`.
fn response(target: PortIdentity, sequence_id: u16, port: u16, payload: Payload<'_>) -> Vec<u8> {
    let mut header = Header::new(MessageType::Management);
    header.source_port_identity = PortIdentity::new("001122.fffe.334455".parse().unwrap(), port);
    header.sequence_id = sequence_id;
    let body = Body::Management(ManagementHeader {
        target_port_identity: target,
        starting_boundary_hops: 0,
        boundary_hops: 0,
        action: Action::Response,
    });
    let mut buf = [0; 1500];
    let mut writer = Writer::new(&mut buf, &header, &body).unwrap();
    writer.tlv_with(TlvType::MANAGEMENT, |room| payload.emit(room)).unwrap();
    let len = writer.finish();
    buf[..len].to_vec()
}

#[test]
fn all_responders_are_heard_and_strangers_are_not() {
    let dir = Directory::new("responders");
    let (server, mut client) = (dir.server(), dir.client());
    let identity = client.identity();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut buf = [0; 1500];
            let (len, from) = server.recv_from(&mut buf).unwrap();
            let request = Message::parse(&buf[..len]).unwrap();
            assert_eq!(request.header().source_port_identity, identity);
            let Body::Management(body) = *request.body() else { panic!() };
            assert_eq!((body.action, body.boundary_hops), (Action::Get, 1));
            let sequence_id = request.header().sequence_id;
            let send = |octets: &[u8]| server.send_to_addr(octets, &from).map(|_| ()).unwrap();
            let mut wrong_domain = response(identity, sequence_id, 7, Payload::Priority1(7));
            wrong_domain[4] = 9;
            for octets in [
                // Not for us, of another domain, no PTP, a notification, and our own request.
                response(PortIdentity::new(Default::default(), 9), sequence_id, 5, Payload::Priority1(5)),
                wrong_domain,
                vec![1, 2, 3],
                response(identity, sequence_id, 6, Payload::Priority2(6)),
                buf[..len].to_vec(),
            ] {
                send(&octets);
            }
            for port in 1..4 {
                send(&response(identity, sequence_id, port, Payload::Priority1(port as u8)));
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let replies = client.ask(&Request::get(ManagementId::PRIORITY1), 10 * WINDOW).unwrap();
        let values: Vec<_> = replies.iter().map(|r| r.payload().unwrap()).collect();
        assert_eq!(values, [1, 2, 3].map(Payload::Priority1));
    });
}

#[test]
fn chatter_does_not_keep_a_client_waiting() {
    let dir = Directory::new("chatter");
    let (server, mut client) = (dir.server(), dir.client());
    let identity = client.identity();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (_, from) = server.recv_from(&mut [0; 1500]).unwrap();
            for n in 0..1000 {
                if done.load(std::sync::atomic::Ordering::Relaxed) {
                    break;
                }
                let _ = server.send_to_addr(&response(identity, n, 1, Payload::Priority2(1)), &from);
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        let start = Instant::now();
        let replies = client.ask(&Request::get(ManagementId::PRIORITY1), WINDOW).unwrap();
        assert!(replies.is_empty());
        // The chatter alone goes on for ten seconds.
        assert!(start.elapsed() < Duration::from_secs(5));
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn what_is_missing_is_said() {
    let dir = Directory::new("missing");
    let mut client = dir.client();
    let error = client.send(&Request::get(ManagementId::PRIORITY1)).unwrap_err();
    assert!(matches!(error, ClientError::NoServer { .. }), "{error}");
    drop(dir.server());
    let error = client.send(&Request::get(ManagementId::PRIORITY1)).unwrap_err();
    assert!(matches!(error, ClientError::NobodyListens { .. }), "{error}");
    let own = client_path(&dir);
    assert!(own.exists());
    drop(client);
    assert!(!own.exists(), "the own socket is removed");
    let nowhere = dir.0.join("no/such");
    let beside = Uds::connect(&nowhere, None).unwrap();
    assert!(beside.own_path().starts_with("/tmp"), "the server's directory is not ours to make");
    assert!(!dir.0.join("no").exists());
}

fn client_path(dir: &Directory) -> PathBuf {
    dir.0.join("client")
}

#[test]
fn errors_are_replies() {
    let mut header = Header::new(MessageType::Management);
    header.source_port_identity.port_number.0 = 1;
    let body = Body::Management(ManagementHeader {
        target_port_identity: PortIdentity::ANY,
        starting_boundary_hops: 0,
        boundary_hops: 0,
        action: Action::Acknowledge,
    });
    let status = ManagementErrorStatus {
        error: ErrorId::WRONG_VALUE,
        id: ManagementId::ENABLE_PORT,
        display_data: PtpText::from_text("no such port"),
    };
    let mut buf = [0; 100];
    let mut writer = Writer::new(&mut buf, &header, &body).unwrap();
    writer.tlv_with(TlvType::MANAGEMENT_ERROR_STATUS, |room| status.emit(room)).unwrap();
    let len = writer.finish();
    let reply = ptp_management::Reply::parse(&buf[..len]).unwrap();
    assert_eq!((reply.id(), reply.error()), (ManagementId::ENABLE_PORT, Some(ErrorId::WRONG_VALUE)));
    assert_eq!(reply.payload().unwrap_err().to_string(), "the server answers WRONG_VALUE");
    let json = ptp_management::json::reply(&reply);
    assert_eq!((&json["error"]["text"], &json["action"]), (&"no such port".into(), &"ACKNOWLEDGE".into()));
    assert_eq!(
        ptp_management::text::Text(&reply).to_string(),
        "\t000000.0000.000000-1 seq 0 ACKNOWLEDGE MANAGEMENT_ERROR_STATUS \n"
    );
}
