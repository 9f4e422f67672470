//! Requests that belong to another node of the cluster, or come from one. The decisions about who is
//! there are in [`crate::service::cluster`].
//!
//! An order or a question about a call goes to the node that has the call; a carrier's request whose
//! path begins with `/n/{node}` goes to that node. A request of another node is answered here and
//! goes no further.

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode, header};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use actix_web::{Error, HttpMessage as _, HttpRequest, HttpResponse};
use log::{debug, warn};
use metrics::counter;
use switchboard_actors::supervisor::messages::Find;

use super::app::{AppState, header};
use super::problem::Problem;
use super::upgrade::{self, Carried, Written};
use crate::service::cluster::peers::{self, Asked, OPERATOR, ROLE, TOKEN};
use crate::service::cluster::{Beat, Fleet};
use crate::service::operators::{Operator, Role};

/// Marks a request of another node.
#[derive(Debug, Clone, Copy)]
struct OfANode;

/// Whether another node has made the request: it is answered from what this node has.
pub(super) fn is_of_a_node(request: &HttpRequest) -> bool {
    request.extensions().contains::<OfANode>()
}

/// Returns for whom another node makes the request; `None` if no node makes it.
///
/// # Errors
/// When it shows a token that is not the cluster's.
pub(super) fn operator(request: &HttpRequest, app: &AppState) -> Result<Option<Operator>, Problem> {
    let Some(shown) = header(request, TOKEN) else { return Ok(None) };
    let refused = || Problem::new(StatusCode::UNAUTHORIZED, "expected the token of this cluster");
    app.fleet.as_ref().filter(|fleet| fleet.is_token(shown)).ok_or_else(refused)?;
    request.extensions_mut().insert(OfANode);
    let name = header(request, OPERATOR).unwrap_or("node").to_owned();
    let role = header(request, ROLE).and_then(|word| Role::WORDS.iter().find(|(known, _)| *known == word));
    Ok(Some(Operator { name, role: role.map_or(Role::Viewer, |(_, role)| *role) }))
}

/// Passes requests of other nodes only; for the paths that they ask carriers' requests at.
pub(super) async fn nodes_only(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let app = request.app_data::<Data<AppState>>().cloned();
    let known = app.and_then(|app| operator(request.request(), &app).ok().flatten());
    if known.is_none() {
        return Err(Problem::not_found(format!("there is nothing at {}", request.path())).into());
    }
    next.call(request).await
}

/// Answers a request about a call that another node has; `None` if this node is to answer it.
pub(super) async fn elsewhere(
    request: &mut ServiceRequest,
    app: &AppState,
    operator: &Operator,
) -> Result<Option<HttpResponse>, Error> {
    let Some(fleet) = app.fleet.as_ref().filter(|_| !is_of_a_node(request.request())) else { return Ok(None) };
    let path = request.path().to_owned();
    let mut parts = path.trim_start_matches('/').splitn(3, '/');
    let (Some("calls"), Some(id)) = (parts.next(), parts.next().filter(|id| !id.is_empty())) else { return Ok(None) };
    let is_known = [Method::GET, Method::POST].contains(request.method());
    if !is_known || fleet.others().is_empty() || is_here(app, id).await {
        return Ok(None);
    }
    let is_upgrade = request.headers().contains_key(header::UPGRADE);
    let body = if is_upgrade { Bytes::new() } else { request.extract::<Bytes>().await? };
    if !is_upgrade {
        request.set_payload(Payload::from(body.clone()));
    }
    let kept = ["content-type", "last-event-id", "accept"];
    let asked = asked(request.request(), body, |name| kept.contains(&name)).on_behalf_of(operator);
    if is_upgrade {
        return socket_elsewhere(request.request(), fleet, id, asked).await;
    }
    match fleet.ask_whoever_has(&asked).await {
        Ok(None) => Ok(None),
        Ok(Some((peer, answer))) => {
            debug!(node = peer.node.as_str(), status = answer.status; "a request was answered by the node that has the call");
            count("done");
            Ok(Some(peers::passed_on(answer)))
        }
        Err(node) => {
            count("failed");
            Err(silent(&node).into())
        }
    }
}

/// Joins the socket of a person with the one at the node that has the call.
async fn socket_elsewhere(
    request: &HttpRequest,
    fleet: &Fleet,
    id: &str,
    asked: Asked,
) -> Result<Option<HttpResponse>, Error> {
    let look = Asked { reads: true, target: format!("/calls/{id}"), body: Bytes::new(), ..asked.clone() };
    let peer = match fleet.ask_whoever_has(&look).await {
        Ok(None) => return Ok(None),
        Ok(Some((peer, _))) => peer,
        Err(node) => return Err(silent(&node).into()),
    };
    match joined(request, fleet, &peer, &asked).await? {
        Ok(response) => Ok(Some(response)),
        Err(status) => {
            let detail = format!("the node that has the call, {}, answered {status}", peer.node);
            Err(Problem::new(status, detail).into())
        }
    }
}

/// Whether this node has the call, or had it a moment ago.
async fn is_here(app: &AppState, id: &str) -> bool {
    let live = app.supervisor.send(Find(id.to_owned())).timeout(super::calls::PATIENCE).await;
    matches!(live, Ok(Some(_))) || app.recent.find(id).is_some() || app.watching.find(id).is_some()
}

/// Passes a carrier's request on to the node in its path, if that is another one that is there;
/// `None` if this node is to answer it.
pub(super) async fn led(request: &HttpRequest, body: &Bytes, app: &AppState) -> Option<HttpResponse> {
    let (fleet, peer) = leads_to(request, app)?;
    // A carrier signs what it sends, so the other node judges the request again.
    let asked = asked(request, body.clone(), |name| !OWN.contains(&name));
    match fleet.ask(&peer, asked).await {
        Ok(answer) => {
            count("done");
            Some(peers::passed_on(answer))
        }
        Err(problem) => {
            fleet.suspect(&peer);
            not_led(&peer, &problem.to_string());
            None
        }
    }
}

/// The same for the upgrade of a stream.
pub(super) async fn stream_led(request: &HttpRequest, app: &AppState) -> Option<Result<HttpResponse, Problem>> {
    let (fleet, peer) = leads_to(request, app)?;
    let asked = asked(request, Bytes::new(), |name| !OWN.contains(&name) && !name.starts_with("sec-websocket-"));
    match joined(request, &fleet, &peer, &asked).await {
        Ok(Ok(response)) => {
            count("done");
            Some(Ok(response))
        }
        Ok(Err(status)) if status == StatusCode::SERVICE_UNAVAILABLE => {
            fleet.suspect(&peer);
            not_led(&peer, "it takes no connection");
            None
        }
        Ok(Err(status)) => Some(Err(Problem::new(status, format!("node {} answered {status}", peer.node)))),
        Err(problem) => Some(Err(problem)),
    }
}

fn not_led(peer: &Beat, problem: &str) {
    count("failed");
    warn!(node = peer.node.as_str(), problem; "a carrier's request could not be passed on to its node; this one answers it");
}

/// The node in the path of a carrier's request, if it is another one that is there.
fn leads_to(request: &HttpRequest, app: &AppState) -> Option<(Fleet, Beat)> {
    let fleet = app.fleet.as_ref().filter(|_| !is_of_a_node(request))?;
    let peer = fleet.find(request.match_info().get("node")?)?;
    Some((fleet.clone(), peer))
}

/// A request as it is asked of another node, with those of its headers that are `kept`.
fn asked(request: &HttpRequest, body: Bytes, kept: impl Fn(&str) -> bool) -> Asked {
    let headers = request.headers().iter().filter(|(name, _)| kept(name.as_str()));
    let headers = headers.filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
    Asked {
        reads: *request.method() == Method::GET,
        target: request.uri().path_and_query().map_or("/", |target| target.as_str()).to_owned(),
        headers: headers.collect(),
        body,
    }
}

/// Joins the connection of `request` with a socket at another node. The inner error is the status of
/// the other node's refusal.
async fn joined(
    request: &HttpRequest,
    fleet: &Fleet,
    peer: &Beat,
    asked: &Asked,
) -> Result<Result<HttpResponse, StatusCode>, Problem> {
    let offered = header(request, "sec-websocket-protocol").map(str::to_owned);
    let asked = match &offered {
        Some(offered) => {
            let mut asked = asked.clone();
            asked.headers.push(("sec-websocket-protocol".to_owned(), offered.clone()));
            asked
        }
        None => asked.clone(),
    };
    let mut response = upgrade::handshake(request)?;
    let (chosen, theirs) = match fleet.open(peer, &asked).await {
        Ok(opened) => opened,
        Err(status) => return Ok(Err(status)),
    };
    if let Some(chosen) = chosen.and_then(|chosen| header::HeaderValue::from_str(&chosen).ok()) {
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, chosen);
    }
    let start = Box::new(move |frames| -> Written { Box::pin(peers::join(frames, theirs)) });
    let carried = Carried { start, max_message: LARGEST_MESSAGE, patience: STALLED_FOR, carrier_call: None };
    response.extensions_mut().insert(carried);
    Ok(Ok(response))
}

fn silent(node: &str) -> Problem {
    Problem::unavailable(format!("node {node} does not answer, and may have the call"), 5)
}

fn count(result: &'static str) {
    counter!("switchboard_cluster_forwards_total", "result" => result).increment(1);
}

/// Headers of a connection, not of a request; those by which nodes know each other; and an origin,
/// which only our own listener judges.
const OWN: [&str; 15] = [
    "host",
    "connection",
    "upgrade",
    "content-length",
    "transfer-encoding",
    "keep-alive",
    "te",
    "trailer",
    "expect",
    "accept-encoding",
    "origin",
    "sec-fetch-site",
    TOKEN,
    OPERATOR,
    ROLE,
];
/// The largest message that passes between two sockets; each node has its own limits behind that.
const LARGEST_MESSAGE: usize = 1024 * 1024;
/// How long a peer may read nothing before the connection is cut.
const STALLED_FOR: std::time::Duration = std::time::Duration::from_secs(20);
