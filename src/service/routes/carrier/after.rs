//! The steps after a stream: the call continues, returns to the agent or ends; a callee is dialled,
//! briefed and joined.

use actix_web::HttpResponse;
use log::{info, warn};
use switchboard_actors::call::messages::{
    Briefing, CalleeAccepted, CalleeEnded, DialEnded, Next, NextAsked, ReadBriefing, ReadNext,
};
use switchboard_actors::carrier::webhook_api::{Answer, Dial, DialOutcome, Role, Side, StreamEnding, Taker};
use switchboard_actors::ids::{CallId, CarrierCallId, logged};
use switchboard_actors::profile::destinations::Destination;
use switchboard_actors::supervisor::messages::{AfterStream, Aftermath, CarrierEnded, EndedByAnswer, ExpectReturn};

use super::super::app::Asked;
use super::{CarrierRoutes, PATIENCE};

impl CarrierRoutes<'_> {
    /// Answers how a call continues after its stream has ended.
    pub(super) async fn stream_ended(&self, ending: StreamEnding) -> HttpResponse {
        let call = ending.call.clone();
        if ending.over {
            self.app.supervisor.do_send(CarrierEnded(call));
            return self.answer(&Answer::HangUp);
        }
        let language = match self.app.supervisor.send(AfterStream(call.clone())).timeout(PATIENCE).await {
            Ok(Aftermath::On(_)) => return self.what_next(call).await,
            Ok(Aftermath::NeverCame { language }) => {
                let path = self.carrier.path(Role::Stream).unwrap_or_default();
                warn!(carrier_call = logged(call.as_str()); "the stream never came: the carrier could not open `server.public_url` + {path}; the caller hears an apology");
                language
            }
            Ok(Aftermath::Lost) if ending.in_progress => {
                info!(carrier_call = logged(call.as_str()); "a call without a stream is still in progress; the caller hears an apology");
                self.language_of(&ending)
            }
            Ok(Aftermath::Lost | Aftermath::Over) | Err(_) => {
                self.app.supervisor.do_send(EndedByAnswer(call));
                return self.answer(&Answer::HangUp);
            }
        };
        self.app.supervisor.do_send(EndedByAnswer(call));
        self.answer(&Answer::Refuse { language: &language, words: None })
    }

    /// Returns the language that a call would use.
    fn language_of(&self, ending: &StreamEnding) -> String {
        let (carrier, direction) = (self.carrier, ending.direction);
        let (from, to) = (ending.from.expose(), ending.to.expose());
        (self.app.profiles)(&Asked { carrier, direction, from, to, parameters: &[] }).language.clone()
    }

    /// Answers how a call continues after a dialled leg has ended.
    pub(super) async fn dial_ended(&self, call: CarrierCallId, outcome: Option<DialOutcome>) -> HttpResponse {
        let Some(outcome) = outcome else {
            self.app.supervisor.do_send(CarrierEnded(call));
            return self.answer(&Answer::HangUp);
        };
        if let Some(on) = self.find(&call).await {
            // The call handles it before the question, which is sent after it.
            on.do_send(DialEnded(outcome));
        }
        self.what_next(call).await
    }

    /// Answers whom to dial. This question changes nothing in the call.
    pub(super) async fn asks_whom(&self, call: &CarrierCallId) -> HttpResponse {
        let next = match self.find(call).await {
            Some(on) => on.send(ReadNext).timeout(PATIENCE).await.unwrap_or(Next::HangUp),
            None => Next::HangUp,
        };
        match next {
            Next::Dial { name, destination, .. } => self.dial(call, &name, &destination),
            Next::Meet | Next::Return | Next::HangUp => self.answer(&Answer::GoOn),
        }
    }

    fn dial(&self, call: &CarrierCallId, name: &str, destination: &Destination) -> HttpResponse {
        self.answer(&Answer::Dial(Dial {
            call,
            name,
            target: &destination.target,
            timeout: destination.timeout,
            caller_id: destination.caller_id.as_ref(),
            whispers: destination.whisper.is_some(),
        }))
    }

    /// Returns the document for a call whose stream or dialled leg has ended.
    async fn what_next(&self, call: CarrierCallId) -> HttpResponse {
        match self.ask_next(&call).await {
            Next::Dial { name, destination, .. } => self.dial(&call, &name, &destination),
            Next::Meet => self.answer(&Answer::Meet { call: &call, side: Side::Caller }),
            Next::HangUp => {
                self.app.supervisor.do_send(EndedByAnswer(call));
                self.answer(&Answer::HangUp)
            }
            Next::Return => match self.app.supervisor.send(ExpectReturn(call)).timeout(PATIENCE).await {
                Ok(Some(permit)) => {
                    // The name of a stream is unique within the call.
                    let name = CallId::random().to_string();
                    self.answer(&Answer::Stream { name: &name, token: Some(&permit.token), parameters: &[] })
                }
                Ok(None) | Err(_) => self.answer(&Answer::HangUp),
            },
        }
    }

    /// Asks the call how it continues. A call that is no longer live is over.
    async fn ask_next(&self, call: &CarrierCallId) -> Next {
        let Some(call) = self.find(call).await else { return Next::HangUp };
        call.send(NextAsked).timeout(PATIENCE).await.unwrap_or(Next::HangUp)
    }

    /// Announces to the answered leg what the call is about, before the two are joined.
    pub(super) async fn whisper(&self, call: &CarrierCallId) -> HttpResponse {
        let next = match self.find(call).await {
            // This question changes nothing in the call.
            Some(call) => call.send(ReadNext).timeout(PATIENCE).await.unwrap_or(Next::HangUp),
            None => Next::HangUp,
        };
        let answer = match next {
            Next::Dial { destination, reason, language, .. } => {
                destination.whisper.map(|words| (words.replace("{reason}", &reason), language))
            }
            Next::Meet | Next::Return | Next::HangUp => None,
        };
        match answer {
            Some((words, language)) => {
                self.answer(&Answer::AskToTake { words: &words, language: &language, taker: Taker::Dialled })
            }
            // The caller has hung up since: there is no call to join.
            None => self.answer(&Answer::HangUp),
        }
    }

    /// Announces what the call is about, after the callee of a warm transfer, or their machine, has
    /// answered.
    pub(super) async fn callee_answered(&self, call: &CarrierCallId) -> HttpResponse {
        let answer = match self.find(call).await {
            Some(on) => on.send(ReadBriefing).timeout(PATIENCE).await.ok().flatten(),
            None => None,
        };
        match answer {
            Some(Briefing { words, language }) => {
                self.answer(&Answer::AskToTake { words: &words, language: &language, taker: Taker::Callee { call } })
            }
            // The caller has hung up, or is back with the agent: there is no call to join.
            None => self.answer(&Answer::HangUp),
        }
    }

    /// Handles the callee's key: it joins them with the caller, who waits.
    pub(super) async fn callee_taken(&self, call: &CarrierCallId, taken: bool) -> HttpResponse {
        let waits = taken && self.callee_accepted(call).await == Next::Meet;
        let answer = if waits { Answer::Meet { call, side: Side::Callee } } else { Answer::HangUp };
        self.answer(&answer)
    }

    /// Handles the end of the callee's line.
    pub(super) async fn callee_status(&self, call: &CarrierCallId, outcome: Option<DialOutcome>) -> HttpResponse {
        if let Some(outcome) = outcome
            && let Some(on) = self.find(call).await
        {
            on.do_send(CalleeEnded(outcome));
        }
        self.answer(&Answer::Nothing)
    }

    /// Reports to the call that the callee takes it, and returns how the callee's line continues. A
    /// call that is no longer live is over.
    async fn callee_accepted(&self, call: &CarrierCallId) -> Next {
        let Some(call) = self.find(call).await else { return Next::HangUp };
        call.send(CalleeAccepted).timeout(PATIENCE).await.unwrap_or(Next::HangUp)
    }
}
