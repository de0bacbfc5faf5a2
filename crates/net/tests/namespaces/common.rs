//! A user namespace with two network namespaces of its own, joined by a veth pair: `left` in the one, `right` in the
//! other. Nothing of the machine's network is touched.

use std::fs::File;
use std::os::fd::AsFd;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, setns, unshare};
use ptp_net::{
    Destination, Interface, MessageClass, NetError, PortSockets, Received, SocketOptions, StampRequest,
    TxStamp,
};

const INNER: &str = "PTP_NET_TEST_NAMESPACE";

/// Runs `body` in namespaces of its own, in another process: the test calls itself by name.
pub(crate) fn in_namespaces(test: &str, body: impl FnOnce(&Network)) {
    if std::env::var_os(INNER).is_some() {
        body(&Network::build());
        return;
    }
    let works = |args: &[&str]| {
        Command::new("unshare").args(args).args(["ip", "link"]).output().is_ok_and(|o| o.status.success())
    };
    let Some(how) = [["-Urn"].as_slice(), &["-n"]].into_iter().find(|a| works(a)) else {
        assert!(std::env::var("CI").is_err(), "CI needs unshare, ip and user namespaces");
        println!("skipped: needs the programs unshare and ip, and user namespaces or root");
        return;
    };
    let exe = std::env::current_exe().expect("a test has a path");
    let out = Command::new("unshare")
        .args(how)
        .arg(exe)
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(INNER, "1")
        .output()
        .expect("unshare worked a moment ago");
    let (text, errors) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success() && text.contains("1 passed"), "{test} in its namespaces:\n{text}{errors}");
}

pub(crate) fn ip(arguments: &str) {
    let out = Command::new("ip").args(arguments.split(' ')).output().expect("ip runs");
    assert!(out.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&out.stderr));
}

pub(crate) struct Network {
    left: File,
    right: File,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Side {
    Left,
    Right,
}

impl Network {
    fn build() -> Self {
        let here = || File::open("/proc/thread-self/ns/net").expect("proc is mounted");
        let left = here();
        let right = std::thread::scope(|s| {
            let (tell, told) = std::sync::mpsc::channel();
            let (end, ended) = std::sync::mpsc::channel::<()>();
            s.spawn(move || {
                unshare(CloneFlags::CLONE_NEWNET).expect("root in its own user namespace may");
                let tid = nix::unistd::gettid();
                tell.send((here(), tid)).expect("the other end waits");
                let _ = ended.recv();
            });
            let (right, tid) = told.recv().expect("the thread tells");
            ip("link add left type veth peer name right");
            ip(&format!("link set right netns {tid}"));
            drop(end);
            right
        });
        let net = Self { left, right };
        net.enter(Side::Left, || {
            ip("link set lo up");
            ip("address add 192.0.2.1/24 dev left");
            ip("-6 address add fd00::1/64 dev left nodad");
            ip("link set left up");
        });
        net.enter(Side::Right, || {
            ip("link set lo up");
            ip("address add 192.0.2.2/24 dev right");
            ip("-6 address add fd00::2/64 dev right nodad");
            ip("link set right up");
        });
        // The kernel tells both ends of each other's being up from a work queue; what is sent before is lost silently.
        for (side, name) in [(Side::Left, "left"), (Side::Right, "right")] {
            let end = Instant::now() + Duration::from_secs(10);
            while net.enter(side, || ptp_net::link_state(name)).expect("a fine name")
                != ptp_net::LinkState::Up
            {
                assert!(Instant::now() < end, "{name} does not come up");
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        // The state is shown a moment before the queue opens.
        std::thread::sleep(Duration::from_millis(20));
        net
    }

    /// Runs `f` on one side. What it opens stays there.
    pub(crate) fn enter<T: Send>(&self, side: Side, f: impl FnOnce() -> T + Send) -> T {
        let namespace = match side {
            Side::Left => &self.left,
            Side::Right => &self.right,
        };
        std::thread::scope(|s| {
            let run = s.spawn(|| {
                setns(namespace.as_fd(), CloneFlags::CLONE_NEWNET).expect("it is our own");
                f()
            });
            run.join().unwrap_or_else(|e| std::panic::resume_unwind(e))
        })
    }

    pub(crate) fn open(&self, side: Side, options: &SocketOptions) -> Result<PortSockets, NetError> {
        self.enter(side, || PortSockets::open(options))
    }
}

/// Waits until a descriptor has something, and says what.
pub(crate) fn wait(fd: impl AsFd, events: PollFlags) -> PollFlags {
    let mut fds = [PollFd::new(fd.as_fd(), events)];
    poll(&mut fds, PollTimeout::from(2000u16)).expect("poll works");
    fds[0].revents().unwrap_or(PollFlags::empty())
}

/// The next message within two seconds, as an owned value.
pub(crate) fn next(sockets: &mut PortSockets, class: MessageClass) -> Message {
    let end = Instant::now() + Duration::from_secs(2);
    while Instant::now() < end {
        if wait(sockets.fd(class), PollFlags::POLLIN).contains(PollFlags::POLLIN)
            && let Some(Received { octets, stamp, source, .. }) =
                sockets.receive(class).expect("a working socket")
        {
            return Message {
                octets: octets.to_vec(),
                stamp: stamp.map(|s| s.nanos()),
                source: source.to_string(),
            };
        }
    }
    panic!("no {class:?} message came; {:?}", sockets.counters());
}

/// Sends until a message arrives stamped: the kernel begins to stamp a moment after the first socket asks for it.
pub(crate) fn warm_up(from: &mut PortSockets, to: &mut PortSockets) {
    let end = Instant::now() + Duration::from_secs(5);
    loop {
        let request = StampRequest { token: 0, deadline: 0 };
        from.send(MessageClass::Event, Destination::Primary, &[0; 44], Some(request)).expect("sent");
        let _ = stamp(from);
        if next(to, MessageClass::Event).stamp.is_some() {
            return;
        }
        assert!(Instant::now() < end, "software stamps work on veth");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The next stamp within two seconds.
pub(crate) fn stamp(sockets: &mut PortSockets) -> TxStamp {
    let end = Instant::now() + Duration::from_secs(2);
    while Instant::now() < end {
        let events = wait(sockets.fd(MessageClass::Event), PollFlags::POLLPRI);
        if events.intersects(PollFlags::POLLPRI | PollFlags::POLLERR)
            && let Some(stamp) = sockets.completion().expect("a working socket")
        {
            return stamp;
        }
    }
    panic!("no stamp came; {:?}", sockets.counters());
}

/// Nothing is there within a tenth of a second.
pub(crate) fn silent(sockets: &mut PortSockets, class: MessageClass) {
    std::thread::sleep(Duration::from_millis(100));
    let got = sockets.receive(class).expect("a working socket");
    assert!(got.is_none(), "{got:?}");
}

#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) octets: Vec<u8>,
    pub(crate) stamp: Option<i128>,
    pub(crate) source: String,
}

/// CLOCK_REALTIME in ns.
pub(crate) fn now() -> i128 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    since.as_nanos() as i128
}

/// What poll says of a descriptor within 50 ms.
pub(crate) fn wait_briefly(fd: impl AsFd) -> PollFlags {
    let mut fds = [PollFd::new(fd.as_fd(), PollFlags::POLLIN | PollFlags::POLLPRI)];
    poll(&mut fds, PollTimeout::from(50u16)).expect("poll works");
    fds[0].revents().unwrap_or(PollFlags::empty())
}

/// Takes every privilege from this thread.
pub(crate) fn drop_capabilities() {
    // Version 3, this thread; two sets of effective, permitted, inheritable.
    let header = [0x2008_0522u32, 0];
    let none = [0u32; 6];
    // SAFETY: capset reads 8 octets of header and, for version 3, 24 of data; both arrays are that long.
    let result = unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), none.as_ptr()) };
    assert_eq!(result, 0, "a thread may always give up its privileges");
}

fn bind_packet(socket: &socket2::Socket, protocol: u16, index: u32) {
    let mut storage = socket2::SockAddrStorage::zeroed();
    // SAFETY: any octets are a valid sockaddr_ll, and it is smaller than the storage it is viewed in.
    let name = unsafe { storage.view_as::<libc::sockaddr_ll>() };
    name.sll_family = libc::AF_PACKET as u16;
    name.sll_protocol = protocol;
    name.sll_ifindex = index as i32;
    let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: the storage holds a sockaddr_ll of that length.
    let name = unsafe { socket2::SockAddr::new(storage, length) };
    socket.bind(&name).expect("it is there");
}

/// Sees every frame that arrives.
pub(crate) struct Capture(socket2::Socket);

impl Capture {
    pub(crate) fn open(interface: &str) -> Self {
        let any = 0x0003u16.to_be();
        let socket = socket2::Socket::new(
            socket2::Domain::PACKET,
            socket2::Type::RAW,
            Some(socket2::Protocol::from(i32::from(any))),
        )
        .expect("root in its own user namespace may");
        let index = Interface::query(interface).expect("it is there").index;
        bind_packet(&socket, any, index);
        socket.set_read_timeout(Some(Duration::from_secs(2))).expect("a working socket");
        Self(socket)
    }

    /// Sends a whole frame.
    pub(crate) fn send(&self, frame: &[u8]) {
        self.0.send(frame).expect("a working socket");
    }

    /// Of the next PTP event message over UDP.
    pub(crate) fn hops_and_class(mut self, transport: ptp_net::Transport) -> (u8, u8) {
        use std::io::Read;
        let mut buffer = [0; 2048];
        loop {
            let length = self.0.read(&mut buffer).expect("a frame comes within two seconds");
            let frame = &buffer[..length];
            let port = 319u16.to_be_bytes();
            match (transport, frame) {
                (
                    ptp_net::Transport::UdpIpv4,
                    [_, _, _, _, _, _, _, _, _, _, _, _, 8, 0, 0x45, class, ..],
                ) if frame.get(36..38) == Some(&port) => {
                    return (frame[22], *class);
                }
                (ptp_net::Transport::UdpIpv6, [_, _, _, _, _, _, _, _, _, _, _, _, 0x86, 0xdd, a, b, ..])
                    if frame.get(56..58) == Some(&port) =>
                {
                    return (frame[21], a << 4 | b >> 4);
                }
                _ => {}
            }
        }
    }
}

/// Takes transmissions' numbers away again, as old kernels and simulators do without them.
pub(crate) fn stamp_with_whole_frames(fd: std::os::fd::BorrowedFd<'_>) {
    use std::os::fd::AsRawFd;
    let flags = libc::SOF_TIMESTAMPING_TX_SOFTWARE
        | libc::SOF_TIMESTAMPING_RX_SOFTWARE
        | libc::SOF_TIMESTAMPING_SOFTWARE;
    // SAFETY: the option's value is the four octets of `flags`.
    let result = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_TIMESTAMPING,
            (&raw const flags).cast(),
            4,
        )
    };
    assert_eq!(result, 0);
}

/// Frames that arrive on an interface.
pub(crate) struct Frames(Capture);

impl Frames {
    pub(crate) fn open(interface: &str) -> Self {
        Self(Capture::open(interface))
    }

    /// The next frame that ends with `message`.
    pub(crate) fn of(&self, message: &[u8]) -> Vec<u8> {
        use std::io::Read;
        let mut buffer = [0; 2048];
        loop {
            let length = (&self.0.0).read(&mut buffer).expect("a frame comes within two seconds");
            if buffer[..length].ends_with(message) {
                return buffer[..length].to_vec();
            }
        }
    }
}

/// Has nft do something; `Err`: there is none, or it cannot.
pub(crate) fn nft(words: &str) -> Result<(), String> {
    let out = Command::new("nft").arg(words).output().map_err(|e| e.to_string())?;
    if out.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&out.stderr).into_owned()) }
}
