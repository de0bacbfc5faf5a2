//! In ptp4l's place: exactly what linuxptp serves, and its refusals where it refuses.
//!
//! linuxptp asks the clock first, then the ports. What the clock knows and does not serve it refuses itself; whatever else
//! it hands to the ports, and each that is meant answers, if only that it does not know.

use ptp_wire::management::{Action, ErrorId};

/// Who answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    Clock,
    Ports,
    ClockRefuses(ErrorId),
    PortsRefuse(ErrorId),
}

const CLOCK_GET: &[u16] = &[
    0x0002, 0x2000, 0x2001, 0x2002, 0x2003, 0x2005, 0x2006, 0x2007, 0x2008, 0x2010, 0x2012, 0x2013, 0x201e,
    0x201f, 0x2021, 0xc000, 0xc001, 0xc003, 0xc006, 0xc00d,
];
const CLOCK_SET: &[u16] = &[0x2005, 0x2006, 0x201e, 0x201f, 0x2021, 0xc001, 0xc003, 0xc006, 0xc00d];
/// The clock's, and not served with this action.
const CLOCK_KNOWS: &[u16] = &[
    0x0002, 0x0003, 0x0004, 0x0005, 0x0006, 0x0007, 0x2000, 0x2001, 0x2002, 0x2003, 0x2005, 0x2006, 0x2007,
    0x2008, 0x200f, 0x2010, 0x2011, 0x2012, 0x2013, 0x2015, 0x2016, 0x2017, 0x201a, 0x201c, 0x201e, 0x201f,
    0x2020, 0x2021, 0x4000, 0x4002, 0xc000, 0xc001, 0xc003,
];
const PORT_GET: &[u16] = &[
    0x0000, 0x0001, 0x2004, 0x2009, 0x200a, 0x200b, 0x200c, 0x3001, 0x6000, 0x6001, 0xc002, 0xc004, 0xc005,
    0xc007, 0xc008, 0xc009, 0xc00a, 0xc00b, 0xc00c,
];
const PORT_SET: &[u16] = &[0xc002, 0xc00a, 0xc00c];
const PORT_COMMAND: &[u16] = &[0x200d, 0x200e];
const PORT_KNOWS: &[u16] = &[
    0x0000, 0x0001, 0x2004, 0x2009, 0x200a, 0x200b, 0x200c, 0x200d, 0x200e, 0x2014, 0x2018, 0x2019, 0x201b,
    0x201d, 0x4001, 0x6000, 0x6001,
];

/// `may_all`: it came by the read-write socket. `empty`: there are no data behind the ID.
pub(super) fn judge(action: Action, id: u16, empty: bool, may_all: bool) -> Verdict {
    let in_clock = match action {
        Action::Get => CLOCK_GET,
        Action::Set => CLOCK_SET,
        _ => &[],
    };
    let in_ports = match action {
        Action::Get => PORT_GET,
        Action::Set => PORT_SET,
        _ => PORT_COMMAND,
    };
    if action == Action::Set && empty && id != 0 {
        Verdict::ClockRefuses(ErrorId::WRONG_LENGTH)
    } else if action != Action::Get && !may_all {
        Verdict::ClockRefuses(ErrorId::NOT_SUPPORTED)
    } else if in_clock.contains(&id) {
        Verdict::Clock
    } else if CLOCK_KNOWS.contains(&id) {
        Verdict::ClockRefuses(ErrorId::NOT_SUPPORTED)
    } else if in_ports.contains(&id) {
        Verdict::Ports
    } else if PORT_KNOWS.contains(&id) {
        Verdict::PortsRefuse(ErrorId::NOT_SUPPORTED)
    } else {
        Verdict::PortsRefuse(ErrorId::NO_SUCH_ID)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_comes_first() {
        let judge = |action, id| judge(action, id, false, true);
        assert_eq!(judge(Action::Get, 0x2000), Verdict::Clock);
        assert_eq!(judge(Action::Set, 0x2000), Verdict::ClockRefuses(ErrorId::NOT_SUPPORTED));
        assert_eq!(judge(Action::Get, 0x2011), Verdict::ClockRefuses(ErrorId::NOT_SUPPORTED));
        assert_eq!(judge(Action::Set, 0x2009), Verdict::PortsRefuse(ErrorId::NOT_SUPPORTED));
        assert_eq!(judge(Action::Get, 0x3004), Verdict::PortsRefuse(ErrorId::NO_SUCH_ID));
        assert_eq!(judge(Action::Command, 0x200d), Verdict::Ports);
        assert_eq!(
            super::judge(Action::Command, 0x200d, true, false),
            Verdict::ClockRefuses(ErrorId::NOT_SUPPORTED)
        );
        assert_eq!(
            super::judge(Action::Set, 0xdfff, true, true),
            Verdict::ClockRefuses(ErrorId::WRONG_LENGTH)
        );
    }
}
