//! Our outgoing HTTP requests: one connection, one request, one answer. TLS trusts the roots of the
//! web. Redirects are not followed.
//!
//! Connections are not reused, unless the sender keeps them ([`kept`]): if the server closed one in
//! the meantime, a request that must not be sent twice would be lost. The server's TLS ticket and its
//! address are kept, and make the next connection quick. There are no cookies, and no proxy is taken
//! from the environment.
//!
//! [`resolve`] looks up names. [`unpack`] and [`text`] decode the bytes of an answer.

pub mod kept;
pub mod resolve;
pub mod text;
pub mod unpack;

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix_rt::task::JoinHandle;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::handshake;
use hyper::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT,
};
use hyper::{Method, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::{Host, Position, Url};

use self::kept::{Connection, Kept, Place};

/// One request.
#[derive(Debug)]
pub struct Request {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
}

/// An answer whose body has not been read.
#[derive(Debug)]
pub struct Answer {
    /// The final status; never that of an interim answer.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    body: Incoming,
    /// Until the body was read, if it is kept then.
    connection: Option<Connection>,
    place: Option<Place>,
}

/// Why there is no answer. The texts contain no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// The name cannot be resolved, or its address is not allowed.
    #[error("{0}")]
    Address(#[from] resolve::NotFound),
    /// The server does not accept connections.
    #[error("the connection failed")]
    Connect,
    /// No certificate authority vouches for the server, or it does not speak TLS.
    #[error("the TLS handshake failed: its certificate is not trusted, or it does not speak TLS")]
    Tls,
    /// The response is not HTTP, or ends within its head.
    #[error("the answer is no HTTP, or was cut short")]
    NoAnswer,
    /// One of our headers is invalid.
    #[error("a header cannot be sent as it is set")]
    Header,
}

/// Why a body cannot be used. The texts begin with "the answer".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadBody {
    /// The connection ended before the body.
    #[error("the answer was cut short")]
    CutShort,
    /// The body exceeds the limit.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    /// The body cannot be unpacked.
    #[error("the answer is {0}")]
    Packed(#[from] unpack::NotUnpacked),
}

impl Request {
    /// Creates a POST of `body`.
    pub fn post(url: Url, body: impl Into<Bytes>) -> Self {
        Self { method: Method::POST, url, headers: HeaderMap::new(), body: body.into() }
    }

    /// Creates a PUT of `body`.
    pub fn put(url: Url, body: impl Into<Bytes>) -> Self {
        Self { method: Method::PUT, url, headers: HeaderMap::new(), body: body.into() }
    }

    /// Creates a DELETE.
    pub fn delete(url: Url) -> Self {
        Self { method: Method::DELETE, url, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// Creates a GET.
    pub fn get(url: Url) -> Self {
        Self { method: Method::GET, url, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// Sets a header, and replaces one of the same name.
    ///
    /// # Errors
    /// When the header is invalid.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, Unanswered> {
        let name = HeaderName::try_from(name).map_err(|_| Unanswered::Header)?;
        let mut value = HeaderValue::try_from(value).map_err(|_| Unanswered::Header)?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(self)
    }

    /// Returns the name or the address of its server.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Sends the request to the first address of its host that `may_reach` allows and that accepts
    /// a connection. The caller of this function limits the time.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn send(self, may_reach: impl Fn(IpAddr) -> bool) -> Result<Answer, Unanswered> {
        let connection = open(&self.url, may_reach).await?;
        exchange(&self, connection, None).await
    }

    /// The same, on a connection that was kept if there is one. Once the answer was read, the
    /// connection is kept for the next request to this server.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_kept(self, kept: &Kept, may_reach: impl Fn(IpAddr) -> bool) -> Result<Answer, Unanswered> {
        // One that was kept may still be reading the end of the answer before.
        if let Some(mut connection) = kept.take(&self.url)
            && connection.sender.ready().await.is_ok()
            && let Ok(answer) = exchange(&self, connection, Some(kept.place(&self.url))).await
        {
            return Ok(answer);
        }
        // The server had closed it.
        let connection = open(&self.url, may_reach).await?;
        exchange(&self, connection, Some(kept.place(&self.url))).await
    }
}

impl Answer {
    /// Returns a header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Reads and unpacks the whole body.
    ///
    /// # Errors
    /// When it is longer than `most` bytes, was cut short, or cannot be unpacked.
    pub async fn body(self, most: usize) -> Result<Vec<u8>, BadBody> {
        let bytes = self.read(most).await?;
        if bytes.len() > most { Err(BadBody::TooLong(most)) } else { Ok(bytes) }
    }

    /// Reads the body, or the first `most` bytes of a longer one, cut at a character boundary of
    /// UTF-8.
    ///
    /// # Errors
    /// As [`body`](Self::body), except for its length.
    pub async fn beginning(self, most: usize) -> Result<Vec<u8>, BadBody> {
        let mut bytes = self.read(most).await?;
        if bytes.len() > most {
            bytes.truncate(most);
            if let Err(error) = std::str::from_utf8(&bytes)
                && error.error_len().is_none()
            {
                bytes.truncate(error.valid_up_to());
            }
        }
        Ok(bytes)
    }

    /// Reads the next piece of the body as it comes; `None` at its end.
    ///
    /// # Errors
    /// When the body was cut short, or is packed.
    pub async fn piece(&mut self) -> Option<Result<Bytes, BadBody>> {
        if let Some(encoding) = self.header("content-encoding").filter(|encoding| *encoding != "identity") {
            return Some(Err(BadBody::Packed(unpack::NotUnpacked::Unknown(encoding.to_owned()))));
        }
        loop {
            let Some(frame) = self.body.frame().await else {
                if let (Some(place), Some(connection)) = (self.place.take(), self.connection.take()) {
                    place.keep(connection);
                }
                return None;
            };
            let Ok(frame) = frame else { return Some(Err(BadBody::CutShort)) };
            // Trailers are not used.
            if let Ok(data) = frame.into_data() {
                return Some(Ok(data));
            }
        }
    }

    /// Reads the body, and stops once it is known to be longer than `most`.
    async fn read(self, most: usize) -> Result<Vec<u8>, BadBody> {
        let Self { headers, mut body, connection, place, .. } = self;
        let encodings: Vec<_> =
            headers.get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok()).collect();
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            // Trailers are not used.
            let Ok(data) = frame.map_err(|_| BadBody::CutShort)?.into_data() else { continue };
            bytes.extend_from_slice(&data);
            if bytes.len() > most.saturating_add(PACKING) {
                return if encodings.is_empty() { Ok(bytes) } else { Err(BadBody::TooLong(most)) };
            }
        }
        if let (Some(place), Some(connection)) = (place, connection) {
            place.keep(connection);
        }
        Ok(unpack::unpack(bytes, encodings, most)?)
    }
}

/// Connects to the server of `url` and keeps the connection for a request that follows. The caller of
/// this function limits the time.
///
/// # Errors
/// When there is no connection.
pub async fn connect_ahead(url: &Url, kept: &Kept, may_reach: impl Fn(IpAddr) -> bool) -> Result<(), Unanswered> {
    let connection = open(url, may_reach).await?;
    kept.place(url).keep(connection);
    Ok(())
}

/// Opens a connection to the first address of a server that `may_reach` allows.
async fn open(url: &Url, may_reach: impl Fn(IpAddr) -> bool) -> Result<Connection, Unanswered> {
    // The checked address is the one that is dialled: a second look-up could return another.
    let addresses = resolve::reachable(url, may_reach).await?;
    let connection = connect(&addresses).await?;
    if url.scheme() == "https" {
        let name = server_name(url).ok_or(Unanswered::Tls)?;
        let tls = TlsConnector::from(shared_tls()).connect(name, connection);
        drive(tls.await.map_err(|_| Unanswered::Tls)?).await
    } else {
        drive(connection).await
    }
}

async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, Unanswered> {
    for (at, address) in addresses.iter().enumerate() {
        let last = at + 1 == addresses.len();
        let connecting = TcpStream::connect(address);
        let connected = if last { Ok(connecting.await) } else { timeout(ONE_OF_SEVERAL, connecting).await };
        if let Ok(Ok(connection)) = connected {
            // Nagle's algorithm would delay a body after its head.
            let _ = connection.set_nodelay(true);
            return Ok(connection);
        }
    }
    Err(Unanswered::Connect)
}

#[expect(clippy::disallowed_methods, reason = "a shell: the connection's own work, which ends with it")]
async fn drive(connection: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<Connection, Unanswered> {
    let (sender, driver) = handshake(TokioIo::new(connection)).await.map_err(|_| Unanswered::NoAnswer)?;
    let driver = Driven(actix_rt::spawn(async move {
        // The reader of the answer sees the same failure.
        let _ = driver.await;
    }));
    Ok(Connection { sender, _driver: driver })
}

/// Sends a request on a connection, which goes to its place once the answer was read. Without one it
/// is closed.
async fn exchange(request: &Request, mut connection: Connection, place: Option<Place>) -> Result<Answer, Unanswered> {
    let Request { method, url, headers, body } = request;
    let mut headers = headers.clone();
    headers.insert(
        HOST,
        HeaderValue::from_str(&url[Position::BeforeHost..Position::AfterPort]).map_err(|_| Unanswered::Header)?,
    );
    if place.is_none() {
        headers.entry(CONNECTION).or_insert(HeaderValue::from_static("close"));
    }
    headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(concat!("switchboard/", env!("CARGO_PKG_VERSION"))));
    // Without this header a server may compress as it likes; some do even with it.
    headers.entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static("identity"));
    let target = &url[Position::BeforePath..Position::AfterQuery];
    let mut sent = hyper::Request::new(Full::new(body.clone()));
    (*sent.method_mut(), *sent.headers_mut()) = (method.clone(), headers);
    *sent.uri_mut() = Uri::try_from(target).map_err(|_| Unanswered::Header)?;
    // A new connection is not waited for: some servers answer before they were asked.
    let answer = connection.sender.send_request(sent).await.map_err(|_| Unanswered::NoAnswer)?;
    let (head, body) = answer.into_parts();
    Ok(Answer { status: head.status.as_u16(), headers: head.headers, body, connection: Some(connection), place })
}

/// Returns the name that the server's certificate has to prove.
fn server_name(url: &Url) -> Option<ServerName<'static>> {
    Some(match url.host()? {
        Host::Domain(name) => ServerName::try_from(name.to_owned()).ok()?,
        Host::Ipv4(address) => ServerName::from(IpAddr::V4(address)),
        Host::Ipv6(address) => ServerName::from(IpAddr::V6(address)),
    })
}

/// The task of a connection; dropping it ends the connection.
#[derive(Debug)]
struct Driven(JoinHandle<()>);

impl Drop for Driven {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn shared_tls() -> Arc<rustls::ClientConfig> {
    static CONFIG: OnceLock<Arc<rustls::ClientConfig>> = OnceLock::new();
    Arc::clone(CONFIG.get_or_init(|| Arc::new(tls_config())))
}

/// Returns the settings of TLS 1.2 and 1.3 with the web's certificate authorities, for HTTP/1.1.
pub fn tls_config() -> rustls::ClientConfig {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has the cipher suites of TLS 1.2 and 1.3");
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

/// How long one of several addresses may take to connect. Longer would let an address that drops
/// packets use up the whole attempt.
const ONE_OF_SEVERAL: Duration = Duration::from_millis(700);
/// Most bytes that compression may add to data that it cannot shrink.
const PACKING: usize = 1024;
