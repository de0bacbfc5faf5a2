//! What is told of unicast negotiation, and the table of masters as a client sets it.

use ptp_wire::management::{
    ErrorId, ManagementId, Payload, PortAddresses, UnicastMaster, UnicastMasterTable, UnicastMasterTableNp,
};
use ptp_wire::{ClockIdentity, ClockQuality, PortAddress, PortIdentity};

use super::super::port::Port;
use super::super::unicast::client::Entry;
use super::super::{Address, Engine, MasterAddress, Transport, UnicastClientConfig};
use super::super::{UnicastMaster as TableEntry, config};
use super::{MAX_VALUE, emit};

/// networkProtocol and octets of an address (7.4.1); none while its name is not resolved.
fn port_address(address: Option<Address>, octets: &mut [u8; 16]) -> PortAddress<'_> {
    let (network_protocol, len) = match address {
        Some(Address::Ipv4(a)) => {
            octets[..4].copy_from_slice(&a.octets());
            (1, 4)
        }
        Some(Address::Ipv6(a)) => {
            *octets = a.octets();
            (2, 16)
        }
        Some(Address::Ethernet(a)) => {
            octets[..6].copy_from_slice(&a);
            (3, 6)
        }
        None => (1, 0),
    };
    PortAddress { network_protocol, address: &octets[..len] }
}

/// The address of a master that a port of this transport can reach.
fn address_for(transport: Transport, told: &PortAddress<'_>) -> Result<Address, ErrorId> {
    let address = match (transport, told.network_protocol) {
        (Transport::UdpIpv4, 1) => <[u8; 4]>::try_from(told.address).map(|a| Address::Ipv4(a.into())),
        (Transport::UdpIpv6, 2) => <[u8; 16]>::try_from(told.address).map(|a| Address::Ipv6(a.into())),
        (Transport::Ethernet, 3) => <[u8; 6]>::try_from(told.address).map(Address::Ethernet),
        _ => return Err(ErrorId::WRONG_VALUE),
    };
    address.map_err(|_| ErrorId::WRONG_VALUE)
}

impl Engine {
    /// A port's table of masters as a SET makes it. Masters that were in it before keep their localPriority; a port that
    /// had no table asks for the default duration.
    pub(super) fn unicast_table_set(
        &self,
        table: &UnicastMasterTable<'_>,
        port: &Port,
    ) -> Result<UnicastClientConfig, ErrorId> {
        if self.transparent.is_some() {
            return Err(ErrorId::NOT_SUPPORTED);
        }
        // A query each 2^16 s at the rarest, or a thousand a second.
        if table.masters.len() > usize::from(MAX_TABLE) || !(-10..=16).contains(&table.log_query_interval.0) {
            return Err(ErrorId::WRONG_VALUE);
        }
        let old = port.config.unicast_client.as_ref();
        let mut masters: Vec<TableEntry> = Vec::with_capacity(table.masters.len());
        for told in table.masters.iter() {
            let address = address_for(port.config.transport, &told)?;
            let known = MasterAddress::Known(address);
            if masters.iter().any(|m| m.address == known) {
                return Err(ErrorId::WRONG_VALUE);
            }
            let place = port.unicast.client.as_ref().and_then(|c| c.place(address));
            let before = place.and_then(|place| old?.masters.get(place));
            masters.push(TableEntry {
                address: known,
                local_priority: before.map_or(config::DEFAULT_LOCAL_PRIORITY, |m| m.local_priority),
            });
        }
        Ok(UnicastClientConfig {
            masters,
            duration: old.map_or(config::DEFAULT_UNICAST_DURATION, |c| c.duration),
            log_query_interval: table.log_query_interval,
        })
    }

    /// GET of what a port negotiates.
    pub(super) fn get_unicast(
        &self,
        id: ManagementId,
        port: &Port,
        value: &mut [u8],
    ) -> Result<usize, ErrorId> {
        let config = port.config.unicast_client.as_ref();
        let entries: &[Entry] = port.unicast.client.as_ref().map_or(&[], |c| &c.entries);
        match id {
            ManagementId::UNICAST_NEGOTIATION_ENABLE => {
                let enabled = config.is_some() || port.config.unicast_server.is_some();
                emit(&Payload::UnicastNegotiationEnable(enabled), value)
            }
            ManagementId::UNICAST_MASTER_MAX_TABLE_SIZE => {
                // As large as the configuration makes it, and as a message can tell it.
                emit(&Payload::UnicastMasterMaxTableSize(MAX_TABLE), value)
            }
            ManagementId::UNICAST_MASTER_TABLE => {
                let mut octets = [0; MAX_VALUE];
                let mut used = 0;
                for entry in entries {
                    let mut room = [0; 16];
                    let address = port_address(entry.address, &mut room);
                    let to = octets.get_mut(used..).ok_or(ErrorId::RESPONSE_TOO_BIG)?;
                    used += address.emit(to).map_err(|_| ErrorId::RESPONSE_TOO_BIG)?;
                }
                let masters = PortAddresses::new(count(entries)?, octets.get(..used).unwrap_or(&[]))
                    .map_err(|_| ErrorId::GENERAL_ERROR)?;
                let log_query_interval = config.map_or(ptp_wire::LogInterval(0), |c| c.log_query_interval);
                emit(&Payload::UnicastMasterTable(UnicastMasterTable { log_query_interval, masters }), value)
            }
            _ => {
                let mut octets = [0; MAX_VALUE];
                let mut used = 0;
                for entry in entries {
                    let mut room = [0; 16];
                    let heard = entry.identity.and_then(|id| port.foreign.get(id));
                    let (clock_quality, priority1, priority2) =
                        heard.map_or((ClockQuality { clock_class: 0, ..ClockQuality::DEFAULT }, 0, 0), |r| {
                            let a = &r.announce;
                            (a.grandmaster_clock_quality, a.grandmaster_priority1, a.grandmaster_priority2)
                        });
                    let row = UnicastMaster {
                        port_identity: entry.identity.unwrap_or(PortIdentity::new(ClockIdentity::ZERO, 0)),
                        clock_quality,
                        selected: entry.selected,
                        port_state: entry.state(port.config.delay) as u8,
                        priority1,
                        priority2,
                        address: port_address(entry.address, &mut room),
                    };
                    let to = octets.get_mut(used..).ok_or(ErrorId::RESPONSE_TOO_BIG)?;
                    used += row.emit(to).map_err(|_| ErrorId::RESPONSE_TOO_BIG)?;
                }
                let table = UnicastMasterTableNp::new(count(entries)?, octets.get(..used).unwrap_or(&[]))
                    .map_err(|_| ErrorId::GENERAL_ERROR)?;
                emit(&Payload::UnicastMasterTableNp(table), value)
            }
        }
    }
}

/// Entries that one answer can hold, each with an IPv6 address.
const MAX_TABLE: u16 = ((MAX_VALUE - 4) / 38) as u16;

fn count(entries: &[Entry]) -> Result<u16, ErrorId> {
    u16::try_from(entries.len()).map_err(|_| ErrorId::RESPONSE_TOO_BIG)
}
