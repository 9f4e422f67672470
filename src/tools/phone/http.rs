//! The carrier's HTTP: webhooks asked, callbacks told, sockets upgraded; signed, and held to Twilio's limits (<https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides>).

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
use switchboard_actors::carrier::{Carrier, twilio};
use switchboard_actors::ids::Private;
use tokio::time::Instant;
use url::Url;

use super::sign::sign;
use super::summary::HttpTiming;
use super::twiml::Callback;

/// One phone's way to the service.
#[derive(Clone)]
pub(super) struct Http {
    client: Client,
    carrier: Carrier,
    auth_token: Option<Private<String>>,
}

/// The service's answer.
#[derive(Debug)]
pub(super) struct Answer {
    /// The body.
    pub(super) body: String,
    /// How long it took.
    pub(super) timing: HttpTiming,
}

/// Why the service could not be asked. On a call of Twilio's, each with the code that its debugger would show.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    /// No connection, or no answer in time.
    #[error("reach {url}: {reason} (Twilio 11205)")]
    Unreachable {
        /// What was asked.
        url: String,
        /// What the network said.
        reason: String,
    },
    /// An answer that is not a success.
    #[error("ask {url}: it answered {status}{}{detail} (Twilio 11200)", if detail.is_empty() { "" } else { ": " })]
    Refused {
        /// What was asked.
        url: String,
        /// The status.
        status: u16,
        /// The beginning of the body.
        detail: String,
    },
    /// An answer of a type that is not TwiML.
    #[error("read the answer of {url}: its type is `{content_type}`, expected text/xml (Twilio 12300)")]
    WrongType {
        /// What was asked.
        url: String,
        /// What came.
        content_type: String,
    },
    /// An answer longer than Twilio takes.
    #[error("read the answer of {url}: {reason}, expected at most 64 kB (Twilio 11750)")]
    Unreadable {
        /// What was asked.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// The upgrade to a WebSocket failed.
    #[error("open the stream {url}: {reason}{code}")]
    NoStream {
        /// The stream's address.
        url: String,
        /// What was said.
        reason: String,
        /// The code in brackets, where the carrier has one; see [`coded`].
        code: String,
    },
    /// The certificate authorities cannot be used.
    #[error("read certificate authorities: {0}")]
    Authorities(String),
}

impl Http {
    /// A client as the carrier's: HTTP/1.1, no delay on small frames.
    ///
    /// # Errors
    /// When `authorities` cannot be read.
    pub(super) fn new(
        carrier: Carrier,
        auth_token: Option<Private<String>>,
        authorities: Option<&Path>,
    ) -> Result<Self, HttpError> {
        let dial = fn_service(|info: ConnectInfo<Uri>| async move {
            let connection = ConnectorService::default().call(info).await?;
            // Nagle would hold every frame back until the one before it is acknowledged.
            connection.io_ref().set_nodelay(true).map_err(actix_tls::connect::ConnectError::Io)?;
            Ok::<_, actix_tls::connect::ConnectError>(connection)
        });
        let connector = Connector::new()
            .connector(dial)
            .timeout(CONNECT_TIMEOUT)
            .handshake_timeout(CONNECT_TIMEOUT)
            .rustls_0_23(Arc::new(tls(authorities)?));
        let client = Client::builder().connector(connector).timeout(ANSWER_TIMEOUT).no_default_headers().finish();
        Ok(Self { client, carrier, auth_token })
    }

    /// Sends the call's `fields` to `callback` and takes its document.
    ///
    /// # Errors
    /// Whatever keeps Twilio from using the answer.
    pub(super) async fn document(
        &self,
        url: &Url,
        get: bool,
        fields: &[(String, String)],
    ) -> Result<Answer, HttpError> {
        let shown = without_query(url);
        let unreachable = |reason: String| HttpError::Unreachable { url: shown.clone(), reason };
        let limit = format!("no answer within {} s", ANSWER_TIMEOUT.as_secs());
        let began = Instant::now();
        let (status, content_type, body) = tokio::time::timeout(ANSWER_TIMEOUT, self.ask(url, get, fields))
            .await
            .map_err(|_| unreachable(limit))??;
        let took_ms = began.elapsed().as_millis() as u64;
        if !(200..300).contains(&status) {
            let detail = body.chars().take(LONGEST_DETAIL).collect();
            return Err(HttpError::Refused { url: shown, status, detail });
        }
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if !["text/xml", "application/xml", "text/html"].iter().any(|known| essence.eq_ignore_ascii_case(known)) {
            return Err(HttpError::WrongType { url: shown, content_type });
        }
        let method = if get { "GET" } else { "POST" };
        Ok(Answer { body, timing: HttpTiming { method, url: shown, status, took_ms } })
    }

    /// Tells a status callback; nobody waits for what it answers.
    ///
    /// # Errors
    /// When it cannot be reached or does not answer with a success.
    pub(super) async fn tell(&self, url: &Url, get: bool, fields: &[(String, String)]) -> Result<(), HttpError> {
        let shown = without_query(url);
        let late = |_| HttpError::Unreachable { url: shown.clone(), reason: "no answer in time".into() };
        let (status, _, _) = tokio::time::timeout(ANSWER_TIMEOUT, self.ask(url, get, fields)).await.map_err(late)??;
        if (200..300).contains(&status) {
            Ok(())
        } else {
            Err(HttpError::Refused { url: shown, status, detail: String::new() })
        }
    }

    /// Opens a media stream. `url` is signed as it was given.
    ///
    /// # Errors
    /// When there is no connection, or the service does not upgrade it.
    pub(super) async fn stream(&self, url: &Url) -> Result<Framed<BoxedSocket, Codec>, HttpError> {
        let mut request = self.client.ws(url.as_str()).max_frame_size(LARGEST_FRAME);
        request = request.header(header::USER_AGENT, "Twilio.TmeWs/1.0");
        if let Some(token) = &self.auth_token {
            // All in lower case on an upgrade, unlike on a webhook.
            request = request.header("x-twilio-signature", sign(token.expose(), url.as_str(), &[]));
        }
        match request.connect().await {
            Ok((_, framed)) => Ok(framed),
            Err(error) => {
                let (code, mut reason) = why_no_stream(&error);
                if let WsClientError::InvalidResponseStatus(status) = error
                    && let Some(detail) = self.detail(url, status.as_u16()).await
                {
                    reason = format!("{reason}: {detail}");
                }
                // What stands behind the `?` may be a token.
                let url = url.as_str().split('?').next().unwrap_or_default().to_owned();
                Err(HttpError::NoStream { url, reason, code: coded(self.carrier, code) })
            }
        }
    }

    /// What the service says of an upgrade that it refused with `status`. The client throws the refusal's body away, so the
    /// same is asked once more without the upgrade; `None` where the answer is another one.
    async fn detail(&self, url: &Url, status: u16) -> Option<String> {
        // The scheme of a WebSocket is that of HTTP with other letters; these always fit.
        let asked: Url = url.as_str().replacen("ws", "http", 1).parse().ok()?;
        let mut request = self.client.get(asked.as_str()).insert_header((header::ACCEPT, "application/problem+json"));
        if let Some(token) = &self.auth_token {
            request = request.insert_header(("x-twilio-signature", sign(token.expose(), url.as_str(), &[])));
        }
        let mut response = tokio::time::timeout(ANSWER_TIMEOUT, request.send()).await.ok()?.ok()?;
        if response.status().as_u16() != status {
            return None;
        }
        let body = response.body().limit(LONGEST_BODY).await.ok()?;
        let problem: Problem = serde_json::from_slice(&body).ok()?;
        Some(problem.detail.chars().take(LONGEST_DETAIL).collect())
    }

    /// One request: its status, type and body.
    async fn ask(&self, url: &Url, get: bool, fields: &[(String, String)]) -> Result<(u16, String, String), HttpError> {
        let mut asked = url.clone();
        asked.set_fragment(None);
        if get {
            asked.query_pairs_mut().extend_pairs(fields);
        }
        let mut request = if get { self.client.get(asked.as_str()) } else { self.client.post(asked.as_str()) };
        request = request.insert_header((header::USER_AGENT, "TwilioProxy/1.1")).insert_header((header::ACCEPT, "*/*"));
        if let Some(token) = &self.auth_token {
            let signed = if get { &[] } else { fields };
            request = request
                .insert_header(("X-Twilio-Signature", sign(token.expose(), signed_url(&asked).as_str(), signed)));
        }
        let shown = without_query(url);
        let sent = if get {
            request.camel_case().send().await
        } else {
            let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
            let form_type = "application/x-www-form-urlencoded; charset=UTF-8";
            request.camel_case().insert_header((header::CONTENT_TYPE, form_type)).send_body(form).await
        };
        let mut response =
            sent.map_err(|error| HttpError::Unreachable { url: shown.clone(), reason: error.to_string() })?;
        let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        let body = response
            .body()
            .limit(LONGEST_BODY)
            .await
            .map_err(|error| HttpError::Unreadable { url: shown.clone(), reason: error.to_string() })?;
        let body = String::from_utf8(body.to_vec())
            .map_err(|_| HttpError::Unreadable { url: shown, reason: "it is not UTF-8".into() })?;
        Ok((response.status().as_u16(), content_type, body))
    }
}

/// What a refusal's body says (RFC 9457).
#[derive(Debug, Deserialize)]
struct Problem {
    detail: String,
}

/// Twilio's code for an upgrade that failed, and what went wrong.
fn why_no_stream(error: &WsClientError) -> (u32, String) {
    match error {
        WsClientError::SendRequest(SendRequestError::Timeout) => (31901, "no answer in time".into()),
        // A certificate that does not hold is invalid data to the socket.
        WsClientError::SendRequest(SendRequestError::Connect(ConnectError::Io(error)))
            if error.kind() == std::io::ErrorKind::InvalidData =>
        {
            (31910, error.to_string())
        }
        WsClientError::SendRequest(error) => (31902, error.to_string()),
        WsClientError::InvalidResponseStatus(status) => (31920, format!("it answered {status}, expected 101")),
        WsClientError::InvalidUpgradeHeader
        | WsClientError::InvalidConnectionHeader(_)
        | WsClientError::MissingConnectionHeader
        | WsClientError::MissingWebSocketAcceptHeader
        | WsClientError::InvalidChallengeResponse(..)
        | WsClientError::Protocol(_) => (31920, error.to_string()),
    }
}

/// A code of Twilio's debugger as it stands behind a failure; empty on another carrier's call, whose debugger knows no such code.
pub(super) fn coded(carrier: Carrier, code: u32) -> String {
    if carrier == twilio::CARRIER { format!(" (Twilio {code})") } else { String::new() }
}

/// The address of a callback, which may be relative to the document's own.
///
/// # Errors
/// What is wrong with it.
pub(super) fn resolve(document: &Url, callback: &Callback) -> Result<Url, String> {
    let url = document.join(&callback.url).map_err(|error| format!("address `{}`: {error}", callback.url))?;
    if matches!(url.scheme(), "http" | "https") {
        Ok(url)
    } else {
        Err(format!("address `{}`: expected http or https (Twilio 11100)", callback.url))
    }
}

/// An address as it is signed: without user, and over https without port.
fn signed_url(url: &Url) -> Url {
    let mut url = url.clone();
    // Both fail only for addresses that have no host, which were refused before.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    if url.scheme() == "https" {
        let _ = url.set_port(None);
    }
    url
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

/// TCP and TLS, each: two tries of 5 s.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The whole answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// The longest document.
const LONGEST_BODY: usize = 64 * 1024;
/// Characters of a refusal that are shown.
const LONGEST_DETAIL: usize = 200;
/// The largest WebSocket frame taken. Ten minutes of mu-law in base64 are 6.4 MB; the default of 64 KiB would end the stream
/// at 6 s of audio in one message.
const LARGEST_FRAME: usize = 16 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().expect("an address")
    }

    #[test]
    fn a_callback_may_be_relative_to_its_document() {
        let document = url("https://voice.example.com/twilio/voice");
        let callback = |text: &str| Callback { url: text.into(), get: false };
        let absolute = resolve(&document, &callback("https://other.example.com/x?y=1")).map(String::from);
        assert_eq!(absolute.as_deref(), Ok("https://other.example.com/x?y=1"));
        let relative = resolve(&document, &callback("after-stream")).map(String::from);
        assert_eq!(relative.as_deref(), Ok("https://voice.example.com/twilio/after-stream"));
        assert!(resolve(&document, &callback("ftp://x/y")).is_err());
    }

    #[test]
    fn the_port_is_signed_over_http_and_not_over_https() {
        assert_eq!(
            signed_url(&url("https://me:secret@v.example.com:8443/a?b=1")).as_str(),
            "https://v.example.com/a?b=1"
        );
        assert_eq!(signed_url(&url("http://127.0.0.1:8080/a")).as_str(), "http://127.0.0.1:8080/a");
    }
}
