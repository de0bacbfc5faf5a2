// What follows from a command line: completions for the shells, which are made from it, and its manual page, which has to
// name every option. Part of each program's tests.

use std::path::{Path, PathBuf};

use clap::Command;
use clap_complete::Shell;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Compares the completions in the repository with what the command line says; with `BLESS=1` writes them.
pub(crate) fn hold_completions(name: &str, mut command: Command) {
    let files = [
        (Shell::Bash, format!("{name}.bash")),
        (Shell::Zsh, format!("_{name}")),
        (Shell::Fish, format!("{name}.fish")),
    ];
    for (shell, file) in files {
        let mut wanted = Vec::new();
        clap_complete::generate(shell, &mut command, name, &mut wanted);
        // clap_complete 4.6 writes a hyphen of the program's name in two ways: the second one would never be found.
        let (apart, joined) = (name.replace('-', "__subcmd__") + "__", name.replace('-', "__") + "__");
        let wanted = String::from_utf8_lossy(&wanted).replace(&apart, &joined).into_bytes();
        let path = root().join("packaging/completions").join(&file);
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &wanted).expect("it can be written");
        }
        let current = std::fs::read(&path).unwrap_or_default();
        assert!(
            current == wanted,
            "packaging/completions/{file} is not what the options say: run BLESS=1 cargo test -p {name} completions"
        );
    }
}

/// Every option and subcommand stands in the manual page.
pub(crate) fn hold_manual_page(page: &str, command: &Command) {
    let text = std::fs::read_to_string(root().join("docs/man").join(page)).expect("it is in the repository");
    let plain = text.replace("\\-", "-").replace("\\fB", "").replace("\\fR", "").replace("\\fI", "");
    look(page, &plain, command);
}

fn look(page: &str, plain: &str, command: &Command) {
    for argument in command.get_arguments() {
        if let Some(long) = argument.get_long() {
            assert!(plain.contains(&format!("--{long}")), "--{long} is missing in docs/man/{page}");
        }
        for short in argument.get_short_and_visible_aliases().unwrap_or_default() {
            assert!(plain.contains(&format!("-{short}")), "-{short} is missing in docs/man/{page}");
        }
    }
    for tool in command.get_subcommands().filter(|c| c.get_name() != "help") {
        assert!(plain.contains(tool.get_name()), "{} is missing in docs/man/{page}", tool.get_name());
        look(page, plain, tool);
    }
}
