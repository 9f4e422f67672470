//! What the calls of the process have learned of servers, keys and models; whoever opens a breaker is told in the log. Asked when
//! a session is dialled or lost, never on the way of audio.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use log::warn;
use url::Url;

use crate::clock;
use crate::realtime::breaker::{Breakers, Scope, Standing};
use crate::realtime::plan::Candidate;
use crate::realtime::report::{LossClass, ModelLoss};
use crate::realtime::session::scope_of;

static BREAKERS: Mutex<Breakers> = Mutex::new(Breakers::new());

fn breakers() -> MutexGuard<'static, Breakers> {
    BREAKERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether every one of `candidates` has refused us and is left alone: the next call would get no session. False for none.
pub fn all_refused(candidates: &[Candidate]) -> bool {
    let (breakers, now) = (breakers(), clock::now());
    let refused = |candidate: &Candidate| breakers.standing(candidate, now) == Standing::Blocked;
    !candidates.is_empty() && candidates.iter().all(refused)
}

/// How many keys and models refuse us and are left alone for now.
pub fn open() -> usize {
    breakers().open(clock::now())
}

/// A session with `candidate` came up.
pub fn came_up(candidate: &Candidate) {
    breakers().succeeded(candidate);
}

/// A session with `candidate` did not come up or was lost.
pub(super) fn note_loss(candidate: &Candidate, loss: &ModelLoss, now: Instant) {
    learn(candidate, loss, now, |breakers| match loss.class {
        LossClass::Fatal => breakers.refused(candidate, scope_of(loss), now),
        LossClass::Retryable => breakers.failed(candidate, now),
        LossClass::Expired => {}
    });
}

/// Looks at what is known.
pub(super) fn look<T>(look: impl FnOnce(&Breakers) -> T) -> T {
    look(&breakers())
}

/// Adds to what is known of `candidate`, which was lost by `loss`; a breaker that opens is told once.
pub(super) fn learn<T>(
    candidate: &Candidate,
    loss: &ModelLoss,
    now: Instant,
    learn: impl FnOnce(&mut Breakers) -> T,
) -> T {
    let (before, after, learned) = {
        let mut breakers = breakers();
        let before = breakers.blocked_for(candidate, now);
        let learned = learn(&mut breakers);
        (before, breakers.blocked_for(candidate, now), learned)
    };
    if let (None, Some(pause)) = (before, after) {
        let host = Url::parse(&candidate.endpoint.url).ok().and_then(|url| url.host_str().map(str::to_owned));
        let (model, reason, seconds) = (&candidate.model, &loss.reason, pause.as_secs());
        let next = next_step(scope_of(loss), candidate);
        warn!(
            server:% = host.unwrap_or_default(), model:%, reason:%;
            "the model refuses us and is left alone for {seconds} s; {next}"
        );
    }
    learned
}

/// What an operator is to do about a refusal.
fn next_step(scope: Scope, candidate: &Candidate) -> String {
    match (scope, &candidate.endpoint.key_variable) {
        (Scope::Key, Some(name)) => format!("set {name} to a key that is taken and has credit"),
        (Scope::Key, None) => "it is dialled without a key; see realtime.provider".to_owned(),
        (Scope::Model | Scope::Session, _) => "see that its name is right and the key may use it".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::realtime::plan::{Credential, Endpoint};

    fn candidate(url: &str) -> Candidate {
        let key_variable = Some("OPENAI_API_KEY_2".to_owned());
        let endpoint = Endpoint { url: url.to_owned(), credential: Credential::None, key_variable };
        Candidate { endpoint, model: "m".to_owned() }
    }

    #[test]
    fn nothing_is_to_be_had_while_every_candidate_refuses_and_then_one_does_not() {
        let [first, second] = ["wss://first.example", "wss://second.example"].map(candidate);
        let loss = ModelLoss { class: LossClass::Fatal, reason: "upgrade answered with status 401".to_owned() };
        let both = [first.clone(), second.clone()];
        note_loss(&first, &loss, clock::now());
        assert!(!all_refused(&both), "the second is left");
        note_loss(&second, &loss, clock::now());
        assert!(all_refused(&both));
        assert!(open() >= 2);
        came_up(&second);
        assert!(!all_refused(&both));
        assert!(!all_refused(&[]));
    }

    #[test]
    fn a_refusal_that_is_over_is_no_refusal() {
        let it = candidate("wss://past.example");
        let loss = ModelLoss { class: LossClass::Fatal, reason: "invalid_api_key".to_owned() };
        let Some(past) = clock::now().checked_sub(Duration::from_secs(30)) else { return };
        note_loss(&it, &loss, past);
        assert!(!all_refused(&[it]));
    }

    #[test]
    fn the_log_names_the_variable_of_a_refused_key() {
        let it = candidate("wss://named.example");
        assert!(next_step(Scope::Key, &it).starts_with("set OPENAI_API_KEY_2 "));
        assert!(!next_step(Scope::Model, &it).contains("OPENAI_API_KEY_2"), "the key is not at fault");
    }
}
