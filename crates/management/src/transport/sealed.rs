use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use ptp_security::{Rejected, SecurityAssociation};
use ptp_wire::{Body, Message, PortIdentity};

use super::Transport;
use crate::ClientError;

/// Which answers are taken (linuxptp's `allow_unauth`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unauthenticated {
    /// Authentic ones only.
    Refuse,
    /// Those without AUTHENTICATION TLV, too.
    AllowMissing,
    /// All.
    AllowAll,
}

/// Answers that were not taken, by what was wrong with them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Refused {
    /// No AUTHENTICATION TLV at their end.
    pub unauthenticated: u64,
    /// Sealed with a key, or by an association, that is not known here.
    pub unknown_key: u64,
    /// The integrity check value is wrong.
    pub bad_icv: u64,
}

impl Refused {
    /// All of them.
    pub const fn total(&self) -> u64 {
        self.unauthenticated.saturating_add(self.unknown_key).saturating_add(self.bad_icv)
    }
}

/// Another transport with authenticated messages (1588-2019 16.14).
#[derive(Debug)]
pub struct Sealed<T> {
    inner: T,
    association: Arc<SecurityAssociation>,
    active_key_id: Option<u32>,
    unauthenticated: Unauthenticated,
    refused: Refused,
}

impl<T: Transport> Sealed<T> {
    /// Seals with this key of the association, and verifies with all of them.
    pub fn new(
        inner: T,
        association: Arc<SecurityAssociation>,
        active_key_id: Option<u32>,
        unauthenticated: Unauthenticated,
    ) -> Self {
        Self { inner, association, active_key_id, unauthenticated, refused: Refused::default() }
    }

    fn admits(&mut self, octets: &[u8]) -> bool {
        let Ok(message) = Message::parse(octets) else { return false };
        let Err(why) = self.association.verify(&message) else { return true };
        let admitted = match why {
            Rejected::Missing => self.unauthenticated != Unauthenticated::Refuse,
            _ => self.unauthenticated == Unauthenticated::AllowAll,
        };
        // What others ask and are answered on the same network is nobody's trouble.
        if let Body::Management(m) = message.body()
            && m.target_port_identity == self.inner.identity()
            && !admitted
        {
            let count = match why {
                Rejected::Missing => &mut self.refused.unauthenticated,
                Rejected::UnknownKey => &mut self.refused.unknown_key,
                Rejected::Icv => &mut self.refused.bad_icv,
            };
            *count = count.saturating_add(1);
        }
        admitted
    }
}

impl<T: Transport> AsFd for Sealed<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

impl<T: Transport> Transport for Sealed<T> {
    fn identity(&self) -> PortIdentity {
        self.inner.identity()
    }

    fn send(&mut self, message: &[u8]) -> Result<(), ClientError> {
        let Some(key) = self.active_key_id else { return self.inner.send(message) };
        let mut buf = [0; 1500];
        let room = buf.get_mut(..message.len()).ok_or(ptp_wire::WireError::NoSpace)?;
        room.copy_from_slice(message);
        let len = self.association.seal(key, &mut buf, message.len())?;
        self.inner.send(buf.get(..len).unwrap_or_default())
    }

    fn receive(&mut self, buf: &mut [u8]) -> Result<Option<usize>, ClientError> {
        let received = self.inner.receive(buf)?;
        Ok(received.filter(|len| buf.get(..*len).is_some_and(|octets| self.admits(octets))))
    }

    fn refused(&self) -> Refused {
        self.refused
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use ptp_security::Database;
    use ptp_wire::management::ManagementId;

    use super::*;
    use crate::{Client, ClientConfig, Request};

    /// What is sent comes back changed.
    struct Mirror {
        socket: UnixDatagram,
        waiting: Vec<Vec<u8>>,
        change: fn(&mut Vec<u8>),
    }

    impl AsFd for Mirror {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.socket.as_fd()
        }
    }

    impl Transport for Mirror {
        fn identity(&self) -> PortIdentity {
            PortIdentity::new(ptp_wire::ClockIdentity([1; 8]), 1)
        }

        fn send(&mut self, message: &[u8]) -> Result<(), ClientError> {
            let mut answer = message.to_vec();
            (self.change)(&mut answer);
            self.waiting.push(answer);
            Ok(())
        }

        fn receive(&mut self, buf: &mut [u8]) -> Result<Option<usize>, ClientError> {
            Ok(self.waiting.pop().and_then(|octets| crate::transport::copy(&octets, buf)))
        }
    }

    #[test]
    fn answers_are_taken_as_they_are_trusted() {
        let (database, _) = Database::parse("[security_association]\nspp 1\n1 SHA256-128 secret\n");
        let association = database.get(1).expect("there");
        // GET becomes RESPONSE, and that is what the keys cover.
        let good: fn(&mut Vec<u8>) = |m| {
            m[46] = 2;
            let (database, _) = Database::parse("[security_association]\nspp 1\n1 SHA256-128 secret\n");
            let len = m.len();
            database.get(1).expect("there").seal(1, m, len).expect("as long as before");
        };
        let changed: fn(&mut Vec<u8>) = |m| m[46] = 2;
        let without: fn(&mut Vec<u8>) = |m| {
            m[46] = 2;
            m.truncate(m.len() - 26);
            m[3] = m.len() as u8;
        };
        use Unauthenticated::{AllowAll, AllowMissing, Refuse};
        for (change, policy, taken) in [
            (good, Refuse, true),
            (changed, Refuse, false),
            (changed, AllowMissing, false),
            (changed, AllowAll, true),
            (without, Refuse, false),
            (without, AllowMissing, true),
            (without, AllowAll, true),
        ] {
            let (socket, _other) = UnixDatagram::pair().expect("sockets can be made");
            let mirror = Mirror { socket, waiting: Vec::new(), change };
            let sealed = Sealed::new(mirror, Arc::clone(association), Some(1), policy);
            let mut client = Client::new(sealed, ClientConfig::default());
            client.send(&Request::get(ManagementId::PRIORITY1)).expect("sent");
            assert_eq!(client.receive().expect("it does not fail").is_some(), taken, "{policy:?}");
        }
    }
}
