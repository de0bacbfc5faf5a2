//! A file of 64-bit words that several processes share: one writes, the others read without a system call.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::{AtomicU64, Ordering};

/// A mapped file of words. Its order and meaning are the user's; each word is read and written in one piece.
#[derive(Debug)]
pub struct SharedWords {
    path: PathBuf,
    words: NonNull<AtomicU64>,
    count: usize,
    writable: bool,
}

// SAFETY: the mapping belongs to this value alone, lives as long as it does, and is only accessed through atomics.
unsafe impl Send for SharedWords {}
// SAFETY: as above: shared access goes through atomics only.
unsafe impl Sync for SharedWords {}

impl SharedWords {
    /// Opens a file to write it and makes it, all zeros and readable for everyone, if it is not there or has another length. The
    /// directory is made (0755) if it is missing. Readers that have it open keep it over a restart of the writer.
    ///
    /// # Errors
    /// The kernel's.
    pub fn create(path: &Path, count: usize) -> io::Result<Self> {
        if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            std::fs::create_dir_all(parent)?;
        }
        let octets = count * 8;
        if std::fs::metadata(path).map_or(true, |m| m.len() != octets as u64) {
            // Complete before it has its name: a reader never finds half of it.
            let mut new = path.as_os_str().to_owned();
            new.push(format!(".new.{}", std::process::id()));
            std::fs::write(&new, vec![0u8; octets])?;
            std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o644))?;
            std::fs::rename(&new, path).inspect_err(|_| {
                let _ = std::fs::remove_file(&new);
            })?;
        }
        Self::map(path, count, true)
    }

    /// Opens a file to read it.
    ///
    /// # Errors
    /// The kernel's; `InvalidData` if it is shorter than `count` words.
    pub fn open(path: &Path, count: usize) -> io::Result<Self> {
        Self::map(path, count, false)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A word (acquire): what was stored before it is visible after it. 0 beyond the end.
    pub fn load(&self, at: usize) -> u64 {
        self.words().get(at).map_or(0, |word| word.load(Ordering::Acquire))
    }

    /// Sets a word (release). Nothing happens beyond the end, or where the file was opened for reading.
    pub fn store(&mut self, at: usize, value: u64) {
        if self.writable
            && let Some(word) = self.words().get(at)
        {
            word.store(value, Ordering::Release);
        }
    }

    fn words(&self) -> &[AtomicU64] {
        // SAFETY: `words` is a mapping of `count` words that lives as long as `self`; atomics may be shared.
        unsafe { slice::from_raw_parts(self.words.as_ptr(), self.count) }
    }

    fn map(path: &Path, count: usize, writable: bool) -> io::Result<Self> {
        let c_path = CString::new(path.as_os_str().as_bytes())?;
        let flags = if writable { libc::O_RDWR } else { libc::O_RDONLY };
        // SAFETY: `c_path` is a NUL-terminated string that outlives the call.
        let fd = unsafe { libc::open(c_path.as_ptr(), flags | libc::O_CLOEXEC | libc::O_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: `fd` was just opened and belongs to nobody else.
        let file = std::fs::File::from(unsafe { OwnedFd::from_raw_fd(fd) });
        let meta = file.metadata()?;
        if count == 0 || !meta.is_file() || meta.len() < (count * 8) as u64 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the file is too short or no file"));
        }
        let access = if writable { libc::PROT_READ | libc::PROT_WRITE } else { libc::PROT_READ };
        // SAFETY: a new shared mapping of an open file; the kernel chooses the address.
        let at = unsafe {
            libc::mmap(std::ptr::null_mut(), count * 8, access, libc::MAP_SHARED, file.as_raw_fd(), 0)
        };
        if at == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let words = NonNull::new(at.cast::<AtomicU64>());
        let words = words.ok_or_else(|| io::Error::other("mapped at zero"))?;
        Ok(Self { path: path.to_owned(), words, count, writable })
    }
}

impl Drop for SharedWords {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `map` with this length and is unmapped nowhere else.
        unsafe { libc::munmap(self.words.as_ptr().cast(), self.count * 8) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_see_what_is_written_and_survive_the_writer() {
        let dir = std::env::temp_dir().join(format!("ptp-clock-shared-{}", std::process::id()));
        let path = dir.join("deep/page");
        let mut writer = SharedWords::create(&path, 10).expect("made");
        let mut reader = SharedWords::open(&path, 10).expect("opened");
        writer.store(9, 7);
        assert_eq!(reader.load(9), 7);
        drop(writer);
        let mut again = SharedWords::create(&path, 10).expect("still there");
        again.store(0, 8);
        again.store(10, 8);
        assert_eq!(reader.load(0), 8);
        reader.store(0, 9);
        assert_eq!((again.load(0), reader.load(10)), (8, 0));
        assert!(SharedWords::open(&path, 11).is_err());
        assert!(SharedWords::open(&dir.join("none"), 10).is_err());
        assert!(SharedWords::open(Path::new("/dev/null"), 1).is_err());
        std::fs::remove_dir_all(&dir).expect("ours");
    }
}
