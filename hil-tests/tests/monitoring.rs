//! Metrics, alert rules, dashboards and events as those see them who use them: promtool, a real Prometheus that scrapes a
//! laboratory, and a subscriber.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use hil_tests::lab::{
    Host, Instance, Lab, LabError, Process, PtpdOptions, experiment, find_program, our_program, skip,
};
use ptp_clock::{VirtualClock, VirtualOptions};
use ptp_wire::TimeInterval;
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);

fn wrong(e: impl std::fmt::Display) -> LabError {
    LabError::Wrong(e.to_string())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn monitoring(file: &str) -> PathBuf {
    root().join("docs/monitoring").join(file)
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Of Debian's package prometheus: installed, or unpacked by hil-tests/setup.
fn prometheus(name: &str) -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let unpacked = program.ancestors().nth(3)?.join("peers/usr/bin").join(name);
    find_program(name, "prometheus").ok().or_else(|| Some(unpacked).filter(|p| p.is_file()))
}

/// Runs promtool; what it says if it does not like something.
fn promtool(arguments: &[&str], input: &str) -> Result<String, String> {
    let program = prometheus("promtool").ok_or("promtool is not there")?;
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(monitoring(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| e.to_string())?;
    let mut stdin = child.stdin.take().ok_or("no input")?;
    stdin.write_all(input.as_bytes()).map_err(|e| e.to_string())?;
    drop(stdin);
    let output = child.wait_with_output().map_err(|e| e.to_string())?;
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(said) } else { Err(said) }
}

/// All names of metrics in docs/metrics.md.
fn documented() -> BTreeSet<String> {
    let text = text(&root().join("docs/metrics.md"));
    let rows = text.lines().filter_map(|l| l.strip_prefix("| `")?.split_once("` | "));
    rows.map(|(name, _)| name.to_owned()).collect()
}

/// The expressions of a dashboard: of panels and of variables.
fn expressions(dashboard: &Value) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for panel in dashboard["panels"].as_array().expect("panels") {
        let title = panel["title"].as_str().expect("a title");
        for target in panel["targets"].as_array().expect("targets") {
            all.push((title.to_owned(), target["expr"].as_str().expect("an expression").to_owned()));
        }
    }
    all
}

/// As Grafana would fill it in.
fn filled(expression: &str) -> String {
    expression.replace("$instance", ".+").replace("$__rate_interval", "20s")
}

fn dashboards() -> [Value; 2] {
    ["grafana-node.json", "grafana-fleet.json"]
        .map(|f| serde_json::from_str(&text(&monitoring(f))).unwrap_or_else(|e| panic!("{f}: {e}")))
}

/// What looks like a metric's name in an expression.
fn names(expression: &str) -> impl Iterator<Item = &str> {
    let word = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
    expression.split(word).filter(|w| {
        ["ptp_", "phc_sync_", "ts2phc_", "escapement_", "process_"].iter().any(|p| w.starts_with(p))
            && *w != "ptp_instance"
    })
}

#[test]
fn rules_and_dashboards_use_what_there_is() {
    let known = documented();
    let rules: serde_json::Value =
        serde_yaml::from_str(&text(&monitoring("alerts.yml"))).expect("alerts.yml is YAML");
    let tests = text(&monitoring("alerts.test.yml"));
    let mut used = Vec::new();
    for rule in
        rules["groups"].as_array().expect("groups").iter().flat_map(|g| g["rules"].as_array()).flatten()
    {
        let name = rule["alert"].as_str().expect("a name");
        assert!(tests.contains(&format!("alertname: {name}\n")), "{name} has no test in alerts.test.yml");
        used.push((name.to_owned(), rule["expr"].as_str().expect("an expression").to_owned()));
    }
    assert!(used.len() >= 20, "{} rules", used.len());
    for dashboard in dashboards() {
        let ids: Vec<i64> =
            dashboard["panels"].as_array().expect("panels").iter().filter_map(|p| p["id"].as_i64()).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "panels with the same id");
        used.extend(expressions(&dashboard));
    }
    for (place, expression) in used {
        for name in names(&expression) {
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|s| name.strip_suffix(s));
            let exists = known.contains(name) || base.is_some_and(|b| known.contains(b));
            assert!(exists, "{place}: {name} is not in docs/metrics.md");
        }
    }
}

#[test]
fn promtool_finds_rules_tests_and_configuration_good() {
    if prometheus("promtool").is_none() {
        return skip("promtool is not there (package prometheus; hil-tests/setup fetches it)");
    }
    for arguments in [
        &["check", "rules", "alerts.yml"][..],
        &["check", "config", "prometheus.yml"],
        &["test", "rules", "alerts.test.yml"],
    ] {
        promtool(arguments, "").unwrap_or_else(|e| panic!("{arguments:?}: {e}"));
    }
    // The check itself works.
    assert!(promtool(&["check", "metrics"], "# TYPE a_total gauge\na_total 1\n").is_err());
}

/// One request; the body of the answer, and its status.
fn http(host: &Host, address: &str, request: &str) -> Result<(u16, String), LabError> {
    let address: SocketAddr = address.parse().map_err(wrong)?;
    let stream = host.within(move || TcpStream::connect_timeout(&address, Duration::from_secs(10)));
    let mut stream = stream?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(wrong)?;
    stream.write_all(request.as_bytes()).map_err(wrong)?;
    let mut octets = Vec::new();
    stream.read_to_end(&mut octets).map_err(wrong)?;
    let answer = String::from_utf8_lossy(&octets).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| wrong("no answer"))?;
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or_else(|| wrong(head))?;
    Ok((status, body.to_owned()))
}

fn get(host: &Host, address: &str, path: &str) -> Result<(u16, String), LabError> {
    http(host, address, &format!("GET {path} HTTP/1.0\r\n\r\n"))
}

/// The result of a query.
fn query(host: &Host, expression: &str) -> Result<Vec<Value>, LabError> {
    let encoded: String = expression
        .bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect();
    let (_, body) = get(host, "10.0.1.2:9090", &format!("/api/v1/query?query={encoded}"))?;
    let answer: Value = serde_json::from_str(&body).map_err(|e| wrong(format!("{e}: {body}")))?;
    if answer["status"] != "success" {
        return Err(wrong(format!("{expression}: {answer}")));
    }
    Ok(answer["data"]["result"].as_array().cloned().unwrap_or_default())
}

fn wait(what: &str, mut done: impl FnMut() -> Result<bool, LabError>) -> Result<(), LabError> {
    let limit = Instant::now() + PATIENCE;
    // Whatever is not there yet may fail in its own ways.
    loop {
        let last = done();
        if matches!(last, Ok(true)) {
            return Ok(());
        }
        if Instant::now() > limit {
            return Err(wrong(format!("not within a minute: {what} ({last:?})")));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn clock(path: &str, ahead: i64, ppb: f64) -> Result<VirtualClock, LabError> {
    let options = VirtualOptions {
        offset: TimeInterval::from_nanos(ahead),
        frequency_error_ppb: ppb,
        ..VirtualOptions::default()
    };
    VirtualClock::create(path, &options).map_err(wrong)
}

fn ptpd(host: &Host, listen: &str, client: bool) -> Result<Instance, LabError> {
    let path = format!("/run/clock-{}", host.name());
    let mut options = PtpdOptions::new(&["eth0"]).on_virtual_clock(Path::new(&path));
    options.client_only = client;
    options.pi = true;
    options.extra = format!("metrics:\n  listen: {listen}\n  events: true\n");
    if !client {
        options.priority1 = 10;
        options.extra.push_str("clock_class: 6\n");
    }
    Instance::start(host, &our_program("ptpd")?, &options)
}

fn phc_sync(host: &Host) -> Result<Process, LabError> {
    let path = host.dir().join("phc-sync.yaml");
    let text = "instances:\n  - {socket: /run/ptpd-client, clock: 'virtual:/run/clock-client'}\n\
        system_clock: sink\nsystem_clock_device: virtual:/run/clock-system\nrate: 8\nstep_threshold: 100 ms\n\
        metrics: {listen: '10.0.1.2:9321', openshift_names: true}\n";
    std::fs::write(&path, text).map_err(wrong)?;
    host.start("phc-sync", &our_program("phc-sync")?, ["-f".as_ref(), path.as_os_str()])
}

/// What the laboratory has none of, or nothing to tell of while all is well.
fn is_absent_here(expression: &str) -> bool {
    let absent = ["ts2phc_", "unicast", "ptp_error_bound", "phc_sync_foreign", "ptp_port_mean_link_delay"];
    absent.iter().any(|a| expression.contains(a)) || expression.ends_with("> 0")
}

fn scraped_by_prometheus(lab: &mut Lab) -> Result<(), LabError> {
    let Some(program) = prometheus("prometheus") else {
        skip("prometheus is not there (package prometheus; hil-tests/setup fetches it)");
        return Ok(());
    };
    let (gm, client) = (lab.host("gm")?, lab.host("client")?);
    lab.link((&gm, "eth0"), (&client, "eth0"))?;
    let _clocks = (
        clock("/run/clock-gm", 0, 0.0)?,
        clock("/run/clock-client", 400_000, 12_000.0)?,
        clock("/run/clock-system", -5_000, 3_000.0)?,
    );
    let _gm = ptpd(&gm, "10.0.1.1:9320", false)?;
    let _client = ptpd(&client, "10.0.1.2:9320", true)?;
    let _sync = phc_sync(&client)?;
    let targets = ["10.0.1.1:9320", "10.0.1.2:9320", "10.0.1.2:9321"];
    let dir = lab.dir().to_owned();
    let config = dir.join("prometheus.yml");
    let list = targets.map(|t| format!("'{t}'")).join(", ");
    let rules = monitoring("alerts.yml").canonicalize().map_err(wrong)?;
    let yaml = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: ['{}']\nscrape_configs:\n  \
         - job_name: ptp\n    static_configs: [{{targets: [{list}]}}]\n",
        rules.display()
    );
    std::fs::write(&config, yaml).map_err(wrong)?;
    let arguments = [
        format!("--config.file={}", config.display()),
        format!("--storage.tsdb.path={}", dir.join("tsdb").display()),
        "--web.listen-address=10.0.1.2:9090".to_owned(),
        "--log.level=warn".to_owned(),
    ];
    let server = client.start("prometheus", &program, &arguments)?;
    let lock = "ptp_clock_state{instance=\"10.0.1.2:9320\", state=\"locked\"} == 1";
    wait("the client locked, as Prometheus sees it", || Ok(!query(&client, lock)?.is_empty()))
        .map_err(|e| wrong(format!("{e}\n{}", server.last_words())))?;
    let followed = "phc_sync_system_clock_state{state=\"locked\"} == 1";
    wait("the system clock locked", || Ok(!query(&client, followed)?.is_empty()))?;
    let rate = "rate(ptp_offset_from_master_magnitude_seconds_count{instance=\"10.0.1.2:9320\"}[20s]) > 0";
    wait("a rate", || Ok(!query(&client, rate)?.is_empty()))?;
    wait("the grandmaster", || {
        Ok(query(&client, "ptp_clock_state{instance=\"10.0.1.1:9320\", state=\"grandmaster\"} == 1")?.len()
            == 1)
    })?;
    // Both follow the same one.
    let map = "count by (grandmaster_identity) (ptp_grandmaster_info)";
    wait("one grandmaster", || {
        let all = query(&client, map)?;
        Ok(all.len() == 1 && all[0]["value"][1] == "2")
    })?;
    let mut asked = 0;
    for dashboard in dashboards() {
        for (title, expression) in expressions(&dashboard) {
            let found = query(&client, &filled(&expression)).map_err(|e| wrong(format!("{title}: {e}")))?;
            if found.is_empty() && !is_absent_here(&expression) {
                return Err(wrong(format!("{title}: {expression} finds nothing")));
            }
            asked += 1;
        }
    }
    // Rules were loaded, and none of what would mean a broken laboratory fires.
    let (_, rules) = get(&client, "10.0.1.2:9090", "/api/v1/rules")?;
    if !rules.contains("PtpNotSynchronised") || rules.contains("\"health\":\"err\"") {
        return Err(wrong(format!("rules: {rules}")));
    }
    let firing = query(&client, "ALERTS{alertstate=\"firing\", severity=\"critical\"}")?;
    if !firing.is_empty() {
        return Err(wrong(format!("{firing:?}")));
    }
    println!("{asked} expressions of the dashboards were answered");
    for target in targets {
        judge_exposition(&client, target)?;
    }
    Ok(())
}

/// promtool has nothing to say of a daemon's own names; the probes answer; what it costs is told.
fn judge_exposition(host: &Host, target: &str) -> Result<(), LabError> {
    let (_, page) = get(host, target, "/metrics")?;
    let own: String =
        page.lines().filter(|l| !l.contains("openshift_ptp_")).flat_map(|l| [l, "\n"]).collect();
    promtool(&["check", "metrics"], &own).map_err(|e| wrong(format!("{target}: {e}")))?;
    if (target == "10.0.1.2:9321") != page.contains("openshift_ptp_offset_ns{from=\"phc\"") {
        return Err(wrong(format!(
            "{target}: OpenShift's names where nobody asked, or none where somebody did"
        )));
    }
    let known = documented();
    for line in page.lines().filter_map(|l| l.strip_prefix("# TYPE ")) {
        let name = line.split(' ').next().unwrap_or_default();
        if !known.contains(name) {
            return Err(wrong(format!("{name} is not in docs/metrics.md")));
        }
    }
    for probe in ["/healthz", "/readyz"] {
        let (status, said) = get(host, target, probe)?;
        if status != 200 {
            return Err(wrong(format!("{target}{probe}: {status} {said}")));
        }
    }
    let cpu = || -> Result<f64, LabError> {
        let (_, page) = get(host, target, "/metrics")?;
        let line = page.lines().find_map(|l| l.strip_prefix("process_cpu_seconds_total "));
        line.and_then(|v| v.parse().ok()).ok_or_else(|| wrong("no processor time"))
    };
    let (before, begun) = (cpu()?, Instant::now());
    for _ in 0..100 {
        get(host, target, "/metrics")?;
    }
    let used = (cpu()? - before) * 1e4;
    let series = page.lines().filter(|l| !l.starts_with('#')).count();
    println!(
        "{target}: {series} series, {} octets, {used:.0} us of processor time for a scrape (100 in {:.1} s)",
        page.len(),
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}

#[test]
fn a_real_prometheus_scrapes_a_laboratory() {
    experiment("a_real_prometheus_scrapes_a_laboratory", &[], scraped_by_prometheus);
}

/// A subscriber in a host; gives what it is told.
fn subscriber(host: &Host, port: u16) -> Result<Receiver<Value>, LabError> {
    let listener = host.within(move || TcpListener::bind(("127.0.0.1", port)))?;
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
            let (mut octets, mut buffer) = (Vec::new(), [0; 4096]);
            while let Ok(count @ 1..) = stream.read(&mut buffer) {
                octets.extend_from_slice(&buffer[..count]);
                let text = String::from_utf8_lossy(&octets).into_owned();
                let Some((_, body)) = text.split_once("\r\n\r\n") else { continue };
                if let Ok(event) = serde_json::from_str(body) {
                    let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n");
                    if sender.send(event).is_err() {
                        return;
                    }
                    break;
                }
            }
        }
    });
    Ok(receiver)
}

/// What a subscriber was told last, by resource.
struct Told {
    events: Receiver<Value>,
    last: BTreeMap<String, String>,
}

impl Told {
    /// Waits until the last word about a resource is this one.
    fn wait(&mut self, resource: &str, value: &str) -> Result<(), LabError> {
        let limit = Instant::now() + PATIENCE;
        while self.last.get(resource).map(String::as_str) != Some(value) {
            if Instant::now() > limit {
                return Err(wrong(format!("{resource} {value} was not told, but {:?}", self.last)));
            }
            let Ok(event) = self.events.recv_timeout(Duration::from_secs(1)) else { continue };
            if event["specversion"] != "1.0" || event["id"].as_str().is_none_or(str::is_empty) {
                return Err(wrong(format!("no CloudEvent: {event}")));
            }
            let now = event["data"]["values"][0]["value"].as_str().unwrap_or_default().to_owned();
            let source = event["source"].as_str().unwrap_or_default().to_owned();
            println!("{source} {now}");
            self.last.insert(source, now);
        }
        Ok(())
    }
}

/// A subscriber hears of lock, of the master's end, of its class, and asks for the present state.
fn events(lab: &mut Lab) -> Result<(), LabError> {
    const LOCK: &str = "/sync/ptp-status/lock-state";
    const CLASS: &str = "/sync/ptp-status/clock-class";
    let (gm, client) = (lab.host("gm")?, lab.host("client")?);
    lab.link((&gm, "eth0"), (&client, "eth0"))?;
    let _clocks = (clock("/run/clock-gm", 0, 0.0)?, clock("/run/clock-client", 400_000, 12_000.0)?);
    let mut serving = ptpd(&gm, "127.0.0.1:9320", false)?;
    let _following = ptpd(&client, "127.0.0.1:9320", true)?;
    let mut told = Told { events: subscriber(&client, 9043)?, last: BTreeMap::new() };
    let body = r#"{"ResourceAddress": "/././sync/ptp-status", "EndpointUri": "http://127.0.0.1:9043/event"}"#;
    let request = format!(
        "POST /ocloudNotifications/v2/subscriptions HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    wait("the subscription", || Ok(http(&client, "127.0.0.1:9320", &request)?.0 == 201))?;
    told.wait(LOCK, "LOCKED")?;
    told.wait(CLASS, "6")?;
    let path = format!("/ocloudNotifications/v2/./.{LOCK}/CurrentState");
    let (status, now) = get(&client, "127.0.0.1:9320", &path)?;
    if status != 200 || !now.contains("LOCKED") {
        return Err(wrong(format!("{status} {now}")));
    }
    serving.process.stop(PATIENCE)?;
    told.wait(LOCK, "FREERUN")?;
    let (status, why) = get(&client, "127.0.0.1:9320", "/readyz")?;
    if status != 503 {
        return Err(wrong(format!("ready without a master: {status} {why}")));
    }
    let _serving = ptpd(&gm, "127.0.0.1:9320", false)?;
    told.wait(LOCK, "LOCKED")?;
    nobody_asked(lab, &gm)
}

/// Without the option there is one thread, and nothing listens.
fn nobody_asked(lab: &mut Lab, gm: &Host) -> Result<(), LabError> {
    let plain = lab.host("plain")?;
    lab.link((gm, "eth1"), (&plain, "eth0"))?;
    let options = PtpdOptions::new(&["eth0"]);
    let mut instance = Instance::start(&plain, &our_program("ptpd")?, &options)?;
    instance.wait_until("its first answer", PATIENCE, |look| look.state().is_some())?;
    let tasks = std::fs::read_dir(format!("/proc/{}/task", instance.process.id())).map_err(wrong)?.count();
    let listening = plain.run("ss", "iproute2", &["-H", "-l", "-t", "-n"])?;
    if tasks != 1 || !listening.is_empty() {
        return Err(wrong(format!("{tasks} threads; listening: {listening}")));
    }
    Ok(())
}

#[test]
fn a_subscriber_hears_of_lock_and_loss() {
    experiment("a_subscriber_hears_of_lock_and_loss", &[], events);
}

/// The documents of a YAML file.
fn documents(path: &Path) -> Vec<Value> {
    let text = text(path);
    text.split("\n---\n").map(|d| serde_yaml::from_str(d).unwrap_or_else(|e| panic!("{e}: {d}"))).collect()
}

/// Whether the schema of the Kubernetes API takes it, and what it says.
fn judged(document: &Value, name: &str) -> Result<(), String> {
    let file = std::env::temp_dir().join(format!("escapement-k8s-{}-{name}.json", std::process::id()));
    std::fs::write(&file, document.to_string()).map_err(|e| e.to_string())?;
    let schema = root().join("packaging/kubernetes/schema.json");
    let output = Command::new("jsonschema").arg("-i").arg(&file).arg(schema).output();
    let _ = std::fs::remove_file(&file);
    let output = output.map_err(|e| e.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

#[test]
fn the_manifest_is_what_kubernetes_takes() {
    if Command::new("jsonschema").arg("--version").output().is_err() {
        return skip("jsonschema is not installed (package python3-jsonschema)");
    }
    let all = documents(&root().join("packaging/kubernetes/daemonset.yaml"));
    assert_eq!(all.len(), 3);
    for (n, document) in all.iter().enumerate() {
        judged(document, &format!("good-{n}")).unwrap_or_else(|e| panic!("{}: {e}", document["kind"]));
    }
    // Mistakes that a schema has to find.
    let daemon_set = &all[2];
    let pod = "/spec/template/spec";
    for (n, (place, key, value)) in [
        (pod, "hostnetwork", Value::from(true)),
        (pod, "hostNetwork", Value::from("yes")),
        (pod, "containers", Value::Null),
        (
            "/spec/template/spec/containers/0/securityContext/capabilities",
            "adds",
            Value::from(vec!["SYS_TIME"]),
        ),
        ("/spec/template/spec/containers/0/livenessProbe/httpGet", "url", Value::from("/healthz")),
    ]
    .into_iter()
    .enumerate()
    {
        let mut bad = daemon_set.clone();
        bad.pointer_mut(place).expect("it is there")[key] = value;
        assert!(judged(&bad, &format!("bad-{n}")).is_err(), "{place}/{key} was taken");
    }
}

/// What the schema cannot know: capabilities are those that the daemons use, ports are those of the configuration, and the
/// configuration is good.
#[test]
fn the_manifest_fits_the_daemons() {
    let all = documents(&root().join("packaging/kubernetes/daemonset.yaml"));
    let (files, pod) = (&all[1]["data"], &all[2]["spec"]["template"]["spec"]);
    let dir = std::env::temp_dir().join(format!("escapement-manifest-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory");
    for (name, program, before) in
        [("ptpd.yaml", "ptpd", &["check"][..]), ("phc-sync.yaml", "phc-sync", &["--check", "-f"])]
    {
        let path = dir.join(name);
        std::fs::write(&path, files[name].as_str().expect("a file")).expect("written");
        let program = our_program(program).unwrap_or_else(|e| panic!("{e}"));
        let output = Command::new(program).args(before).arg(&path).output().expect("it runs");
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let _ = std::fs::remove_dir_all(&dir);
    assert_eq!(pod["hostNetwork"], true);
    let used = ["NET_BIND_SERVICE", "NET_ADMIN", "NET_RAW", "SYS_TIME"];
    for container in pod["containers"].as_array().expect("containers") {
        let security = &container["securityContext"];
        assert_eq!(security["capabilities"]["drop"][0], "ALL");
        assert!(security["privileged"].is_null() && security["allowPrivilegeEscalation"] == false);
        for capability in security["capabilities"]["add"].as_array().expect("capabilities") {
            assert!(used.contains(&capability.as_str().expect("a name")), "{capability}");
        }
        let port = container["ports"][0]["containerPort"].as_u64().expect("a port");
        for probe in ["livenessProbe", "readinessProbe"] {
            assert_eq!(container[probe]["httpGet"]["port"].as_u64(), Some(port));
        }
        let file = format!("{}.yaml", container["name"].as_str().expect("a name"));
        let text = files[&file].as_str().expect("its configuration");
        assert!(text.contains(&format!("listen: 0.0.0.0:{port}")), "{file} does not listen on {port}");
    }
}

/// No builder of images runs here: what can be said without one.
#[test]
fn the_containerfile_names_what_there_is() {
    let text = text(&root().join("packaging/container/Containerfile")).replace("\\\n", " ");
    let mut stages: Vec<String> = Vec::new();
    let mut images = 0;
    for line in text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
        let (instruction, rest) = line.split_once(' ').unwrap_or((line, ""));
        let words: Vec<&str> = rest.split_whitespace().collect();
        match instruction {
            "FROM" => {
                images += 1;
                assert!(words[0].contains(['/', ':']), "an image with its registry: {line}");
                if let [_, "AS", name] = words[..] {
                    stages.push(name.to_owned());
                }
            }
            "COPY" => match words[0].strip_prefix("--from=") {
                Some(stage) => assert!(stages.iter().any(|s| s == stage), "no stage {stage}"),
                None => {
                    for source in &words[..words.len() - 1] {
                        assert!(root().join(source).exists(), "{source} is not in the repository");
                    }
                }
            },
            "CMD" => {
                let command: Vec<String> = serde_json::from_str(rest).expect("the form without a shell");
                assert_eq!(command[0], "/usr/local/bin/ptpd");
            }
            "RUN" => {
                for package in rest.split(" -p ").skip(1).filter_map(|p| p.split_whitespace().next()) {
                    let built = rest.contains(&format!("target/release/{package} "));
                    assert!(root().join(package).join("Cargo.toml").exists() && built, "{package}");
                }
            }
            "WORKDIR" | "LABEL" | "USER" | "STOPSIGNAL" => assert!(!words.is_empty()),
            other => panic!("{other} is no instruction that is used here"),
        }
    }
    assert_eq!((images, stages.len()), (2, 1));
}
