//! Host names as policies, TLS and HTTP write them: one strict form, and the patterns that match it.
//!
//! A name here is what a lookup asks for: letters, digits, hyphens, underscores and dots, lower case, no final dot, at most
//! 253 characters. Whatever cannot be written so has no name, and matches nothing. It resolves nothing.

/// The longest name (RFC 1035, as text without the final dot).
const NAME_BYTES_MAX: usize = 253;
/// The longest label.
const LABEL_BYTES_MAX: usize = 63;

/// `text` in the strict form, one final dot allowed; `None` for anything else, addresses among it.
pub(crate) fn strict(text: &[u8]) -> Option<String> {
    let text = text.strip_suffix(b".").unwrap_or(text);
    if text.is_empty() || text.len() > NAME_BYTES_MAX {
        return None;
    }
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let label = |label: &[u8]| {
        (1..=LABEL_BYTES_MAX).contains(&label.len())
            && label.iter().all(plain)
            && !label.starts_with(b"-")
            && !label.ends_with(b"-")
    };
    let mut labels = text.split(|&byte| byte == b'.');
    if !labels.clone().all(label) {
        return None;
    }
    // A last label that is a number makes an address of it (WHATWG URL, "ends in a number").
    let last = labels.next_back()?;
    let number = last.iter().all(u8::is_ascii_digit) || last.starts_with(b"0x");
    let name = String::from_utf8_lossy(text).to_ascii_lowercase();
    (!number).then_some(name)
}

/// The strict form of a name that a person wrote, in any script (IDNA 2008 by UTS 46).
pub(crate) fn written(text: &str) -> Option<String> {
    if text.is_ascii() {
        return strict(text.as_bytes());
    }
    strict(idna::domain_to_ascii_strict(text).ok()?.as_bytes())
}

/// Which names an entry of a list means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    /// `*`: every name.
    Any,
    /// This name alone.
    Exact(String),
    /// `*.example.com`: every name below it, at any depth, and not itself.
    Below(String),
}

impl Pattern {
    /// Reads `name`, `*.name` or `*`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("*.") {
            _ if text == "*" => Some(Self::Any),
            Some(parent) => written(parent).map(Self::Below),
            None => written(text).map(Self::Exact),
        }
    }

    /// Whether it means `name`, which is in the strict form.
    pub(super) fn matches(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(own) => own == name,
            Self::Below(parent) => {
                name.strip_suffix(parent.as_str()).is_some_and(|rest| rest.ends_with('.'))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_have_one_form() {
        for (text, form) in [
            ("example.com", "example.com"),
            ("EXAMPLE.Com.", "example.com"),
            ("a_b.x-y.example", "a_b.x-y.example"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(strict(text.as_bytes()).as_deref(), Some(form), "{text}");
        }
        assert_eq!(written("Bücher.example").as_deref(), Some("xn--bcher-kva.example"));
        assert_eq!(written("ｅxample.com").as_deref(), Some("example.com"), "full width");
        let long = format!("{}.example", "a".repeat(64));
        let longer = vec!["abc"; 64].join(".");
        for text in [
            "",
            ".",
            "..",
            "a..b",
            ".a",
            "a\0.b",
            "a b",
            "-a.b",
            "a-.b",
            "a/b",
            "1.2.3.4",
            "1.2",
            "127.1",
            "0x7f.0x1",
            "2130706433",
            "::1",
            "[::1]",
            "a:80",
            "*.a",
            "a@b",
            &long,
            &longer,
        ] {
            assert_eq!(strict(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(strict("bücher.example".as_bytes()), None, "on the wire names are ASCII");
    }

    #[test]
    fn patterns_match_whole_labels() {
        let below = Pattern::parse("*.Example.com").unwrap();
        for (name, matched) in [
            ("a.example.com", true),
            ("a.b.example.com", true),
            ("example.com", false),
            ("evilexample.com", false),
            ("example.com.evil.net", false),
        ] {
            assert_eq!(below.matches(name), matched, "{name}");
        }
        let exact = Pattern::parse("example.com.").unwrap();
        assert!(exact.matches("example.com") && !exact.matches("a.example.com"));
        assert!(Pattern::parse("*").unwrap().matches("anything.at.all"));
        for text in ["*.", "**.a.b", "a.*.b", "*a.b", "*.*.a", "*.1.2.3.4", ""] {
            assert_eq!(Pattern::parse(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_strict_stays_as_it_is(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Some(name) = strict(&bytes) {
                prop_assert!(name.is_ascii() && !name.contains('\0') && name.len() <= NAME_BYTES_MAX);
                prop_assert_eq!(strict(name.as_bytes()), Some(name.clone()));
                prop_assert!(name.parse::<std::net::IpAddr>().is_err());
            }
        }
    }
}
