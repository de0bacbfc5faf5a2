//! The values after a SET (or INITIALIZE): `label value` pairs, or the value alone where there is only one.

use std::fmt;
use std::str::FromStr;

use ptp_wire::management::{
    AlternateMaster, AlternateTimeOffsetEnable, AlternateTimeOffsetName, AlternateTimeOffsetProperties,
    DataSize, EventMask, ExtPortConfig, ExternalGrandmasterPropertiesNp, GrandmasterSettingsNp, ManagementId,
    Payload, PortCorrectionsNp, PortDataSetNp, PowerProfileSettingsNp, PtpText, SubscribeEventsNp,
    TimescaleProperties, TraceabilityProperties, UtcProperties,
};
use ptp_wire::{
    ClockAccuracy, ClockIdentity, ClockQuality, Flags, LogInterval, TimeInterval, TimeSource, Timestamp,
};

use crate::fields::{EVENTS, Field, TIME_FLAGS, Value, fields};

/// What is wrong with the values of a SET.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ArgumentError {
    /// Too few or too many.
    Count {
        /// Of this ID.
        id: ManagementId,
        /// How many it takes.
        needs: usize,
        /// Their names, with blanks between.
        labels: String,
    },
    /// A name that it does not have.
    Label {
        /// Of this ID.
        id: ManagementId,
        /// What was given.
        given: String,
        /// What there is, with blanks between.
        labels: String,
    },
    /// A value that is not one.
    Value {
        /// Of what.
        label: &'static str,
        /// What was given.
        given: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// What is no entry of a table, or is in it twice.
    Entry {
        /// Of this ID.
        id: ManagementId,
        /// What was given; empty: nothing.
        given: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// A table of more than a message holds.
    TooLong {
        /// Of this ID.
        id: ManagementId,
    },
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count { id, needs, labels } => {
                let s = if *needs == 1 { "" } else { "s" };
                // The first line is linuxptp's.
                write!(f, "{id} SET needs {needs} value{s}")?;
                if *needs > 1 { write!(f, "\n\t{labels}") } else { Ok(()) }
            }
            Self::Label { id, given, labels } => write!(f, "{id} has no {given}; it has {labels}"),
            Self::Value { label, given, allowed } => write!(f, "{label} {given}: must be {allowed}"),
            Self::Entry { id, given, allowed } if given.is_empty() => write!(f, "{id} SET needs {allowed}"),
            Self::Entry { id, given, allowed } => write!(f, "{id} {given}: must be {allowed}"),
            Self::TooLong { id } => write!(f, "{id}: a message does not hold so many entries"),
        }
    }
}

impl std::error::Error for ArgumentError {}

const TIME_SOURCE: &str = "timeSource";

/// The values, in the order of the fields that are shown.
struct Arguments<'a> {
    fields: Vec<Field>,
    values: Vec<Option<&'a str>>,
}

impl<'a> Arguments<'a> {
    /// Sorts `label value` pairs into the ID's fields. All must be there but those `optional` names.
    fn parse(id: ManagementId, text: &'a str, optional: fn(&str) -> bool) -> Result<Self, ArgumentError> {
        let (DataSize::Fixed(size) | DataSize::Variable(size)) =
            id.info().map_or(DataSize::Fixed(0), |row| row.size);
        // The fields of zeros are the fields of anything.
        let zeros = vec![0; size.into()];
        let mut fields = Payload::parse(id, &zeros).map(|p| fields(&p).fields).unwrap_or_default();
        // linuxptp does not show it, so that it is only there where it is asked for.
        if id == ManagementId::TIMESCALE_PROPERTIES && text.to_ascii_lowercase().contains("timesource") {
            fields.push(Field { label: TIME_SOURCE, key: TIME_SOURCE, value: Value::Hex(0, 2) });
        }
        let labels = || fields.iter().map(|f| f.label).collect::<Vec<_>>().join(" ");
        let needs = fields.iter().filter(|f| !optional(f.label)).count();
        let count = || ArgumentError::Count { id, needs, labels: labels() };

        let mut values = vec![None; fields.len()];
        let mut words = text.split_whitespace();
        if let [field] = fields.as_slice() {
            let mut value = text.trim();
            // The label may be left out; a text is everything up to the end of the line.
            if let Some((first, rest)) = value.split_once(char::is_whitespace)
                && first.eq_ignore_ascii_case(field.label)
            {
                value = rest.trim();
            }
            if value.is_empty()
                || !matches!(field.value, Value::Text(_)) && value.contains(char::is_whitespace)
            {
                return Err(count());
            }
            values = vec![Some(value)];
        } else {
            while let Some(label) = words.next() {
                let place = fields
                    .iter()
                    .position(|f| f.label.eq_ignore_ascii_case(label))
                    .ok_or_else(|| ArgumentError::Label { id, given: label.into(), labels: labels() })?;
                let value = words.next().ok_or_else(count)?;
                if let Some(v) = values.get_mut(place)
                    && v.replace(value).is_some()
                {
                    return Err(count());
                }
            }
        }
        if fields.iter().zip(&values).any(|(f, v)| v.is_none() && !optional(f.label)) {
            return Err(count());
        }
        Ok(Self { fields, values })
    }

    fn given(&self, label: &str) -> Option<(&'static str, &'a str, bool)> {
        let (field, value) = self.fields.iter().zip(&self.values).find(|(f, _)| f.label == label)?;
        Some((field.label, (*value)?, matches!(field.value, Value::Hex(..))))
    }

    fn text(&self, label: &str) -> &'a str {
        self.given(label).map_or("", |(_, value, _)| value)
    }

    /// A number: decimal or with 0x; hexadecimal in any case where pmc shows it so, as linuxptp reads it.
    fn number<T: TryFrom<i128>>(&self, label: &str, allowed: &'static str) -> Result<T, ArgumentError> {
        let (label, given, hex) = self.given(label).unwrap_or(("value", "", false));
        let (sign, digits) = given.strip_prefix('-').map_or((1, given), |digits| (-1, digits));
        let prefixed = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
        let radix = if hex || prefixed.is_some() { 16 } else { 10 };
        u64::from_str_radix(prefixed.unwrap_or(digits), radix)
            .ok()
            .and_then(|n| T::try_from(i128::from(n) * sign).ok())
            .ok_or_else(|| ArgumentError::Value { label, given: given.into(), allowed })
    }

    fn u8(&self, label: &str) -> Result<u8, ArgumentError> {
        self.number(label, "0..=255")
    }

    fn u16(&self, label: &str) -> Result<u16, ArgumentError> {
        self.number(label, "0..=65535")
    }

    fn i16(&self, label: &str) -> Result<i16, ArgumentError> {
        self.number(label, "-32768..=32767")
    }

    fn u32(&self, label: &str) -> Result<u32, ArgumentError> {
        self.number(label, "0..=4294967295")
    }

    fn u48(&self, label: &str) -> Result<u64, ArgumentError> {
        let allowed = "0..=281474976710655";
        let n: u64 = self.number(label, allowed)?;
        let (label, given, _) = self.given(label).unwrap_or(("value", "", false));
        if n < 1 << 48 { Ok(n) } else { Err(ArgumentError::Value { label, given: given.into(), allowed }) }
    }

    fn i32(&self, label: &str) -> Result<i32, ArgumentError> {
        self.number(label, "-2147483648..=2147483647")
    }

    fn interval(&self, label: &str) -> Result<LogInterval, ArgumentError> {
        self.number(label, "-128..=127, as log2 of seconds").map(LogInterval)
    }

    fn flag(&self, label: &str) -> Result<bool, ArgumentError> {
        let (label, given, _) = self.given(label).unwrap_or(("value", "0", false));
        match given.to_ascii_lowercase().as_str() {
            "1" | "on" | "true" | "yes" => Ok(true),
            "0" | "off" | "false" | "no" => Ok(false),
            _ => Err(ArgumentError::Value { label, given: given.into(), allowed: "0, 1, off or on" }),
        }
    }

    fn nanos(&self, label: &str) -> Result<TimeInterval, ArgumentError> {
        let allowed = "whole nanoseconds up to +-140737488355327";
        let ns: i64 = self.number(label, allowed)?;
        let (label, given, _) = self.given(label).unwrap_or(("value", "", false));
        ns.checked_mul(1 << 16).map(TimeInterval).ok_or_else(|| ArgumentError::Value {
            label,
            given: given.into(),
            allowed,
        })
    }

    fn parsed<T: FromStr>(&self, label: &str, allowed: &'static str) -> Result<T, ArgumentError> {
        let (label, given, _) = self.given(label).unwrap_or(("value", "", false));
        given.parse().map_err(|_| ArgumentError::Value { label, given: given.into(), allowed })
    }

    fn quality(&self) -> Result<ClockQuality, ArgumentError> {
        Ok(ClockQuality {
            clock_class: self.u8("clockClass")?,
            clock_accuracy: ClockAccuracy(self.u8("clockAccuracy")?),
            offset_scaled_log_variance: self.u16("offsetScaledLogVariance")?,
        })
    }

    fn time_flags(&self) -> Result<Flags, ArgumentError> {
        TIME_FLAGS
            .into_iter()
            .try_fold(Flags::NONE, |flags, (label, flag)| Ok(flags.with(flag, self.flag(label)?)))
    }

    fn time(&self, label: &str) -> Result<Timestamp, ArgumentError> {
        let allowed = "seconds.nanoseconds, with nine decimals";
        let (label, given, _) = self.given(label).unwrap_or(("value", "", false));
        let parse = || {
            let (s, ns) = given.split_once('.')?;
            if ns.len() != 9 {
                return None;
            }
            Timestamp::new(s.parse().ok()?, ns.parse().ok()?)
        };
        parse().ok_or_else(|| ArgumentError::Value { label, given: given.into(), allowed })
    }
}

/// The data of a SET or COMMAND.
///
/// # Errors
/// What is wrong with the text.
pub(crate) fn payload(id: ManagementId, text: &str) -> Result<Payload<'_>, ArgumentError> {
    let optional: fn(&str) -> bool = match id {
        ManagementId::SUBSCRIBE_EVENTS_NP => |label| label != "duration",
        _ => |_| false,
    };
    let a = Arguments::parse(id, text, optional)?;
    Ok(match id {
        ManagementId::INITIALIZE => Payload::Initialize(a.u16("initializationKey")?),
        ManagementId::USER_DESCRIPTION => {
            Payload::UserDescription(PtpText::from_text(a.text("userDescription")))
        }
        ManagementId::PRIORITY1 => Payload::Priority1(a.u8("priority1")?),
        ManagementId::PRIORITY2 => Payload::Priority2(a.u8("priority2")?),
        ManagementId::DOMAIN => Payload::Domain(a.u8("domainNumber")?),
        ManagementId::SLAVE_ONLY => Payload::SlaveOnly(a.flag("slaveOnly")?),
        ManagementId::LOG_ANNOUNCE_INTERVAL => {
            Payload::LogAnnounceInterval(a.interval("logAnnounceInterval")?)
        }
        ManagementId::ANNOUNCE_RECEIPT_TIMEOUT => {
            Payload::AnnounceReceiptTimeout(a.u8("announceReceiptTimeout")?)
        }
        ManagementId::LOG_SYNC_INTERVAL => Payload::LogSyncInterval(a.interval("logSyncInterval")?),
        ManagementId::VERSION_NUMBER => Payload::VersionNumber(a.u8("versionNumber")?),
        ManagementId::TIME => Payload::Time(a.time("currentTime")?),
        ManagementId::CLOCK_ACCURACY => Payload::ClockAccuracy(ClockAccuracy(a.u8("clockAccuracy")?)),
        ManagementId::UTC_PROPERTIES => Payload::UtcProperties(UtcProperties {
            current_utc_offset: a.i16("currentUtcOffset")?,
            leap61: a.flag("leap61")?,
            leap59: a.flag("leap59")?,
            current_utc_offset_valid: a.flag("currentUtcOffsetValid")?,
        }),
        ManagementId::TRACEABILITY_PROPERTIES => Payload::TraceabilityProperties(TraceabilityProperties {
            time_traceable: a.flag("timeTraceable")?,
            frequency_traceable: a.flag("frequencyTraceable")?,
        }),
        ManagementId::TIMESCALE_PROPERTIES => Payload::TimescaleProperties(TimescaleProperties {
            ptp_timescale: a.flag("ptpTimescale")?,
            // 0 leaves it as it is.
            time_source: TimeSource(if a.given(TIME_SOURCE).is_some() { a.u8(TIME_SOURCE)? } else { 0 }),
        }),
        ManagementId::UNICAST_NEGOTIATION_ENABLE => {
            Payload::UnicastNegotiationEnable(a.flag("unicastNegotiationEnable")?)
        }
        ManagementId::PATH_TRACE_ENABLE => Payload::PathTraceEnable(a.flag("pathTraceEnable")?),
        ManagementId::ACCEPTABLE_MASTER_TABLE_ENABLED => {
            Payload::AcceptableMasterTableEnabled(a.flag("acceptableMasterTableEnabled")?)
        }
        ManagementId::ALTERNATE_MASTER => Payload::AlternateMaster(AlternateMaster {
            transmit_alternate_multicast_sync: a.flag("transmitAlternateMulticastSync")?,
            log_alternate_multicast_sync_interval: a.interval("logAlternateMulticastSyncInterval")?,
            number_of_alternate_masters: a.u8("numberOfAlternateMasters")?,
        }),
        ManagementId::ALTERNATE_TIME_OFFSET_ENABLE => {
            Payload::AlternateTimeOffsetEnable(AlternateTimeOffsetEnable {
                key_field: a.u8("keyField")?,
                enable: a.flag("enable")?,
            })
        }
        ManagementId::ALTERNATE_TIME_OFFSET_NAME => {
            Payload::AlternateTimeOffsetName(AlternateTimeOffsetName {
                key_field: a.u8("keyField")?,
                display_name: PtpText::from_text(a.text("displayName")),
            })
        }
        ManagementId::ALTERNATE_TIME_OFFSET_PROPERTIES => {
            Payload::AlternateTimeOffsetProperties(AlternateTimeOffsetProperties {
                key_field: a.u8("keyField")?,
                current_offset: a.i32("currentOffset")?,
                jump_seconds: a.i32("jumpSeconds")?,
                time_of_next_jump: a.u48("timeOfNextJump")?,
            })
        }
        ManagementId::EXTERNAL_PORT_CONFIGURATION_ENABLED => {
            Payload::ExternalPortConfigurationEnabled(a.flag("externalPortConfigurationEnabled")?)
        }
        ManagementId::MASTER_ONLY => Payload::MasterOnly(a.flag("masterOnly")?),
        ManagementId::HOLDOVER_UPGRADE_ENABLE => {
            Payload::HoldoverUpgradeEnable(a.flag("holdoverUpgradeEnable")?)
        }
        ManagementId::EXT_PORT_CONFIG_PORT_DATA_SET => Payload::ExtPortConfigPortDataSet(ExtPortConfig {
            acceptable: a.flag("acceptable")?,
            desired_state: a.u8("desiredState")?,
        }),
        ManagementId::PRIMARY_DOMAIN => Payload::PrimaryDomain(a.u8("primaryDomain")?),
        ManagementId::DELAY_MECHANISM => Payload::DelayMechanism(a.u8("delayMechanism")?),
        ManagementId::LOG_MIN_PDELAY_REQ_INTERVAL => {
            Payload::LogMinPdelayReqInterval(a.interval("logMinPdelayReqInterval")?)
        }
        ManagementId::GRANDMASTER_SETTINGS_NP => Payload::GrandmasterSettingsNp(GrandmasterSettingsNp {
            clock_quality: a.quality()?,
            utc_offset: a.i16("currentUtcOffset")?,
            time_flags: a.time_flags()?,
            time_source: TimeSource(a.u8("timeSource")?),
        }),
        ManagementId::PORT_DATA_SET_NP => Payload::PortDataSetNp(PortDataSetNp {
            neighbor_prop_delay_thresh: a.u32("neighborPropDelayThresh")?,
            as_capable: a.i32("asCapable")?,
        }),
        ManagementId::SUBSCRIBE_EVENTS_NP => {
            let events = EVENTS
                .into_iter()
                .try_fold(EventMask::NONE, |mask, (label, event)| Ok(mask.with(event, a.flag(label)?)))?;
            Payload::SubscribeEventsNp(SubscribeEventsNp { duration: a.u16("duration")?, events })
        }
        ManagementId::SYNCHRONIZATION_UNCERTAIN_NP => Payload::SynchronizationUncertainNp(a.u8("uncertain")?),
        ManagementId::POWER_PROFILE_SETTINGS_NP => Payload::PowerProfileSettingsNp(PowerProfileSettingsNp {
            version: a.u16("version")?,
            grandmaster_id: a.u16("grandmasterID")?,
            grandmaster_time_inaccuracy: a.u32("grandmasterTimeInaccuracy")?,
            network_time_inaccuracy: a.u32("networkTimeInaccuracy")?,
            total_time_inaccuracy: a.u32("totalTimeInaccuracy")?,
        }),
        ManagementId::PORT_CORRECTIONS_NP => Payload::PortCorrectionsNp(PortCorrectionsNp {
            egress_latency: a.nanos("egressLatency")?,
            ingress_latency: a.nanos("ingressLatency")?,
            delay_asymmetry: a.nanos("delayAsymmetry")?,
        }),
        ManagementId::EXTERNAL_GRANDMASTER_PROPERTIES_NP => {
            Payload::ExternalGrandmasterPropertiesNp(ExternalGrandmasterPropertiesNp {
                gm_identity: a
                    .parsed::<ClockIdentity>("gmIdentity", "a clock identity such as 001122.fffe.334455")?,
                steps_removed: a.u16("stepsRemoved")?,
            })
        }
        // IDs without data.
        _ => Payload::Raw(id, &[]),
    })
}
