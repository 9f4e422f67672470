//! A session over a link without a call: driven until it is where it is wanted. For sessions that wait for a call, and for the
//! canary, which opens and configures a session that no caller uses: no audio, no response, no cost.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::conversation::{Conversation, SessionAction, SessionEvent};
use super::dial;
use super::incoming::Incoming;
use super::link::{Heard, Link};
use super::plan::SessionPlan;
use crate::clock;
use crate::realtime::report::{LossClass, ModelLoss};

/// Handles what comes over `link` until `session` wants to do something that `is_there` recognises, which is not done. Returns
/// what the server has said.
///
/// # Errors
/// The loss, classified, as a call would have met it.
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
                SessionAction::Send(text) => link.writer.send(text),
                SessionAction::Pong(payload) => link.writer.pong(payload),
                SessionAction::Lose(loss) => return Err(loss),
                SessionAction::Ping
                | SessionAction::SendAudio(_)
                | SessionAction::ToAudio(_)
                | SessionAction::Complete(_)
                | SessionAction::ToWords(_)
                | SessionAction::Report(_)
                | SessionAction::ExpiresAt(_)
                | SessionAction::Prepared
                | SessionAction::Close => {}
            }
        }
        let patience = session.deadline().map_or(PATIENCE, |at| at.saturating_duration_since(clock::now()));
        let Ok(heard) = timeout(patience, link.incoming.next()).await else {
            session.handle(SessionEvent::DeadlinePassed, clock::now(), &mut actions);
            continue;
        };
        if let Heard::Message(Incoming::Text(text)) = &heard {
            said.push(text.clone());
        }
        session.handle(heard.event(), clock::now(), &mut actions);
    }
}

/// Opens a session of `plan`, configures it and closes it; returns how long that took.
///
/// # Errors
/// The loss, classified, as a call would have met it.
pub async fn probe(plan: &SessionPlan) -> Result<Duration, ModelLoss> {
    let begun = clock::now();
    let mut link = Link::new(dial::dial(plan, None).await?);
    let mut session = Conversation::standby(plan, begun);
    let configured = drive(&mut link, &mut session, |action| matches!(action, SessionAction::Prepared));
    match timeout(LONGEST, configured).await {
        Ok(configured) => configured.map(|_| clock::now().saturating_duration_since(begun)),
        Err(_) => {
            let reason = format!("no session within {LONGEST:?}");
            Err(ModelLoss { class: LossClass::Retryable, reason })
        }
    }
}

/// The longest wait for anything that has no limit of its own.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest that a session may take from its upgrade on, whatever the plan allows for each step.
const LONGEST: Duration = Duration::from_secs(60);
