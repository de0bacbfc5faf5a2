//! `phc-sync chrony`: chronyd fed from several PTP domains, as linuxptp's timemaster arranges it. Writes the configuration and
//! explains it; with `--serve` it feeds chronyd.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;
use ptp_config::Overrides;
use ptp_config::document;
use ptp_management::{Client, ClientConfig, REPLY_WINDOW, Request, Uds};
use ptp_wire::SdoId;
use ptp_wire::management::{ManagementId, Payload};

use crate::file;
use crate::settings::{Instance, Settings, SystemRole};

/// What chronyd is told where the path's delay is not known: timemaster's figure, s.
const ASSUMED_DELAY: f64 = 1e-4;
/// Reading two clocks of one host is not better than this, s.
const LEAST_DELAY: f64 = 1e-6;

/// So often an instance is asked for the path's delay.
const ATTEMPTS: usize = 5;

/// As typed.
#[derive(Debug, Parser)]
#[command(
    name = "phc-sync chrony",
    version,
    about = "chronyd fed from several PTP domains: writes its configuration, and feeds it",
    long_about = "chronyd fed from several PTP domains: chronyd compares them with each other and with NTP servers, and steers the \
                  clock.\n\nWithout --serve it prints what belongs in chrony.conf, explained line by line. With --serve it feeds the \
                  sockets named there. Start chronyd first; the order does not matter otherwise, and each may be restarted."
)]
pub(crate) struct ChronyOptions {
    /// The instances of this phc-sync.yaml
    #[arg(short = 'f', value_name = "FILE")]
    file: Option<PathBuf>,

    /// The socket of a PTP instance; repeat for more
    #[arg(short = 'z', value_name = "SOCKET")]
    sockets: Vec<PathBuf>,

    /// Where chronyd makes its sockets
    #[arg(long, value_name = "DIRECTORY", default_value = "/run/chrony")]
    directory: PathBuf,

    /// The delay to tell chronyd instead of the measured one: half of it counts as error
    #[arg(long, value_name = "TIME", value_parser = delay)]
    delay: Option<f64>,

    /// Feed chronyd instead of printing
    #[arg(long)]
    serve: bool,

    /// Measurements per second
    #[arg(short = 'R', value_name = "RATE", default_value_t = 1.0, value_parser = rate)]
    rate: f64,

    /// What the system clock shall be ahead of the sources, s; without it UTC by what the instances announce
    #[arg(short = 'O', value_name = "SECONDS", allow_negative_numbers = true)]
    offset: Option<f64>,
}

fn rate(text: &str) -> Result<f64, String> {
    document::number(text, 0.01, 100.0).map_err(|r| r.label)
}

fn delay(text: &str) -> Result<f64, String> {
    let parsed = document::interval(text, 0, 1_000_000_000, "us");
    parsed.map(|v| v.nanos_f64() * 1e-9).map_err(|r| r.label)
}

/// What is to be done.
pub(crate) enum Work {
    Print(String),
    Serve(Box<Settings>),
}

/// Reads the command line.
pub(crate) fn prepare(arguments: &[String]) -> Result<Work, String> {
    let options = ChronyOptions::parse_from(arguments);
    let mut settings = match &options.file {
        Some(path) => {
            file::load(Some(path), &Overrides::default(), false).map_err(|e| e.to_string())?.settings
        }
        None => Settings::default(),
    };
    if !options.sockets.is_empty() {
        let instance = |socket: &PathBuf| Instance {
            socket: socket.clone(),
            domain_number: 0,
            major_sdo_id: 0,
            clock: None,
            sinks: Vec::new(),
        };
        settings.instances = options.sockets.iter().map(instance).collect();
    }
    settings.instances = settings.instances_or_default();
    let sockets: Vec<PathBuf> =
        (0..settings.instances.len()).map(|i| options.directory.join(format!("ptp{i}.sock"))).collect();
    if !options.serve {
        let delays: Vec<Option<f64>> = settings
            .instances
            .iter()
            .map(|instance| options.delay.or_else(|| measured_delay(instance)))
            .collect();
        return Ok(Work::Print(configuration(&settings.instances, &sockets, &delays)));
    }
    settings.automatic = true;
    settings.system_role = SystemRole::Sink;
    settings.fan_out = sockets;
    settings.rate = options.rate;
    settings.offset =
        options.offset.map(|s| ptp_wire::TimeInterval::from_nanos_f64(s * 1e9)).or(settings.offset);
    settings.sanity = 0.0;
    settings.check().map_err(|e| e.to_string())?;
    Ok(Work::Serve(Box::new(settings)))
}

/// There and back, as the instance measures it; `None`: it does not answer, or knows none.
fn measured_delay(instance: &Instance) -> Option<f64> {
    let own = Path::new("/tmp").join(format!("phc-sync-chrony.{}", std::process::id()));
    let uds = Uds::connect(&instance.socket, Some(&own)).ok()?;
    let config = ClientConfig {
        domain_number: instance.domain_number,
        sdo_id: SdoId::new(u16::from(instance.major_sdo_id) << 8),
        boundary_hops: 0,
        ..ClientConfig::default()
    };
    let mut client = Client::new(uds, config);
    let window = REPLY_WINDOW.max(Duration::from_millis(300));
    // A busy instance may be late, and one that has just become a slave has no delay yet.
    (0..ATTEMPTS).find_map(|_| {
        let replies = client.ask(&Request::get(ManagementId::CURRENT_DATA_SET), window).ok()?;
        replies.iter().find_map(|reply| match reply.payload() {
            // By noise a short path may come out negative.
            Ok(Payload::CurrentDataSet(ds)) if ds.mean_path_delay.0 != 0 => {
                Some(2.0 * ds.mean_path_delay.abs().nanos_f64() * 1e-9 + LEAST_DELAY)
            }
            _ => None,
        })
    })
}

/// A part of chrony.conf, explained.
fn configuration(instances: &[Instance], sockets: &[PathBuf], delays: &[Option<f64>]) -> String {
    let mut text = String::from(
        "# chronyd fed by `phc-sync chrony --serve`: put this into /etc/chrony/conf.d/phc-sync.conf.\n\
         # chronyd compares the sources below with each other and with your NTP servers, drops falsetickers and steers the clock.\n\
         # Nobody else may: no phc-sync -r, no phc2sys -r, no ntpd, no systemd-timesyncd.\n",
    );
    for (i, ((instance, socket), delay)) in instances.iter().zip(sockets).zip(delays).enumerate() {
        let _ = write!(
            text,
            "\n# The PTP instance behind {}.\n\
             # SOCK: chronyd makes the socket, phc-sync writes to it. refid: the name in `chronyc sources`.\n\
             # poll 0, filter 1: a measurement each second is one sample; phc-sync took the best of several readings already.\n",
            instance.socket.display()
        );
        match delay {
            Some(delay) => {
                let _ = writeln!(
                    text,
                    "# delay: there and back to the master {delay:.1e} s, as measured now; half of it is the error chronyd assumes. Too small, \
                     and\n# two good sources look like falsetickers to each other."
                );
            }
            None => {
                let _ = writeln!(
                    text,
                    "# delay: the instance knows no path delay now, so 100 us are assumed; half of it is the error chronyd assumes. \
                     Too\n# small, and two good sources look like falsetickers to each other. Run this again while it is a slave."
                );
            }
        }
        let _ = writeln!(
            text,
            "refclock SOCK {} refid PTP{i} poll 0 filter 1 precision 1e-8 delay {:.2e}",
            socket.display(),
            delay.unwrap_or(ASSUMED_DELAY)
        );
    }
    text.push_str(
        "\n# With three sources or more one lying grandmaster is outvoted; this many have to agree before the clock is touched.\n",
    );
    let _ = writeln!(text, "minsources {}", if instances.len() >= 3 { 2 } else { 1 });
    text.push_str(
        "# The kernel inserts leap seconds; what phc-sync heard of them from the grandmaster goes along with each measurement.\nleapsecmode system\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_instance_has_its_line() {
        let instance = |path: &str| Instance {
            socket: path.into(),
            domain_number: 0,
            major_sdo_id: 0,
            clock: None,
            sinks: Vec::new(),
        };
        let instances = [instance("/run/a"), instance("/run/b")];
        let sockets = ["/run/chrony/ptp0.sock".into(), "/run/chrony/ptp1.sock".into()];
        let text = configuration(&instances, &sockets, &[Some(2.5e-6), None]);
        let lines: Vec<&str> = text.lines().filter(|l| l.starts_with("refclock")).collect();
        assert_eq!(
            lines,
            [
                "refclock SOCK /run/chrony/ptp0.sock refid PTP0 poll 0 filter 1 precision 1e-8 delay 2.50e-6",
                "refclock SOCK /run/chrony/ptp1.sock refid PTP1 poll 0 filter 1 precision 1e-8 delay 1.00e-4",
            ]
        );
        assert!(text.contains("behind /run/b") && text.contains("minsources 1"));
    }
}
