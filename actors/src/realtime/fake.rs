//! A provider for tests of the code above the providers. The test chooses its capabilities, and it
//! sends its orders back as text.

use std::time::Duration;

use super::capabilities::Capabilities;
use super::conversation::{SessionAction, SessionEvent};
use super::messages::ModelOrder;
use super::plan::ModelAddress;
use super::report::{LossClass, ModelLoss, ModelReport, ResponseOutcome, Usage, Words};
use super::seed::{Opening, ResumptionHandle};
use crate::frame::Frame;
use crate::ids::{ItemId, ResponseId};
use crate::line::messages::{FromModel, ItemComplete};

/// The provider's own part of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct FakePlan {
    pub address: ModelAddress,
    pub can: Capabilities,
}

impl FakePlan {
    pub fn with_model(&self, model: &str) -> Self {
        let address = ModelAddress { model: model.to_owned(), ..self.address.clone() };
        Self { address, ..self.clone() }
    }
}

/// A session that is configured as soon as it is open, and ready as soon as it has the handoff.
#[derive(Debug)]
pub struct FakeSession {
    model: String,
    opening: Opening,
}

impl FakeSession {
    pub fn new(plan: &FakePlan, opening: &Opening) -> Self {
        Self { model: plan.address.model.clone(), opening: opening.clone() }
    }

    pub fn handle(&mut self, event: SessionEvent<'_>, out: &mut Vec<SessionAction>) {
        match event {
            SessionEvent::Opened => out.push(SessionAction::Prepared),
            SessionEvent::HandedOver(handoff) => {
                out.push(SessionAction::Send(format!("{handoff:?} {:?}", self.opening)));
                let (session, setup) = (self.model.clone(), Duration::ZERO);
                out.push(SessionAction::Report(ModelReport::Ready { session, setup }));
            }
            SessionEvent::Ordered(ModelOrder::Close) => out.push(SessionAction::Close),
            SessionEvent::Ordered(order) => out.push(SessionAction::Send(format!("{order:?}"))),
            SessionEvent::Text(text) => Self::hear(text, out),
            SessionEvent::DialFailed(loss) => out.push(SessionAction::Lose(loss)),
            SessionEvent::Closed { .. } | SessionEvent::Broken(_) => {
                let loss = ModelLoss { class: LossClass::Retryable, reason: "gone".to_owned() };
                out.push(SessionAction::Lose(loss));
            }
            SessionEvent::Binary(_)
            | SessionEvent::Unintelligible
            | SessionEvent::Ping(_)
            | SessionEvent::Pong
            | SessionEvent::Link(_)
            | SessionEvent::CallerSpeech { .. }
            | SessionEvent::DeadlinePassed => {}
        }
    }

    /// Parses a line of a test: `started R`, `says R I WORDS`, `audio R I BYTES`, `complete R I`,
    /// `finished R`, `resumable HANDLE`, `ends SECONDS`, `used MS`.
    fn hear(text: &str, out: &mut Vec<SessionAction>) {
        let words: Vec<&str> = text.splitn(4, ' ').collect();
        if words[0] == "resumable" {
            return out.push(SessionAction::Resumable(ResumptionHandle(words[1].to_owned().into())));
        }
        if words[0] == "ends" {
            return out.push(SessionAction::EndsIn(Duration::from_secs(words[1].parse().expect("a number"))));
        }
        if words[0] == "used" {
            let usage = Usage { session_ms: words[1].parse().expect("a number"), ..Usage::default() };
            return out.push(SessionAction::Report(ModelReport::Used(usage)));
        }
        let response = ResponseId::new(words[1]);
        let item = || ItemId::new(words[2]);
        out.push(match words[0] {
            "started" => SessionAction::Report(ModelReport::ResponseStarted { response }),
            "says" => SessionAction::ToWords(Words::AgentSaid { response, item: item(), text: words[3].to_owned() }),
            "audio" => {
                let audio = Frame::copy_of(&vec![1; words[3].parse().expect("a number")]);
                SessionAction::ToAudio(FromModel { response, item: item(), audio })
            }
            "complete" => SessionAction::Complete(ItemComplete { response, item: item() }),
            "finished" => {
                let outcome = ResponseOutcome::Completed;
                SessionAction::Report(ModelReport::ResponseFinished { response, outcome, usage: None })
            }
            other => panic!("{other} is nothing that it says"),
        });
    }
}
