//! `make install` and `make uninstall`, and what they install: manual pages that read well, completions that complete.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use hil_tests::lab::{find_program, our_program, run_command, skip};

use crate::units::{root, verify};

/// An empty directory for a test.
pub(crate) fn empty(name: &str) -> PathBuf {
    let dir = root().join("target/packaging").join(name);
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("target is ours");
    std::fs::canonicalize(dir).expect("it is there")
}

/// Where the binaries under test are.
pub(crate) fn binaries() -> PathBuf {
    for name in ["phc-sync", "ts2phc", "pmc"] {
        our_program(name).unwrap_or_else(|e| panic!("{e}"));
    }
    let ptpd = our_program("ptpd").unwrap_or_else(|e| panic!("{e}"));
    std::fs::canonicalize(ptpd.parent().expect("a file")).expect("it is there")
}

/// Installs the files without building.
fn install(tree: &Path, more: &[&str]) {
    make("install-files", tree, more);
}

fn make(target: &str, tree: &Path, more: &[&str]) {
    let root = root();
    let (destination, profile) =
        (format!("DESTDIR={}", tree.display()), format!("PROFILE_DIR={}", binaries().display()));
    let root = root.to_string_lossy();
    let mut arguments = vec!["-s", "-C", &root, target, &destination, &profile];
    arguments.extend_from_slice(more);
    run_command("make", &arguments).unwrap_or_else(|e| panic!("{e}"));
}

/// All files and links below, without what packages compress.
pub(crate) fn files(tree: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut left = vec![tree.to_owned()];
    while let Some(dir) = left.pop() {
        for entry in std::fs::read_dir(&dir).expect("readable") {
            let entry = entry.expect("readable");
            if entry.file_type().expect("it has a type").is_dir() {
                left.push(entry.path());
            } else {
                let path = entry.path();
                let path = path.strip_prefix(tree).expect("below").to_string_lossy();
                found.insert(path.trim_end_matches(".gz").to_owned());
            }
        }
    }
    found
}

#[test]
fn what_is_installed_is_in_place_and_leaves_nothing() {
    if let Err(e) = find_program("make", "make") {
        return skip(&e.to_string());
    }
    let tree = empty("local");
    install(&tree, &["LINUXPTP_NAMES=yes"]);
    let found = files(&tree);
    for file in [
        "usr/local/sbin/ptpd",
        "usr/local/sbin/ptp4l",
        "usr/local/sbin/phc_ctl",
        "usr/local/sbin/hwstamp_ctl",
        "usr/local/sbin/nsm",
        "usr/local/lib/systemd/system/ptpd@.service",
        "usr/local/lib/systemd/system/escapement-synchronised.target",
        "usr/local/share/man/man5/ts2phc.yaml.5",
        "usr/local/share/escapement/phc-sync.schema.json",
        "usr/local/share/escapement/ts2phc.schema.json",
        "usr/local/share/man/man8/ptpd.8",
        "usr/local/share/man/man8/phc2sys.8",
        "usr/local/share/man/man8/hwstamp_ctl.8",
        "usr/local/share/man/man8/nsm.8",
        "usr/local/share/escapement/profiles/g8275-1.yaml",
        "usr/local/share/bash-completion/completions/pmc",
        "usr/local/share/zsh/vendor-completions/_ptpd",
        "usr/local/share/fish/vendor_completions.d/phc-sync.fish",
        "usr/local/share/doc/escapement/README.md",
        "etc/escapement/ptpd.yaml",
    ] {
        assert!(found.contains(file), "{file} is missing in {found:#?}");
    }
    // Links lead to programs that know themselves by these names.
    let said = run_command(&tree.join("usr/local/sbin/ptp4l").to_string_lossy(), &["-v"]);
    assert!(said.expect("it runs").contains(env!("CARGO_PKG_VERSION")));
    let unit =
        std::fs::read_to_string(tree.join("usr/local/lib/systemd/system/ptpd.service")).expect("there");
    assert!(unit.contains("ExecStart=/usr/local/sbin/ptpd -f /etc/escapement/ptpd.yaml"), "{unit}");

    // What the administrator wrote stays.
    let config = tree.join("etc/escapement/ptpd.yaml");
    std::fs::write(&config, "# mine\n").expect("ours");
    install(&tree, &["LINUXPTP_NAMES=yes"]);
    assert_eq!(std::fs::read_to_string(&config).expect("there"), "# mine\n");
    // Somebody else's phc_ctl, too.
    let stranger = tree.join("usr/local/sbin/phc_ctl");
    std::fs::remove_file(&stranger).expect("a link");
    std::fs::write(&stranger, "another's").expect("ours");
    make("uninstall", &tree, &[]);
    let left: Vec<_> = files(&tree).into_iter().collect();
    let kept = ["etc/escapement/phc-sync.yaml", "etc/escapement/ptpd.yaml", "etc/escapement/ts2phc.yaml"];
    assert_eq!(left, [&kept[..], &["usr/local/sbin/phc_ctl"]].concat());
}

#[test]
fn units_are_good() {
    let tree = empty("units");
    install(&tree, &["PREFIX=/usr"]);
    verify(&tree);
}

/// What the installed configuration files say is good.
#[test]
fn installed_configurations_are_good() {
    let etc = root().join("packaging/etc");
    for (program, file) in [("ptpd", "ptpd.yaml"), ("phc-sync", "phc-sync.yaml"), ("ts2phc", "ts2phc.yaml")] {
        let program = our_program(program).unwrap_or_else(|e| panic!("{e}"));
        let output = Command::new(&program).arg("check").arg(etc.join(file)).output().expect("it runs");
        assert!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stderr));
        // And what is wrong is found.
        let bad = empty(&format!("bad-{file}")).join(file);
        let text = std::fs::read_to_string(etc.join(file)).expect("there");
        std::fs::write(&bad, format!("{text}sytem: nonsense\n")).expect("ours");
        let output = Command::new(&program).arg("check").arg(&bad).output().expect("it runs");
        assert!(!output.status.success(), "{file}: nonsense was not noticed");
    }
}

#[test]
fn manual_pages_read_well() {
    for (program, package) in [("man", "man-db"), ("mandoc", "mandoc")] {
        if let Err(e) = find_program(program, package) {
            return skip(&e.to_string());
        }
    }
    let pages = std::fs::read_dir(root().join("docs/man")).expect("in the repository");
    let mut read = 0;
    for page in pages.map(|e| e.expect("readable").path()) {
        let run = |program: &str, arguments: &[&str]| {
            let output = Command::new(program)
                .args(arguments)
                .arg(&page)
                .env("LC_ALL", "C.UTF-8")
                .output()
                .expect("runs");
            let text = |o: &[u8]| String::from_utf8_lossy(o).into_owned();
            (output.status.success(), text(&output.stdout), text(&output.stderr))
        };
        let (good, text, complaints) = run("man", &["--warnings", "-l"]);
        assert!(good && complaints.is_empty(), "{}: {complaints}", page.display());
        assert!(text.contains("NAME") && text.lines().count() > 20, "{}: {text}", page.display());
        let (_, complaints, _) = run("mandoc", &["-T", "lint", "-W", "warning"]);
        // Pages without a date are the same whenever they are made.
        let complaints: Vec<_> = complaints.lines().filter(|l| !l.contains("missing date")).collect();
        assert!(complaints.is_empty(), "{}: {complaints:#?}", page.display());
        read += 1;
    }
    assert!(read >= 8, "only {read} pages");
    // Every page that a page or a unit refers to is one of ours.
    let ours = |page: &str| root().join("docs/man").join(page).exists();
    for unit in std::fs::read_dir(root().join("packaging/systemd")).expect("there") {
        let text = std::fs::read_to_string(unit.expect("readable").path()).expect("readable");
        for page in text.split("man:").skip(1) {
            let (name, rest) = page.split_once('(').expect("man:NAME(SECTION)");
            assert!(ours(&format!("{name}.{}", &rest[..1])), "{name} has no page");
        }
    }
}

/// What bash offers for a line that ends in the cursor.
fn bash_offers(line: &str) -> Vec<String> {
    let words: Vec<&str> = line.split(' ').collect();
    let script = format!(
        "source packaging/completions/{0}.bash\n\
         COMP_WORDS=({words}); COMP_CWORD={cword}; COMP_LINE='{line}'; COMP_POINT={point}\n\
         handler=$(complete -p {0}); handler=${{handler#*-F }}; handler=${{handler%% *}}\n\
         \"$handler\" {0} '{current}' '{before}'\n\
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words[0],
        words = words.iter().map(|w| format!("'{w}'")).collect::<Vec<_>>().join(" "),
        cword = words.len() - 1,
        point = line.len(),
        current = words[words.len() - 1],
        before = words[words.len() - 2],
    );
    let output = Command::new("bash")
        .args(["--norc", "--noprofile", "-c", &script])
        .current_dir(root())
        .output()
        .expect("bash is there");
    assert!(output.stderr.is_empty(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes() {
    for (line, offer) in [
        ("ptpd che", "check"),
        ("ptpd --pro", "--profile"),
        ("ptpd config --sch", "--schema"),
        ("phc-sync cl", "clock"),
        ("phc-sync wait --wi", "--within"),
        ("phc-sync -E ada", "adaptive"),
        ("ts2phc --nm", "--nmea"),
        ("ts2phc --edge b", "both"),
        ("pmc exp", "explain"),
        ("pmc --js", "--json"),
    ] {
        let offers = bash_offers(line);
        assert_eq!(offers, [offer], "{line}");
    }
    assert!(bash_offers("ptpd ").iter().any(|o| o == "convert"));
    assert!(bash_offers("pmc nonsens").iter().all(String::is_empty));
}

/// As in a terminal: bash itself is asked by two tabulators.
#[test]
fn bash_completes_in_a_terminal() {
    if let Err(e) = find_program("script", "bsdutils") {
        return skip(&e.to_string());
    }
    let dir = empty("terminal");
    let rc = dir.join("rc");
    let completions = std::fs::canonicalize(root().join("packaging/completions/ptpd.bash")).expect("there");
    std::fs::write(
        &rc,
        format!("PS1='> '\nbind 'set enable-bracketed-paste off'\nsource {}\n", completions.display()),
    )
    .expect("ours");
    let typed = dir.join("typed");
    std::fs::write(&typed, "echo ptpd; ptpd() { echo \"said:$*\"; }\nptpd conv\t--fine\nexit\n")
        .expect("ours");
    let line = format!("bash --noprofile --rcfile {} -i", rc.display());
    let output = Command::new("script")
        .args(["-q", "-e", "-c", &line, "/dev/null"])
        .stdin(std::fs::File::open(&typed).expect("there"))
        .env("TERM", "dumb")
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("said:convert --fine"), "{text}");
}

#[test]
fn zsh_and_fish_take_the_completions() {
    for (program, arguments) in [("zsh", &["-n"][..]), ("fish", &["--no-execute"])] {
        if let Err(e) = find_program(program, if program == "zsh" { "zsh" } else { "fish" }) {
            return skip(&e.to_string());
        }
        for name in ["ptpd", "phc-sync", "ts2phc", "pmc"] {
            let file = if program == "zsh" { format!("_{name}") } else { format!("{name}.fish") };
            let file = root().join("packaging/completions").join(file);
            let output = Command::new(program).args(arguments).arg(&file).output().expect("it runs");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.is_empty(), "{}: {said}", file.display());
        }
    }
    // fish really completes.
    let file = root().join("packaging/completions/ptpd.fish");
    let script = format!("source {}; complete -C 'ptpd conv'", file.display());
    let output = Command::new("fish").args(["--no-config", "-c", &script]).output().expect("it runs");
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("convert"), "{output:?}");
}
