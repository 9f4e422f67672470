//! Opens a socket to a provider's server. The provider defines the request and the meaning of a
//! refusal ([`conversation`](super::conversation)).
//!
//! This module sets what awc does not set by default. HTTP/1.1 is forced, because a WebSocket
//! cannot use awc's HTTP/2. `TCP_NODELAY` is set; without it a frame waits up to 24 ms for the
//! previous one. Messages may have 16 MiB; at awc's limit of 64 KiB the stream ends.
//! `permessage-deflate` is never offered, because base64 of audio does not shrink.

use std::cell::OnceCell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_service::{Service, ServiceExt};
use actix_tls::connect::{ConnectError, ConnectInfo, Connection, Connector as TcpConnector, Resolve, Resolver};
use awc::error::{SendRequestError, WsClientError};
use awc::http::Uri;
use awc::http::header::{HeaderName, HeaderValue};
use awc::{Client, Connector};
use futures_util::future::LocalBoxFuture;
use tokio::net::TcpStream;

use super::conversation::{Header, Upgrade};
use super::incoming::MOST_BYTES;
use super::link::Link;
use super::plan::SessionPlan;
use crate::http::resolve::look_up;
use crate::realtime::report::{LossClass, ModelLoss};
use crate::socket::Socket;

/// Opens the link of a session of `plan` within its connect timeout, which covers name lookup, TCP,
/// TLS and upgrade. A session that opens its links itself needs no time.
///
/// # Errors
/// The loss, with its class: whether another try could help.
pub async fn dial(plan: &SessionPlan, safety_identifier: Option<&str>) -> Result<Link, ModelLoss> {
    let Some(upgrade) = plan.provider.upgrade(safety_identifier)? else { return Ok(Link::named()) };
    match tokio::time::timeout(plan.common.connect_timeout, open(upgrade)).await {
        Ok(Ok(socket)) => Ok(Link::new(socket)),
        Ok(Err(NotOpened::Status(status))) => Err(plan.provider.loss_of_status(status)),
        Ok(Err(NotOpened::Lost(loss))) => Err(loss),
        Err(_) => Err(retryable(format!("not connected within {:?}", plan.common.connect_timeout))),
    }
}

/// Why a socket was not opened.
#[derive(Debug)]
pub enum NotOpened {
    /// The upgrade was answered with this status.
    Status(u16),
    /// There was no such answer.
    Lost(ModelLoss),
}

/// Opens a socket. The caller of this function limits the time.
///
/// # Errors
/// Why there is none.
pub async fn open(Upgrade { url, headers }: Upgrade) -> Result<Socket, NotOpened> {
    let mut request = client().ws(url.as_str()).max_frame_size(MOST_BYTES);
    for Header { name, value, what } in headers {
        let value = header(value.expose(), what).map_err(NotOpened::Lost)?;
        request = request.set_header(HeaderName::from_static(name), value);
    }
    match request.connect().await {
        Ok((_, framed)) => Ok(Socket::new(framed.into_parts(), MOST_BYTES)),
        Err(WsClientError::InvalidResponseStatus(status)) => Err(NotOpened::Status(status.as_u16())),
        Err(error) => Err(NotOpened::Lost(loss_of_dial(&error))),
    }
}

fn header(value: &str, what: &str) -> Result<HeaderValue, ModelLoss> {
    let mut value =
        HeaderValue::from_str(value).map_err(|_| fatal(format!("the {what} cannot be carried in a header")))?;
    value.set_sensitive(true);
    Ok(value)
}

fn loss_of_dial(error: &WsClientError) -> ModelLoss {
    match error {
        WsClientError::SendRequest(SendRequestError::Url(problem)) => {
            fatal(format!("the endpoint is no URL: {problem}"))
        }
        WsClientError::SendRequest(problem) => retryable(format!("not connected: {problem}")),
        WsClientError::Protocol(problem) => retryable(format!("not connected: {problem}")),
        WsClientError::InvalidResponseStatus(_)
        | WsClientError::InvalidUpgradeHeader
        | WsClientError::InvalidConnectionHeader(_)
        | WsClientError::MissingConnectionHeader
        | WsClientError::MissingWebSocketAcceptHeader
        | WsClientError::InvalidChallengeResponse(..) => fatal(format!("the server does not speak WebSocket: {error}")),
    }
}

fn fatal(reason: String) -> ModelLoss {
    ModelLoss { class: LossClass::Fatal, reason }
}

fn retryable(reason: String) -> ModelLoss {
    ModelLoss { class: LossClass::Retryable, reason }
}

thread_local! {
    /// The client of a thread. All its calls share the TLS roots and session tickets.
    static CLIENT: OnceCell<Client> = const { OnceCell::new() };
}

/// The client of this thread, whose sockets send each frame at once. It has no time limits.
pub fn client() -> Client {
    CLIENT.with(|client| client.get_or_init(client_of_thread).clone())
}

fn client_of_thread() -> Client {
    let connector = Connector::new()
        .connector(without_delay())
        // The builder's `max_http_version` would discard this configuration. Naming only one
        // protocol here forces HTTP/1.1.
        .rustls_0_23(Arc::new(crate::http::tls_config()))
        // The plan's own limit covers all of these steps together.
        .timeout(NO_LIMIT)
        .handshake_timeout(NO_LIMIT)
        // A socket is not a pooled connection. A limit would delay the 101st call.
        .limit(0);
    Client::builder().connector(connector).disable_timeout().disable_redirects().finish()
}

type Dialled = Connection<Uri, TcpStream>;

/// A TCP connector without Nagle's algorithm.
fn without_delay() -> impl Service<ConnectInfo<Uri>, Response = Dialled, Error = ConnectError> + Clone {
    let connector = TcpConnector::new(Resolver::custom(Shared));
    ServiceExt::<ConnectInfo<Uri>>::map(connector.service(), |connection: Dialled| {
        if let Err(error) = connection.io_ref().set_nodelay(true) {
            log::debug!(error:%; "TCP_NODELAY not set");
        }
        connection
    })
}

/// The resolver that all our requests share: it runs few lookups at once and keeps the results
/// briefly.
struct Shared;

impl Resolve for Shared {
    fn lookup<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> LocalBoxFuture<'a, Result<Vec<SocketAddr>, Box<dyn std::error::Error>>> {
        Box::pin(async move {
            // An IPv6 address stands in brackets in a URL.
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let addresses = match host.parse() {
                Ok(address) => vec![address],
                Err(_) => look_up(host).await?,
            };
            Ok(addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect())
        })
    }
}

/// A timeout that never applies, because the limit is enforced elsewhere.
const NO_LIMIT: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_rt::test]
    async fn a_name_and_addresses_of_both_kinds_are_dialled() {
        for (host, expected) in [("127.0.0.1", "127.0.0.1:9"), ("[::1]", "[::1]:9"), ("::1", "[::1]:9")] {
            let found = Shared.lookup(host, 9).await.expect("an address");
            assert_eq!(found, [expected.parse().expect("an address")], "{host}");
        }
        let found = Shared.lookup("localhost", 9).await.expect("known everywhere");
        assert!(!found.is_empty() && found.iter().all(|address| address.ip().is_loopback() && address.port() == 9));
        assert!(Shared.lookup("nobody.invalid", 9).await.is_err());
    }

    #[test]
    fn only_http_1_is_offered_in_the_tls_handshake() {
        assert_eq!(crate::http::tls_config().alpn_protocols, [b"http/1.1".to_vec()]);
    }
}
