//! One request, from octets that anybody may have sent. Nothing is believed before it is whole and within its limits.

/// A head is at most this long.
pub(super) const LONGEST_HEAD: usize = 8192;
/// And has at most so many headers.
const MOST_HEADERS: usize = 64;
/// A body is at most this long.
pub(super) const LONGEST_BODY: usize = 4096;

/// What is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Method {
    /// GET.
    Get,
    /// The same without the body of the answer.
    Head,
    /// POST.
    Post,
    /// DELETE.
    Delete,
}

/// A request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    /// Without the query.
    pub(crate) path: &'a str,
    /// The Accept header; empty: there is none.
    pub(crate) accept: &'a str,
    pub(crate) body: &'a [u8],
}

/// How far a request has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Parsed<'a> {
    /// More is needed.
    Partial,
    Whole(Request<'a>),
    /// Refused with this status.
    Refused(u16),
}

/// Looks at what has come so far.
pub(super) fn parse(octets: &[u8]) -> Parsed<'_> {
    let limit = octets.get(..octets.len().min(LONGEST_HEAD)).unwrap_or(octets);
    let Some(end) = limit.windows(4).position(|w| w == b"\r\n\r\n") else {
        return if octets.len() >= LONGEST_HEAD { Parsed::Refused(431) } else { Parsed::Partial };
    };
    let (head, rest) = (octets.get(..end).unwrap_or_default(), octets.get(end + 4..).unwrap_or_default());
    let Ok(head) = std::str::from_utf8(head) else { return Parsed::Refused(400) };
    match read(head, rest) {
        Ok(parsed) => parsed,
        Err(status) => Parsed::Refused(status),
    }
}

fn read<'a>(head: &'a str, rest: &'a [u8]) -> Result<Parsed<'a>, u16> {
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(400);
    };
    if !matches!(version, "HTTP/1.1" | "HTTP/1.0") {
        return Err(505);
    }
    let method = match method {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "DELETE" => Method::Delete,
        _ => return Err(405),
    };
    // A proxy's absolute form, and `*`, are nothing that is here.
    let path = target.split('?').next().unwrap_or_default();
    if !path.starts_with('/') || path.bytes().any(|b| !b.is_ascii_graphic()) {
        return Err(400);
    }
    let (mut accept, mut length) = ("", None);
    for (i, line) in lines.enumerate() {
        if i >= MOST_HEADERS {
            return Err(431);
        }
        let (name, value) = line.split_once(':').ok_or(400u16)?;
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || !name.bytes().all(token) {
            return Err(400);
        }
        let value = value.trim_matches([' ', '\t']);
        if value.bytes().any(|b| b < b' ' && b != b'\t') {
            return Err(400);
        }
        if name.eq_ignore_ascii_case("accept") {
            accept = value;
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(501);
        } else if name.eq_ignore_ascii_case("content-length") {
            if length.is_some() || value.is_empty() || !value.bytes().all(|b| b.is_ascii_digit()) {
                return Err(400);
            }
            length = Some(value.parse::<usize>().map_err(|_| 413u16)?);
        }
    }
    let length = length.unwrap_or(0);
    if length > LONGEST_BODY {
        return Err(413);
    }
    let Some(body) = rest.get(..length) else { return Ok(Parsed::Partial) };
    Ok(Parsed::Whole(Request { method, path, accept, body }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn requests() {
        let text = b"GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\nACCEPT: \ttext/plain \r\n\r\n";
        let whole = Request { method: Method::Get, path: "/metrics", accept: "text/plain", body: b"" };
        assert_eq!(parse(text), Parsed::Whole(whole));
        for cut in 0..text.len() {
            assert_eq!(parse(&text[..cut]), Parsed::Partial, "{cut}");
        }
        let post = b"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcd";
        let whole = Request { method: Method::Post, path: "/a", accept: "", body: b"abc" };
        assert_eq!(parse(post), Parsed::Whole(whole));
        assert_eq!(parse(&post[..post.len() - 2]), Parsed::Partial);
    }

    #[test]
    fn refusals() {
        for (text, status) in [
            ("GET / HTTP/2\r\n\r\n", 505),
            ("BREW / HTTP/1.1\r\n\r\n", 405),
            ("GET  / HTTP/1.1\r\n\r\n", 400),
            ("GET http://x/ HTTP/1.1\r\n\r\n", 400),
            ("GET /\u{7f} HTTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nbare\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nA B: 1\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
            ("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", 400),
            ("POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\na", 400),
            ("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\na", 413),
            ("POST / HTTP/1.1\r\nContent-Length: 4097\r\n\r\n", 413),
        ] {
            assert_eq!(parse(text.as_bytes()), Parsed::Refused(status), "{text:?}");
        }
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(65));
        assert_eq!(parse(many.as_bytes()), Parsed::Refused(431));
        assert_eq!(parse(&[b'a'; LONGEST_HEAD]), Parsed::Refused(431));
        assert_eq!(parse(b"GET /\xff HTTP/1.1\r\n\r\n"), Parsed::Refused(400));
    }

    proptest! {
        #[test]
        fn any_octets_are_survived(octets in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = parse(&octets);
        }

        #[test]
        fn almost_requests_are_survived(
            text in "(GET|POST|DELETE|X) /[a-z?%/ ]{0,20} HTTP/1\\.[01]\r\n([A-Za-z: -]{0,20}\r\n|Content-Length: [0-9-]{0,6}\r\n){0,5}(\r\n)?[a-z]{0,9}",
        ) {
            // What is refused or whole stays so, whatever follows: a peer cannot change what was decided.
            let now = parse(text.as_bytes());
            if let Parsed::Refused(status) = now {
                let later = format!("{text}more");
                prop_assert_eq!(parse(later.as_bytes()), Parsed::Refused(status));
            }
        }
    }
}
