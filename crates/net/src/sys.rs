//! The kernel calls that no crate wraps the way simulators need them (one iovec per read, no type flags, names of full
//! length). All `unsafe` of this crate is here.

use std::ffi::c_int;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use socket2::{Domain, Protocol, Socket, Type};

use crate::batch::{BATCH, Incoming, Outgoing};
use crate::control::Control;
use crate::name::Name;

/// What one read gave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Read {
    /// Octets in the buffer.
    pub(crate) length: usize,
    /// The message was longer than the buffer.
    pub(crate) truncated: bool,
}

/// A socket that does not block and is closed on exec; made without type flags, which simulators refuse.
pub(crate) fn socket(domain: c_int, kind: c_int, protocol: c_int) -> io::Result<Socket> {
    let socket = Socket::new_raw(Domain::from(domain), Type::from(kind), Some(Protocol::from(protocol)))?;
    socket.set_nonblocking(true)?;
    socket.set_cloexec(true)?;
    Ok(socket)
}

/// bind(2) with a name of our own making.
pub(crate) fn bind(fd: BorrowedFd<'_>, name: &Name) -> io::Result<()> {
    // SAFETY: the pointer and the length describe `name`'s initialised octets, which outlive the call.
    check(unsafe { libc::bind(fd.as_raw_fd(), name.as_ptr().cast(), name.len()) }).map(drop)
}

/// connect(2), to find out whether somebody serves a UNIX socket.
pub(crate) fn connect(fd: BorrowedFd<'_>, name: &Name) -> io::Result<()> {
    // SAFETY: as in `bind`.
    check(unsafe { libc::connect(fd.as_raw_fd(), name.as_ptr().cast(), name.len()) }).map(drop)
}

/// One recvmsg(2): one iovec, and always room for a name and for control messages.
pub(crate) fn receive(
    fd: BorrowedFd<'_>,
    buffer: &mut [u8],
    name: &mut Name,
    control: &mut Control,
    flags: c_int,
) -> io::Result<Read> {
    let mut iov = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    name.clear();
    control.clear();
    // SAFETY: all-zero octets are a valid msghdr (null pointers, zero lengths); its padding differs between C libraries.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_name = name.as_mut_ptr().cast();
    message.msg_namelen = Name::CAPACITY;
    message.msg_iov = &raw mut iov;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = Control::CAPACITY as _;
    // SAFETY: every pointer in `message` is to memory that is writable for the length given beside it and outlives the
    // call: `buffer`, `name` (CAPACITY octets), `control` (CAPACITY octets), `iov`.
    let length = unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut message, flags | libc::MSG_DONTWAIT) };
    let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
    name.set_len(message.msg_namelen);
    control.set_len(message.msg_controllen as usize);
    Ok(Read { length: length.min(buffer.len()), truncated: message.msg_flags & libc::MSG_TRUNC != 0 })
}

/// One sendmsg(2) of up to three parts; `hop_limit` overrides the socket's by a control message of that level and type.
pub(crate) fn send(
    fd: BorrowedFd<'_>,
    name: &Name,
    parts: [&[u8]; 3],
    hop_limit: Option<(c_int, c_int, c_int)>,
) -> io::Result<()> {
    let mut iov = parts.map(|p| libc::iovec { iov_base: p.as_ptr().cast_mut().cast(), iov_len: p.len() });
    let mut control = Control::default();
    // SAFETY: as in `receive`.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_name = name.as_ptr().cast_mut().cast();
    message.msg_namelen = name.len();
    message.msg_iov = iov.as_mut_ptr();
    message.msg_iovlen = iov.len() as _;
    if let Some((level, kind, value)) = hop_limit {
        control.put_int(level, kind, value);
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = control.len() as _;
    }
    // SAFETY: every pointer in `message` is to initialised memory of the length given beside it, which outlives the
    // call; sendmsg only reads, so the casts from const are sound.
    let sent =
        unsafe { libc::sendmsg(fd.as_raw_fd(), &raw const message, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// One sendmmsg(2) of up to [`BATCH`] frames: how many the kernel took. An error is about the first.
pub(crate) fn send_many(fd: BorrowedFd<'_>, frames: &[Outgoing]) -> io::Result<usize> {
    let count = frames.len().min(BATCH);
    // SAFETY: all-zero octets are a valid iovec and a valid mmsghdr (null pointers, zero lengths).
    let mut iov: [libc::iovec; BATCH] = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    let mut messages: [libc::mmsghdr; BATCH] = unsafe { std::mem::zeroed() };
    for ((message, iov), frame) in messages.iter_mut().zip(&mut iov).zip(frames) {
        let octets = frame.frame();
        iov.iov_base = octets.as_ptr().cast_mut().cast();
        iov.iov_len = octets.len();
        message.msg_hdr.msg_name = frame.name.as_ptr().cast_mut().cast();
        message.msg_hdr.msg_namelen = frame.name.len();
        message.msg_hdr.msg_iov = &raw mut *iov;
        message.msg_hdr.msg_iovlen = 1;
    }
    // SAFETY: the first `count` headers, all of them filled in above, point to names and frames of `frames` and to
    // `iov`, which are initialised, as long as said beside them and outlive the call; sendmmsg only reads those and
    // writes msg_len within `messages`.
    let sent = unsafe {
        libc::sendmmsg(
            fd.as_raw_fd(),
            messages.as_mut_ptr(),
            count as _,
            (libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) as _,
        )
    };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// One recvmmsg(2) into up to [`BATCH`] rooms: how many were filled, from the first on.
pub(crate) fn receive_many(fd: BorrowedFd<'_>, rooms: &mut [Incoming], flags: c_int) -> io::Result<usize> {
    let count = rooms.len().min(BATCH);
    // SAFETY: as in `send_many`.
    let mut iov: [libc::iovec; BATCH] = unsafe { std::mem::zeroed() };
    // SAFETY: as in `send_many`.
    let mut messages: [libc::mmsghdr; BATCH] = unsafe { std::mem::zeroed() };
    for ((message, iov), room) in messages.iter_mut().zip(&mut iov).zip(rooms.iter_mut()) {
        room.name.clear();
        room.control.clear();
        iov.iov_base = room.buffer.as_mut_ptr().cast();
        iov.iov_len = room.buffer.len();
        message.msg_hdr.msg_name = room.name.as_mut_ptr().cast();
        message.msg_hdr.msg_namelen = Name::CAPACITY;
        message.msg_hdr.msg_iov = &raw mut *iov;
        message.msg_hdr.msg_iovlen = 1;
        message.msg_hdr.msg_control = room.control.as_mut_ptr().cast();
        message.msg_hdr.msg_controllen = Control::CAPACITY as _;
    }
    // SAFETY: the first `count` headers, all of them filled in above, point to the buffers, names and control areas of
    // as many different rooms and to `iov`: writable for the lengths given beside them, and outliving the call. No
    // timeout is given.
    let got = unsafe {
        libc::recvmmsg(
            fd.as_raw_fd(),
            messages.as_mut_ptr(),
            count as _,
            (flags | libc::MSG_DONTWAIT) as _,
            std::ptr::null_mut(),
        )
    };
    let got = usize::try_from(got).map_err(|_| io::Error::last_os_error())?;
    for (message, room) in messages.iter().zip(rooms.iter_mut()).take(got) {
        let header = &message.msg_hdr;
        room.name.set_len(header.msg_namelen);
        let control = header.msg_controllen;
        #[expect(clippy::unnecessary_cast, reason = "with musl it is a u32")]
        room.control.set_len(control as usize);
        room.read = Read {
            length: (message.msg_len as usize).min(room.buffer.len()),
            truncated: header.msg_flags & libc::MSG_TRUNC != 0,
        };
    }
    Ok(got)
}

/// setsockopt(2) with a value given as octets, for what socket2 does not have.
pub(crate) fn set_option(fd: BorrowedFd<'_>, level: c_int, option: c_int, value: &[u8]) -> io::Result<()> {
    // SAFETY: the pointer and the length describe `value`, which outlives the call; the kernel only reads it.
    check(unsafe {
        libc::setsockopt(fd.as_raw_fd(), level, option, value.as_ptr().cast(), value.len() as libc::socklen_t)
    })
    .map(drop)
}

/// SO_TYPE and other options of one int.
pub(crate) fn set_int(fd: BorrowedFd<'_>, level: c_int, option: c_int, value: c_int) -> io::Result<()> {
    set_option(fd, level, option, &value.to_ne_bytes())
}

/// fchmod(2) on a socket before its bind: the mode that its file is born with.
pub(crate) fn set_birth_mode(fd: BorrowedFd<'_>, mode: u32) -> io::Result<()> {
    // SAFETY: takes no pointer.
    check(unsafe { libc::fchmod(fd.as_raw_fd(), mode) }).map(drop)
}

/// `struct ifreq` as octets: 16 of name, 24 of a union (16 on 32-bit systems, where the rest is not touched).
#[derive(Clone, Copy, Debug)]
#[repr(C, align(8))]
pub(crate) struct InterfaceRequest {
    /// NUL-terminated.
    pub(crate) name: [u8; libc::IFNAMSIZ],
    /// What is asked and answered.
    pub(crate) value: [u8; 24],
}

const _: () = assert!(size_of::<InterfaceRequest>() >= size_of::<libc::ifreq>());

/// An interface ioctl whose answer is within the request itself (SIOCGIFINDEX, SIOCGIFFLAGS, SIOCGIFHWADDR).
pub(crate) fn interface_ioctl(
    fd: BorrowedFd<'_>,
    number: u32,
    request: &mut InterfaceRequest,
) -> io::Result<()> {
    debug_assert!(matches!(
        number as libc::Ioctl,
        libc::SIOCGIFINDEX | libc::SIOCGIFFLAGS | libc::SIOCGIFHWADDR
    ));
    // SAFETY: these ioctls read and write one `struct ifreq`, no longer than `request` (asserted above), and follow
    // no pointer in it.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), number as _, &raw mut *request) }).map(drop)
}

/// An interface ioctl whose request points to `data` (SIOCETHTOOL, SIOCSHWTSTAMP, SIOCGHWTSTAMP).
/// `data` is at least as long as the structure that the kernel reads and writes for this number and command.
pub(crate) fn interface_data_ioctl<const WORDS: usize>(
    fd: BorrowedFd<'_>,
    number: u32,
    name: [u8; libc::IFNAMSIZ],
    data: &mut DataWords<WORDS>,
) -> io::Result<()> {
    const {
        assert!(WORDS == TS_INFO_WORDS || WORDS == HWTSTAMP_WORDS);
    }
    let mut request = InterfaceRequest { name, value: [0; 24] };
    let pointer = (&raw mut data.0).expose_provenance().to_ne_bytes();
    request.value[..pointer.len()].copy_from_slice(&pointer);
    // SAFETY: the kernel follows the request's pointer to `data`, which is writable and outlives the call. ETHTOOL's
    // GET_TS_INFO writes 44 octets (11 words), SIOC[SG]HWTSTAMP 12 (3 words): the two lengths this function takes, used
    // with exactly these numbers by the two callers in interface.rs and stamping.rs.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), number as _, &raw mut request) }).map(drop)
}

/// Words of `struct ethtool_ts_info`.
pub(crate) const TS_INFO_WORDS: usize = 11;
/// Words of `struct hwtstamp_config`.
pub(crate) const HWTSTAMP_WORDS: usize = 3;

/// A structure of 32-bit words.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(8))]
pub(crate) struct DataWords<const WORDS: usize>(pub(crate) [u32; WORDS]);

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_are_as_long_as_the_kernels() {
        assert_eq!(size_of::<DataWords<TS_INFO_WORDS>>(), 48);
        assert_eq!(size_of::<[u32; TS_INFO_WORDS]>(), 44);
        assert_eq!(size_of::<[u32; HWTSTAMP_WORDS]>(), 12);
        assert_eq!(size_of::<libc::sockaddr_ll>(), 20);
        assert_eq!(size_of::<libc::sockaddr_un>(), 110);
        assert_eq!(size_of::<libc::sock_extended_err>(), 16);
        assert_eq!(size_of::<libc::packet_mreq>(), 16);
        assert_eq!(size_of::<libc::ip_mreqn>(), 12);
    }
}
