//! Real sockets and links, in network namespaces that each test makes for itself.

mod common;
mod direct;
mod links;
mod relay;
mod sockets;
