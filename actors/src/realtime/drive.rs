//! Drives a session over a link, without a call, until it reaches a given state. The pool of
//! waiting sessions uses this. The canary uses it too: it opens and configures a session that no
//! caller uses, with no audio, no response and no cost.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::conversation::{Conversation, SessionAction, SessionEvent};
use super::dial;
use super::incoming::Incoming;
use super::link::{Inbound, Link};
use super::plan::SessionPlan;
use super::seed::Opening;
use crate::clock;
use crate::realtime::report::{LossClass, ModelLoss};

/// Handles messages from `link` until `session` requests an action that `is_there` recognises. That
/// action is not performed. Returns the text messages of the server.
///
/// # Errors
/// The loss, classified as it would be in a call.
pub async fn drive(
    link: &mut Link,
    session: &mut Conversation,
    is_there: impl Fn(&SessionAction) -> bool,
) -> Result<Vec<Bytes>, ModelLoss> {
    let (mut actions, mut said) = (Vec::new(), Vec::new());
    session.handle(SessionEvent::Opened, clock::now(), &mut actions);
    loop {
        for action in actions.drain(..) {
            if is_there(&action) {
                return Ok(said);
            }
            match action {
                SessionAction::Send(text) => link.writing.send(text),
                SessionAction::ToLink(order) => {
                    link.writing.perform(order);
                }
                SessionAction::Pong(payload) => link.writing.pong(payload),
                SessionAction::Lose(loss) => return Err(loss),
                SessionAction::Ping
                | SessionAction::SendAudio(_)
                | SessionAction::ToAudio(_)
                | SessionAction::Complete(_)
                | SessionAction::ToWords(_)
                | SessionAction::Report(_)
                | SessionAction::ExpiresAt(_)
                | SessionAction::EndsIn(_)
                | SessionAction::Resumable(_)
                | SessionAction::Learned { .. }
                | SessionAction::Prepared
                | SessionAction::Close => {}
            }
        }
        let patience = session.deadline().map_or(PATIENCE, |at| at.saturating_duration_since(clock::now()));
        let Ok(heard) = timeout(patience, link.reading.next()).await else {
            session.handle(SessionEvent::DeadlinePassed, clock::now(), &mut actions);
            continue;
        };
        if let Inbound::Message(Incoming::Text(text)) = &heard {
            said.push(text.clone());
        }
        if let Some(event) = heard.event() {
            session.handle(event, clock::now(), &mut actions);
        }
    }
}

/// Opens a session of `plan`, configures it and closes it. Returns how long that took.
///
/// # Errors
/// The loss, classified as it would be in a call.
pub async fn probe(plan: &SessionPlan) -> Result<Duration, ModelLoss> {
    let begun = clock::now();
    let mut link = dial::dial(plan, None).await?;
    let mut session = Conversation::standby(plan, &Opening::default(), begun);
    let configured = drive(&mut link, &mut session, |action| matches!(action, SessionAction::Prepared));
    match timeout(LONGEST, configured).await {
        Ok(configured) => configured.map(|_| clock::now().saturating_duration_since(begun)),
        Err(_) => {
            let reason = format!("no session within {LONGEST:?}");
            Err(ModelLoss { class: LossClass::Retryable, reason })
        }
    }
}

/// The longest wait for a step that has no limit of its own.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest time that a session may take after its upgrade, whatever the plan allows for each
/// step.
const LONGEST: Duration = Duration::from_secs(60);
