// What follows from a command line: completions for the shells and the options in its manual page, which are made from it.
// Part of each program's tests.

use std::path::{Path, PathBuf};

use clap::{Arg, Command};
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

/// Behind the part of a manual page that is made from the command line.
const END: &str = ".\\\" End of what is made from the command line.\n";

/// Compares the options in a manual page with the command line, its commands' among them; with `BLESS=1` writes them.
/// The rest of the page is written by hand.
pub(crate) fn hold_manual_page(page: &str, command: Command) {
    let name = command.get_name().to_owned();
    let path = root().join("docs/man").join(page);
    let text = std::fs::read_to_string(&path).expect("it is in the repository");
    let begin = text.find(".SH OPTIONS\n").expect("a section of options");
    let end = text.find(END).expect("an end of what is made");
    let tools: Vec<Command> = command.get_subcommands().filter(|c| c.get_name() != "help").cloned().collect();
    let above: Vec<Arg> = command.get_arguments().cloned().collect();
    let mut made = format!(".SH OPTIONS\n{}", options(command));
    for tool in tools {
        made += &subsection(&format!("{name} {}", tool.get_name()), tool, &above);
    }
    let wanted = [&text[..begin], &made, &text[end..]].concat();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &wanted).expect("it can be written");
        return;
    }
    assert!(
        text == wanted,
        "docs/man/{page} is not what the options say: run BLESS=1 cargo test -p {name} --bins current"
    );
}

/// A command: what it does, and the options that do not stand above already.
fn subsection(title: &str, command: Command, above: &[Arg]) -> String {
    let roff = |text: &str| text.replace("\n\n", "\n").replace('\\', "\\\\").replace('-', "\\-");
    let about = command.get_long_about().or_else(|| command.get_about()).map(ToString::to_string);
    let about = roff(&about.unwrap_or_default());
    let stop = if about.ends_with('.') { "" } else { "." };
    let names =
        |a: &Arg| (a.get_id().clone(), a.get_short(), a.get_long().map(str::to_owned), a.is_positional());
    let known = |a: &Arg| above.iter().any(|b| names(a) == names(b));
    let also = command.get_arguments().any(known);
    let also = if also { " The options above count here, too." } else { "" };
    let command = command.disable_help_flag(true).disable_version_flag(true).mut_args(|a| {
        let hidden = known(&a);
        a.hide(hidden)
    });
    format!(".SS {}\n{about}{stop}{also}\n{}", roff(title), options(command))
}

/// The options as man(7) has them.
fn options(command: Command) -> String {
    let mut octets = Vec::new();
    clap_mangen::Man::new(command).render_options_section(&mut octets).expect("memory takes it");
    // What it writes for an apostrophe is defined in the head of a whole page only.
    let text = String::from_utf8(octets).expect("text").replace("\\*(Aq", "\\(aq");
    // Nor does it space its lists as mandoc would have it.
    let text = text.replace("\n.br\n\n.br\n", "\n.sp\n").replace("\n\n.br\n", "\n");
    text.lines()
        .filter(|l| !l.starts_with(".ie ") && !l.starts_with(".el ") && *l != ".SH OPTIONS")
        .fold(String::new(), |all, line| all + line + "\n")
}
