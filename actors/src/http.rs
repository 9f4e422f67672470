//! The HTTP client of a thread: TLS with the roots of the web, no redirects. For requests of ours that are no sockets.

use std::cell::OnceCell;
use std::sync::Arc;

use awc::{Client, Connector};

/// The client of this thread. Redirects are not followed: what was checked of an address would not hold for the next one.
pub fn client() -> Client {
    thread_local! {
        static CLIENT: OnceCell<Client> = const { OnceCell::new() };
    }
    CLIENT.with(|cell| cell.get_or_init(make).clone())
}

fn make() -> Client {
    // The builder's `max_http_version` would throw this away again: the one protocol named here is what forces it.
    let connector = Connector::new().rustls_0_23(Arc::new(tls_config()));
    Client::builder().connector(connector).disable_redirects().finish()
}

/// TLS 1.2 and 1.3 to servers that the web's certificate authorities vouch for, HTTP/1.1 over it.
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
