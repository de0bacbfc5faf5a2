//! Addresses of resources: `/CLUSTER/NODE[/INSTANCE]/sync/...`, or `/sync/...` alone.

use crate::metrics::Condition;

/// What somebody asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Address {
    text: String,
    /// Whose; empty: all.
    instance: String,
    /// From `/sync` on.
    resource: String,
}

impl Address {
    /// `node`: this host. `None`: another node's, or no address.
    pub(super) fn parse(text: &str, node: &str) -> Option<Self> {
        if text.len() > 512 || !text.starts_with('/') || text.bytes().any(|b| !b.is_ascii_graphic()) {
            return None;
        }
        let end = |at: usize| matches!(text.as_bytes().get(at + 5), None | Some(b'/'));
        let at = text.match_indices("/sync").map(|(at, _)| at).find(|at| end(*at))?;
        let (before, resource) = text.split_at(at);
        let mut parts = before.split('/').skip(1);
        let (_cluster, wanted) = (parts.next(), parts.next().unwrap_or("."));
        if ![".", "*", node].contains(&wanted) {
            return None;
        }
        let instance = parts.collect::<Vec<_>>().join("/");
        let resource = resource.trim_end_matches('/').to_owned();
        Some(Self { text: text.to_owned(), instance, resource })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The condition lies at or below it.
    pub(super) fn covers(&self, condition: &Condition) -> bool {
        let below = condition
            .resource
            .strip_prefix(&self.resource)
            .is_some_and(|r| r.is_empty() || r.starts_with('/'));
        below && (self.instance.is_empty() || self.instance == condition.of)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metrics::Reading;

    #[test]
    fn addresses_cover_what_is_below_them() {
        let condition = |of: &str| Condition {
            resource: "/sync/ptp-status/lock-state",
            event: "",
            of: of.into(),
            reading: Reading::Number(1),
            offset_ns: None,
        };
        let covers = |text: &str, of: &str| Address::parse(text, "host").map(|a| a.covers(&condition(of)));
        for text in [
            "/sync",
            "/sync/ptp-status",
            "/sync/ptp-status/lock-state",
            "/././sync",
            "/./host/sync/",
            "/c/*/sync",
            "/cluster/host/a/sync/ptp-status/lock-state",
        ] {
            assert_eq!(covers(text, "a"), Some(true), "{text}");
        }
        assert_eq!(covers("/./host/b/sync", "a"), Some(false));
        assert_eq!(covers("/sync/ptp", "a"), Some(false));
        for text in ["", "sync", "/synchrony", "/./other/sync", "/ptp-status", "/sync /x"] {
            assert_eq!(covers(text, "a"), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "(/(sync|[.]|[a-z é]{0,5})){0,6}") {
            let _ = Address::parse(&text, "host");
        }
    }
}
