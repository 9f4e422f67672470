//! Answers that are known: one request for a webhook that the carrier repeats, and the same answer
//! for the same caller as long as the plan says.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;

use super::answer::{Answer, NoAnswer};
use super::events::Event;
use super::plan::{LookUpPlan, Question};
use crate::clock;
use crate::events::emit;

/// The answers of all look-ups.
#[derive(Debug, Default)]
pub struct KnownAnswers(Mutex<HashMap<Key, Kept>>);

/// Who is asked about whom: the agent, the numbers, and the call unless answers are good for the
/// next one too.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    agent: String,
    from: String,
    to: String,
    call: Option<String>,
}

#[derive(Debug)]
struct Kept {
    answer: Arc<OnceCell<Result<Answer, NoAnswer>>>,
    until: Instant,
}

impl KnownAnswers {
    /// The answer about a call: a known one, or what the server says now. Whoever asks the same
    /// meanwhile waits for the same answer. Takes at most the plan's time.
    ///
    /// # Errors
    /// Why there is no answer to go by.
    pub async fn ask(&self, plan: &LookUpPlan, question: &Question) -> Result<Answer, NoAnswer> {
        let begun = clock::now();
        let key = Key {
            agent: question.agent.clone(),
            from: question.from.expose().clone(),
            to: question.to.expose().clone(),
            call: plan.cache.is_zero().then(|| question.carrier_call.clone()),
        };
        let cell = self.cell(key.clone(), plan.cache.max(REPEATED), begun);
        let was_known = cell.initialized();
        let asked = cell.get_or_init(|| super::http::ask(plan, question));
        let answer = actix_rt::time::timeout(plan.timeout, asked).await;
        let answer = answer.map_or(Err(NoAnswer::Late), Clone::clone);
        if answer.is_err() && !plan.cache.is_zero() {
            // The next caller's answer may be better.
            self.lock().remove(&key);
        }
        let result = match &answer {
            Ok(_) if was_known => "known",
            Ok(Answer { decline: Some(_), .. }) => "declined",
            Ok(_) => "found",
            Err(problem) => problem.word(),
        };
        let took = clock::now().saturating_duration_since(begun);
        let problem = answer.as_ref().err().map(ToString::to_string);
        emit(Event::LookedUp { agent: &question.agent, carrier_call: &question.carrier_call, result, took, problem });
        answer
    }

    fn cell(&self, key: Key, good_for: Duration, now: Instant) -> Arc<OnceCell<Result<Answer, NoAnswer>>> {
        let mut kept = self.lock();
        if kept.len() >= MOST {
            kept.retain(|_, answer| answer.until > now);
        }
        if kept.len() >= MOST {
            // Nobody knows which of them is asked for again. Asking costs a request.
            kept.clear();
        }
        let fresh = || Kept { answer: Arc::default(), until: now + good_for };
        let answer = kept.entry(key).or_insert_with(fresh);
        if answer.until <= now {
            *answer = fresh();
        }
        Arc::clone(&answer.answer)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long the answer for one call is kept for a webhook that the carrier repeats.
const REPEATED: Duration = Duration::from_secs(60);
/// The most answers. More would keep callers' data of a day in memory.
const MOST: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn key(call: &str) -> Key {
        Key { agent: String::new(), from: String::new(), to: String::new(), call: Some(call.to_owned()) }
    }

    #[test]
    fn an_answer_is_kept_for_its_time_and_their_number_is_bounded() {
        let (known, now) = (KnownAnswers::default(), clock::now());
        let first = known.cell(key("a"), REPEATED, now);
        assert!(Arc::ptr_eq(&first, &known.cell(key("a"), REPEATED, now + REPEATED / 2)));
        assert!(!Arc::ptr_eq(&first, &known.cell(key("a"), REPEATED, now + REPEATED)));
        for call in 0..2 * MOST {
            known.cell(key(&call.to_string()), REPEATED, now);
        }
        assert!(known.lock().len() <= MOST);
    }
}
