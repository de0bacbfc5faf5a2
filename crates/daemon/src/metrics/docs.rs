//! docs/metrics.md is made of the descriptions.

use std::fmt::Write as _;
use std::path::Path;

use super::Family;

/// Holds the table of `section` in a document against the families, or with `BLESS=1` writes it. The table stands between
/// `<!-- section -->` and `<!-- end -->`.
///
/// # Errors
/// What differs, and what to do.
pub fn check_documentation(path: &Path, section: &str, families: &[&Family]) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let begin = format!("<!-- {section} -->\n");
    let parts = text.split_once(&begin).and_then(|(before, rest)| {
        let (table, after) = rest.split_once("<!-- end -->")?;
        Some((before, table, after))
    });
    let Some((before, table, after)) = parts else {
        return Err(format!("{}: no section `{section}`", path.display()));
    };
    let mut wanted = String::from("| name | type | labels | meaning |\n| --- | --- | --- | --- |\n");
    for family in families {
        let labels = family.labels.iter().map(|l| format!("`{l}`")).collect::<Vec<_>>().join(", ");
        let help = family.help.replace('|', "\\|");
        let _ = writeln!(wanted, "| `{}` | {} | {labels} | {help} |", family.name(), family.kind_name());
    }
    if table == wanted {
        return Ok(());
    }
    if std::env::var_os("BLESS").is_some() {
        let new = format!("{before}{begin}{wanted}<!-- end -->{after}");
        return std::fs::write(path, new).map_err(|e| format!("{}: {e}", path.display()));
    }
    Err(format!("{}: section `{section}` is not what the program has: run with BLESS=1", path.display()))
}
