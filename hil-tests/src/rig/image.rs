//! What the guest starts from: a kernel, the module, programs with their libraries, scenarios.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Why the rig could not be used.
#[derive(Debug)]
pub enum RigError {
    /// Something is not installed: `hil-tests/setup` installs it where it may.
    Missing(String),
    /// A command failed; what it said.
    Command(String),
    /// A file could not be used.
    Io(String, io::Error),
    /// The guest did not end in time, or did not answer as it should.
    Guest(String),
}

impl fmt::Display for RigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(what) => write!(f, "the rig needs {what} (hil-tests/setup)"),
            Self::Command(what) | Self::Guest(what) => f.write_str(what),
            Self::Io(doing, e) => write!(f, "{doing}: {e}"),
        }
    }
}

impl std::error::Error for RigError {}

pub(super) fn io_error(doing: impl Into<String>) -> impl FnOnce(io::Error) -> RigError {
    let doing = doing.into();
    move |e| RigError::Io(doing, e)
}

/// Programs of Debian that are packed in, by their names in the guest's `/bin`.
const TOOLS: [&str; 13] = [
    "ip",
    "ethtool",
    "dash",
    "mawk",
    "nsenter",
    "ptp4l",
    "phc2sys",
    "ts2phc",
    "phc_ctl",
    "pmc",
    "hwstamp_ctl",
    "nsm",
    "gpsd",
];
/// Names in `TOOLS` that would hide ours.
const RENAMED: [(&str, &str); 2] = [("ts2phc", "ts2phc-theirs"), ("mawk", "awk")];
/// Our own.
const OURS: [&str; 3] = ["ptpd", "phc-sync", "ts2phc"];
/// Modules of the kernel: bonds, and VLANs.
const MODULES: [&str; 7] = [
    "net/tls/tls",
    "drivers/net/bonding/bonding",
    "net/llc/llc",
    "net/802/stp",
    "net/802/garp",
    "net/802/mrp",
    "net/8021q/8021q",
];
/// Parts of the rig.
const HELPERS: [&str; 2] = ["escapement-rig-gnss", "escapement-rig-check"];
/// What the shell of the guest borrows from busybox.
const APPLETS: [&str; 26] = [
    "sh", "mount", "mkdir", "ln", "cat", "echo", "insmod", "rmmod", "sleep", "tar", "reboot", "dmesg",
    "kill", "cut", "sed", "ls", "rm", "touch", "mv", "cp", "head", "tail", "grep", "date", "mkfifo", "tee",
];

/// What the guest boots.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Kernel {
    /// Debian's own.
    #[default]
    Debian,
    /// A newer one that `hil-tests/setup` builds with little more than the scenario `auxiliary` needs, since none of Debian's has
    /// auxiliary clocks.
    Auxiliary,
}

/// Everything that a run needs, found on this machine.
#[derive(Clone, Debug)]
pub struct Means {
    /// `hil-tests/rig` of the repository.
    source: PathBuf,
    /// `target/rig` of the repository.
    work: PathBuf,
    /// Our programs.
    programs: PathBuf,
    /// The kernel.
    image: PathBuf,
    /// What its modules are built with.
    headers: PathBuf,
    /// Its own modules; none where everything is built in.
    modules: Option<PathBuf>,
}

impl Means {
    /// Looks for all that is needed. `programs` is the directory with our programs.
    ///
    /// # Errors
    ///
    /// [`RigError::Missing`], naming what is not there.
    pub fn find(programs: &Path) -> Result<Self, RigError> {
        Self::with_kernel(programs, Kernel::Debian)
    }

    /// The same with a kernel of one's choice.
    ///
    /// # Errors
    ///
    /// [`RigError::Missing`], naming what is not there.
    pub fn with_kernel(programs: &Path, kernel: Kernel) -> Result<Self, RigError> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("rig");
        let work = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/rig");
        for name in ["qemu-system-x86_64", "cpio", "make", "busybox", "tar", "ldd"].into_iter().chain(TOOLS) {
            tool(&work, name)?;
        }
        for name in OURS.into_iter().chain(HELPERS) {
            if !programs.join(name).is_file() {
                return Err(RigError::Missing(format!("{} (cargo build)", programs.join(name).display())));
            }
        }
        let home = work.join(match kernel {
            Kernel::Debian => "kernel",
            Kernel::Auxiliary => "auxiliary",
        });
        let (image, headers, modules) = match kernel {
            Kernel::Debian => {
                let version = fs::read_to_string(home.join("version"))
                    .map_err(|_| RigError::Missing(format!("a kernel in {}", home.display())))?;
                let version = version.trim();
                (
                    home.join("boot").join(format!("vmlinuz-{version}")),
                    Path::new("/usr/src").join(format!("linux-headers-{version}")),
                    Some(home.join("lib/modules").join(version).join("kernel")),
                )
            }
            Kernel::Auxiliary => (home.join("bzImage"), home.join("headers"), None),
        };
        for needed in [&image, &headers] {
            if !needed.exists() {
                return Err(RigError::Missing(needed.display().to_string()));
            }
        }
        Ok(Self { source, work, programs: programs.to_owned(), image, headers, modules })
    }

    pub(super) fn kernel(&self) -> &Path {
        &self.image
    }

    /// Where runs keep their files.
    #[must_use]
    pub fn work(&self) -> &Path {
        &self.work
    }

    /// The names of all scenarios.
    ///
    /// # Errors
    ///
    /// [`RigError::Io`].
    pub fn scenarios(&self) -> Result<Vec<String>, RigError> {
        let directory = self.source.join("scenarios");
        let mut names = Vec::new();
        for entry in fs::read_dir(&directory).map_err(io_error(directory.display().to_string()))?.flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|e| e == "sh") {
                names.extend(path.file_stem().and_then(|n| n.to_str()).map(str::to_owned));
            }
        }
        names.sort();
        Ok(names)
    }

    /// What a scenario is about: its first comment.
    ///
    /// # Errors
    ///
    /// [`RigError::Io`]; [`RigError::Command`] where it does not begin with one.
    pub fn about(&self, scenario: &str) -> Result<String, RigError> {
        let path = self.source.join("scenarios").join(format!("{scenario}.sh"));
        let text = fs::read_to_string(&path).map_err(io_error(path.display().to_string()))?;
        let comment: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("# ")).collect();
        if comment.is_empty() {
            return Err(RigError::Command(format!("{} says not what it is about", path.display())));
        }
        Ok(comment.join(" "))
    }

    /// Builds the module in a directory of this run's own, so that runs beside each other do not meet.
    fn module(&self, run: &Path) -> Result<PathBuf, RigError> {
        let directory = run.join("module");
        copy_directory(&self.source.join("module"), &directory)?;
        let mut make = Command::new("make");
        make.arg("-s").arg("-C").arg(&self.headers).arg(format!("M={}", directory.display())).arg("modules");
        let said = output(&mut make)?;
        // The kernel's own words about its missing image are no warning about the module.
        if said.lines().any(|line| line.contains("warning:")) {
            return Err(RigError::Command(format!("the module is built with warnings:\n{said}")));
        }
        Ok(directory.join("ptprig.ko"))
    }

    /// Writes the initial file system of a run; `jobs` are the lines `scenario side`.
    ///
    /// # Errors
    ///
    /// As the commands it runs.
    pub(super) fn image(&self, run: &Path, jobs: &str) -> Result<PathBuf, RigError> {
        let root = run.join("root");
        let bin = root.join("bin");
        fs::create_dir_all(&bin).map_err(io_error(bin.display().to_string()))?;
        for directory in ["scenarios", "modules", "sbin", "usr", "lib64"] {
            fs::create_dir_all(root.join(directory)).map_err(io_error(directory))?;
        }
        copy(&self.module(run)?, &root.join("ptprig.ko"))?;
        // In the order of what needs what.
        for (number, file) in (10..).zip(MODULES) {
            let Some(modules) = &self.modules else { break };
            let path = modules.join(format!("{file}.ko"));
            if path.is_file() {
                let name = file.rsplit('/').next().unwrap_or(file);
                copy(&path, &root.join("modules").join(format!("{number}-{name}.ko")))?;
            }
        }
        copy(&which("busybox")?, &bin.join("busybox"))?;
        for applet in APPLETS {
            std::os::unix::fs::symlink("busybox", bin.join(applet)).map_err(io_error(applet))?;
        }
        let mut libraries = BTreeSet::new();
        for program in TOOLS {
            let path = tool(&self.work, program)?;
            libraries.extend(libraries_of(&path)?);
            let name = RENAMED.iter().find(|(from, _)| *from == program).map_or(program, |(_, to)| to);
            copy(&path, &bin.join(name))?;
        }
        for name in OURS.into_iter().chain(HELPERS) {
            let path = self.programs.join(name);
            libraries.extend(libraries_of(&path)?);
            copy(&path, &bin.join(name))?;
        }
        for library in libraries {
            let to = root.join(library.strip_prefix("/").unwrap_or(&library));
            if let Some(parent) = to.parent() {
                fs::create_dir_all(parent).map_err(io_error(parent.display().to_string()))?;
            }
            copy(&library, &to)?;
        }
        copy_directory(&self.source.join("guest"), &root)?;
        copy_directory(&self.source.join("scenarios"), &root.join("scenarios"))?;
        fs::write(root.join("jobs"), jobs).map_err(io_error("jobs"))?;
        executable(&root.join("init"))?;
        let image = run.join("initramfs");
        let file = fs::File::create(&image).map_err(io_error(image.display().to_string()))?;
        let status = Command::new("sh")
            .args(["-c", "find . -exec touch -h -d @0 {} + && find . | LC_ALL=C sort | cpio --quiet --reproducible -R 0:0 -o -H newc"])
            .current_dir(&root)
            .stdout(file)
            .status()
            .map_err(io_error("cpio"))?;
        if !status.success() {
            return Err(RigError::Command(format!("cpio: {status}")));
        }
        Ok(image)
    }
}

fn executable(path: &Path) -> Result<(), RigError> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).map_err(io_error(path.display().to_string()))
}

fn copy(from: &Path, to: &Path) -> Result<(), RigError> {
    fs::copy(from, to).map(|_| ()).map_err(io_error(format!("{} to {}", from.display(), to.display())))
}

fn copy_directory(from: &Path, to: &Path) -> Result<(), RigError> {
    fs::create_dir_all(to).map_err(io_error(to.display().to_string()))?;
    for entry in fs::read_dir(from).map_err(io_error(from.display().to_string()))?.flatten() {
        if entry.path().is_file() {
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

/// A program's path; administrators' directories count even where the caller's PATH lacks them.
pub(super) fn which(name: &str) -> Result<PathBuf, RigError> {
    let path = std::env::var("PATH").unwrap_or_default();
    path.split(':')
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"])
        .map(|directory| Path::new(directory).join(name))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| RigError::Missing(name.to_owned()))
}

/// Like [`which`]; what the set-up only unpacked (gpsd, whose package would start it) counts, too.
fn tool(work: &Path, name: &str) -> Result<PathBuf, RigError> {
    let unpacked = work.join("unpacked/usr/sbin").join(name);
    which(name).or_else(|e| if unpacked.is_file() { Ok(unpacked) } else { Err(e) })
}

fn libraries_of(program: &Path) -> Result<Vec<PathBuf>, RigError> {
    let said = output(Command::new("ldd").arg(program))?;
    if let Some(missing) = said.lines().find(|line| line.contains("not found")) {
        return Err(RigError::Missing(format!("{} for {}", missing.trim(), program.display())));
    }
    Ok(said
        .lines()
        .flat_map(|line| line.split_whitespace().filter(|word| word.starts_with('/')))
        .map(PathBuf::from)
        .collect())
}

/// What a command wrote, both ways; an error if it failed.
pub(super) fn output(command: &mut Command) -> Result<String, RigError> {
    let line = format!("{command:?}");
    let done = command.stdin(Stdio::null()).output().map_err(io_error(line.clone()))?;
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    if done.status.success() {
        Ok(said)
    } else {
        Err(RigError::Command(format!("{line}: {}\n{said}", done.status)))
    }
}
