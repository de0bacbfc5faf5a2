//! What an operator relies on, with real daemons in a laboratory: questions over an authenticated network, evidence when the
//! disk is full or the power goes, listeners that do not read, endpoints that are attacked, the whole screen.

mod authentication;
mod endpoint;
mod events;
mod evidence;
mod stage;
mod top;
