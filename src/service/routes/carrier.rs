//! The carriers' paths. A carrier's webhook API judges each request and writes the answer; the work
//! in between is done here.
//!
//! This file has the parts common to all carriers: incoming, answered and connected calls, status
//! news, streams. `after` has the steps after a stream. `request` reads requests and writes
//! documents.

mod after;
mod request;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix::Addr;
use actix_web::http::Method;
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use log::{debug, error, info, warn};
use switchboard_actors::call::actor::CallActor;
use switchboard_actors::call::messages::{Detected, DialAnswered};
use switchboard_actors::carrier::Carrier;
use switchboard_actors::carrier::webhook_api::{
    Answer, AnsweredBy, Arrival, Arriving, Connecting, Role, Route, StatusUpdate, StreamUpdate, Verb, WebhookApi,
    WebhookEvent,
};
use switchboard_actors::clock;
use switchboard_actors::events::emit;
use switchboard_actors::ids::{CallTag, CarrierCallId, Private, logged};
use switchboard_actors::line::identity::Direction;
use switchboard_actors::supervisor::events::Event;
use switchboard_actors::supervisor::messages::{
    CarrierEnded, EndedByAnswer, Expect, ExpectedCall, Find, Identify, Permit, Refusal, Word,
};

use super::answered::Numbers;
use super::app::{AppState, Asked, named};
use super::order::{Body, bytes};
use super::problem::Problem;
use super::{fleet, look_up, only, stream};
use crate::service::cluster::messages::{Announced, KeepPermit};
use crate::service::config::Voicemail;
use crate::service::overload::Overload;

/// Mounts the paths of every carrier.
pub(super) fn mount(app: &mut web::ServiceConfig) {
    for (carrier, route) in
        Carrier::all().flat_map(|carrier| carrier.routes().iter().map(move |route| (carrier, route)))
    {
        let words: Vec<&str> = route.verbs.iter().map(|verb| verb.word()).collect();
        let mut resource = only(route.path, words.join(", "));
        for verb in route.verbs {
            let method = match verb {
                Verb::Get => Method::GET,
                Verb::Post => Method::POST,
            };
            resource =
                resource.route(web::method(method).to(move |request: HttpRequest, body: Body, app: Data<AppState>| {
                    serve(carrier, route, request, body, app)
                }));
        }
        app.service(resource);
    }
}

/// Answers a request to a carrier's path.
async fn serve(
    carrier: Carrier,
    route: &'static Route,
    request: HttpRequest,
    body: Body,
    app: Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let routes = CarrierRoutes::of(&app, carrier)?;
    let body = bytes(body)?;
    if route.role == Role::Stream {
        let arrival = request::upgrade(&routes, &request)?;
        if let Arrival::Authenticated { parameters } = &arrival {
            routes.check_agent(parameters, None, &request)?;
        }
        if let Some(led) = fleet::stream_led(&request, &app).await {
            return led;
        }
        return stream::upgrade(carrier, arrival, &request, app.clone());
    }
    let event = request::judge(&routes, route.role, &request, &body)?;
    if let Some(led) = fleet::led(&request, &body, &app).await {
        return Ok(led);
    }
    if let WebhookEvent::Connects(call) = &event {
        routes.check_agent(&call.parameters, Some(call.call.as_str()), &request)?;
    }
    routes.hear(event, &request).await
}

/// The request context of one carrier, with its webhook API.
struct CarrierRoutes<'a> {
    app: &'a AppState,
    carrier: Carrier,
    webhook_api: &'a dyn WebhookApi,
    /// The same with addresses that lead to this node, for answers.
    answers: &'a dyn WebhookApi,
}

impl<'a> CarrierRoutes<'a> {
    fn of(app: &'a AppState, carrier: Carrier) -> Result<Self, Problem> {
        let webhook_api = app.webhook_apis.get(&carrier).map(|webhook_api| &**webhook_api).ok_or_else(|| {
            let (title, name) = (carrier.title(), carrier.name());
            Problem::not_found(format!("{title} is not answered here; set {name}.enabled = true"))
        })?;
        let answers = app.answers.get(&carrier).map_or(webhook_api, |answers| &**answers);
        Ok(Self { app, carrier, webhook_api, answers })
    }

    /// Acts upon a carrier's request.
    async fn hear(&self, event: WebhookEvent, request: &HttpRequest) -> Result<HttpResponse, Problem> {
        Ok(match event {
            WebhookEvent::Arrives(call) => self.arrives(call).await,
            WebhookEvent::Connects(call) => self.connects(&call),
            WebhookEvent::ConnectedEnded { call, asks, said } => self.connected_ended(&call, asks, &said),
            WebhookEvent::PickedUp { name, call, answered_by } => self.picked_up(&name, call, answered_by).await,
            WebhookEvent::Detected { call, by } => self.detected(call, by).await,
            WebhookEvent::Misdirected { call, over, status } => self.misdirected(call, over, &status, request.path()),
            WebhookEvent::StreamEnded(ending) => self.stream_ended(ending).await,
            WebhookEvent::AsksWhom { call } => self.asks_whom(&call).await,
            WebhookEvent::DialEnded { call, outcome } => self.dial_ended(call, outcome).await,
            WebhookEvent::Whisper { call } => self.whisper(&call).await,
            WebhookEvent::WhisperTaken { taken } => self.answer(if taken { &Answer::GoOn } else { &Answer::HangUp }),
            WebhookEvent::CalleeAnswered { call } => self.callee_answered(&call).await,
            WebhookEvent::CalleeTaken { call, taken } => self.callee_taken(&call, taken).await,
            WebhookEvent::CalleeStatus { call, outcome } => self.callee_status(&call, outcome).await,
            WebhookEvent::LegAnswered { call } => self.leg_answered(&call).await,
            WebhookEvent::Status(update) => self.status(update).await,
            WebhookEvent::Stream(update) => self.stream_update(&update),
            WebhookEvent::Nothing => self.answer(&Answer::Nothing),
        })
    }

    fn answer(&self, answer: &Answer<'_>) -> HttpResponse {
        request::written(self.answers.answer(answer))
    }

    /// Handles an incoming call: reserves a slot and answers with the stream's address, or refuses
    /// politely.
    async fn arrives(&self, call: Arriving) -> HttpResponse {
        let Arriving { call: carrier_call, account, direction, from, to, parameters, in_progress, answered_by } = call;
        let machine = answered_by.is_some_and(AnsweredBy::is_machine);
        let (carrier, app) = (self.carrier, self.app);
        let asked =
            Asked { carrier, direction, from: from.expose(), to: to.expose(), parameters: parameters.as_slice() };
        let profile = (app.profiles)(&asked);
        let named = logged(carrier_call.as_str());
        let language = profile.language.clone();
        if machine && app.now().voicemail != Voicemail::Speak {
            info!(carrier_call = named; "an answering machine has answered; the call is ended (`outbound.voicemail`)");
            app.supervisor.do_send(CarrierEnded(carrier_call));
            return self.answer(&Answer::HangUp);
        }
        let known: BTreeMap<_, _> = parameters.iter().cloned().collect();
        let beginning = look_up::Beginning {
            carrier,
            carrier_call: &carrier_call,
            direction,
            from: &from,
            to: &to,
            parameters: &known,
            profile,
        };
        let profile = match look_up::ask(app, beginning).await {
            Ok(profile) => profile,
            Err(decline) => {
                look_up::told(&decline, &carrier_call);
                app.supervisor.do_send(CarrierEnded(carrier_call));
                return self.answer(&Answer::Refuse { language: &language, words: decline.words.as_deref() });
            }
        };
        let language = profile.language.clone();
        let profile = match answered_by {
            Some(by) => Arc::new(profile.answered(Some(by), machine.then_some(TO_A_MACHINE))),
            None => profile,
        };
        let announced = app.fleet.as_ref().map(|fleet| Announced {
            process: fleet.process().to_owned(),
            carrier: carrier.name().to_owned(),
            carrier_call: carrier_call.to_string(),
            account: account.clone(),
            inbound: direction == Direction::Inbound,
            from: from.expose().clone(),
            to: to.expose().clone(),
            parameters,
        });
        let call = ExpectedCall { carrier, carrier_call, account, direction, from, to, profile };
        let word = if in_progress { Word::InProgress } else { Word::Rings };
        let asked = match app.enter(&call).await {
            Ok(()) => app.supervisor.send(Expect { call, word }).timeout(PATIENCE).await,
            Err(refusal) => Ok(Err(refusal)),
        };
        match asked {
            Ok(Ok(permit)) => {
                debug!(call:% = permit.call, carrier_call = named; "call expected");
                if let (Some(fleet), Some(call)) = (&app.fleet, announced) {
                    fleet.actor().do_send(KeepPermit { token: permit.token.clone(), call });
                }
                self.stream(&permit)
            }
            Ok(Err(Refusal::CallOver)) => {
                info!(carrier_call = named, reason = Refusal::CallOver.word(); "call turned away at the webhook");
                self.answer(&Answer::HangUp)
            }
            Ok(Err(refusal)) => {
                info!(carrier_call = named, reason = refusal.word(); "call turned away at the webhook");
                self.answer(&Answer::Refuse { language: &language, words: None })
            }
            Err(problem) => {
                error!(carrier_call = named, problem:%; "the Supervisor does not answer");
                self.answer(&Answer::Refuse { language: &language, words: None })
            }
        }
    }

    /// Returns the document that connects a call to its first stream.
    fn stream(&self, permit: &Permit) -> HttpResponse {
        let name = permit.call.to_string();
        self.answer(&Answer::Stream { name: &name, token: Some(&permit.token), parameters: &[] })
    }

    /// Connects a call to a stream that is admitted by its URL.
    fn connects(&self, call: &Connecting) -> HttpResponse {
        if let Some(refusal) = self.newcomers_refused().filter(|_| !self.app.answered.knows(&call.call)) {
            info!(carrier_call = logged(&call.call), reason = refusal.word(); "call turned away at the webhook");
            emit(Event::CallRefused { reason: refusal.word(), carrier_call: Some(&call.call) });
            let number =
                |number: &Option<Private<String>>| number.as_ref().map(|it| it.expose().clone()).unwrap_or_default();
            let (from, to, parameters) = (number(&call.from), number(&call.to), call.parameters.as_slice());
            let (carrier, direction) = (self.carrier, Direction::Inbound);
            let profile = (self.app.profiles)(&Asked { carrier, direction, from: &from, to: &to, parameters });
            return self.answer(&Answer::Refuse { language: &profile.language, words: None });
        }
        let numbers = Numbers { from: call.from.clone(), to: call.to.clone() };
        if !self.app.answered.begins(&call.call, call.is_new, numbers, clock::now()) {
            return self.connected_ended(&call.call, true, &call.said);
        }
        self.answer(&Answer::Stream { name: &call.name, token: None, parameters: &call.parameters })
    }

    /// Why no new call is connected now. The Supervisor is not asked for calls whose streams are
    /// admitted by their URLs.
    fn newcomers_refused(&self) -> Option<Refusal> {
        if self.app.drain.has_begun() {
            return Some(Refusal::Draining);
        }
        self.app.overload.as_ref().is_some_and(Overload::refuses).then_some(Refusal::Overloaded)
    }

    /// Handles the end of such a call or of its stream: the agent said goodbye, or the caller hung
    /// up.
    fn connected_ended(&self, call: &str, asks: bool, event: &str) -> HttpResponse {
        if asks {
            debug!(carrier_call = logged(call), event; "a call whose stream is over is ended");
        } else {
            debug!(carrier_call = logged(call), event; "the carrier says that a call is over");
        }
        self.app.answered.over(call);
        if !call.is_empty() {
            // Either the call is over, or this answer ends it.
            self.app.supervisor.do_send(EndedByAnswer(CarrierCallId::new(call)));
        }
        self.answer(if asks { &Answer::HangUp } else { &Answer::Nothing })
    }

    /// Refuses a URL that names an unknown agent.
    fn check_agent(
        &self,
        parameters: &[(String, String)],
        carrier_call: Option<&str>,
        request: &HttpRequest,
    ) -> Result<(), Problem> {
        let now = self.app.now();
        match parameters.iter().find(|(name, _)| name == "agent") {
            Some((_, agent)) if !now.agents.contains(agent) => {
                let carrier_call = carrier_call.filter(|call| !call.is_empty());
                emit(Event::CallRefused { reason: "unknown_agent", carrier_call });
                if self.app.hints.refusals.due("unknown_agent", clock::now()) {
                    warn!(carrier_call = named(carrier_call), path = request.path(); "request refused: its URL names an agent that is not configured");
                }
                let known: Vec<_> = now.agents.iter().map(String::as_str).collect();
                Err(Problem::not_found(format!("no such agent; there are {}", known.join(", "))))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Handles the answer to an outbound call, by a person or a machine.
    async fn picked_up(&self, name: &str, carrier_call: CarrierCallId, by: Option<AnsweredBy>) -> HttpResponse {
        let app = self.app;
        let machine = by.is_some_and(AnsweredBy::is_machine);
        let speaks = app.now().voicemail == Voicemail::Speak;
        let note = machine.then_some(TO_A_MACHINE);
        let announced = CarrierCallId::new(name);
        let known = Identify { announced, carrier_call: carrier_call.clone(), picked_up: true, answered_by: by, note };
        match app.supervisor.send(known).timeout(PATIENCE).await.ok().flatten() {
            Some(permit) if machine && !speaks => {
                emit(Event::OutboundEnded { call: &CallTag::new(permit.call, &carrier_call), status: "machine" });
                app.supervisor.do_send(CarrierEnded(carrier_call));
                self.answer(&Answer::HangUp)
            }
            Some(permit) => self.stream(&permit),
            None => {
                warn!(carrier_call = logged(carrier_call.as_str()); "an unknown outbound call was answered; it is ended");
                self.answer(&Answer::HangUp)
            }
        }
    }

    /// Handles a late detection of who answered, with the same result as one at the call's start.
    async fn detected(&self, call: CarrierCallId, by: AnsweredBy) -> HttpResponse {
        let app = self.app;
        let speaks = app.now().voicemail == Voicemail::Speak;
        if by.is_machine() && !speaks {
            let carrier_call = logged(call.as_str());
            info!(carrier_call; "an answering machine has answered; the call is ended (`outbound.voicemail`)");
        }
        let note = speaks.then_some(TO_A_MACHINE);
        if let Some(live) = self.find(&call).await {
            live.do_send(Detected { by, note });
        } else if by.is_machine() && !speaks {
            app.supervisor.do_send(CarrierEnded(call));
        } else {
            let (answered_by, note) = (Some(by), note.filter(|_| by.is_machine()));
            let known = Identify { announced: call.clone(), carrier_call: call, picked_up: false, answered_by, note };
            app.supervisor.do_send(known);
        }
        self.answer(&Answer::Nothing)
    }

    /// Handles status news at the wrong path. It reserves no slot and connects nothing; a terminal
    /// state frees the call's resources.
    fn misdirected(&self, call: CarrierCallId, over: bool, status: &str, path: &str) -> HttpResponse {
        if self.app.hints.callback_at_voice.due(clock::now()) {
            let right = self.carrier.path(Role::Status).unwrap_or_default();
            warn!(carrier_call = logged(call.as_str()), status; "{path} received a status callback: set the status callback of the number to `server.public_url` + {right}");
        }
        if over {
            self.app.supervisor.do_send(CarrierEnded(call));
        }
        self.answer(&Answer::Nothing)
    }

    /// Handles the answer of a dialled leg; its end is reported elsewhere.
    async fn leg_answered(&self, call: &CarrierCallId) -> HttpResponse {
        if let Some(call) = self.find(call).await {
            call.do_send(DialAnswered);
        }
        self.answer(&Answer::Nothing)
    }

    /// Handles a new state of a call. A terminal state frees the call's resources if no other
    /// report did.
    async fn status(&self, update: StatusUpdate) -> HttpResponse {
        let StatusUpdate { call, announced, unanswered, over, status } = update;
        if let Some(name) = announced {
            let announced = CarrierCallId::new(&name);
            let known =
                Identify { announced, carrier_call: call.clone(), picked_up: false, answered_by: None, note: None };
            let permit = self.app.supervisor.send(known).timeout(PATIENCE).await.ok().flatten();
            if let (Some(permit), Some(status)) = (permit, unanswered) {
                emit(Event::OutboundEnded { call: &CallTag::new(permit.call, &call), status });
            }
        }
        if over {
            debug!(carrier_call = logged(call.as_str()), status; "the carrier says that the call is over");
            self.app.supervisor.do_send(CarrierEnded(call));
        }
        self.answer(&Answer::Nothing)
    }

    /// Handles news of a stream: the only report if its handshake failed before it reached us.
    fn stream_update(&self, update: &StreamUpdate) -> HttpResponse {
        let (stream, event) = (logged(&update.stream), update.event.as_deref());
        match &update.failed {
            Some(failure) => {
                let (carrier_call, meaning) = (named(update.call.as_deref()), failure.meaning);
                warn!(carrier_call, stream, code:? = failure.code, meaning; "stream failed at the carrier");
            }
            None => debug!(stream, event; "stream status"),
        }
        self.answer(&Answer::Nothing)
    }

    async fn find(&self, call: &CarrierCallId) -> Option<Addr<CallActor>> {
        self.app.supervisor.send(Find(call.to_string())).timeout(PATIENCE).await.ok().flatten()
    }
}

/// Longest wait for the Supervisor. Carriers give up after 10 to 15 s; a Supervisor that takes 5 s
/// is dead.
const PATIENCE: Duration = Duration::from_secs(5);

/// The model's instructions after a machine has answered.
const TO_A_MACHINE: &str = "# This call\n\nAn answering machine has answered. Nobody hears you now and nobody will reply: leave one short message \
with who you are, why you call and that you will call again, then end the call.";
