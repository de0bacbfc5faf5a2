use std::{fmt, io};

use nix::unistd::{Uid, User, initgroups, setgid, setuid};

/// CAP_NET_BIND_SERVICE, CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_TIME: to open a port again and to steer a clock.
const KEPT: [u32; 4] = [10, 12, 13, 25];
/// _LINUX_CAPABILITY_VERSION_3.
const VERSION_3: u32 = 0x2008_0522;

/// Why root could not be given up.
#[derive(Debug)]
pub enum PrivilegeError {
    /// There is no such user.
    NoUser(String),
    /// The kernel refused.
    Os {
        /// What was tried.
        action: &'static str,
        /// Its reason.
        source: io::Error,
    },
}

impl fmt::Display for PrivilegeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoUser(name) => write!(f, "there is no user {name} (`useradd --system {name}` makes one)"),
            Self::Os { action, source } => write!(f, "cannot {action}: {source}"),
        }
    }
}

impl std::error::Error for PrivilegeError {}

/// `struct __user_cap_header_struct`.
#[repr(C)]
struct CapHeader {
    version: u32,
    pid: i32,
}

/// `struct __user_cap_data_struct`.
#[repr(C)]
#[derive(Clone, Copy)]
struct CapData {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// The lower half of the permitted capabilities.
fn permitted() -> Result<u32, PrivilegeError> {
    let header = CapHeader { version: VERSION_3, pid: 0 };
    let mut data = [CapData { effective: 0, permitted: 0, inheritable: 0 }; 2];
    // SAFETY: version 3 takes a header and fills an array of two data structures, both valid during the call.
    let result = unsafe { libc::syscall(libc::SYS_capget, &raw const header, data.as_mut_ptr()) };
    if result != 0 {
        return Err(PrivilegeError::Os {
            action: "read the capabilities",
            source: io::Error::last_os_error(),
        });
    }
    Ok(data[0].permitted)
}

/// Becomes `user` and keeps only the four capabilities that network ports and clocks need, as far as it has them: in a
/// container or under a bounding set root may lack some. Does nothing, and says so by `Ok(false)`, where the process is
/// not root.
///
/// # Errors
/// There is no such user, or the kernel refused; the process should then end.
pub fn drop_privileges(user: &str) -> Result<bool, PrivilegeError> {
    if !Uid::effective().is_root() {
        return Ok(false);
    }
    let os = |action| move |e: nix::Error| PrivilegeError::Os { action, source: e.into() };
    let no_user = || PrivilegeError::NoUser(user.to_owned());
    let account = User::from_name(user).map_err(os("look up the user"))?.ok_or_else(no_user)?;
    let name = std::ffi::CString::new(user).map_err(|_| no_user())?;
    nix::sys::prctl::set_keepcaps(true).map_err(os("keep capabilities"))?;
    initgroups(&name, account.gid).map_err(os("set the groups"))?;
    setgid(account.gid).map_err(os("change the group"))?;
    setuid(account.uid).map_err(os("change the user"))?;
    // What is not permitted cannot be kept: asking for it would be refused.
    let kept = KEPT.iter().fold(0u32, |mask, bit| mask | 1 << bit) & permitted()?;
    let header = CapHeader { version: VERSION_3, pid: 0 };
    let low = CapData { effective: kept, permitted: kept, inheritable: 0 };
    let high = CapData { effective: 0, permitted: 0, inheritable: 0 };
    let data = [low, high];
    // SAFETY: version 3 takes a header and an array of two data structures, both valid for reading during the call;
    // the layouts are those of linux/capability.h.
    let result = unsafe { libc::syscall(libc::SYS_capset, &raw const header, data.as_ptr()) };
    if result != 0 {
        return Err(PrivilegeError::Os {
            action: "reduce the capabilities",
            source: io::Error::last_os_error(),
        });
    }
    nix::sys::prctl::set_no_new_privs().map_err(os("forbid new privileges"))?;
    Ok(true)
}

/// Gives a file, a directory or a socket to `user`, so that it can be used after [`drop_privileges`].
///
/// # Errors
/// There is no such user, or the kernel refused.
pub fn give_to(user: &str, path: &std::path::Path) -> Result<(), PrivilegeError> {
    let os = |source: io::Error| PrivilegeError::Os { action: "change a file's owner", source };
    let account = User::from_name(user).map_err(|e| os(e.into()))?;
    let account = account.ok_or_else(|| PrivilegeError::NoUser(user.to_owned()))?;
    std::os::unix::fs::chown(path, Some(account.uid.as_raw()), Some(account.gid.as_raw())).map_err(os)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_are_the_kernels() {
        assert_eq!(size_of::<CapHeader>(), 8);
        assert_eq!(size_of::<CapData>(), 12);
    }

    #[test]
    fn an_unknown_user_changes_nothing() {
        let before = Uid::effective();
        match drop_privileges("no-such-user-of-escapement") {
            Err(PrivilegeError::NoUser(_)) => assert!(before.is_root()),
            Ok(false) => assert!(!before.is_root()),
            other => panic!("{other:?}"),
        }
        assert_eq!(Uid::effective(), before);
    }
}
