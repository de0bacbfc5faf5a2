use std::fmt;

/// Text inside a JSON string (RFC 8259, 7).
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        let mut plain = 0;
        for (i, c) in self.0.char_indices() {
            if !matches!(c, '"' | '\\') && !c.is_control() {
                continue;
            }
            f.write_str(self.0.get(plain..i).unwrap_or_default())?;
            plain = i + c.len_utf8();
            match c {
                '\n' => f.write_str("\\n")?,
                '"' | '\\' => {
                    f.write_char('\\')?;
                    f.write_char(c)?;
                }
                _ => write!(f, "\\u{:04x}", u32::from(c))?,
            }
        }
        f.write_str(self.0.get(plain..).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_strings_are_escaped() {
        assert_eq!(Escaped("a \"b\" \\ \n\u{1}é").to_string(), r#"a \"b\" \\ \n\u0001é"#);
        assert_eq!(Escaped("").to_string(), "");
    }
}
