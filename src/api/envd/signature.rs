//! Signed file URLs (version 1): who holds a sandbox's token may let others read or write one path until a time.
//!
//! `"v1_" + base64(sha256("PATH:OPERATION:USER:TOKEN[:EXPIRATION]"))`, base64 without padding. The error texts are E2B's;
//! its tests compare them.

use super::path;
use crate::api::keys::Secret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Characters of a signature: `v1_`, and 32 bytes in base64.
const SIGNATURE_CHARACTERS: usize = 3 + 43;

/// Characters of an expiration, a 64-bit number.
const EXPIRATION_CHARACTERS_MAX: usize = 20;

/// Bytes of a user's name, Linux's `LOGIN_NAME_MAX`.
const USER_BYTES_MAX: usize = 256;

/// What a signature allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Read,
    Write,
}

/// What a request claims to be allowed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claim<'a> {
    /// The path as the query has it.
    pub(crate) path: &'a str,
    /// The user as the query has it; empty if it has none.
    pub(crate) user: &'a str,
    /// The signature, if there is one.
    pub(crate) signature: Option<&'a str>,
    /// Seconds since 1970, as the query has it.
    pub(crate) expiration: Option<&'a str>,
}

impl Claim<'_> {
    /// Whether any token could have signed it for a file that can be. What is not is refused before it costs a hash for each
    /// sandbox.
    pub(crate) fn is_plausible(&self) -> bool {
        self.path.len() < path::PATH_BYTES_MAX
            && self.user.len() < USER_BYTES_MAX
            && self.expiration.is_none_or(|text| text.len() <= EXPIRATION_CHARACTERS_MAX)
            && self.signature.is_some_and(|signature| {
                signature.len() == SIGNATURE_CHARACTERS && signature.starts_with("v1_")
            })
    }
}

/// Checks a claim against a sandbox's token, at `now` seconds since 1970.
///
/// # Errors
///
/// The sentence for a 401.
pub(crate) fn check(
    claim: &Claim<'_>,
    operation: Operation,
    token: &Secret,
    now: u64,
) -> Result<(), &'static str> {
    let Some(given) = claim.signature else { return Err("missing signature query parameter") };
    if !matches(claim, operation, token, given) {
        return Err("invalid signature");
    }
    match claim.expiration.map(str::parse::<u64>) {
        None => Ok(()),
        Some(Ok(expiration)) if expiration >= now => Ok(()),
        Some(Ok(_)) => Err("signature is already expired"),
        Some(Err(_)) => Err("invalid signature"),
    }
}

/// Whether the claim was signed with this token, expired or not.
pub(crate) fn matches(
    claim: &Claim<'_>,
    operation: Operation,
    token: &Secret,
    given: &str,
) -> bool {
    let operation = match operation {
        Operation::Read => "read",
        Operation::Write => "write",
    };
    let mut text = format!("{}:{operation}:{}:{}", claim.path, claim.user, token.expose());
    if let Some(expiration) = claim.expiration {
        text.push(':');
        text.push_str(expiration);
    }
    let expected = format!("v1_{}", STANDARD_NO_PAD.encode(Sha256::digest(text.as_bytes())));
    expected.as_bytes().ct_eq(given.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    // python3: "v1_" + b64encode(sha256(b"/home/user/a.txt:read:user:tok:2000").digest()).rstrip(b"=")
    const SIGNED: &str = "v1_/ySlUWAAtpSz2pC7WxNS05/r5B7gnUHC4HWGCJSHtb8";

    fn token() -> Secret {
        Secret::new("tok".into())
    }

    fn claim() -> Claim<'static> {
        Claim {
            path: "/home/user/a.txt",
            user: "user",
            signature: Some(SIGNED),
            expiration: Some("2000"),
        }
    }

    #[test]
    fn a_good_signature_lets_in_until_it_expires() {
        assert_eq!(check(&claim(), Operation::Read, &token(), 1000), Ok(()));
        assert_eq!(check(&claim(), Operation::Read, &token(), 2000), Ok(()));
        let late = check(&claim(), Operation::Read, &token(), 2001);
        assert_eq!(late, Err("signature is already expired"));
    }

    #[test]
    fn every_part_is_bound() {
        let invalid = Err("invalid signature");
        assert_eq!(check(&claim(), Operation::Write, &token(), 0), invalid);
        assert_eq!(check(&claim(), Operation::Read, &Secret::new("other".into()), 0), invalid);
        for claim in [
            Claim { path: "/home/user/b.txt", ..claim() },
            Claim { user: "root", ..claim() },
            Claim { user: "", ..claim() },
            Claim { expiration: Some("9999"), ..claim() },
            Claim { expiration: None, ..claim() },
            Claim { signature: Some(""), ..claim() },
        ] {
            assert_eq!(check(&claim, Operation::Read, &token(), 0), invalid, "{claim:?}");
        }
        let none = Claim { signature: None, ..claim() };
        assert_eq!(
            check(&none, Operation::Read, &token(), 0),
            Err("missing signature query parameter")
        );
    }

    #[test]
    fn claims_that_no_token_signs_are_told_without_one() {
        assert!(claim().is_plausible());
        let (long, longer) = ("a".repeat(4095), "a".repeat(4096));
        assert!(Claim { path: &long, ..claim() }.is_plausible());
        let short = &SIGNED[..SIGNED.len() - 1];
        for claim in [
            Claim { path: &longer, ..claim() },
            Claim { user: &longer, ..claim() },
            Claim { expiration: Some("000000000000000000001"), ..claim() },
            Claim { signature: None, ..claim() },
            Claim { signature: Some(short), ..claim() },
            Claim { signature: Some(&longer), ..claim() },
        ] {
            assert!(!claim.is_plausible());
        }
    }

    #[test]
    fn an_expiration_that_is_no_time_is_invalid_even_when_signed() {
        let text = "a:read::tok:99999999999999999999999";
        let signed = format!("v1_{}", STANDARD_NO_PAD.encode(Sha256::digest(text)));
        let claim = Claim {
            path: "a",
            user: "",
            signature: Some(&signed),
            expiration: Some("99999999999999999999999"),
        };
        assert_eq!(check(&claim, Operation::Read, &token(), 0), Err("invalid signature"));
    }
}
