//! The guides, walked through on booted machines: what needs a card or a receiver gets a virtual clock and its pulses instead.

use std::path::Path;
use std::time::{Duration, Instant};

use hil_tests::lab::skip;

use crate::blocks::{Block, How, blocks};
use crate::boot::{clock, install};
use crate::debian::{cargo_deb, deb};
use crate::machine::{Machine, PATIENCE, obstacle};
use crate::units::root;

/// The pages whose every block says how it is tried.
const PAGES: [&str; 4] =
    ["docs/guide-trading-floor.md", "docs/guide-fronthaul.md", "docs/migrating.md", "docs/interworking.md"];

/// A file of a guide with what stands for hardware here.
fn adapted(path: &str, text: &str) -> String {
    let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy();
    let replaced = |pairs: &[(&str, &str)]| {
        pairs.iter().fold(text.to_owned(), |text, (from, to)| {
            assert!(text.contains(from), "{path} has no `{from}`");
            text.replacen(from, to, 1)
        })
    };
    match &*name {
        "ptpd.yaml" => format!("clock_device: virtual:/run/escapement/clock\n{text}"),
        "phc-sync.yaml" => replaced(&[
            (
                "  - /run/escapement/ptpd\n",
                "  - socket: /run/escapement/ptpd\n    clock: virtual:/run/escapement/clock\n",
            ),
            (
                "system_clock: sink\n",
                "system_clock: sink\nsystem_clock_device: virtual:/run/escapement/system\n",
            ),
        ]),
        "ts2phc.yaml" => replaced(&[
            ("time: /dev/ttyS0\nbaud: 115200\n", "time: system\nutc_offset: 37\n"),
            ("  - clock: eth0\n    pin: SDP1\n", "  - clock: virtual:/run/escapement/clock\n"),
        ]),
        _ => text.to_owned(),
    }
}

/// Does what a page says.
fn walk(page: &str, server: &Machine, client: &Machine) {
    for Block { line, how, text, .. } in blocks(&root().join(page)) {
        let begun = Instant::now();
        let machine = |name: &str| match name {
            "server" => server,
            "client" => client,
            _ => panic!("{page}:{line}: there is no {name}"),
        };
        match how {
            How::Run(name) => {
                for command in text.lines() {
                    machine(&name).run(command);
                }
            }
            How::Until(name) => {
                for command in text.lines() {
                    while !machine(&name).asks(command) {
                        if begun.elapsed() > PATIENCE {
                            // Says what is wrong.
                            machine(&name).run(command);
                        }
                        std::thread::sleep(Duration::from_millis(200));
                    }
                }
            }
            How::File { path, host } => machine(&host).write(&path, &adapted(&path, &text)),
            How::Needs(_) | How::By(_) | How::Unsaid => continue,
            other => panic!("{page}:{line}: {other:?} is not for machines"),
        }
        println!("{page}:{line}: {:.1} s", begun.elapsed().as_secs_f64());
    }
}

/// Two machines with the package, their clocks, and a cable.
fn pair(name: &str) -> Option<(Machine, Machine)> {
    let missing = obstacle().or_else(|| {
        cargo_deb().is_none().then(|| "cargo-deb is missing: hil-tests/setup installs it".to_owned())
    });
    if let Some(why) = missing {
        skip(&why);
        return None;
    }
    let package = deb();
    let (server, client) =
        (Machine::boot(&format!("{name}-server")), Machine::boot(&format!("{name}-client")));
    server.connect(&client);
    for (machine, ahead) in [(&server, 0), (&client, 300_000)] {
        install(machine, &package);
        clock(machine, "/run/escapement/clock", ahead, 37);
    }
    Some((server, client))
}

#[test]
fn the_trading_floor_works() {
    let Some((server, client)) = pair("floor") else { return };
    server.write("/run/escapement/clock.pps", "0");
    clock(&client, "/run/escapement/system", 5_000_000, 0);
    walk("docs/guide-trading-floor.md", &server, &client);
    assert!(client.asks("systemctl is-active escapement-synchronised.target time-sync.target"));
}

#[test]
fn fronthaul_and_migration_work() {
    let Some((server, client)) = pair("fronthaul") else { return };
    // The second way to the grandmaster, and the radio units' ends of the cables: nobody is there.
    client.run("for n in 1 2 3; do ip link add eth$n type veth peer name far$n; ip link set eth$n up; ip link set far$n up; done");
    // A telecom grandmaster in lock.
    server.write(
        "/etc/escapement/ptpd.yaml",
        "profile: g8275-1\nclock_device: virtual:/run/escapement/clock\nclock_class: 6\nports:\n  - interface: eth0\n    master_only: true\n",
    );
    server.run("systemctl enable --now ptpd 2>&1");
    walk("docs/guide-fronthaul.md", &server, &client);
    client.run("systemctl disable --now ptpd 2>&1");
    walk("docs/migrating.md", &server, &client);
}

/// No command escapes by another form, and what another test tries is there.
#[test]
fn every_block_of_the_guides_says_how_it_is_tried() {
    for page in PAGES {
        let text = std::fs::read_to_string(root().join(page)).expect("there");
        for Block { line, language, how, .. } in blocks(&root().join(page)) {
            match &how {
                How::By(file) => {
                    let test = std::fs::read_to_string(root().join(file)).expect("the test is there");
                    assert!(test.contains("#[test]"), "{page}:{line}: {file}");
                }
                How::Unsaid => assert_eq!(language, "text", "{page}:{line}: nobody says how this is tried"),
                _ => {}
            }
        }
        let mut fenced = false;
        for (number, line) in (1..).zip(text.lines()) {
            fenced ^= line.starts_with("```");
            assert!(fenced || !line.starts_with("    "), "{page}:{number}: an indented block: use a fence");
        }
    }
}
