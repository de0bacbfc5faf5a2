//! A transparent clock, driven from outside: frames in, frames out, corrections exact to 2^-16 ns.

mod bench;
mod bounds;
mod managed;
mod passing;
