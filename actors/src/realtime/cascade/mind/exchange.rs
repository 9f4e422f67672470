//! One request to a chat model and its answer: what it says, what it calls, what it costs, how it
//! ends. Pure.
//!
//! ```text
//! Asked ──head 200──▶ Answering ──finish_reason, [DONE], end──▶ Over: Finished
//!   └─ status, error, time ─▶ Over: Failed      └─ end, error, time in the middle ─▶ Over: Finished, cut
//! ```
//!
//! The end of a body proves nothing: a connection that breaks ends it too. An answer is complete if
//! the server said so.

use std::time::{Duration, Instant};

use super::calls::{Call, Calls};
use super::chunk::{self, ChatUsage};
use super::sse::{Body, TooLong};
use crate::realtime::cascade::failure::{Failure, Head, Part};

/// What comes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MindEvent {
    /// The next words. Never empty.
    Said(String),
    /// The answer is over. Nothing follows.
    Finished {
        /// How it ended.
        finish: Finish,
        /// The tools that it calls.
        calls: Vec<Call>,
        /// What it cost.
        usage: ChatUsage,
    },
    /// There is no answer. Nothing was said, and nothing follows.
    Failed(Failure),
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The model has said what it wanted.
    Complete,
    /// The limit of tokens cut it.
    Length,
    /// A filter cut it.
    Filtered,
    /// The server or the network cut it.
    Cut,
}

/// How long a server may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// To the first token. Shorter: a server with a queue is given up. Longer: the caller hears
    /// nothing.
    pub first: Duration,
    /// Between two pieces of the answer.
    pub between: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { first: Duration::from_secs(4), between: Duration::from_secs(5) }
    }
}

/// A request that was sent.
#[derive(Debug)]
pub struct Exchange {
    phase: Phase,
    patience: Patience,
    /// When it was sent, and when the last piece of the answer came.
    since: Instant,
    body: Body,
    calls: Calls,
    finish: Option<Finish>,
    usage: Option<ChatUsage>,
    /// Characters of the request, and of the answer so far.
    asked: usize,
    said: usize,
    /// Unreadable messages in a row.
    unreadable: u32,
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    Asked,
    Answering { has_token: bool },
    Over,
}

impl Exchange {
    /// A request of so many characters, sent at `now`.
    pub fn new(asked: usize, patience: Patience, now: Instant) -> Self {
        Self {
            phase: Phase::Asked,
            patience,
            since: now,
            body: Body::default(),
            calls: Calls::default(),
            finish: None,
            usage: None,
            asked,
            said: 0,
            unreadable: 0,
        }
    }

    /// Whether nothing follows.
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// The head of the answer came, with its whole body if the status is no success.
    pub fn head(&mut self, head: &Head<'_>, error_body: &str, out: &mut Vec<MindEvent>) {
        if self.phase != Phase::Asked {
            return;
        }
        if (200..300).contains(&head.status) {
            self.phase = Phase::Answering { has_token: false };
        } else {
            self.fail(Failure::of_status(Part::Mind, head, error_body), out);
        }
    }

    /// A piece of the body came.
    pub fn bytes(&mut self, bytes: &[u8], now: Instant, out: &mut Vec<MindEvent>) {
        if !matches!(self.phase, Phase::Answering { .. }) {
            return;
        }
        let mut body = std::mem::take(&mut self.body);
        let read = body.push(bytes, |payload| self.take(payload, now, out));
        self.body = body;
        if read == Err(TooLong) {
            self.stop(Failure::of_protocol(Part::Mind, "a message of the answer is too long"), out);
        }
    }

    /// The body is over.
    pub fn end(&mut self, now: Instant, out: &mut Vec<MindEvent>) {
        let mut body = std::mem::take(&mut self.body);
        body.finish(|payload| self.take(payload, now, out));
        self.stop(Failure::of_network(Part::Mind, "the body ended before the answer"), out);
    }

    /// The connection broke, or could not be made.
    pub fn broken(&mut self, problem: &str, out: &mut Vec<MindEvent>) {
        self.stop(Failure::of_network(Part::Mind, problem), out);
    }

    /// Nobody wants the answer any more. Returns what it cost; the server does not say it.
    pub fn abandon(&mut self) -> ChatUsage {
        self.phase = Phase::Over;
        self.cost()
    }

    /// When the server has taken too long.
    pub fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Asked | Phase::Answering { has_token: false } => Some(self.since + self.patience.first),
            Phase::Answering { has_token: true } => Some(self.since + self.patience.between),
            Phase::Over => None,
        }
    }

    /// The deadline has passed.
    pub fn deadline_passed(&mut self, now: Instant, out: &mut Vec<MindEvent>) {
        if self.deadline().is_some_and(|at| at <= now) {
            let waited = now.saturating_duration_since(self.since);
            self.stop(Failure::of_network(Part::Mind, &format!("nothing came for {waited:?}")), out);
        }
    }

    fn take(&mut self, payload: &str, now: Instant, out: &mut Vec<MindEvent>) {
        if !matches!(self.phase, Phase::Answering { .. }) {
            return;
        }
        if payload == DONE {
            self.finish.get_or_insert(Finish::Complete);
            return self.finished(out);
        }
        let Some(chunk) = chunk::read(payload) else {
            self.unreadable += 1;
            if self.unreadable >= MOST_UNREADABLE {
                self.stop(Failure::of_protocol(Part::Mind, "the answer is unreadable"), out);
            }
            return;
        };
        self.unreadable = 0;
        if let Some((code, message)) = chunk.error {
            return self.stop(Failure::of_words(Part::Mind, &code, &message), out);
        }
        // A server that queues sends messages too, without any token.
        if chunk.reasons || !chunk.content.is_empty() || !chunk.calls.is_empty() {
            self.phase = Phase::Answering { has_token: true };
            self.since = now;
        }
        self.usage = chunk.usage.or(self.usage);
        for part in chunk.calls {
            self.said += part.arguments.chars().count();
            self.calls.take(part);
        }
        if !chunk.content.is_empty() {
            self.said += chunk.content.chars().count();
            out.push(MindEvent::Said(chunk.content));
        }
        if let Some(finish) = chunk.finish {
            self.since = now;
            self.finish = Some(match finish.as_str() {
                "length" | "max_tokens" => Finish::Length,
                "content_filter" => Finish::Filtered,
                // `stop`, `tool_calls`, and what servers invent.
                _ => Finish::Complete,
            });
        }
    }

    /// Ends the exchange: as the server said it, as a cut answer, or with `failure` if nothing came.
    fn stop(&mut self, failure: Failure, out: &mut Vec<MindEvent>) {
        if self.phase == Phase::Over {
            return;
        }
        if self.finish.is_some() || self.said > 0 || !self.calls.is_empty() {
            self.finished(out);
        } else {
            self.fail(failure, out);
        }
    }

    fn finished(&mut self, out: &mut Vec<MindEvent>) {
        self.phase = Phase::Over;
        let finish = self.finish.unwrap_or(Finish::Cut);
        let calls = self.calls.finish(finish != Finish::Complete);
        out.push(MindEvent::Finished { finish, calls, usage: self.cost() });
    }

    fn fail(&mut self, failure: Failure, out: &mut Vec<MindEvent>) {
        self.phase = Phase::Over;
        out.push(MindEvent::Failed(failure));
    }

    fn cost(&self) -> ChatUsage {
        self.usage.unwrap_or_else(|| ChatUsage::estimate(self.asked, self.said))
    }
}

/// The payload behind the last message.
const DONE: &str = "[DONE]";
/// Unreadable messages in a row after which the server is given up.
const MOST_UNREADABLE: u32 = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::realtime::cascade::failure::Class;

    const OK: Head<'_> =
        Head { status: 200, content_type: "text/event-stream", retry_after_ms: None, retry_after: None, error: None };

    fn exchange(now: Instant) -> (Exchange, Vec<MindEvent>) {
        let (mut exchange, mut out) = (Exchange::new(400, Patience::default(), now), Vec::new());
        exchange.head(&OK, "", &mut out);
        (exchange, out)
    }

    /// What comes of a body with these payloads.
    fn answer(payloads: &[&str]) -> Vec<MindEvent> {
        let now = clock::now();
        let (mut exchange, mut out) = exchange(now);
        for payload in payloads {
            exchange.bytes(format!("data: {payload}\n\n").as_bytes(), now, &mut out);
        }
        exchange.end(now, &mut out);
        assert!(exchange.is_over() && exchange.deadline().is_none());
        out
    }

    fn said(text: &str) -> MindEvent {
        MindEvent::Said(text.into())
    }

    fn end(out: &[MindEvent]) -> (Finish, usize, ChatUsage) {
        match out.last() {
            Some(MindEvent::Finished { finish, calls, usage }) => (*finish, calls.len(), *usage),
            other => panic!("{other:?}"),
        }
    }

    const HELLO: &str = r#"{"choices":[{"delta":{"content":"Hello"}}]}"#;
    const STOP: &str = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;
    const CALL: &str =
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"find","arguments":"{}"}}]}}]}"#;
    const HALF: &str =
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"find","arguments":"{"}}]}}]}"#;
    const USED: &str = r#"{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":2}}"#;

    #[test]
    fn usage_comes_behind_the_end_of_the_words() {
        let out = answer(&[HELLO, STOP, USED, "[DONE]"]);
        assert_eq!(out[0], said("Hello"));
        assert_eq!(end(&out), (Finish::Complete, 0, ChatUsage { input: 10, output: 2, ..ChatUsage::default() }));
    }

    #[test]
    fn the_end_of_the_body_is_enough_if_the_answer_was_finished() {
        assert_eq!(end(&answer(&[HELLO, STOP])), (Finish::Complete, 0, ChatUsage::estimate(400, 5)));
        assert_eq!(end(&answer(&[HELLO, "[DONE]"])).0, Finish::Complete);
    }

    #[test]
    fn a_body_that_ends_in_the_middle_is_a_cut_answer() {
        assert_eq!(end(&answer(&[HELLO])).0, Finish::Cut);
        assert_eq!(end(&answer(&[HELLO, HALF])), (Finish::Cut, 0, ChatUsage::estimate(400, 6)));
        assert_eq!(end(&answer(&[HELLO, r#"{"error":{"code":"server_error"}}"#])).0, Finish::Cut);
        assert!(matches!(&answer(&[])[..], [MindEvent::Failed(_)]));
    }

    #[test]
    fn calls_are_run_whatever_the_finish_reason() {
        assert_eq!(end(&answer(&[CALL, STOP])).1, 1);
        assert_eq!(end(&answer(&[CALL, HELLO, "[DONE]"])).1, 1);
        assert_eq!(end(&answer(&[HALF, r#"{"choices":[{"finish_reason":"length"}]}"#])).1, 0);
    }

    #[test]
    fn limits_and_filters_are_told() {
        assert_eq!(end(&answer(&[HELLO, r#"{"choices":[{"finish_reason":"length"}]}"#])).0, Finish::Length);
        assert_eq!(end(&answer(&[r#"{"choices":[{"finish_reason":"content_filter"}]}"#])).0, Finish::Filtered);
    }

    #[test]
    fn an_error_in_place_of_an_answer_is_a_failure() {
        let out = answer(&[r#"{"error":{"code":"insufficient_quota","message":"pay"}}"#]);
        let [MindEvent::Failed(failure)] = &out[..] else { panic!("{out:?}") };
        assert!(matches!(failure.class, Class::Fatal(_)), "{failure:?}");
        let mut exchange = Exchange::new(1, Patience::default(), clock::now());
        let mut out = Vec::new();
        exchange.head(&Head { status: 503, ..OK }, "busy", &mut out);
        exchange.bytes(b"data: x\n", clock::now(), &mut out);
        exchange.end(clock::now(), &mut out);
        assert!(matches!(&out[..], [MindEvent::Failed(Failure { class: Class::Next, .. })]), "{out:?}");
    }

    #[test]
    fn a_server_that_does_not_stream_is_understood() {
        let now = clock::now();
        let (mut exchange, mut out) = exchange(now);
        exchange.bytes(br#"{"choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}]}"#, now, &mut out);
        exchange.end(now, &mut out);
        assert_eq!((out[0].clone(), end(&out).0), (said("Hello"), Finish::Complete));
    }

    #[test]
    fn a_server_that_says_nothing_is_given_up() {
        let start = clock::now();
        let Patience { first, between } = Patience::default();
        let (mut exchange, mut out) = exchange(start);
        exchange.bytes(b": queued\n\ndata: {\"choices\":[]}\n\n", start + first / 2, &mut out);
        assert_eq!(exchange.deadline(), Some(start + first), "a message without a token is no answer");
        exchange.deadline_passed(start + first / 2, &mut out);
        assert!(!exchange.is_over());
        exchange.bytes(format!("data: {HELLO}\n").as_bytes(), start + first / 2, &mut out);
        assert_eq!(exchange.deadline(), Some(start + first / 2 + between));
        exchange.deadline_passed(start + first / 2 + between, &mut out);
        assert_eq!(end(&out).0, Finish::Cut);
    }

    #[test]
    fn unreadable_messages_end_it_in_the_end() {
        assert_eq!(end(&answer(&["{", "x", HELLO, STOP])).0, Finish::Complete);
        assert!(matches!(&answer(&["x"; 8])[..], [MindEvent::Failed(Failure { class: Class::Next, .. })]));
    }

    #[test]
    fn an_abandoned_answer_is_estimated() {
        let now = clock::now();
        let (mut exchange, mut out) = exchange(now);
        exchange.bytes(format!("data: {HELLO}\n").as_bytes(), now, &mut out);
        assert_eq!(exchange.abandon(), ChatUsage::estimate(400, 5));
        exchange.end(now, &mut out);
        assert_eq!(out, [said("Hello")]);
    }
}
