//! Words for messages: the nearest one, lists of them, and texts of others made harmless.

use std::fmt::Write as _;

/// The nearest of some words, if one is near enough to be meant.
pub(crate) fn nearest<'a>(text: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if text.len() > 64 {
        return None;
    }
    let plain = |s: &str| s.to_ascii_lowercase().replace(['_', '-', '.'], "");
    let wanted = plain(text);
    words
        .into_iter()
        .map(|word| (distance(&wanted, &plain(word)), word))
        .filter(|(d, word)| *d <= (word.len().max(wanted.len()) / 3).clamp(1, 6))
        .min_by_key(|(d, _)| *d)
        .map(|(_, word)| word)
}

/// How many insertions, deletions, substitutions and swaps of neighbours lie between two words.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.iter().enumerate() {
        let mut next = Vec::with_capacity(b.len() + 1);
        next.push(i + 1);
        for (j, cb) in b.iter().enumerate() {
            let mut d = (row[j] + usize::from(ca != cb)).min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && *ca == b[j - 1] && a[i - 1] == *cb {
                d = d.min(before[j - 1] + 1);
            }
            next.push(d);
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or(0)
}

/// `a, b or c`, each in backticks.
pub(crate) fn list(words: &[&str]) -> String {
    let mut s = String::new();
    for (i, word) in words.iter().enumerate() {
        let before = match i {
            0 => "",
            _ if i + 1 == words.len() => " or ",
            _ => ", ",
        };
        let _ = write!(s, "{before}`{word}`");
    }
    s
}

/// At most 40 characters of a text, with nothing in it that a terminal would obey.
pub(crate) fn brief(text: &str) -> String {
    let mut s: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    if text.chars().nth(40).is_some() {
        s.push('…');
    }
    s.replace("\\\"", "\"").replace("\\'", "'")
}
