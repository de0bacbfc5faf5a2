//! Blocks of commands and files in a page, and how each is tried: said in a comment before it, which readers do not see.

use std::path::Path;

/// How a block is tried.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum How {
    /// `<!-- run on HOST -->`: each line has to succeed.
    Run(String),
    /// `<!-- run on HOST, until it succeeds -->`: each line, again and again.
    Until(String),
    /// `<!-- needs WHAT -->`: hardware that tests do not have.
    Needs(String),
    /// `<!-- run on HOST, stays -->`: it goes on while the rest is tried.
    Stays(String),
    /// `<!-- said on HOST -->`: what stays there says this, line by line.
    Said(String),
    /// `<!-- file PATH on HOST -->`.
    File { path: String, host: String },
    /// `<!-- stopped on HOST -->`, without a block: what stays there ends.
    Stopped(String),
    /// `<!-- run here -->`: in the repository.
    Here,
    /// `<!-- run by FILE -->`: by another test.
    By(String),
    /// Nothing was said.
    Unsaid,
}

/// A block.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    /// Where it begins.
    pub(crate) line: usize,
    /// The word after the fence.
    pub(crate) language: String,
    pub(crate) how: How,
    pub(crate) text: String,
}

fn how(comment: &str) -> How {
    let words: Vec<&str> = comment.split_whitespace().collect();
    match words.as_slice() {
        ["run", "on", host] => How::Run((*host).to_owned()),
        ["run", "on", host, "until", "it", "succeeds"] => How::Until(host.trim_end_matches(',').to_owned()),
        ["needs", ..] => How::Needs(comment.to_owned()),
        ["run", "on", host, "stays"] => How::Stays(host.trim_end_matches(',').to_owned()),
        ["said", "on", host] => How::Said((*host).to_owned()),
        ["stopped", "on", host] => How::Stopped((*host).to_owned()),
        ["file", path, "on", host] => How::File { path: (*path).to_owned(), host: (*host).to_owned() },
        ["run", "here"] => How::Here,
        ["run", "by", file] => How::By((*file).to_owned()),
        _ => How::Unsaid,
    }
}

/// All blocks of a page, in order.
pub(crate) fn blocks(page: &Path) -> Vec<Block> {
    let text = std::fs::read_to_string(page).unwrap_or_else(|e| panic!("{}: {e}", page.display()));
    let mut found = Vec::new();
    let mut next = How::Unsaid;
    let mut open: Option<Block> = None;
    for (number, line) in (1..).zip(text.lines()) {
        match (&mut open, line.strip_prefix("```")) {
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some(block), None) => block.text += &format!("{line}\n"),
            (None, Some(language)) => {
                let how = std::mem::replace(&mut next, How::Unsaid);
                let language = language.to_owned();
                open = Some(Block { line: number, language, how, text: String::new() });
            }
            (None, None) => {
                let comment = line.strip_prefix("<!-- ").and_then(|l| l.strip_suffix(" -->"));
                match comment.map(how) {
                    Some(how @ How::Stopped(_)) => {
                        found.push(Block { line: number, language: String::new(), how, text: String::new() });
                    }
                    Some(how) => next = how,
                    None if line.trim().is_empty() => {}
                    None => next = How::Unsaid,
                }
            }
        }
    }
    assert!(open.is_none(), "{}: a block has no end", page.display());
    found
}
