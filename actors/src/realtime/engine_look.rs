//! Looks at one of the engines that a session joins, without a call: the shell around [`Look`].

use std::time::Duration;

use tokio::time::timeout;

use super::breaker::Scope;
use super::conversation::Upgrade;
use super::dial::{self, NotOpened};
use super::{Class, Failure, Head, Part, Way, judge, loss_of};
use crate::http::Request;
pub use crate::realtime::Look;
use crate::realtime::report::ModelLoss;

/// Looks at an engine, for no longer than `patience`. Success means that its server can be reached
/// and does not refuse us; whether it does its work, only a call can tell.
///
/// # Errors
/// The loss, with what it concerns if it is fatal.
pub async fn look(look: Look, patience: Duration) -> Result<(), (ModelLoss, Scope)> {
    let part = look.part;
    let seen = match look.way {
        Way::Socket(upgrade) => timeout(patience, opens(part, upgrade)).await,
        Way::Models(request) => timeout(patience, answers(part, request)).await,
    };
    let failure = match seen {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(failure)) => failure,
        Err(_) => Failure::of_network(part, &format!("no answer within {patience:?}")),
    };
    let scope = match failure.class {
        Class::Fatal(scope) => scope,
        Class::Retry { .. } | Class::Next => Scope::Session,
    };
    Err((loss_of(&failure), scope))
}

async fn opens(part: Part, upgrade: Upgrade) -> Result<(), Failure> {
    match dial::open(upgrade).await {
        Ok(_) => Ok(()),
        Err(NotOpened::Status(status)) => Err(Failure::of_status(part, &Head { status, ..Head::default() }, "")),
        Err(NotOpened::Lost(loss)) => Err(Failure::of_network(part, &loss.reason)),
    }
}

async fn answers(part: Part, Upgrade { url, headers }: Upgrade) -> Result<(), Failure> {
    let network = |problem: &dyn std::fmt::Display| Failure::of_network(part, &problem.to_string());
    let mut request = Request::get(url);
    for header in headers {
        request = request.header(header.name, header.value.expose()).map_err(|problem| network(&problem))?;
    }
    // The operator chose the servers, which may be private ones.
    let answer = request.send(|_| true).await.map_err(|problem| network(&problem))?;
    let status = answer.status;
    let body = answer.beginning(LONGEST_ERROR).await.unwrap_or_default();
    judge(part, &Head { status, ..Head::default() }, &String::from_utf8_lossy(&body))
}

/// How much of an answer is read. Lists of models may be long, and only an error is of interest.
const LONGEST_ERROR: usize = 4_096;
