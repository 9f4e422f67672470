//! Twilio's webhooks: the incoming call, what follows its stream, and the callbacks.

use std::sync::Arc;
use std::time::Duration;

use actix::Addr;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use log::{debug, error, info, warn};
use switchboard_actors::call::actor::CallActor;
use switchboard_actors::call::messages::{DialAnswered, Next, NextAsked, ReadNext};
use switchboard_actors::call::transfer::DialOutcome;
use switchboard_actors::carrier;
use switchboard_actors::clock;
use switchboard_actors::events::emit;
use switchboard_actors::ids::{CallId, CallTag, CarrierCallId, Private, logged};
use switchboard_actors::line::identity::Direction;
use switchboard_actors::supervisor::events::Event;
use switchboard_actors::supervisor::messages::{
    AfterStream, Aftermath, CarrierEnded, CarrierLetGo, Expect, ExpectReturn, ExpectedCall, Find, Identify, Refusal,
    Word,
};

use super::app::{AppState, Asked, named};
use super::form::{Form, FormError};
use super::order::{Body, bytes};
use super::problem::Problem;
use crate::service::config::Voicemail;
use switchboard_actors::carrier::twilio::answer::{self as twiml, ConnectStream, Side};

/// `/twilio/voice`: a call comes in. Takes a place for it and answers with where its audio goes, or politely says no.
pub(super) async fn voice(request: HttpRequest, body: Body, app: Data<AppState>) -> Result<HttpResponse, Problem> {
    let form = app.accept_webhook(&request, &bytes(body)?)?;
    let carrier_call = CarrierCallId::new(form.id("CallSid").map_err(unusable)?);
    let account = form.id("AccountSid").map_err(unusable)?.to_owned();
    let (from, to) = (form.value("From").unwrap_or_default(), form.value("To").unwrap_or_default());
    let query = Form::parse(request.query_string().as_bytes()).map_err(unusable)?;
    if let Some(name) = query.value("outbound") {
        return picked_up(&app, name, carrier_call, &form).await;
    }
    let status = form.value("CallStatus").unwrap_or_default();
    if is_news(&form) {
        return Ok(news(&app, carrier_call, status));
    }
    let asked =
        Asked { carrier: carrier::twilio::CARRIER, direction: direction(&form), from, to, parameters: query.pairs() };
    let profile = (app.profiles)(&asked);
    let named = logged(carrier_call.as_str());
    let language = profile.language.clone();
    // Somebody's own dialler has begun the call, and a machine has answered it.
    let machine = direction(&form) == Direction::Outbound && is_machine(&form);
    if machine && app.voicemail != Voicemail::Speak {
        info!(carrier_call = named; "an answering machine has answered; the call is ended (`outbound.voicemail`)");
        app.supervisor.do_send(CarrierEnded(carrier_call));
        return Ok(answer(twiml::hang_up()));
    }
    let profile = if machine { Arc::new(profile.with_note(TO_A_MACHINE)) } else { profile };
    let expected = ExpectedCall {
        carrier: carrier::twilio::CARRIER,
        carrier_call,
        account: Some(account),
        direction: direction(&form),
        from: Private::new(from.to_owned()),
        to: Private::new(to.to_owned()),
        profile,
    };
    let word = if status == IN_PROGRESS { Word::InProgress } else { Word::Rings };
    Ok(match app.supervisor.send(Expect { call: expected, word }).timeout(PATIENCE).await {
        Ok(Ok(permit)) => {
            debug!(call:% = permit.call, carrier_call = named; "call expected");
            answer(twiml::connect_stream(&ConnectStream {
                public_url: &app.public_url,
                name: &permit.call.to_string(),
                parameters: &[("token", permit.token.expose())],
            }))
        }
        Ok(Err(Refusal::CallOver)) => {
            info!(carrier_call = named, reason = Refusal::CallOver.word(); "call turned away at the webhook");
            answer(twiml::hang_up())
        }
        Ok(Err(refusal)) => {
            info!(carrier_call = named, reason = refusal.word(); "call turned away at the webhook");
            answer(twiml::say_and_hang_up(&twiml::refusal(&language)))
        }
        Err(problem) => {
            error!(carrier_call = named, problem:%; "the Supervisor does not answer");
            answer(twiml::say_and_hang_up(&twiml::refusal(&language)))
        }
    })
}

/// Whether a machine has answered, where the carrier was told to find out.
fn is_machine(form: &Form) -> bool {
    form.value("AnsweredBy").is_some_and(|by| by.starts_with("machine") || by == "fax")
}

/// Somebody, or something, has answered a call that we began.
async fn picked_up(
    app: &AppState,
    name: &str,
    carrier_call: CarrierCallId,
    form: &Form,
) -> Result<HttpResponse, Problem> {
    let machine = is_machine(form);
    let speaks = app.voicemail == Voicemail::Speak;
    let told = machine.then_some(TO_A_MACHINE);
    let announced = CarrierCallId::new(name);
    let known = Identify { announced, carrier_call: carrier_call.clone(), picked_up: true, told };
    let permit = app.supervisor.send(known).timeout(PATIENCE).await.ok().flatten();
    Ok(answer(match permit {
        Some(permit) if machine && !speaks => {
            emit(Event::OutboundEnded { call: &CallTag::new(permit.call, &carrier_call), status: "machine" });
            app.supervisor.do_send(CarrierEnded(carrier_call));
            twiml::hang_up()
        }
        Some(permit) => twiml::connect_stream(&ConnectStream {
            public_url: &app.public_url,
            name: &permit.call.to_string(),
            parameters: &[("token", permit.token.expose())],
        }),
        None => {
            warn!(carrier_call = logged(carrier_call.as_str()); "somebody has answered a call that we know nothing of; it is ended");
            twiml::hang_up()
        }
    }))
}

/// `/twilio/after-stream`: the stream has ended and Twilio asks how the call goes on.
pub(super) async fn after_stream(
    request: HttpRequest,
    body: Body,
    app: Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let form = app.accept_webhook(&request, &bytes(body)?)?;
    let call = CarrierCallId::new(form.id("CallSid").map_err(unusable)?);
    if TERMINAL.contains(&form.value("CallStatus").unwrap_or_default()) {
        app.supervisor.do_send(CarrierEnded(call));
        return Ok(answer(twiml::hang_up()));
    }
    let language = match app.supervisor.send(AfterStream(call.clone())).timeout(PATIENCE).await {
        Ok(Aftermath::On(_)) => return what_next(&app, call, None).await,
        Ok(Aftermath::NeverCame { language }) => {
            warn!(carrier_call = logged(call.as_str()); "the stream never came: the carrier could not open `server.public_url` + /ws; the caller is told");
            language
        }
        Ok(Aftermath::Lost) if form.value("CallStatus") == Some(IN_PROGRESS) => {
            info!(carrier_call = logged(call.as_str()); "a call without a stream is still in progress; the caller is told");
            language_of(&app, &form)
        }
        Ok(Aftermath::Lost | Aftermath::Over) | Err(_) => {
            app.supervisor.do_send(CarrierLetGo(call));
            return Ok(answer(twiml::hang_up()));
        }
    };
    app.supervisor.do_send(CarrierLetGo(call));
    Ok(answer(twiml::say_and_hang_up(&twiml::refusal(&language))))
}

/// The language that a call would be held in.
fn language_of(app: &AppState, form: &Form) -> String {
    let number = |name| form.value(name).unwrap_or_default();
    let direction = direction(form);
    let asked =
        Asked { carrier: carrier::twilio::CARRIER, direction, from: number("From"), to: number("To"), parameters: &[] };
    (app.profiles)(&asked).language.clone()
}

/// Whether a webhook tells of a call instead of asking what to do with it: a callback that was configured with the wrong address.
fn is_news(form: &Form) -> bool {
    const CALLBACKS: [&str; 5] =
        ["CallbackSource", "RecordingStatus", "StreamEvent", "StatusCallbackEvent", "TranscriptionEvent"];
    const WITHOUT_STATUS: [&str; 4] = ["AnsweredBy", "RecordingSid", "ConferenceSid", "TranscriptionSid"];
    let any = |names: &[&str]| names.iter().any(|name| form.value(name).is_some());
    match form.value("CallStatus") {
        Some(status) => TERMINAL.contains(&status) || any(&CALLBACKS),
        None => any(&CALLBACKS) || any(&WITHOUT_STATUS),
    }
}

/// News of a call takes no place and leads nowhere; a terminal state frees what the call holds.
fn news(app: &AppState, call: CarrierCallId, status: &str) -> HttpResponse {
    if app.hints.callback_at_voice.due(clock::now()) {
        warn!(carrier_call = logged(call.as_str()), status; "/twilio/voice was asked with a callback: set the status callback of the number to `server.public_url` + /twilio/status");
    }
    if TERMINAL.contains(&status) {
        app.supervisor.do_send(CarrierEnded(call));
    }
    HttpResponse::NoContent().finish()
}

/// `/twilio/dial-result`: a dialled leg has ended and Twilio asks how the call goes on.
pub(super) async fn dial_result(
    request: HttpRequest,
    body: Body,
    app: Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let form = app.accept_webhook(&request, &bytes(body)?)?;
    let call = CarrierCallId::new(form.id("CallSid").map_err(unusable)?);
    // The caller has hung up, and nobody is left to come back.
    if TERMINAL.contains(&form.value("CallStatus").unwrap_or_default()) {
        app.supervisor.do_send(CarrierEnded(call));
        return Ok(answer(twiml::hang_up()));
    }
    what_next(&app, call, Some(dial_outcome(&form))).await
}

/// `/twilio/whisper`: somebody has answered a dialled leg and is told what the call is about before the two are joined.
pub(super) async fn whisper(request: HttpRequest, body: Body, app: Data<AppState>) -> Result<HttpResponse, Problem> {
    let form = app.accept_webhook(&request, &bytes(body)?)?;
    let parent = CarrierCallId::new(form.id("ParentCallSid").map_err(unusable)?);
    let told = match read_next(&app, &parent).await {
        Next::Dial { destination, reason, language, .. } => {
            destination.whisper.map(|words| (words.replace("{reason}", &reason), language))
        }
        Next::Meet | Next::Return | Next::HangUp => None,
    };
    // The caller has gone meanwhile: nobody is to be joined.
    Ok(answer(told.map_or_else(twiml::hang_up, |(words, language)| twiml::whisper(&app.public_url, &words, &language))))
}

/// `/twilio/whisper-taken`: whoever answered has pressed a key, and takes the call.
pub(super) async fn whisper_taken(
    request: HttpRequest,
    body: Body,
    app: Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let form = app.accept_webhook(&request, &bytes(body)?)?;
    Ok(answer(if is_pressed(&form) { twiml::go_on() } else { twiml::hang_up() }))
}

/// Whether the person has pressed a key, `#` too.
pub(super) fn is_pressed(form: &Form) -> bool {
    let key = |text: &str| text.contains(|c: char| c.is_ascii_digit() || matches!(c, '*' | '#'));
    ["Digits", "FinishedOnKey"].iter().any(|name| form.value(name).is_some_and(key))
}

/// `/twilio/status`: a call changed its state. A terminal one frees what the call holds, should nothing else have said so. Of a leg
/// that the call has dialled only its answer matters; how it ends is told to `dial-result`.
pub(super) async fn status(request: HttpRequest, body: Body, app: Data<AppState>) -> Result<HttpResponse, Problem> {
    let form = app.accept_webhook(&request, &bytes(body)?)?;
    if let Some(parent) = form.value("ParentCallSid").filter(|parent| !parent.is_empty()) {
        if form.value("CallStatus") == Some("in-progress")
            && let Some(call) = find(&app, &CarrierCallId::new(parent)).await
        {
            call.do_send(DialAnswered);
        }
        return Ok(HttpResponse::NoContent().finish());
    }
    let call = CarrierCallId::new(form.id("CallSid").map_err(unusable)?);
    let status = form.value("CallStatus").unwrap_or_default();
    let query = Form::parse(request.query_string().as_bytes()).map_err(unusable)?;
    if let Some(name) = query.value("outbound") {
        let announced = CarrierCallId::new(name);
        let known = Identify { announced, carrier_call: call.clone(), picked_up: false, told: None };
        let permit = app.supervisor.send(known).timeout(PATIENCE).await.ok().flatten();
        if let (Some(permit), Some(status)) = (permit, UNANSWERED.into_iter().find(|it| *it == status)) {
            emit(Event::OutboundEnded { call: &CallTag::new(permit.call, &call), status });
        }
    }
    if TERMINAL.contains(&status) {
        debug!(carrier_call = logged(call.as_str()), status; "the carrier says that the call is over");
        app.supervisor.do_send(CarrierEnded(call));
    }
    Ok(HttpResponse::NoContent().finish())
}

/// `/twilio/stream-status`: the only news of a stream whose handshake failed before we saw it.
pub(super) async fn stream_status(
    request: HttpRequest,
    body: Body,
    app: Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let form = app.accept_webhook(&request, &bytes(body)?)?;
    let stream = form.id("StreamSid").map_err(unusable)?;
    match form.value("StreamEvent") {
        Some("stream-error") => {
            let said = form.value("StreamError").unwrap_or_default();
            let code = error_code(said);
            let meaning = code.and_then(explain).unwrap_or("see the carrier's error catalogue");
            // The carrier's own words may quote anything; its code and our words do.
            let carrier_call = named(form.value("CallSid"));
            warn!(carrier_call, stream, code:? = code, meaning; "stream failed at the carrier");
        }
        event => debug!(stream, event; "stream status"),
    }
    Ok(HttpResponse::NoContent().finish())
}

/// Longest wait for the Supervisor. The carrier gives up after 15 s; a Supervisor that takes 5 s is dead.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// `CallStatus` values after which nothing comes.
pub(super) const TERMINAL: [&str; 5] = ["completed", "busy", "failed", "no-answer", "canceled"];

/// The `CallStatus` of a call that somebody has answered.
const IN_PROGRESS: &str = "in-progress";

/// Those of a call that nobody has answered.
const UNANSWERED: [&str; 4] = ["busy", "failed", "no-answer", "canceled"];

/// What the model is told when a machine has answered.
const TO_A_MACHINE: &str = "# This call\n\nAn answering machine has answered. Nobody hears you now and nobody will reply: leave one short message \
with who you are, why you call and that you will call again, then end the call.";

/// The document for a call whose stream, or dialled leg, has ended.
async fn what_next(app: &AppState, call: CarrierCallId, dialled: Option<DialOutcome>) -> Result<HttpResponse, Problem> {
    let document = match ask_next(app, &call, dialled).await {
        Next::Dial { name, destination, .. } => twiml::dial(&twiml::Dial {
            public_url: &app.public_url,
            name: &name,
            target: &destination.target,
            timeout: destination.timeout,
            caller_id: destination.caller_id.as_ref(),
            whispers: destination.whisper.is_some(),
        }),
        Next::Meet => twiml::meet(&app.public_url, &room(&call), Side::Caller),
        Next::HangUp => {
            app.supervisor.do_send(CarrierLetGo(call));
            twiml::hang_up()
        }
        Next::Return => match app.supervisor.send(ExpectReturn(call)).timeout(PATIENCE).await {
            Ok(Some(permit)) => twiml::connect_stream(&ConnectStream {
                public_url: &app.public_url,
                // A stream's name is its own within the call.
                name: &CallId::random().to_string(),
                parameters: &[("token", permit.token.expose())],
            }),
            Ok(None) | Err(_) => twiml::hang_up(),
        },
    };
    Ok(answer(document))
}

/// How the call goes on; a call that is no longer on is over.
async fn ask_next(app: &AppState, call: &CarrierCallId, dialled: Option<DialOutcome>) -> Next {
    let Some(call) = find(app, call).await else { return Next::HangUp };
    call.send(NextAsked(dialled)).timeout(PATIENCE).await.unwrap_or(Next::HangUp)
}

/// How the call would go on, were it asked now; nothing comes of this.
async fn read_next(app: &AppState, call: &CarrierCallId) -> Next {
    let Some(call) = find(app, call).await else { return Next::HangUp };
    call.send(ReadNext).timeout(PATIENCE).await.unwrap_or(Next::HangUp)
}

pub(super) async fn find(app: &AppState, call: &CarrierCallId) -> Option<Addr<CallActor>> {
    app.supervisor.send(Find(call.to_string())).timeout(PATIENCE).await.ok().flatten()
}

/// How a dialled leg went. An answer alone does not mean that the two were joined.
fn dial_outcome(form: &Form) -> DialOutcome {
    let joined = form.value("DialBridged") != Some("false");
    match form.value("DialCallStatus").unwrap_or_default() {
        "completed" | "answered" if joined => DialOutcome::Bridged,
        "completed" | "answered" => DialOutcome::NotTaken,
        status => unanswered(status),
    }
}

/// How a leg went that nobody has answered.
pub(super) fn unanswered(status: &str) -> DialOutcome {
    match status {
        "busy" => DialOutcome::Busy,
        "no-answer" | "canceled" => DialOutcome::NoAnswer,
        _ => DialOutcome::Failed,
    }
}

/// The conference of a call.
pub(super) fn room(call: &CarrierCallId) -> String {
    format!("switchboard-{call}")
}

#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
pub(super) fn unusable(error: FormError) -> Problem {
    Problem::bad_request(format!("the form cannot be used: {error}"))
}

pub(super) fn answer(document: String) -> HttpResponse {
    HttpResponse::Ok().content_type(twiml::CONTENT_TYPE).body(document)
}

fn direction(form: &Form) -> Direction {
    match form.value("Direction") {
        Some("outbound-api" | "outbound-dial") => Direction::Outbound,
        _ => Direction::Inbound,
    }
}

/// The first number of five digits in `text`.
fn error_code(text: &str) -> Option<u32> {
    text.split(|c: char| !c.is_ascii_digit()).find(|digits| digits.len() == 5)?.parse().ok()
}

/// What a stream error of the carrier means for the operator of this service.
fn explain(code: u32) -> Option<&'static str> {
    Some(match code {
        31900 => "unknown error at the carrier",
        31901 => "connecting to the stream URL timed out: is `server.public_url` reachable from the internet?",
        31902 => "the stream URL refused the connection: is the proxy listening and does it pass `/ws` on?",
        31903 => "the socket was dropped: a proxy's read timeout, or this process died",
        31904 => "the stream URL's host is unreachable: check DNS and `server.public_url`",
        31910 => "TLS failed: the proxy's certificate must be publicly trusted and match `server.public_url`",
        31920 => {
            "the upgrade was not answered with 101: the signature was refused (`server.public_url` must be the URL the carrier calls), or the proxy does not pass upgrades"
        }
        31921 => "we closed the socket: the log of that moment says why",
        31922 => "the stream URL is not wss: `server.public_url` must be https",
        31923 => "the stream URL is malformed: check `server.public_url`",
        31924 => "WebSocket protocol violation: a proxy that compresses or changes frames",
        31930 => "the carrier dropped caller audio because we read too slowly: this process is overloaded",
        31931 => "more than 10 minutes of audio were queued at the carrier and the rest was dropped",
        31940..=31942 => "a connector or a track that this service does not use",
        31950 | 31951 => {
            "the carrier refused a message of ours as malformed: a fault of this service, please report it"
        }
        31953 => "no audio from the telephone network",
        31960 => "a quota of the carrier was reached",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_found_in_whatever_words_it_comes() {
        assert_eq!(error_code("31920"), Some(31920));
        assert_eq!(error_code("Error 31920 - Stream - WebSocket - Handshake Error"), Some(31920));
        assert_eq!(error_code("no number, 12 or 123456"), None);
    }

    #[test]
    fn every_code_of_the_reference_is_explained_but_those_of_other_products() {
        for code in [31901, 31902, 31903, 31904, 31910, 31920, 31921, 31922, 31923, 31924, 31930, 31931, 31951, 31953] {
            assert!(explain(code).is_some(), "{code}");
        }
        assert_eq!(explain(64_101), None);
    }
}
