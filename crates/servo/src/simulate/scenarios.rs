//! The published scenarios.

use std::sync::LazyLock;

use super::{Change, Direction, Oscillator, Queue, Scenario, Stamps};

const HARDWARE: Stamps = Stamps { granularity_ns: 8.0, noise_ns: 0.0 };
const FINE: Stamps = Stamps { granularity_ns: 0.0, noise_ns: 0.0 };

fn base(name: &'static str, about: &'static str) -> Scenario {
    Scenario {
        name,
        about,
        duration_s: 2000.0,
        judged_from_s: 200.0,
        oscillator: Oscillator::crystal(12_000.0),
        error_ns: 3e6,
        stamps: HARDWARE,
        sync_s: 1.0,
        delay_s: 1.0,
        forward: Direction::still(5_000.0),
        backward: Direction::still(5_000.0),
        loss: 0.0,
        hops: 1,
        events: vec![],
        software: false,
    }
}

/// Scenarios with stationary white noise and a frequency that walks randomly, for which the optimum is known.
pub fn stationary() -> Vec<Scenario> {
    let noisy = |ns| Direction::noisy(50_000.0, ns);
    vec![
        base("lan-1", "stamps of 8 ns, 1/s"),
        Scenario { sync_s: 1.0 / 16.0, delay_s: 1.0 / 16.0, ..base("lan-16", "stamps of 8 ns, 16/s") },
        Scenario {
            sync_s: 1.0 / 128.0,
            delay_s: 1.0 / 128.0,
            duration_s: 600.0,
            stamps: Stamps { granularity_ns: 8.0, noise_ns: 10.0 },
            ..base("lan-128", "stamps of 8 ns with 10 ns of noise, 128/s")
        },
        Scenario {
            stamps: FINE,
            forward: noisy(100.0),
            backward: noisy(100.0),
            duration_s: 4000.0,
            judged_from_s: 600.0,
            ..base("gauss-100", "100 ns of normal noise, 1/s")
        },
        Scenario {
            stamps: FINE,
            forward: noisy(50.0),
            backward: noisy(50.0),
            sync_s: 0.25,
            delay_s: 0.25,
            ..base("gauss-50", "50 ns of normal noise, 4/s")
        },
        Scenario {
            oscillator: Oscillator { wander_ppb: 10.0, ..Oscillator::crystal(12_000.0) },
            ..base("wander", "a bad oscillator (10 ppb in a second), stamps of 8 ns, 1/s")
        },
        Scenario {
            oscillator: Oscillator { wander_ppb: 0.01, ..Oscillator::crystal(-3_000.0) },
            stamps: FINE,
            forward: noisy(3_000.0),
            backward: noisy(3_000.0),
            sync_s: 1.0 / 16.0,
            delay_s: 1.0 / 16.0,
            duration_s: 4000.0,
            judged_from_s: 1000.0,
            ..base("wan-gauss", "3 us of normal noise, a good oscillator, 16/s")
        },
        Scenario {
            sync_s: 64.0,
            delay_s: 64.0,
            duration_s: 100_000.0,
            judged_from_s: 20_000.0,
            oscillator: Oscillator { wander_ppb: 0.01, ..Oscillator::crystal(1_000.0) },
            ..base("slow", "one Sync in 64 s, stamps of 8 ns")
        },
    ]
}

/// The kernel's stamps: some noise, and a wait for the processor that only ever makes them late.
const fn kernel(scale_ns: f64, shape: f64) -> Direction {
    Direction { delay_ns: 10_000.0, noise_ns: 500.0, queue: Queue::HeavyTail { shape, scale_ns } }
}

/// What somebody measured: ns there and back.
type Recording = LazyLock<(Vec<f32>, Vec<f32>)>;

static KERNEL: Recording = LazyLock::new(|| recording(include_str!("recorded/kernel.txt")));
static LAB: Recording = LazyLock::new(|| recording(include_str!("recorded/kernel-lab.txt")));
static CROWD: Recording = LazyLock::new(|| recording(include_str!("recorded/kernel-crowd.txt")));

fn recording(text: &str) -> (Vec<f32>, Vec<f32>) {
    text.lines()
        .filter_map(|line| {
            let (there, back) = line.split_once(' ')?;
            Some((there.parse::<f32>().ok()?, back.parse::<f32>().ok()?))
        })
        .unzip()
}

fn recorded(name: &'static str, about: &'static str, of: &'static Recording) -> Scenario {
    let (there, back) = &**of;
    Scenario {
        forward: Direction::queueing(0.0, Queue::Recorded(there)),
        backward: Direction::queueing(0.0, Queue::Recorded(back)),
        ..software(name, about)
    }
}

/// Software stamps, 8/s.
fn software(name: &'static str, about: &'static str) -> Scenario {
    Scenario {
        stamps: FINE,
        sync_s: 0.125,
        delay_s: 0.125,
        forward: kernel(4_000.0, 3.0),
        backward: kernel(4_000.0, 3.0),
        software: true,
        ..base(name, about)
    }
}

const LONG: Direction = Direction::still(8_000.0);
const NEAR: Direction = Direction::still(5_000.0);

/// All published scenarios.
pub fn published() -> Vec<Scenario> {
    let mut all = stationary();
    let heavy = Queue::HeavyTail { shape: 3.0, scale_ns: 9_600.0 };
    let spikes = Queue::Uniform { p: 0.1, up_to_ns: 100_000.0 };
    let gamma = Queue::Gamma { shape: 4, mean_ns: 750.0 };
    all.extend([
        Scenario {
            forward: Direction::queueing(5_000.0, heavy),
            backward: Direction::queueing(5_000.0, heavy),
            duration_s: 6000.0,
            judged_from_s: 1500.0,
            ..base("heavy-tail", "every message queues, heavy tail, 4.8 us in the mean, 1/s")
        },
        Scenario {
            forward: Direction::queueing(5_000.0, spikes),
            backward: Direction::queueing(5_000.0, spikes),
            sync_s: 0.125,
            delay_s: 0.125,
            ..base("spikes", "a tenth of the messages waits for up to 100 us, 8/s")
        },
        Scenario {
            forward: Direction::queueing(200_000.0, gamma),
            backward: Direction::queueing(200_000.0, gamma),
            oscillator: Oscillator { wander_ppb: 0.03, ..Oscillator::crystal(5_000.0) },
            duration_s: 6000.0,
            judged_from_s: 1500.0,
            ..base("long-path", "four queues in a row, 3 us in the mean, 1/s")
        },
        Scenario {
            sync_s: 0.125,
            delay_s: 0.125,
            events: vec![
                (
                    600.0,
                    Change::Forward(Direction::queueing(
                        5_000.0,
                        Queue::Exponential { p: 1.0, mean_ns: 20_000.0 },
                    )),
                ),
                (1500.0, Change::Forward(NEAR)),
            ],
            ..base(
                "load-down",
                "from 600 s to 1500 s all messages from the master queue, 20 us in the mean, 8/s",
            )
        },
        Scenario {
            sync_s: 0.125,
            delay_s: 0.125,
            events: vec![
                (
                    500.0,
                    Change::Forward(Direction::queueing(
                        5_000.0,
                        Queue::Exponential { p: 0.8, mean_ns: 12_000.0 },
                    )),
                ),
                (
                    500.0,
                    Change::Backward(Direction::queueing(
                        5_000.0,
                        Queue::Exponential { p: 0.3, mean_ns: 3_000.0 },
                    )),
                ),
                (1200.0, Change::Forward(NEAR)),
                (1200.0, Change::Backward(NEAR)),
            ],
            ..base("load-step", "load from 500 s to 1200 s, four times as much from the master, 8/s")
        },
        Scenario {
            events: vec![(700.0, Change::Forward(LONG))],
            ..base("one-way-longer", "from 700 s on 3 us longer from the master, 1/s")
        },
        Scenario {
            events: vec![(700.0, Change::Forward(LONG)), (700.0, Change::Backward(LONG))],
            ..base("both-longer", "from 700 s on 3 us longer in both directions, 1/s")
        },
        Scenario {
            oscillator: Oscillator {
                swing_ppb: 100.0,
                swing_period_s: 600.0,
                ..Oscillator::crystal(8_000.0)
            },
            sync_s: 0.125,
            delay_s: 0.125,
            ..base("temperature", "the frequency swings by 100 ppb in 10 minutes, 8/s")
        },
        Scenario {
            oscillator: Oscillator { wander_ppb: 0.01, ..Oscillator::crystal(8_000.0) },
            stamps: Stamps { granularity_ns: 8.0, noise_ns: 20.0 },
            events: vec![(800.0, Change::Disturb(50.0)), (1400.0, Change::Disturb(-300.0))],
            ..base("shock", "the frequency jumps by 50 and -300 ppb, 20 ns of noise, 1/s")
        },
        Scenario {
            events: vec![(500.0, Change::Disturb(5_000.0)), (1000.0, Change::Disturb(-9_000.0))],
            ..base("hard-shock", "the oscillator jumps by 5 and by -9 ppm, 1/s")
        },
        Scenario {
            sync_s: 0.125,
            delay_s: 0.125,
            events: vec![
                (400.0, Change::Step(500_000.0)),
                (800.0, Change::Step(-700.0)),
                (1200.0, Change::Step(60.0)),
                (1600.0, Change::Step(-500_000.0)),
            ],
            forward: Direction::queueing(5_000.0, Queue::Uniform { p: 0.1, up_to_ns: 20_000.0 }),
            backward: Direction::queueing(5_000.0, Queue::Uniform { p: 0.1, up_to_ns: 20_000.0 }),
            ..base(
                "master-jumps",
                "the master jumps by 500 us, -700 ns, 60 ns and -500 us, and nobody says so; a tenth of the messages waits \
                 for up to 20 us, 8/s",
            )
        },
        Scenario {
            loss: 0.4,
            forward: Direction::queueing(20_000.0, Queue::Exponential { p: 0.3, mean_ns: 2_000.0 }),
            backward: Direction::queueing(20_000.0, Queue::Exponential { p: 0.3, mean_ns: 2_000.0 }),
            sync_s: 0.5,
            ..base("lossy", "two in five messages are lost, a third of the rest waits, 2/s")
        },
        Scenario {
            events: vec![(
                800.0,
                Change::Failover(200.0, Direction::still(9_000.0), Direction::still(9_000.0)),
            )],
            ..base("failover", "at 800 s another grandmaster, 200 ns off, 4 us farther, 1/s")
        },
        software("software-idle", "the kernel's stamps: 500 ns of noise, 2 us of waiting in the mean, 8/s"),
        Scenario {
            events: (1..10)
                .flat_map(|i| {
                    let loaded = i % 2 == 1;
                    let (down, up) = if loaded { (20_000.0, 10_000.0) } else { (4_000.0, 4_000.0) };
                    let shape = if loaded { 2.0 } else { 3.0 };
                    let at = f64::from(i) * 200.0;
                    [(at, Change::Forward(kernel(down, shape))), (at, Change::Backward(kernel(up, shape)))]
                })
                .collect(),
            ..software(
                "software-load",
                "the same; every other 200 s the processors are busy: 20 us of waiting from the master, 10 us to it",
            )
        },
        recorded("software-recorded", "the kernel's stamps as they were recorded on a busy machine, 8/s", &KERNEL),
        recorded(
            "software-crowd",
            "the same of one of two receivers of a multicast; the way to it takes 2 us less than the way back",
            &CROWD,
        ),
        recorded(
            "software-lab",
            "ptpd's own messages between network namespaces: half of those from the master are quick, 20 us earlier than all others",
            &LAB,
        ),
        Scenario { sync_s: 1.0, delay_s: 1.0, duration_s: 2000.0, ..recorded("software-lab-1", "the same, 1/s", &LAB) },
        Scenario { hops: 5, ..base("chain-5", "the fifth in a row of boundary clocks, stamps of 8 ns, 1/s") },
        Scenario { hops: 10, ..base("chain-10", "the tenth in a row, 1/s") },
        Scenario {
            hops: 5,
            sync_s: 1.0 / 16.0,
            delay_s: 1.0 / 16.0,
            duration_s: 1000.0,
            ..base("chain-5-16", "the fifth in a row, 16/s")
        },
    ]);
    all
}

/// Scenarios in which an estimator could run away: only that it does not is asked of it.
pub fn hostile() -> Vec<Scenario> {
    let load = |p, mean_ns| Direction::queueing(5_000.0, Queue::Exponential { p, mean_ns });
    let deep = |shape, mean_ns| Direction::queueing(5_000.0, Queue::Gamma { shape, mean_ns });
    vec![
        Scenario {
            events: (1..20)
                .map(|i| (f64::from(i) * 90.0, Change::Forward(if i % 2 == 1 { LONG } else { NEAR })))
                .collect(),
            ..base("flapping", "one direction 3 us longer and shorter again every 90 s")
        },
        Scenario {
            events: vec![
                (400.0, Change::Step(500_000.0)),
                (800.0, Change::Step(-700.0)),
                (1200.0, Change::Step(60.0)),
                (1600.0, Change::Step(1e9)),
            ],
            ..base("master-steps", "the master jumps by 500 us, -700 ns, 60 ns and 1 s, and nobody says so")
        },
        Scenario {
            sync_s: 0.125,
            delay_s: 0.125,
            events: vec![
                (300.0, Change::Forward(deep(10, 3_000.0))),
                (500.0, Change::Backward(deep(6, 2_000.0))),
                (1100.0, Change::Forward(NEAR)),
                (1300.0, Change::Backward(NEAR)),
            ],
            ..base("overload", "all messages wait behind 10 and 6 queues for 10 minutes")
        },
        Scenario {
            forward: load(1.0, 50_000.0),
            backward: load(1.0, 5_000.0),
            ..base("queued-start", "all messages queue from the first on, ten times longer from the master")
        },
        Scenario {
            oscillator: Oscillator { wander_ppb: 1.0, ..Oscillator::crystal(500_000.0) },
            error_ns: 4e9,
            ..base("far-off", "500 ppm and 4 s off at the start")
        },
        Scenario {
            events: vec![
                (300.0, Change::Loss(0.95)),
                (700.0, Change::Loss(0.0)),
                (900.0, Change::Loss(1.0)),
                (1200.0, Change::Loss(0.3)),
            ],
            ..base("gaps", "19 of 20 messages lost, later all of them for 5 minutes")
        },
        Scenario {
            events: vec![
                (300.0, Change::Interval(1.0 / 16.0)),
                (600.0, Change::Interval(1.0 / 128.0)),
                (700.0, Change::Interval(8.0)),
                (1500.0, Change::Interval(0.5)),
            ],
            ..base("rates", "the rate changes from 1/s to 16, 128, 1/8 and 2")
        },
        Scenario {
            sync_s: 128.0,
            delay_s: 128.0,
            duration_s: 200_000.0,
            judged_from_s: 30_000.0,
            oscillator: Oscillator { wander_ppb: 0.01, ..Oscillator::crystal(100.0) },
            ..base("slowest", "one Sync in 128 s")
        },
        Scenario {
            oscillator: Oscillator { wander_ppb: 0.003, ..Oscillator::crystal(50.0) },
            forward: Direction {
                delay_ns: 1e6,
                noise_ns: 20.0,
                queue: Queue::HeavyTail { shape: 1.5, scale_ns: 20_000.0 },
            },
            backward: Direction {
                delay_ns: 1e6,
                noise_ns: 20.0,
                queue: Queue::HeavyTail { shape: 2.5, scale_ns: 9_000.0 },
            },
            sync_s: 0.25,
            delay_s: 1.0,
            ..base("infinite-variance", "waiting without a variance one way, with one the other")
        },
        Scenario {
            sync_s: 0.125,
            delay_s: 4.0,
            forward: Direction::queueing(5_000.0, Queue::Uniform { p: 0.6, up_to_ns: 30_000.0 }),
            ..base("few-requests", "one Delay_Req for 32 Syncs, of which six in ten wait for up to 30 us")
        },
    ]
}
