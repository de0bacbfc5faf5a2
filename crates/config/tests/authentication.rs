//! Which port gets which keys, and what is refused.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use ptp_config::{Linuxptp, Overrides, load_octets};

const KEYS: &str = include_str!("data/keys.cfg");

/// A copy of the key file with this mode; removed when dropped.
struct KeyFile(PathBuf);

impl KeyFile {
    fn new(name: &str, mode: u32) -> Self {
        let path = std::env::temp_dir().join(format!("ptp-config-{}-{name}", std::process::id()));
        std::fs::write(&path, KEYS).expect("temporary files can be written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("it is ours");
        Self(path)
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn load(text: &str) -> Result<ptp_config::PtpdConfig, String> {
    load_octets(Path::new("x.yaml"), text.as_bytes(), &[], &Overrides::default())
        .map(|loaded| loaded.config)
        .map_err(|e| e.to_string())
}

#[test]
fn ports_get_the_keys_they_name() {
    let file = KeyFile::new("ports", 0o600);
    let text = format!(
        "authentication: {{ key_file: {} }}\nspp: 7\nactive_key_id: 2\nports:\n- interface: a\n- {{ interface: b, active_key_id: 1 }}\n- {{ interface: c, spp: -1, active_key_id: 0 }}\n- {{ interface: d, active_key_id: 0 }}\n",
        file.0.display()
    );
    let config = load(&text);
    // A key without an association is not meant.
    let error = config.expect_err("port c has a key and no association");
    assert!(error.contains("`active_key_id` has no effect here"), "{error}");
    let config = load(&text.replace("spp: -1, active_key_id: 0", "spp: -1")).expect("good");
    let keys: Vec<_> = config
        .ports
        .iter()
        .map(|p| p.authentication.as_ref().map(|a| (a.association.spp, a.active_key_id)))
        .collect();
    assert_eq!(keys, [Some((7, Some(2))), Some((7, Some(1))), None, Some((7, None))]);
    // Keys do not show.
    assert!(!format!("{config:?}").contains("101112"));
}

#[test]
fn what_cannot_work_is_refused() {
    let file = KeyFile::new("refused", 0o600);
    let open = KeyFile::new("open", 0o644);
    let base = |file: &KeyFile, rest: &str| {
        load(&format!(
            "authentication: {{ key_file: {} }}\n{rest}\nports: [{{ interface: a }}]\n",
            file.0.display()
        ))
    };
    for (rest, part) in [
        ("spp: 9", "no security association with `spp 9`"),
        ("spp: 8", "line 9: a key of AES128 has 16 octets, not 5"),
        ("spp: 7\nactive_key_id: 3", "security association 7 has no key 3"),
        ("spp: 7\nstamping: onestep", "integrity check wrong"),
        ("spp: 7\nminor_version: 0", "PTP version 2.1"),
        ("active_key_id: 1", "`active_key_id` has no effect here"),
    ] {
        let error = base(&file, rest).expect_err(rest);
        assert!(error.contains(part), "{rest}: {error}");
    }
    assert!(base(&file, "spp: 7\nactive_key_id: 1").is_ok());
    let error = base(&open, "spp: 7").expect_err("others may read it");
    assert!(error.contains("mode 0644") && error.contains("chmod 0600"), "{error}");
    let error = load("spp: 7\nports: [{ interface: a }]\n").expect_err("no file");
    assert!(error.contains("there are no keys for `spp: 7`"), "{error}");
    let error = load("authentication: { key_file: /nonexistent/keys }\nports: [{ interface: a }]\n")
        .expect_err("no file");
    assert!(error.contains("/nonexistent/keys"), "{error}");
}

#[test]
fn linuxptps_file_is_taken_whoever_may_read_it() {
    let open = KeyFile::new("linuxptp", 0o644);
    let mut linuxptp = Linuxptp::new();
    let text =
        format!("[global]\nsa_file {}\nspp -1\n[eth0]\nspp 7\nactive_key_id 1\n[eth1]\n", open.0.display());
    linuxptp.read("x.cfg", text.as_bytes()).expect("good");
    let imported = linuxptp.import().expect("good");
    let ports = &imported.loaded.config.ports;
    assert_eq!(ports[0].authentication.as_ref().and_then(|a| a.active_key_id), Some(1));
    assert_eq!(ports[1].authentication, None);
    assert!(imported.notes.iter().any(|n| n.contains("should have mode 0600")), "{:?}", imported.notes);
}
