//! `Idempotency-Key`: a creation that is sent again, because the client never saw the answer, is answered with the sandbox that
//! it made the first time.

use super::error::ApiError;
use super::machines::Machine;
use super::teams::Tenant;
use axum::http::{HeaderMap, StatusCode};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// How long a key is remembered.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// Keys of one team; past it that team's oldest is forgotten.
const KEYS_MAX: usize = 2000;

/// What each team has made with each key. Teams share nothing: none waits for another's, or makes it forget.
#[derive(Clone, Default)]
pub(crate) struct Answers(Arc<Mutex<HashMap<Tenant, Team>>>);

/// What one team has made; locked while it makes one more, so that the same request twice at once makes one.
type Team = Arc<Mutex<HashMap<String, Answer>>>;

struct Answer {
    at: Instant,
    /// Of the request that came with the key first.
    digest: [u8; 32],
    made: Weak<Machine>,
}

/// The key that a request has, if it has one.
///
/// # Errors
///
/// 400 unless it is 1 to 255 of `a-z`, `0-9` and `-`, as E2B's.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut keys = headers.get_all("idempotency-key").iter();
    let (key, second) = (keys.next(), keys.next());
    let Some(key) = key else { return Ok(None) };
    let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    let valid = (1..=255).contains(&key.len()) && key.as_bytes().iter().all(plain);
    match key.to_str() {
        Ok(key) if valid && second.is_none() => Ok(Some(key.to_owned())),
        _ => Err(ApiError::bad_request(
            "Idempotency-Key: must be 1 to 255 characters of a-z, 0-9 and -, once",
        )),
    }
}

impl Answers {
    /// What `make` makes, or made when the same request came before.
    ///
    /// # Errors
    ///
    /// 409 for another request with the same key, and for a sandbox that has ended meanwhile; that of `make`, which is not
    /// remembered.
    pub(crate) fn once(
        &self,
        tenant: Tenant,
        key: Option<String>,
        request: &[u8],
        make: impl FnOnce() -> Result<Arc<Machine>, ApiError>,
    ) -> Result<Arc<Machine>, ApiError> {
        let Some(key) = key else { return make() };
        let digest = Sha256::digest(request).into();
        let team = self.0.lock().entry(tenant).or_default().clone();
        let mut answers = team.lock();
        if let Some(answer) = answers.get(&key).filter(|answer| answer.at.elapsed() < KEPT) {
            let conflict = |message| Err(ApiError::new(StatusCode::CONFLICT, message));
            if answer.digest != digest {
                return conflict("this Idempotency-Key came with another request before");
            }
            return match answer.made.upgrade().filter(|made| !made.gone.is_cancelled()) {
                Some(made) => Ok(made),
                None => conflict("the sandbox that was made with this Idempotency-Key has ended"),
            };
        }
        let made = make()?;
        let answer = Answer { at: Instant::now(), digest, made: Arc::downgrade(&made) };
        remember(&mut answers, key, answer);
        Ok(made)
    }
}

/// Keeps one more answer, in place of what is too old or, if there are too many, of the oldest.
fn remember(answers: &mut HashMap<String, Answer>, key: String, answer: Answer) {
    if answers.len() >= KEYS_MAX {
        answers.retain(|_, answer| answer.at.elapsed() < KEPT);
    }
    if answers.len() >= KEYS_MAX {
        let oldest = answers.iter().min_by_key(|(_, answer)| answer.at);
        if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
            answers.remove(&oldest);
        }
    }
    answers.insert(key, answer);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::host::Domain;
    use crate::api::ingress::Ingress;
    use crate::api::machines::{Machines, Made};
    use crate::api::teams::ApiKeys;
    use crate::{Config, Egress, Runtime, SandboxConfig};

    #[tokio::test]
    async fn a_team_neither_sees_nor_crowds_out_the_keys_of_another() {
        let data = tempfile::tempdir().unwrap();
        let config = Config { data_dir: data.path().to_owned(), ..Config::default() };
        let machines = Machines::new(
            Runtime::without_programs(config).unwrap(),
            Domain::new("sb.test").unwrap(),
        );
        let keys = ApiKeys::new(["one".into(), "two".into()], None);
        let tenant = |key| keys.caller(key).unwrap().tenant;
        let (one, two) = (tenant(b"one"), tenant(b"two"));
        let answers = Answers::default();
        let ask = |owner, key: &str, body: &[u8]| {
            answers.once(owner, Some(key.into()), body, || {
                let made = Made { owner, template: "base".into(), ingress: Ingress::default() };
                Ok(machines.create(SandboxConfig::new("base", Egress::deny_all()), made)?)
            })
        };
        let id = |machine: &Arc<Machine>| machine.sandbox.id().to_owned();
        let first = ask(one, "k", b"body").unwrap();
        assert_eq!(id(&ask(one, "k", b"body").unwrap()), id(&first));
        assert_ne!(id(&ask(two, "k", b"body").unwrap()), id(&first), "another team's key");
        let conflict = ask(one, "k", b"other").err().map(|error| error.message().to_owned());
        assert!(conflict.unwrap().contains("another request"));
        // The other team fills its table; a table has a bound, and forgets its own oldest.
        let team = answers.0.lock()[&two].clone();
        for number in 0..2 * KEYS_MAX {
            let made = Arc::downgrade(&first);
            let answer = Answer { at: Instant::now(), digest: [0; 32], made };
            remember(&mut team.lock(), number.to_string(), answer);
        }
        assert_eq!(team.lock().len(), KEYS_MAX);
        assert!(!team.lock().contains_key("0") && team.lock().contains_key(&KEYS_MAX.to_string()));
        assert_eq!(id(&ask(one, "k", b"body").unwrap()), id(&first), "nothing was forgotten here");
        machines.runtime().shut_down().await;
        let ended = ask(one, "k", b"body").err().map(|error| error.message().to_owned());
        assert!(ended.unwrap().contains("has ended"));
    }
}
