//! How a started stream becomes a call: it presents its token, the Supervisor decides, and the call
//! is notified if the socket closed before the call took the line.

use std::sync::Arc;
use std::time::Duration;

use actix_rt::ArbiterHandle;
use log::{error, info};
use metrics::counter;
use switchboard_actors::carrier::webhook_api::{Arrival, OUTBOUND, Proof};
use switchboard_actors::carrier::{Carrier, StreamStart};
use switchboard_actors::events::emit;
use switchboard_actors::ids::{CallId, CarrierCallId, Private, StreamId, logged};
use switchboard_actors::line::identity::Direction;
use switchboard_actors::line::messages::{Line, LineReport};
use switchboard_actors::profile::CallProfile;
use switchboard_actors::supervisor::events::Event;
use switchboard_actors::supervisor::messages::{
    Admit, Expect, ExpectedCall, Find, Identify, KnowsToken, Refusal, Unannounced, Word,
};
use tokio::sync::oneshot;

use super::app::{AppState, Asked};
use super::look_up::{self, Beginning};
use crate::service::cluster::messages::TakePermit;

/// A stream that requests admission.
pub(super) struct PendingStream {
    pub(super) carrier: Carrier,
    pub(super) arrival: Arrival,
    /// The parameters of its `start` message.
    pub(super) start: StreamStart,
    /// Its address for the call's messages.
    pub(super) line: Line,
    /// Its thread.
    pub(super) arbiter: ArbiterHandle,
    /// Completes when the call has taken the line; fails if the socket closed before.
    pub(super) line_taken: oneshot::Receiver<()>,
}

/// Asks the Supervisor. Returns when the call has taken the line, or was notified that the line is
/// gone.
pub(super) async fn apply(app: &AppState, pending: PendingStream) -> Result<(), Refusal> {
    let (call, line_taken) = match pending.arrival.clone() {
        Arrival::Authenticated { parameters } if pending.carrier == Carrier::of_operators() => {
            admit_operators(app, pending, &parameters).await?
        }
        Arrival::Announced { token, parameters } => claim(app, pending, token, parameters).await?,
        Arrival::Authenticated { parameters } => admit_unannounced(app, pending, parameters).await?,
    };
    if line_taken.await.is_err() {
        tell_closed(app, call).await;
    }
    Ok(())
}

/// The call that was started, and whether it has taken the line.
type Started = (CallId, oneshot::Receiver<()>);

/// Admits a stream whose call was announced by a webhook. The parameters of its URL override those
/// of its `start`, because the URL comes from us.
async fn claim(
    app: &AppState,
    mut pending: PendingStream,
    token: Option<Private<String>>,
    url: Vec<(String, String)>,
) -> Result<Started, Refusal> {
    pending.start.parameters.extend(url);
    // The token leaves the parameters, so that it is printed nowhere and reaches no other code.
    let in_start = pending.start.parameters.remove("token").filter(|token| !token.is_empty()).map(Private::new);
    let token = match token.or(in_start) {
        Some(token) => token,
        None => announce(app, pending.carrier, &pending.start).await?,
    };
    let token = match take_over(app, &pending, &token).await? {
        Some(own) => own,
        None => token,
    };
    let PendingStream { carrier, start, line, arbiter, line_taken, .. } = pending;
    let admit = Admit { carrier, token, start, line, arbiter };
    Ok((answered(app.supervisor.send(admit).timeout(PATIENCE).await)?, line_taken))
}

/// Takes over a call that a node has announced which is gone since; returns its token here. `None` if
/// the token is no such call's.
async fn take_over(
    app: &AppState,
    pending: &PendingStream,
    token: &Private<String>,
) -> Result<Option<Private<String>>, Refusal> {
    let Some(fleet) = &app.fleet else { return Ok(None) };
    let known = KnowsToken(token.clone());
    if !matches!(app.supervisor.send(known).timeout(PATIENCE).await, Ok(false)) {
        return Ok(None);
    }
    let taken = fleet.actor().send(TakePermit { token: token.clone() }).timeout(PATIENCE).await;
    let Some(call) = taken.ok().flatten() else { return Ok(None) };
    if call.carrier != pending.carrier.name() {
        return Err(Refusal::WrongCall);
    }
    let direction = if call.inbound { Direction::Inbound } else { Direction::Outbound };
    let asked =
        Asked { carrier: pending.carrier, direction, from: &call.from, to: &call.to, parameters: &call.parameters };
    let profile = (app.profiles)(&asked);
    info!(carrier_call = logged(&call.carrier_call); "a call is taken over from a node that is gone");
    counter!("switchboard_cluster_takeovers_total").increment(1);
    let (carrier, carrier_call) = (pending.carrier, CarrierCallId::new(&call.carrier_call));
    let parameters = call.parameters.into_iter().collect();
    let (from, to) = (Private::new(call.from), Private::new(call.to));
    let beginning = Beginning {
        carrier,
        carrier_call: &carrier_call,
        direction,
        from: &from,
        to: &to,
        parameters: &parameters,
        profile,
    };
    let profile = look_up::ask_in_call(app, beginning).await?;
    let call = ExpectedCall { carrier, carrier_call, account: call.account, direction, from, to, profile };
    app.enter(&call).await?;
    let permit = app.supervisor.send(Expect { call, word: Word::Rings }).timeout(PATIENCE).await;
    Ok(Some(answered(permit)?.token))
}

/// Admits a stream without an announcement. The parameters of its URL override those of its
/// `start`, because the URL comes from us.
async fn admit_unannounced(
    app: &AppState,
    mut pending: PendingStream,
    url: Vec<(String, String)>,
) -> Result<Started, Refusal> {
    pending.start.parameters.extend(url);
    if let Some(name) = pending.start.parameters.remove(OUTBOUND)
        && let Some(token) = pick_up(app, &pending.start, &name).await?
    {
        return claim(app, pending, Some(token), Vec::new()).await;
    }
    let PendingStream { carrier, mut start, line, arbiter, line_taken, .. } = pending;
    if let Some(webhook_api) = app.webhook_apis.get(&carrier) {
        webhook_api.sort(&mut start);
    }
    let numbers = app.answered.streams(start.carrier_call.as_str());
    let connected = numbers.is_some();
    if let Some(numbers) = numbers {
        start.from = start.from.or(numbers.from);
        start.to = start.to.or(numbers.to);
    }
    let call = expected(app, carrier, &start).await?;
    app.enter(&call).await?;
    let admit_unannounced = Unannounced { call, start, line, arbiter, connected };
    Ok((answered(app.supervisor.send(admit_unannounced).timeout(PATIENCE).await)?, line_taken))
}

/// Admits an operator's test call. Its agent and language are those that the operator has named,
/// whatever the routes say. Its name and the operator's come from the upgrade.
async fn admit_operators(
    app: &AppState,
    pending: PendingStream,
    upgrade: &[(String, String)],
) -> Result<Started, Refusal> {
    let PendingStream { carrier, mut start, line, arbiter, line_taken, .. } = pending;
    let of_upgrade =
        |name: &str| upgrade.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str());
    let (name, operator) = (of_upgrade(CALL), of_upgrade(OPERATOR));
    let (agent, language) = (start.parameters.get("agent"), start.parameters.get("language"));
    let agent = agent.map_or(DEFAULT_AGENT, String::as_str);
    let profile = (app.named)(carrier, agent, language.map(String::as_str), operator).map_err(|problem| {
        info!(agent, problem; "a test call names nobody");
        emit(Event::CallRefused { reason: Refusal::UnknownAgent.word(), carrier_call: Some(name) });
        Refusal::UnknownAgent
    })?;
    (start.carrier_call, start.stream) = (CarrierCallId::new(name), StreamId::new(name));
    let (from, to) = (Private::new(operator.to_owned()), Private::new(String::new()));
    let call = looked_up(app, carrier, &start, (from, to), profile).await?;
    let admit = Unannounced { call, start, line, arbiter, connected: false };
    Ok((answered(app.supervisor.send(admit).timeout(PATIENCE).await)?, line_taken))
}

/// The token of a call that we placed under `name`, over a carrier that opens the stream without
/// asking for a document: the stream itself says that the call was answered. `None` if the call is
/// on already, and this is another stream of it.
async fn pick_up(app: &AppState, start: &StreamStart, name: &str) -> Result<Option<Private<String>>, Refusal> {
    let (announced, carrier_call) = (CarrierCallId::new(name), start.carrier_call.clone());
    let known = Identify { announced, carrier_call, picked_up: true, answered_by: None, note: None };
    if let Some(permit) = app.supervisor.send(known).timeout(PATIENCE).await.ok().flatten() {
        return Ok(Some(permit.token));
    }
    let live = Find(start.carrier_call.as_str().to_owned());
    match app.supervisor.send(live).timeout(PATIENCE).await {
        Ok(Some(_)) => Ok(None),
        Ok(None) | Err(_) => Err(Refusal::BadToken),
    }
}

/// Announces the call of a stream without a webhook, if its carrier verifies nothing anyway. With
/// any other carrier a stream without a token is refused.
async fn announce(app: &AppState, carrier: Carrier, start: &StreamStart) -> Result<Private<String>, Refusal> {
    let proof = app.webhook_apis.get(&carrier).map(|webhook_api| webhook_api.proof());
    if proof != Some(Proof::ThisMachine) {
        let carrier_call = Some(start.carrier_call.as_str());
        emit(Event::CallRefused { reason: Refusal::BadToken.word(), carrier_call });
        return Err(Refusal::BadToken);
    }
    let call = expected(app, carrier, start).await?;
    Ok(answered(app.supervisor.send(Expect { call, word: Word::Stream }).timeout(PATIENCE).await)?.token)
}

/// Builds the call from the stream's own data, after its look-up.
async fn expected(app: &AppState, carrier: Carrier, start: &StreamStart) -> Result<ExpectedCall, Refusal> {
    let number = |known: &Option<Private<String>>, name: &str| {
        known.clone().unwrap_or_else(|| Private::new(start.parameters.get(name).cloned().unwrap_or_default()))
    };
    let (from, to) = (number(&start.from, "from"), number(&start.to, "to"));
    let parameters: Vec<_> = start.parameters.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let asked =
        Asked { carrier, direction: Direction::Inbound, from: from.expose(), to: to.expose(), parameters: &parameters };
    let profile = (app.profiles)(&asked);
    looked_up(app, carrier, start, (from, to), profile).await
}

/// A call from its stream's own data, with its profile after its look-up.
async fn looked_up(
    app: &AppState,
    carrier: Carrier,
    start: &StreamStart,
    (from, to): (Private<String>, Private<String>),
    profile: Arc<CallProfile>,
) -> Result<ExpectedCall, Refusal> {
    let beginning = Beginning {
        carrier,
        carrier_call: &start.carrier_call,
        direction: Direction::Inbound,
        from: &from,
        to: &to,
        parameters: &start.parameters,
        profile,
    };
    let profile = look_up::ask_in_call(app, beginning).await?;
    Ok(ExpectedCall {
        carrier,
        carrier_call: start.carrier_call.clone(),
        account: start.account.clone(),
        direction: Direction::Inbound,
        from,
        to,
        profile,
    })
}

/// Notifies a call whose socket closed during its start: no other actor can.
async fn tell_closed(app: &AppState, call: CallId) {
    if let Ok(Some(call)) = app.supervisor.send(Find(call.to_string())).timeout(PATIENCE).await {
        call.do_send(LineReport::Closed);
    }
}

/// Maps a Supervisor that does not answer to a refusal.
fn answered<T>(answer: Result<Result<T, Refusal>, actix::MailboxError>) -> Result<T, Refusal> {
    answer.unwrap_or_else(|problem| {
        error!(problem:%; "the Supervisor does not answer");
        Err(Refusal::Draining)
    })
}

/// What a test call's upgrade gives to its admission: the call's name, and the operator's.
pub(super) const CALL: &str = "call";
pub(super) const OPERATOR: &str = "operator";
/// Who answers a test call that names no agent.
const DEFAULT_AGENT: &str = "default";
/// Longest wait for the Supervisor; the stream's own deadline is usually shorter.
const PATIENCE: Duration = Duration::from_secs(5);
