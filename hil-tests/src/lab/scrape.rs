//! A daemon's metrics, as a monitoring system gets them.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::error::LabError;

/// Asks the endpoint at this socket; the whole answer, headers included.
///
/// # Errors
/// Nobody listens there, or the connection breaks.
pub fn scrape(socket: &Path) -> Result<String, LabError> {
    let mut stream = UnixStream::connect(socket).map_err(LabError::io("ask for metrics"))?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").map_err(LabError::io("ask for metrics"))?;
    let mut text = String::new();
    stream.read_to_string(&mut text).map_err(LabError::io("read metrics"))?;
    Ok(text)
}
