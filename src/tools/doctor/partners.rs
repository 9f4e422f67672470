//! Everybody else whom a call needs: the carriers' APIs, receivers of webhooks, servers of tools,
//! the queue.

use std::time::Duration;

use switchboard_actors::carrier::Carrier;
use switchboard_actors::carrier::control::{CarrierAnswer, http};
use switchboard_actors::http::{Request, resolve};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

use super::machine::Clock;
use super::{Line, front};
use crate::service::carriers::Open;
use crate::service::config::Config;
use crate::service::folders;

/// Asks each of them something without an effect.
pub(super) async fn looked(config: &Config, clocks: &mut Vec<Clock>) -> Vec<Line> {
    let mut lines = Vec::new();
    let open = Open::all(config, &config.server.public_url, None);
    for carrier in Carrier::all().filter(|carrier| config.carriers.is_answered(*carrier)) {
        if let Some(api) = open.apis.get(&carrier) {
            let looked = http::look(&**api).await;
            clocks
                .extend(looked.as_ref().and_then(|it| it.clock.as_ref()).and_then(|(of, date)| Clock::read(of, date)));
            lines.push(account(carrier, looked.map(|it| it.answer)));
        }
    }
    for endpoint in &config.webhooks.endpoints {
        let of = format!("webhook {}", endpoint.name);
        // A receiver takes POST alone; any answer shows that it can be reached and who it is.
        let asked = Request::get(endpoint.url.clone());
        let host = asked.host().to_owned();
        lines.push(match front::send(asked).await {
            Ok(answer) => {
                clocks.extend(answer.header("date").and_then(|date| Clock::read(&host, date)));
                Line::good(of, "its receiver answers")
            }
            Err(reason) => {
                Line::wrong(of, format!("{reason}; check webhooks.endpoints url and that this machine may reach it"))
            }
        });
    }
    for (name, tool) in &config.tools {
        let of = format!("tool {name}");
        lines.push(match reach(&tool.url).await {
            Ok(()) => Line::good(of, "its server takes connections"),
            Err(reason) => {
                Line::wrong(of, format!("{reason}; check tools.{name}.url and that this machine may reach it"))
            }
        });
    }
    lines.extend(folders::notes(config).into_iter().map(|note| Line::wrong("queue", note)));
    lines
}

fn account(carrier: Carrier, answer: Option<CarrierAnswer>) -> Line {
    let of = carrier.title();
    match answer {
        None => {
            Line::note(of, "its API has nothing to ask without an effect: a first call shows whether the token is good")
        }
        Some(CarrierAnswer::Done) => Line::good(of, "its API takes our credentials"),
        Some(CarrierAnswer::Gone) => {
            Line::wrong(of, "its API does not know the account: check its id, and api_url for the account's region")
        }
        Some(CarrierAnswer::Failed { reason }) => Line::wrong(of, reason),
    }
}

/// Connects, and says nothing: the servers of tools may act on what they are asked.
async fn reach(url: &Url) -> Result<(), String> {
    let connect = async {
        let addresses = resolve::reachable(url, |_| true).await.map_err(|problem| problem.to_string())?;
        for address in addresses {
            if TcpStream::connect(address).await.is_ok() {
                return Ok(());
            }
        }
        Err("nothing takes connections there".to_owned())
    };
    timeout(PATIENCE, connect).await.unwrap_or_else(|_| Err(format!("no connection within {} s", PATIENCE.as_secs())))
}

/// The time limit of a connection.
const PATIENCE: Duration = Duration::from_secs(5);
