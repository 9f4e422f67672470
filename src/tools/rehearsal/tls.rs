//! The server behind TLS, for clients that speak nothing else. The certificate is made for the
//! process and signed by itself; clients have to be told to trust it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::rt;
use actix_web::rt::task::JoinHandle;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;

/// A port that passes on to another one what it decrypts. It ends when dropped.
#[derive(Debug)]
pub(super) struct TlsPort {
    address: SocketAddr,
    certificate: String,
    task: JoinHandle<()>,
}

impl TlsPort {
    /// Opens the port at `bind`, which passes its connections on to the one at `to`. Must be called
    /// within an actix system.
    ///
    /// # Errors
    /// The address cannot be bound, or the certificate cannot be made.
    pub(super) async fn open(bind: SocketAddr, to: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(bind).await?;
        let address = listener.local_addr()?;
        let names = vec!["localhost".to_owned(), address.ip().to_string()];
        let made = rcgen::generate_simple_self_signed(names).map_err(io::Error::other)?;
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .map_err(io::Error::other)?;
        let task = rt::spawn(accept(listener, TlsAcceptor::from(Arc::new(config)), to));
        Ok(Self { address, certificate: made.cert.pem(), task })
    }

    /// Where it listens.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its certificate as PEM.
    pub(super) fn certificate(&self) -> &str {
        &self.certificate
    }
}

impl Drop for TlsPort {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, to: SocketAddr) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        match listener.accept().await {
            Ok((client, _)) => {
                rt::spawn(pass_on(client, acceptor.clone(), to, place));
            }
            Err(error) => {
                log::warn!(error:%; "rehearsal model: a connection was not accepted");
                rt::time::sleep(AFTER_A_FAILURE).await;
            }
        }
    }
}

/// Carries one connection until both sides have closed it.
async fn pass_on(client: TcpStream, acceptor: TlsAcceptor, to: SocketAddr, _place: OwnedSemaphorePermit) {
    let carried = async {
        client.set_nodelay(true)?;
        let mut client = rt::time::timeout(LONGEST_HANDSHAKE, acceptor.accept(client)).await??;
        let mut server = TcpStream::connect(to).await?;
        server.set_nodelay(true)?;
        copy_bidirectional(&mut client, &mut server).await
    };
    if let Err(error) = carried.await {
        log::debug!(error:%; "rehearsal model: an encrypted connection broke");
    }
}

/// Maximum number of connections at once.
const MOST_CONNECTIONS: usize = 256;
/// Maximum duration of a handshake.
const LONGEST_HANDSHAKE: Duration = Duration::from_secs(5);
/// The pause after a connection that could not be accepted, as when no files are left.
const AFTER_A_FAILURE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, ServerName};
    use rustls::{ClientConfig, RootCertStore};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_rustls::TlsConnector;

    use super::*;

    const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

    /// A client that trusts these certificates, by the name in its handshake.
    fn connector(pem: &str) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            roots.add(certificate.expect("a certificate")).expect("it is read");
        }
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    }

    #[actix_rt::test]
    async fn who_trusts_its_certificate_is_passed_on_and_nobody_else() {
        let echo = TcpListener::bind(ANY).await.expect("a port");
        let to = echo.local_addr().expect("an address");
        rt::spawn(async move {
            while let Ok((mut stream, _)) = echo.accept().await {
                let mut word = [0; 5];
                if stream.read_exact(&mut word).await.is_ok() {
                    stream.write_all(&word).await.expect("it is written");
                }
            }
        });
        let port = TlsPort::open(ANY, to).await.expect("a port");
        let other = TlsPort::open(ANY, to).await.expect("a port");
        for name in ["127.0.0.1", "localhost"] {
            let name = ServerName::try_from(name).expect("a name");
            let stream = TcpStream::connect(port.address()).await.expect("a connection");
            let mut stream = connector(port.certificate()).connect(name.clone(), stream).await.expect("a handshake");
            stream.write_all(b"hello").await.expect("it is written");
            let mut heard = [0; 5];
            stream.read_exact(&mut heard).await.expect("an answer");
            assert_eq!(&heard, b"hello");
            let stream = TcpStream::connect(port.address()).await.expect("a connection");
            assert!(connector(other.certificate()).connect(name, stream).await.is_err(), "another certificate");
        }
    }
}
