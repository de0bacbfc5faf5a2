//! Clocks that stamp pulses from outside.

use core::time::Duration;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;

use ptp_wire::{TimeInterval, TimePoint};

use crate::monotonic::monotonic_raw_now;
use crate::{Clock, ClockError, ClockName, CrossStamp, Edge, ExttsEvent, Phc, PinFunction, VirtualClock};

/// A pin of a clock.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Pin {
    /// By its number.
    Index(u32),
    /// By the driver's name for it.
    Name(String),
}

/// A clock that stamps pulses.
pub trait PulseClock: Clock {
    /// Stamps a channel's pulses from now on; the pin, if one is given, becomes that channel's input.
    ///
    /// # Errors
    /// The clock has no such channel or pin ([`ClockError::Unsupported`]), a right is missing, or it is busy.
    fn start_pulses(&mut self, channel: u32, pin: Option<&Pin>, edge: Edge) -> Result<(), ClockError>;

    /// Stops stamping.
    ///
    /// # Errors
    /// As [`PulseClock::start_pulses`].
    fn stop_pulses(&mut self, channel: u32) -> Result<(), ClockError>;

    /// The next stamp; `None` if none has come. Never waits.
    ///
    /// # Errors
    /// The clock is gone.
    fn next_pulse(&mut self) -> Result<Option<ExttsEvent>, ClockError>;

    /// Becomes readable with the next stamp; `None`: ask from time to time.
    fn pulse_fd(&self) -> Option<BorrowedFd<'_>>;
}

impl PulseClock for Phc {
    fn start_pulses(&mut self, channel: u32, pin: Option<&Pin>, edge: Edge) -> Result<(), ClockError> {
        if let Some(pin) = pin {
            let index = self.pin_index(pin)?;
            self.set_pin(index, PinFunction::ExternalTimestamp, channel)?;
        }
        self.enable_extts(channel, edge)
    }

    fn stop_pulses(&mut self, channel: u32) -> Result<(), ClockError> {
        self.disable_extts(channel)
    }

    fn next_pulse(&mut self) -> Result<Option<ExttsEvent>, ClockError> {
        self.read_extts()
    }

    fn pulse_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.as_fd())
    }
}

impl Phc {
    /// A pin's number.
    ///
    /// # Errors
    /// [`ClockError::Unsupported`]: no pin has that name.
    pub fn pin_index(&mut self, pin: &Pin) -> Result<u32, ClockError> {
        match pin {
            Pin::Index(index) => Ok(*index),
            Pin::Name(name) => {
                let pins = self.pins()?;
                let found = pins.iter().find(|p| p.name == *name);
                let doing = "looking for a pin of that name";
                found
                    .map(|p| p.index)
                    .ok_or_else(|| ClockError::Unsupported { clock: Clock::name(self).to_owned(), doing })
            }
        }
    }
}

/// A virtual clock with an input for pulses: they come with each full period of the truth, for as long as the file
/// `PATH.pps` exists. A number in that file makes them late by so many nanoseconds.
#[derive(Debug)]
pub struct VirtualPulses {
    clock: VirtualClock,
    switch: PathBuf,
    period_ns: i128,
    channel: Option<u32>,
    /// The last period whose pulse came.
    last: i128,
}

impl VirtualPulses {
    /// Takes a clock; pulses come with every `period` (1 ns at least) of the truth.
    pub fn new(clock: VirtualClock, period: Duration) -> Self {
        let mut switch = clock.path().as_os_str().to_owned();
        switch.push(".pps");
        let period_ns = i128::try_from(period.as_nanos()).unwrap_or(i128::MAX).max(1);
        Self { clock, switch: switch.into(), period_ns, channel: None, last: 0 }
    }

    fn period_now(&self) -> i128 {
        self.clock.truth_at(monotonic_raw_now()).nanos().div_euclid(self.period_ns)
    }
}

impl PulseClock for VirtualPulses {
    fn start_pulses(&mut self, channel: u32, _: Option<&Pin>, _: Edge) -> Result<(), ClockError> {
        self.channel = Some(channel);
        self.last = self.period_now();
        Ok(())
    }

    fn stop_pulses(&mut self, _: u32) -> Result<(), ClockError> {
        self.channel = None;
        Ok(())
    }

    fn next_pulse(&mut self) -> Result<Option<ExttsEvent>, ClockError> {
        let (Some(channel), period) = (self.channel, self.period_now()) else { return Ok(None) };
        if period <= self.last {
            return Ok(None);
        }
        self.last = period;
        let Ok(text) = std::fs::read_to_string(&self.switch) else { return Ok(None) };
        let late: i64 = text.trim().parse().unwrap_or(0);
        let raw = period * self.period_ns + i128::from(late) - i128::from(self.clock.epoch());
        let Ok(raw) = u64::try_from(raw) else { return Ok(None) };
        Ok(Some(ExttsEvent { channel, time: self.clock.at_raw(raw)? }))
    }

    fn pulse_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

impl Clock for VirtualPulses {
    fn name(&self) -> &str {
        self.clock.name()
    }
    fn now(&mut self) -> Result<TimePoint, ClockError> {
        self.clock.now()
    }
    fn frequency(&mut self) -> Result<f64, ClockError> {
        self.clock.frequency()
    }
    fn set_frequency(&mut self, ppb: f64) -> Result<(), ClockError> {
        self.clock.set_frequency(ppb)
    }
    fn step(&mut self, by: TimeInterval) -> Result<(), ClockError> {
        self.clock.step(by)
    }
    fn set(&mut self, to: TimePoint) -> Result<(), ClockError> {
        self.clock.set(to)
    }
    fn max_frequency(&self) -> f64 {
        self.clock.max_frequency()
    }
    fn at_monotonic_raw(&mut self, raw_ns: u64) -> Result<Option<TimePoint>, ClockError> {
        self.clock.at_monotonic_raw(raw_ns)
    }
    fn cross_stamp(&mut self, readings: u32) -> Result<CrossStamp, ClockError> {
        self.clock.cross_stamp(readings)
    }
}

impl ClockName {
    /// Opens the clock for pulses that come so often (which only a virtual clock has to know).
    ///
    /// # Errors
    /// [`ClockError::Unsupported`] for the system clock, which has no input; otherwise as [`ClockName::open`].
    pub fn open_for_pulses(&self, period: Duration) -> Result<Box<dyn PulseClock>, ClockError> {
        Ok(match self {
            Self::Phc(n) => Box::new(Phc::open(*n)?),
            Self::Virtual(path) => Box::new(VirtualPulses::new(VirtualClock::open(path)?, period)),
            Self::System | Self::Auxiliary(_) => {
                let doing = "stamping pulses";
                return Err(ClockError::Unsupported { clock: self.to_string(), doing });
            }
        })
    }
}
