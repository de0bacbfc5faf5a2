//! Messages as text.

use core::fmt;

use crate::dump::{Dump, Hex};
use crate::{Body, ClockQuality, Flags, Header, Message, Timestamp, WireError};

/// Shows a message as indented lines: header, body, every TLV. Octets that are no message are shown as far as they can be
/// read, and with what is wrong. Allocates nothing; text from the network is escaped.
///
/// ```
/// use ptp_wire::{Body, Header, MessageType, Pretty, Timestamp, Writer};
///
/// let mut buf = [0u8; 64];
/// let body = Body::Sync { origin_timestamp: Timestamp::ZERO };
/// let len = Writer::new(&mut buf, &Header::new(MessageType::Sync), &body).unwrap().finish();
/// let text = Pretty::of(&buf[..len]).to_string();
/// assert!(text.starts_with("Sync, 44 octets\n"));
/// assert_eq!(Pretty::of(&buf[..20]).to_string().lines().next(), Some("malformed: truncated, 20 octets"));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Pretty<'a> {
    octets: &'a [u8],
    message: Result<Message<'a>, WireError>,
}

impl<'a> Pretty<'a> {
    /// Of a datagram or frame's payload, whatever it is.
    pub fn of(octets: &'a [u8]) -> Self {
        Self { octets, message: Message::parse(octets) }
    }

    /// Of a message that was parsed already.
    pub fn message(message: &Message<'a>) -> Self {
        Self { octets: message.octets(), message: Ok(*message) }
    }
}

impl fmt::Display for Pretty<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut d = Dump::new(f);
        match &self.message {
            Ok(message) => show_message(message, &mut d),
            Err(error) => {
                d.line(format_args!("malformed: {error}, {} octets", self.octets.len()))?;
                d.nested(|d| match Header::parse(self.octets) {
                    Ok((header, length)) => {
                        d.field("message_type", header.message_type)?;
                        d.field("message_length", length)?;
                        show_header(&header, d)?;
                        d.field("rest", Hex(self.octets.get(Header::LEN..).unwrap_or_default()))
                    }
                    Err(_) => d.field("octets", Hex(self.octets)),
                })
            }
        }
    }
}

fn show_message(message: &Message<'_>, d: &mut Dump<'_, '_>) -> fmt::Result {
    let header = message.header();
    d.line(format_args!("{}, {} octets", header.message_type, message.octets().len()))?;
    d.nested(|d| {
        show_header(header, d)?;
        show_body(message.body(), d)?;
        for tlv in message.tlvs() {
            d.line(format_args!(
                "TLV {} ({:#06x}), {} octets",
                tlv.tlv_type,
                tlv.tlv_type.0,
                tlv.value.len()
            ))?;
            d.nested(|d| match tlv.decode() {
                Ok(value) => value.dump(d),
                Err(error) => {
                    d.field("malformed", error)?;
                    d.field("value", Hex(tlv.value))
                }
            })?;
        }
        Ok(())
    })
}

fn show_header(h: &Header, d: &mut Dump<'_, '_>) -> fmt::Result {
    d.field("sdo_id", format_args!("{:#05x}", h.sdo_id.get()))?;
    d.field("version", format_args!("2.{}", h.minor_version))?;
    d.field("domain_number", h.domain_number)?;
    d.field("flags", ShowFlags(h.flags))?;
    d.field("correction", h.correction)?;
    if h.message_type_specific != 0 {
        d.field("message_type_specific", format_args!("{:#010x}", h.message_type_specific))?;
    }
    d.field("source_port_identity", h.source_port_identity)?;
    d.field("sequence_id", h.sequence_id)?;
    d.field("control", h.control)?;
    d.field("log_message_interval", h.log_message_interval.0)
}

struct ShowFlags(Flags);

impl fmt::Display for ShowFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [(Flags, &str); 13] = [
            (Flags::ALTERNATE_MASTER, "ALTERNATE_MASTER"),
            (Flags::TWO_STEP, "TWO_STEP"),
            (Flags::UNICAST, "UNICAST"),
            (Flags::PROFILE_SPECIFIC_1, "PROFILE_SPECIFIC_1"),
            (Flags::PROFILE_SPECIFIC_2, "PROFILE_SPECIFIC_2"),
            (Flags::SECURITY, "SECURITY"),
            (Flags::LEAP61, "LEAP61"),
            (Flags::LEAP59, "LEAP59"),
            (Flags::UTC_OFFSET_VALID, "UTC_OFFSET_VALID"),
            (Flags::PTP_TIMESCALE, "PTP_TIMESCALE"),
            (Flags::TIME_TRACEABLE, "TIME_TRACEABLE"),
            (Flags::FREQUENCY_TRACEABLE, "FREQUENCY_TRACEABLE"),
            (Flags::SYNCHRONIZATION_UNCERTAIN, "SYNCHRONIZATION_UNCERTAIN"),
        ];
        write!(f, "{:#06x}", self.0.0)?;
        NAMES.iter().filter(|(flag, _)| self.0.has(*flag)).try_for_each(|(_, name)| write!(f, " {name}"))
    }
}

fn show_body(body: &Body, d: &mut Dump<'_, '_>) -> fmt::Result {
    let stamp = |d: &mut Dump<'_, '_>, name, t: &Timestamp| d.field(name, t);
    match body {
        Body::Sync { origin_timestamp: t }
        | Body::DelayReq { origin_timestamp: t }
        | Body::PdelayReq { origin_timestamp: t } => stamp(d, "origin_timestamp", t),
        Body::FollowUp { precise_origin_timestamp: t } => stamp(d, "precise_origin_timestamp", t),
        Body::PdelayResp { request_receipt_timestamp: t, requesting_port_identity: p } => {
            stamp(d, "request_receipt_timestamp", t)?;
            d.field("requesting_port_identity", p)
        }
        Body::DelayResp { receive_timestamp: t, requesting_port_identity: p } => {
            stamp(d, "receive_timestamp", t)?;
            d.field("requesting_port_identity", p)
        }
        Body::PdelayRespFollowUp { response_origin_timestamp: t, requesting_port_identity: p } => {
            stamp(d, "response_origin_timestamp", t)?;
            d.field("requesting_port_identity", p)
        }
        Body::Announce(a) => {
            stamp(d, "origin_timestamp", &a.origin_timestamp)?;
            d.field("current_utc_offset", a.current_utc_offset)?;
            d.field("grandmaster_priority1", a.grandmaster_priority1)?;
            show_quality(&a.grandmaster_clock_quality, d)?;
            d.field("grandmaster_priority2", a.grandmaster_priority2)?;
            d.field("grandmaster_identity", a.grandmaster_identity)?;
            d.field("steps_removed", a.steps_removed)?;
            d.field("time_source", format_args!("{:#04x} {}", a.time_source.0, a.time_source.name()))
        }
        Body::Signaling { target_port_identity } => d.field("target_port_identity", target_port_identity),
        Body::Management(m) => {
            d.field("target_port_identity", m.target_port_identity)?;
            d.field("starting_boundary_hops", m.starting_boundary_hops)?;
            d.field("boundary_hops", m.boundary_hops)?;
            d.field("action", format_args!("{:?}", m.action))
        }
    }
}

fn show_quality(q: &ClockQuality, d: &mut Dump<'_, '_>) -> fmt::Result {
    d.field("grandmaster_clock_class", q.clock_class)?;
    d.field("grandmaster_clock_accuracy", format_args!("{:#04x}", q.clock_accuracy.0))?;
    d.field("offset_scaled_log_variance", format_args!("{:#06x}", q.offset_scaled_log_variance))
}
