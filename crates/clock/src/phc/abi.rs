//! The kernel's `ptp_clock.h`: structures and ioctl numbers.

use ptp_wire::TimePoint;

/// ptp_clock_time.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct ClockTime {
    pub(super) sec: i64,
    pub(super) nsec: u32,
    pub(super) reserved: u32,
}

impl From<ClockTime> for TimePoint {
    fn from(t: ClockTime) -> Self {
        TimePoint::from_nanos(i128::from(t.sec) * 1_000_000_000 + i128::from(t.nsec))
    }
}

impl ClockTime {
    /// From whole ns; `None` beyond 64 bits of seconds.
    pub(super) fn from_nanos(ns: i128) -> Option<Self> {
        Some(Self {
            sec: i64::try_from(ns.div_euclid(1_000_000_000)).ok()?,
            nsec: u32::try_from(ns.rem_euclid(1_000_000_000)).ok()?,
            reserved: 0,
        })
    }
}

/// ptp_clock_caps.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Caps {
    pub(super) max_adj: i32,
    pub(super) n_alarm: i32,
    pub(super) n_ext_ts: i32,
    pub(super) n_per_out: i32,
    pub(super) pps: i32,
    pub(super) n_pins: i32,
    pub(super) cross_timestamping: i32,
    pub(super) adjust_phase: i32,
    pub(super) max_phase_adj: i32,
    pub(super) rsv: [i32; 11],
}

/// ptp_extts_request.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ExttsRequest {
    pub(super) index: u32,
    pub(super) flags: u32,
    pub(super) rsv: [u32; 2],
}

pub(super) const EXTTS_ENABLE: u32 = 1;
pub(super) const EXTTS_RISING: u32 = 2;
pub(super) const EXTTS_FALLING: u32 = 4;
pub(super) const EXTTS_STRICT: u32 = 8;
pub(super) const EXTTS_EXT_OFFSET: u32 = 16;

/// ptp_perout_request.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PeroutRequest {
    /// Or the phase.
    pub(super) start: ClockTime,
    pub(super) period: ClockTime,
    pub(super) index: u32,
    pub(super) flags: u32,
    /// The width, with PEROUT_DUTY_CYCLE.
    pub(super) on: ClockTime,
}

pub(super) const PEROUT_DUTY_CYCLE: u32 = 2;
pub(super) const PEROUT_PHASE: u32 = 4;

/// ptp_sys_offset.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(super) struct SysOffset {
    pub(super) n_samples: u32,
    pub(super) rsv: [u32; 3],
    pub(super) ts: [ClockTime; 51],
}

/// ptp_sys_offset_extended.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(super) struct SysOffsetExtended {
    pub(super) n_samples: u32,
    /// 0: CLOCK_REALTIME.
    pub(super) clockid: i32,
    pub(super) rsv: [u32; 2],
    /// System before, PHC, system after.
    pub(super) ts: [[ClockTime; 3]; 25],
}

/// ptp_sys_offset_precise.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SysOffsetPrecise {
    pub(super) device: ClockTime,
    pub(super) sys_realtime: ClockTime,
    pub(super) sys_monoraw: ClockTime,
    pub(super) rsv: [u32; 4],
}

/// ptp_pin_desc.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(super) struct PinDesc {
    pub(super) name: [u8; 64],
    pub(super) index: u32,
    pub(super) func: u32,
    pub(super) chan: u32,
    pub(super) rsv: [u32; 5],
}

/// ptp_extts_event.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ExttsEventAbi {
    pub(super) t: ClockTime,
    pub(super) index: u32,
    pub(super) flags: u32,
    pub(super) rsv: [u32; 2],
}

/// An ioctl in its two versions: the newer one checks its flags. Kernels before 5.5 know the old one only.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) old: u32,
    pub(super) new: u32,
}

const WRITE: u32 = 1;
const READ: u32 = 2;

const fn number(direction: u32, number: u32, size: usize) -> u32 {
    (direction << 30) | ((size as u32) << 16) | (0x3d << 8) | number
}

const fn request<T>(direction: u32, old: u32, new: u32) -> Request {
    Request { old: number(direction, old, size_of::<T>()), new: number(direction, new, size_of::<T>()) }
}

pub(super) const CLOCK_GETCAPS: Request = request::<Caps>(READ, 1, 10);
pub(super) const EXTTS_REQUEST: Request = request::<ExttsRequest>(WRITE, 2, 11);
pub(super) const PEROUT_REQUEST: Request = request::<PeroutRequest>(WRITE, 3, 12);
pub(super) const ENABLE_PPS: Request = request::<i32>(WRITE, 4, 13);
pub(super) const SYS_OFFSET: Request = request::<SysOffset>(WRITE, 5, 14);
pub(super) const PIN_GETFUNC: Request = request::<PinDesc>(READ | WRITE, 6, 15);
pub(super) const PIN_SETFUNC: Request = request::<PinDesc>(WRITE, 7, 16);
pub(super) const SYS_OFFSET_PRECISE: Request = request::<SysOffsetPrecise>(READ | WRITE, 8, 17);
pub(super) const SYS_OFFSET_EXTENDED: Request = request::<SysOffsetExtended>(READ | WRITE, 9, 18);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_the_kernels() {
        assert_eq!(size_of::<ClockTime>(), 16);
        assert_eq!(size_of::<Caps>(), 80);
        assert_eq!(size_of::<ExttsRequest>(), 16);
        assert_eq!(size_of::<PeroutRequest>(), 56);
        assert_eq!(size_of::<SysOffset>(), 832);
        assert_eq!(size_of::<SysOffsetExtended>(), 1216);
        assert_eq!(size_of::<SysOffsetPrecise>(), 64);
        assert_eq!(size_of::<PinDesc>(), 96);
        assert_eq!(size_of::<ExttsEventAbi>(), 32);
        assert_eq!(std::mem::offset_of!(PeroutRequest, index), 32);
        assert_eq!(std::mem::offset_of!(PeroutRequest, on), 40);
        assert_eq!(std::mem::offset_of!(PinDesc, func), 68);
    }

    #[test]
    fn numbers_are_the_kernels() {
        for (r, old, new) in [
            (CLOCK_GETCAPS, 0x8050_3d01, 0x8050_3d0a),
            (EXTTS_REQUEST, 0x4010_3d02, 0x4010_3d0b),
            (PEROUT_REQUEST, 0x4038_3d03, 0x4038_3d0c),
            (ENABLE_PPS, 0x4004_3d04, 0x4004_3d0d),
            (SYS_OFFSET, 0x4340_3d05, 0x4340_3d0e),
            (PIN_GETFUNC, 0xc060_3d06, 0xc060_3d0f),
            (PIN_SETFUNC, 0x4060_3d07, 0x4060_3d10),
            (SYS_OFFSET_PRECISE, 0xc040_3d08, 0xc040_3d11),
            (SYS_OFFSET_EXTENDED, 0xc4c0_3d09, 0xc4c0_3d12),
        ] {
            assert_eq!((r.old, r.new), (old, new));
        }
    }

    #[test]
    fn times_before_the_epoch_keep_their_nanoseconds_positive() {
        assert_eq!(ClockTime::from_nanos(-1), Some(ClockTime { sec: -1, nsec: 999_999_999, reserved: 0 }));
        assert_eq!(
            TimePoint::from(ClockTime { sec: -1, nsec: 999_999_999, reserved: 0 }),
            TimePoint::from_nanos(-1)
        );
        assert_eq!(ClockTime::from_nanos(i128::MAX), None);
    }
}
