//! The wire format against recordings, golden octets, another dissector, and whatever octets may come.

mod captures;
mod corpus;
mod fuzz_smoke;
mod golden;
mod pcap;
mod roundtrip;
mod samples;
#[path = "../../fuzz/src/targets.rs"]
#[expect(unreachable_pub, reason = "a library in the fuzz workspace")]
mod targets;
mod tshark;
mod types;
