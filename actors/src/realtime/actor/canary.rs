//! A session that is opened and configured for no call at all: whether the next call would get one. No audio, no response, no cost.

use std::sync::Arc;
use std::time::Duration;

use actix_http::ws::{CloseCode, CloseReason};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::time::timeout;

use crate::clock;
use crate::realtime::dial;
use crate::realtime::incoming::{Assembler, Incoming};
use crate::realtime::plan::SessionPlan;
use crate::realtime::report::{LossClass, ModelLoss};
use crate::realtime::session::{Session, SessionAction, SessionEvent};
use crate::socket::{Outgoing, Socket};

/// Opens a session of `plan`, configures it and closes it; says how long that took.
///
/// # Errors
/// The loss, classified, as a call would have met it.
pub async fn probe(plan: Arc<SessionPlan>) -> Result<Duration, ModelLoss> {
    let begun = clock::now();
    let mut socket = dial::dial(&plan, None).await?;
    let mut session = Session::standby(plan, begun);
    let mut assembler = Assembler::default();
    let mut actions = Vec::new();
    session.handle(SessionEvent::Opened, clock::now(), &mut actions);
    loop {
        for action in actions.drain(..) {
            match action {
                SessionAction::Send(text) => say(&mut socket, Outgoing::Text(text)).await?,
                SessionAction::Pong(payload) => say(&mut socket, Outgoing::Pong(payload)).await?,
                SessionAction::Prepared => {
                    let reason = CloseReason { code: CloseCode::Normal, description: None };
                    // Whether or not it answers: the question was answered.
                    let _ = say(&mut socket, Outgoing::Close(reason)).await;
                    return Ok(clock::now().saturating_duration_since(begun));
                }
                SessionAction::Lose(loss) => return Err(loss),
                SessionAction::Ping
                | SessionAction::ToAudio(_)
                | SessionAction::Complete(_)
                | SessionAction::ToWords(_)
                | SessionAction::Report(_)
                | SessionAction::ExpiresAt(_)
                | SessionAction::Close => {}
            }
        }
        let now = clock::now();
        let patience = session.deadline().map_or(LONGEST, |(at, _)| at.saturating_duration_since(now));
        let Ok(heard) = timeout(patience, socket.next()).await else {
            session.handle(SessionEvent::DeadlinePassed, clock::now(), &mut actions);
            continue;
        };
        let incoming = heard.transpose().and_then(|frame| match frame {
            Some(frame) => assembler.take(frame),
            None => Ok(Some(Incoming::Close { code: None, reason: String::new() })),
        });
        let event = match &incoming {
            Ok(Some(Incoming::Text(text))) => {
                std::str::from_utf8(text).map_or(SessionEvent::Unintelligible, SessionEvent::Text)
            }
            Ok(Some(Incoming::Binary)) => SessionEvent::Unintelligible,
            Ok(Some(Incoming::Ping(payload))) => SessionEvent::Ping(payload.clone()),
            Ok(Some(Incoming::Pong)) => SessionEvent::Pong,
            Ok(Some(Incoming::Close { code, reason })) => SessionEvent::Closed { code: *code, reason },
            Ok(None) => continue,
            Err(problem) => return Err(broken(&problem.to_string())),
        };
        session.handle(event, clock::now(), &mut actions);
    }
}

async fn say(socket: &mut Socket, what: Outgoing) -> Result<(), ModelLoss> {
    match timeout(LONGEST, socket.send(what)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(problem)) => Err(broken(&problem.to_string())),
        Err(_) => Err(broken("the server does not read")),
    }
}

fn broken(problem: &str) -> ModelLoss {
    ModelLoss { class: LossClass::Retryable, reason: format!("the socket broke: {problem}") }
}

/// The longest wait for anything that has no limit of its own.
const LONGEST: Duration = Duration::from_secs(10);
