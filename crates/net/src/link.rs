use std::os::fd::{AsFd, BorrowedFd};

use crate::NetError;

/// What a link is like now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LinkState {
    /// It works.
    Up,
    /// The interface is there, its link does not work.
    Down,
    /// The interface is gone.
    Gone,
}

/// News of a link.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LinkEvent<'a> {
    /// The interface's name.
    pub name: &'a str,
    /// The kernel's number for it.
    pub index: u32,
    /// Its state now; often the same as before.
    pub state: LinkState,
}

/// Tells of links that come and go (RTNLGRP_LINK).
#[derive(Debug)]
pub struct LinkMonitor {}

impl LinkMonitor {
    /// Subscribes.
    ///
    /// # Errors
    /// The kernel refused, as simulators do: then there are no link events, and the program goes on without.
    pub fn open() -> Result<Self, NetError> {
        unimplemented!()
    }

    /// Reads once, without waiting, and tells each event to `each`. Call it once for each `POLLIN`.
    /// `true`: events were lost; ask [`link_state`] for every interface.
    ///
    /// # Errors
    /// The socket broke.
    pub fn receive(&mut self, _each: impl FnMut(LinkEvent<'_>)) -> Result<bool, NetError> {
        unimplemented!()
    }
}

impl AsFd for LinkMonitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        unimplemented!()
    }
}

/// The state of one link now, by name.
///
/// # Errors
/// The name cannot be one, or the kernel refused.
pub fn link_state(_name: &str) -> Result<LinkState, NetError> {
    unimplemented!()
}
