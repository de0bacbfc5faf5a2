//! Replies as linuxptp's pmc prints them, octet by octet: scripts and test suites compare with that.

use std::fmt::{self, Write as _};

use ptp_wire::PortAddress;
use ptp_wire::management::{Content, ManagementId, Payload};

use crate::Reply;
use crate::fields::{Field, Value, fields};

/// Shows a reply: a tab and the heading, then every field on a line of its own, with a line feed at the end.
///
/// ```text
/// →020000.fffe.000011-0 seq 5 RESPONSE MANAGEMENT PRIORITY1 ↵
/// →→priority1 100↵
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Text<'a>(pub &'a Reply);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reply = self.0;
        let header = reply.header();
        write!(f, "\t{} seq {} {} ", header.source_port_identity, header.sequence_id, reply.action().name())?;
        match reply.content() {
            Some(Content::Error(_)) => f.write_str("MANAGEMENT_ERROR_STATUS ")?,
            Some(Content::Management(tlv)) => {
                f.write_str("MANAGEMENT ")?;
                if tlv.id != ManagementId::NULL_MANAGEMENT {
                    if tlv.data.is_empty() {
                        f.write_str("empty-tlv ")?;
                    } else if let Ok(payload) = tlv.payload() {
                        write_payload(f, &payload)?;
                    } else {
                        write!(f, "{} malformed-data ", tlv.id)?;
                    }
                }
            }
            None => f.write_str("unknown-tlv ")?,
        }
        f.write_str("\n")
    }
}

fn write_payload(f: &mut fmt::Formatter<'_>, payload: &Payload<'_>) -> fmt::Result {
    write!(f, "{} ", payload.id())?;
    let all = fields(payload);
    let longest = all.fields.iter().map(|field| field.label.len()).max().unwrap_or(0);
    let width = (longest + 1).max(all.min_width);
    for Field { label, value, .. } in &all.fields {
        match value {
            Value::Masters(rows) => {
                f.write_str("\n\t\tBM  ")?;
                f.write_str("identity                 address                            state     ")?;
                f.write_str("clockClass clockQuality offsetScaledLogVariance p1  p2")?;
                for row in rows {
                    f.write_str("\n\t\t")?;
                    write_master(f, row)?;
                }
            }
            Value::Rows(rows) => {
                for row in rows {
                    write!(f, "\n\t\t{label:width$}")?;
                    for field in row {
                        write!(f, " {} {}", field.label, field.value)?;
                    }
                }
            }
            Value::List(items) => {
                for item in items {
                    write!(f, "\n\t\t{label:width$}{item}")?;
                }
            }
            // actual_table_size stands before a table, not in a column.
            _ if payload.id() == ManagementId::UNICAST_MASTER_TABLE_NP => {
                write!(f, "\n\t\t{label} {value}")?;
            }
            _ => write!(f, "\n\t\t{label:width$}{value}")?,
        }
    }
    Ok(())
}

/// An IP address as such, anything else as octets with colons.
pub fn address(of: &PortAddress<'_>) -> String {
    crate::fields::address(of)
}

/// The fields of a data set, each on a line of its own after two tabs, values from column `width` on: for data sets that came
/// by other ways than management.
pub fn data_set(payload: &Payload<'_>, width: usize) -> String {
    let mut text = String::new();
    for Field { label, value, .. } in &fields(payload).fields {
        let Value::Rows(rows) = value else {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "\t\t{label:width$}{value}");
            continue;
        };
        for row in rows {
            let _ = write!(text, "\t\t{label:width$}");
            row.iter().for_each(|field| text.push_str(&format!(" {} {}", field.label, field.value)));
            text.push('\n');
        }
    }
    text
}

/// One row of linuxptp's table of unicast masters, under its headings.
fn write_master(f: &mut fmt::Formatter<'_>, row: &[Field]) -> fmt::Result {
    const WIDTHS: [(&str, usize); 8] = [
        ("portIdentity", 25),
        ("address", 35),
        ("state", 10),
        ("clockClass", 11),
        ("clockAccuracy", 13),
        ("offsetScaledLogVariance", 24),
        ("priority1", 4),
        ("priority2", 3),
    ];
    let value = |label| row.iter().find(|field| field.label == label).map(|field| &field.value);
    let selected = value("selected") == Some(&Value::TrueFalse(true));
    f.write_str(if selected { "yes " } else { "no  " })?;
    for (label, width) in WIDTHS {
        let shown = value(label).map(ToString::to_string).unwrap_or_default();
        write!(f, "{shown:width$}")?;
    }
    Ok(())
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(n) => write!(f, "{n}"),
            Self::Uint(n) => write!(f, "{n}"),
            Self::Hex(n, digits) => write!(f, "0x{n:0digits$x}"),
            Self::Bit(on) => write!(f, "{}", u8::from(*on)),
            Self::OnOff(on) => f.write_str(if *on { "on" } else { "off" }),
            Self::TrueFalse(on) => write!(f, "{on}"),
            Self::Text(text) => f.write_str(text),
            Self::Tenths(t) => write!(f, "{:.1}", t.nanos_f64()),
            Self::WholeNs(t) => write!(f, "{}", t.nanos()),
            Self::WholeNsBlank(t) => write!(f, "{} ", t.nanos()),
            Self::Rate(r) => write!(f, "{r:+.9}"),
            Self::Unknown => f.write_str("-"),
            // Written by their own functions.
            Self::Masters(_) | Self::Rows(_) | Self::List(_) => Ok(()),
        }
    }
}
