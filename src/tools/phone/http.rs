//! The carrier's HTTP client: requests webhooks, sends callbacks and upgrades sockets, within
//! strict limits of time and size.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix_codec::Framed;
use actix_http::ws::Codec;
use actix_tls::connect::{ConnectInfo, ConnectorService};
use actix_web::dev::{Service as _, fn_service};
use awc::error::{ConnectError, SendRequestError, WsClientError};
use awc::http::{Uri, header};
use awc::{BoxedSocket, Client, Connector};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;
use switchboard_actors::carrier::fake::{Callback, Fake, Method, Request, Violation};
use tokio::time::Instant;
use url::Url;

use super::summary::HttpTiming;
use crate::tools::terminal::one_line;

/// The HTTP client of one phone.
#[derive(Clone)]
pub(super) struct Http {
    client: Client,
    fake: &'static dyn Fake,
}

/// The service's answer to a request.
#[derive(Debug)]
pub(super) struct Answer {
    /// The body.
    pub(super) body: String,
    /// How long the request took.
    pub(super) timing: HttpTiming,
}

/// Why a request to the service failed. The message follows "failed to". `code` is the carrier's
/// own error code in brackets, if it has one.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    /// The connection failed, or no answer arrived in time.
    #[error("reach {url}: {reason}{code}")]
    Unreachable {
        /// The requested URL.
        url: String,
        /// The network error.
        reason: String,
        /// The carrier's error code.
        code: String,
    },
    /// The answer's status is not a success.
    #[error("ask {url}: it answered {status}{}{detail}{code}", if detail.is_empty() { "" } else { ": " })]
    Refused {
        /// The requested URL.
        url: String,
        /// The status.
        status: u16,
        /// The beginning of the body.
        detail: String,
        /// The carrier's error code.
        code: String,
    },
    /// The answer's content type is not that of a document.
    #[error("read the answer of {url}: its type is `{content_type}`, expected {expected}{code}")]
    WrongType {
        /// The requested URL.
        url: String,
        /// The content type that was received.
        content_type: String,
        /// The usual type of a document.
        expected: &'static str,
        /// The carrier's error code.
        code: String,
    },
    /// The answer is too long or is not text.
    #[error("read the answer of {url}: {reason}, expected at most 64 kB{code}")]
    Unreadable {
        /// The requested URL.
        url: String,
        /// What is wrong.
        reason: String,
        /// The carrier's error code.
        code: String,
    },
    /// The upgrade to a WebSocket failed.
    #[error("open the stream {url}: {reason}{code}")]
    NoStream {
        /// The stream's URL.
        url: String,
        /// The reason that the service or the network gave.
        reason: String,
        /// The carrier's error code.
        code: String,
    },
    /// The certificate authorities cannot be used.
    #[error("read certificate authorities: {0}")]
    Authorities(String),
}

impl Http {
    /// Creates a client that behaves like the carrier's: HTTP/1.1, without delay of small frames.
    ///
    /// # Errors
    /// Fails if `authorities` cannot be read.
    pub(super) fn new(fake: &'static dyn Fake, authorities: Option<&Path>) -> Result<Self, HttpError> {
        let dial = fn_service(|info: ConnectInfo<Uri>| async move {
            let connection = ConnectorService::default().call(info).await?;
            // Nagle's algorithm would delay every frame until the previous one is acknowledged.
            connection.io_ref().set_nodelay(true).map_err(actix_tls::connect::ConnectError::Io)?;
            Ok::<_, actix_tls::connect::ConnectError>(connection)
        });
        let connector = Connector::new()
            .connector(dial)
            .timeout(CONNECT_TIMEOUT)
            .handshake_timeout(CONNECT_TIMEOUT)
            .rustls_0_23(Arc::new(tls(authorities)?));
        let client = Client::builder().connector(connector).timeout(ANSWER_TIMEOUT).no_default_headers().finish();
        Ok(Self { client, fake })
    }

    /// The carrier that sends the requests.
    pub(super) const fn fake(&self) -> &'static dyn Fake {
        self.fake
    }

    /// Requests a document of one of the types that the carrier reads.
    ///
    /// # Errors
    /// Fails if the carrier cannot use the answer.
    pub(super) async fn document(&self, request: &Request, types: &[&'static str]) -> Result<Answer, HttpError> {
        let url = without_query(&request.url);
        let began = Instant::now();
        let (status, content_type, body) =
            self.ask(request, &format!("no answer within {} s", ANSWER_TIMEOUT.as_secs())).await?;
        let took_ms = began.elapsed().as_millis() as u64;
        if !(200..300).contains(&status) {
            let detail = explanation(&body);
            return Err(HttpError::Refused { url, status, detail, code: self.fake.coded(Violation::Refused) });
        }
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if !types.iter().any(|known| essence.eq_ignore_ascii_case(known)) {
            let expected = types.first().copied().unwrap_or_default();
            let code = self.fake.coded(Violation::WrongType);
            return Err(HttpError::WrongType { url, content_type, expected, code });
        }
        Ok(Answer { body, timing: HttpTiming { method: request.method.word(), url, status, took_ms } })
    }

    /// Sends a status callback. The body of the answer is ignored.
    ///
    /// # Errors
    /// Fails if the service cannot be reached or does not answer with a success.
    pub(super) async fn tell(&self, request: &Request) -> Result<(), HttpError> {
        let (status, _, _) = self.ask(request, "no answer in time").await?;
        if (200..300).contains(&status) {
            return Ok(());
        }
        let (url, code) = (without_query(&request.url), self.fake.coded(Violation::Refused));
        Err(HttpError::Refused { url, status, detail: String::new(), code })
    }

    /// Opens a media stream.
    ///
    /// # Errors
    /// Fails if the connection fails or the service refuses the upgrade.
    pub(super) async fn stream(&self, upgrade: &Request) -> Result<Framed<BoxedSocket, Codec>, HttpError> {
        let mut request = self.client.ws(upgrade.url.as_str()).max_frame_size(LARGEST_FRAME);
        for (name, value) in &upgrade.headers {
            request = request.header(*name, value.as_str());
        }
        match request.connect().await {
            // A carrier that offers a subprotocol gives a service up that takes none.
            Ok((answer, _)) if offers_subprotocol(upgrade) && !answer.headers().contains_key(SUBPROTOCOL) => {
                let url = without_query(&upgrade.url);
                let reason = "the subprotocol that was offered is not in the answer".to_owned();
                Err(HttpError::NoStream { url, reason, code: self.fake.coded(Violation::NoUpgrade) })
            }
            Ok((_, framed)) => Ok(framed),
            Err(error) => {
                let (violation, mut reason) = why_no_stream(&error);
                if let WsClientError::InvalidResponseStatus(status) = error
                    && let Some(detail) = self.detail(upgrade, status.as_u16()).await
                {
                    reason = format!("{reason}: {detail}");
                }
                // The part after the `?` may contain a token.
                let url = upgrade.url.as_str().split('?').next().unwrap_or_default().to_owned();
                Err(HttpError::NoStream { url, reason, code: self.fake.coded(violation) })
            }
        }
    }

    /// Returns the service's explanation of an upgrade that it refused with `status`. The client
    /// discards the body of a refusal, so the same request is sent once more without the upgrade.
    /// Returns `None` if the second answer differs.
    async fn detail(&self, upgrade: &Request, status: u16) -> Option<String> {
        // `ws` and `wss` become `http` and `https`, so the result always parses.
        let asked: Url = upgrade.url.as_str().replacen("ws", "http", 1).parse().ok()?;
        let mut request = self.client.get(asked.as_str()).insert_header((header::ACCEPT, "application/problem+json"));
        for (name, value) in &upgrade.headers {
            request = request.insert_header((*name, value.as_str()));
        }
        let mut response = tokio::time::timeout(ANSWER_TIMEOUT, request.send()).await.ok()?.ok()?;
        if response.status().as_u16() != status {
            return None;
        }
        let body = response.body().limit(LONGEST_BODY).await.ok()?;
        let problem: Problem = serde_json::from_slice(&body).ok()?;
        Some(shortened(&problem.detail))
    }

    /// Sends one request and returns its status, type and body. `late` is the message if no answer
    /// arrives.
    async fn ask(&self, asked: &Request, late: &str) -> Result<(u16, String, String), HttpError> {
        let unreachable = |reason: String| {
            let (url, code) = (without_query(&asked.url), self.fake.coded(Violation::Unreachable));
            HttpError::Unreachable { url, reason, code }
        };
        let unreadable = |reason: String| {
            let (url, code) = (without_query(&asked.url), self.fake.coded(Violation::Unreadable));
            HttpError::Unreadable { url, reason, code }
        };
        let exchange = async {
            let mut request = match asked.method {
                Method::Get => self.client.get(asked.url.as_str()),
                Method::Post => self.client.post(asked.url.as_str()),
            };
            for (name, value) in &asked.headers {
                request = request.insert_header((*name, value.as_str()));
            }
            request = request.camel_case();
            let sent = match &asked.body {
                None => request.send().await,
                Some((kind, body)) => {
                    request.insert_header((header::CONTENT_TYPE, *kind)).send_body(body.clone()).await
                }
            };
            let mut response = sent.map_err(|error| unreachable(error.to_string()))?;
            let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let content_type = content_type.unwrap_or_default().to_owned();
            let body = response.body().limit(LONGEST_BODY).await.map_err(|error| unreadable(error.to_string()))?;
            let body = String::from_utf8(body.to_vec()).map_err(|_| unreadable("it is not UTF-8".into()))?;
            Ok((response.status().as_u16(), content_type, body))
        };
        tokio::time::timeout(ANSWER_TIMEOUT, exchange).await.map_err(|_| unreachable(late.into()))?
    }
}

/// The explanation in a refusal's body (RFC 9457).
#[derive(Debug, Deserialize)]
struct Problem {
    detail: String,
}

/// Returns what the body of a refusal says: the detail of a problem, or its beginning.
fn explanation(body: &str) -> String {
    match serde_json::from_str::<Problem>(body) {
        Ok(problem) => shortened(&problem.detail),
        Err(_) => shortened(body),
    }
}

/// Fits foreign words into a line of the terminal.
fn shortened(words: &str) -> String {
    one_line(words).chars().take(LONGEST_DETAIL).collect()
}

/// Returns what a failed upgrade violates, and what went wrong.
fn why_no_stream(error: &WsClientError) -> (Violation, String) {
    match error {
        WsClientError::SendRequest(SendRequestError::Timeout) => (Violation::StreamTimeout, "no answer in time".into()),
        // The socket reports an invalid certificate as invalid data.
        WsClientError::SendRequest(SendRequestError::Connect(ConnectError::Io(error)))
            if error.kind() == std::io::ErrorKind::InvalidData =>
        {
            (Violation::StreamCertificate, error.to_string())
        }
        WsClientError::SendRequest(error) => (Violation::StreamUnreachable, error.to_string()),
        WsClientError::InvalidResponseStatus(status) => {
            (Violation::NoUpgrade, format!("it answered {status}, expected 101"))
        }
        WsClientError::InvalidUpgradeHeader
        | WsClientError::InvalidConnectionHeader(_)
        | WsClientError::MissingConnectionHeader
        | WsClientError::MissingWebSocketAcceptHeader
        | WsClientError::InvalidChallengeResponse(..)
        | WsClientError::Protocol(_) => (Violation::NoUpgrade, error.to_string()),
    }
}

/// Resolves a callback's address, which may be relative to the document's own.
///
/// # Errors
/// Returns what is wrong with the address.
pub(super) fn resolve(fake: &dyn Fake, document: &Url, callback: &Callback) -> Result<Url, String> {
    let url = document.join(&callback.url).map_err(|error| format!("address `{}`: {error}", callback.url))?;
    if matches!(url.scheme(), "http" | "https") {
        Ok(url)
    } else {
        let code = fake.coded(Violation::BadAddress);
        Err(format!("address `{}`: expected http or https{code}", callback.url))
    }
}

fn offers_subprotocol(upgrade: &Request) -> bool {
    upgrade.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(SUBPROTOCOL.as_str()))
}

fn without_query(url: &Url) -> String {
    let mut shown = url.clone();
    shown.set_query(None);
    shown.set_fragment(None);
    shown.to_string()
}

fn tls(authorities: Option<&Path>) -> Result<ClientConfig, HttpError> {
    let mut roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    if let Some(path) = authorities {
        let failed = |reason: &dyn std::fmt::Display| HttpError::Authorities(format!("{}: {reason}", path.display()));
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| failed(&error))? {
            roots.add(certificate.map_err(|error| failed(&error))?).map_err(|error| failed(&error))?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| HttpError::Authorities(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

const SUBPROTOCOL: header::HeaderName = header::SEC_WEBSOCKET_PROTOCOL;
/// Limit for TCP and for TLS, each: two attempts of 5 s.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Limit for the whole answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// Maximum size of a document.
const LONGEST_BODY: usize = 64 * 1024;
/// Maximum number of characters of a refusal that are shown.
const LONGEST_DETAIL: usize = 200;
/// Maximum size of a WebSocket frame. Ten minutes of mu-law in base64 are 6.4 MB. The default of 64
/// KiB would end the stream at a message of 6 s of audio.
const LARGEST_FRAME: usize = 16 * 1024 * 1024;

#[cfg(test)]
mod tests;
