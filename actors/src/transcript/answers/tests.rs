use serde_json::json;

use super::*;
use crate::profile::{AnswerKind, Validation};

#[test]
fn each_question_has_its_attempts_with_their_times() {
    let said =
        [agent(8, "Your name?"), caller(10, "Asha"), agent(12, "Which model?"), caller(15, "Hm"), agent(20, "Well?")];
    let answers = [answer(11, "name", "Asha", "captured"), answer(16, "model", "hm", "needs_to_be_validated")];
    let review = Review::new(&questions(&["name", "model", "email"]), &answers, &said);
    let [name, model, email] = &review.questions[..] else { panic!("three") };
    assert_eq!((name.status, name.attempts[..].to_vec()), ("captured", vec![attempt(8, 11)]));
    assert_eq!((model.status, model.attempts[..].to_vec()), ("needs_to_be_validated", vec![attempt(12, 16)]));
    assert_eq!((email.status, email.attempts.len(), &email.value), ("not_captured", 0, &None));
    assert_eq!(review.completion, Completion::Partial);
    assert_eq!(review.drop_off, Some(DropOff { key: "email".to_owned(), at: Some(s(20)) }));
    assert_eq!(exchanges(&said), 2);
    assert_eq!(review.keys().0, ["name", "model"]);
}

#[test]
fn what_the_caller_confirmed_is_verified() {
    let of = |answers: &[Answer]| Review::new(&questions(&["name"]), answers, &[]).questions[0].status;
    assert_eq!(of(&[answer(1, "name", "Asha", "verified")]), "verified");
    let again = [answer(1, "name", "Asha", "captured"), answer(2, "name", "Asha", "captured")];
    assert_eq!(of(&again), "verified");
    let corrected = [answer(1, "name", "Asha", "captured"), answer(2, "name", "Usha", "captured")];
    assert_eq!(of(&corrected), "captured");
    let spoilt = [answer(1, "name", "Asha", "verified"), answer(2, "name", "?", "needs_to_be_validated")];
    assert_eq!(of(&spoilt), "needs_to_be_validated");
}

#[test]
fn a_call_without_words_is_none_and_one_with_all_answers_complete() {
    let review = Review::new(&questions(&["name"]), &[], &[]);
    assert_eq!(review.completion, Completion::None);
    assert_eq!(review.drop_off, Some(DropOff { key: "name".to_owned(), at: None }));
    let review = Review::new(&questions(&["name"]), &[answer(1, "name", "Asha", "captured")], &[]);
    assert_eq!((review.completion, review.drop_off), (Completion::Complete, None));
}

#[test]
fn without_configured_questions_those_the_model_chose_count() {
    let answers = [answer(1, "b", "1", "captured"), answer(2, "a", "2", "captured"), answer(3, "b", "3", "captured")];
    let review = Review::new(&[], &answers, &[]);
    let keys: Vec<_> = review.questions.iter().map(|it| (it.key.as_str(), it.value.clone())).collect();
    assert_eq!(keys, [("b", Some(json!("3"))), ("a", Some(json!("2")))]);
    assert_eq!(review.completion, Completion::Complete);
    assert_eq!(Review::new(&[], &[], &[]).completion, Completion::None);
}

fn questions(keys: &[&str]) -> Vec<Question> {
    let question = |key: &&str| Question {
        key: (*key).to_owned(),
        label: format!("The {key}"),
        kind: AnswerKind::Text,
        validation: Validation::default(),
    };
    keys.iter().map(question).collect()
}

fn answer(at: u64, key: &str, value: &str, status: &str) -> Answer {
    Answer { at: s(at), key: key.to_owned(), value: json!(value), status: status.to_owned() }
}

fn agent(at: u64, text: &str) -> Utterance {
    utterance(at, Voice::Agent, text)
}

fn caller(at: u64, text: &str) -> Utterance {
    utterance(at, Voice::Caller, text)
}

fn utterance(at: u64, voice: Voice, text: &str) -> Utterance {
    Utterance { at: s(at), voice, text: text.to_owned(), heard: None, interrupted: false }
}

fn attempt(asked_at: u64, saved_at: u64) -> Attempt {
    Attempt { asked_at: s(asked_at), saved_at: s(saved_at) }
}

fn s(s: u64) -> Duration {
    Duration::from_secs(s)
}
