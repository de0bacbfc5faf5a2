//! Which port uses which keys, and the file they come from.

use std::sync::Arc;

use ptp_security::{Database, SecurityAssociation};

use crate::build::Values;
use crate::model::{PtpdConfig, Stamping};

/// How a port's messages are authenticated (1588-2019 16.14).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Authentication {
    /// Its keys; all of them are accepted.
    pub association: Arc<SecurityAssociation>,
    /// keyID of the key that is sent with; `None`: messages are sent without.
    pub active_key_id: Option<u32>,
}

/// What is wrong about the authentication of a port, the key to blame, and what to do.
pub(crate) type Wrong = (&'static str, String, &'static str);

/// Reads the key file, if there is one.
pub(crate) fn read(v: Values<'_>) -> Result<Option<(Database, String)>, String> {
    let Some(path) = v.path("authentication.key_file") else { return Ok(None) };
    let (database, problems) = if v.bool("authentication.insecure_file") {
        Database::read_any(&path).map(|(database, problems, _)| (database, problems))
    } else {
        Database::read(&path)
    }
    .map_err(|e| e.to_string())?;
    let lines: Vec<String> = problems.iter().map(|p| format!("{}: {p}", path.display())).collect();
    Ok(Some((database, lines.join("\n"))))
}

/// Looks at one port. `problems`: what was not understood in the key file.
pub(crate) fn wrong(v: Values<'_>, keys: Option<&(Database, String)>) -> Option<Wrong> {
    let spp = v.spp()?;
    let Some((database, problems)) = keys else {
        return Some((
            "spp",
            format!("there are no keys for `spp: {spp}`"),
            "name a `key_file` under `authentication:`",
        ));
    };
    let Some(association) = database.get(spp) else {
        let mut message = format!("the key file has no security association with `spp {spp}`");
        if !problems.is_empty() {
            message.push('\n');
            message.push_str(problems);
        }
        return Some(("spp", message, "add it to the file, or name another"));
    };
    if let Some(id) = v.active_key_id()
        && association.key(id).is_none()
    {
        let message = format!("security association {spp} has no key {id}");
        return Some(("active_key_id", message, "name one of its keys, or add this one to the key file"));
    }
    if matches!(v.stamping(), Stamping::OneStep | Stamping::P2pOneStep) {
        let message = "a card that writes into messages makes their integrity check wrong".to_owned();
        return Some(("stamping", message, "write `stamping: hardware`, or leave `spp` out"));
    }
    if v.int::<u8>("minor_version") == 0 {
        let message = "AUTHENTICATION is of PTP version 2.1".to_owned();
        return Some(("minor_version", message, "leave `minor_version` or `spp` out"));
    }
    None
}

/// Gives the ports their keys. What is missing has been refused.
pub(crate) fn give(config: &mut PtpdConfig, keys: Option<&(Database, String)>) {
    for port in &mut config.ports {
        let association = port.spp.zip(keys).and_then(|(spp, (database, _))| database.get(spp));
        port.authentication = association.map(|association| Authentication {
            association: Arc::clone(association),
            active_key_id: port.active_key_id,
        });
    }
}
