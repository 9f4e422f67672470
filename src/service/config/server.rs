//! `[server]`: the public listener and its share of the machine. Pure.

use std::net::SocketAddr;
use std::time::Duration;

use url::Url;

use super::kinds::{DAY, HOUR, SECOND, address, duration, is_loopback, or_word, url, whole, word};
use super::reader::Section;

/// `[server]`: the public listener and its capacity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The address of the listener for carriers; port 0 takes any free port.
    pub bind: SocketAddr,
    /// The URL at which carriers reach `bind` from outside. Port 0 means the bound port; see
    /// [`Server::public_url_at`].
    pub public_url: Url,
    /// Threads that carry calls; at least 1.
    pub workers: usize,
    /// Most calls at the same time.
    pub max_calls: usize,
    /// How long calls may continue after a request to stop; `None` means as long as the longest call.
    pub drain_timeout: Option<Duration>,
    /// Whether threads that fall behind gather audio for the model, and then take no more calls.
    pub overload: bool,
    /// How often the configuration's files are looked at for changes; `None` means never.
    pub watch: Option<Duration>,
}

impl Server {
    /// The public URL once the listener is bound: port 0 becomes the bound port.
    pub fn public_url_at(&self, bound: SocketAddr) -> Url {
        let mut url = self.public_url.clone();
        if url.port() == Some(0) {
            // Only a URL without a host refuses a port, and such a URL is not accepted in the first
            // place.
            let _ = url.set_port(Some(bound.port()));
        }
        url
    }

    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let bind = section.read("bind", address);
        let public_url = section.read("public_url", url(&["http", "https"]));
        let workers = section.read("workers", or_word("auto", whole(1..=1024)));
        let max_calls = section.read("max_calls", whole(1..=100_000));
        let drain_timeout = section.read("drain_timeout", or_word("auto", duration(Duration::ZERO..=DAY)));
        let watch = section.read("watch", or_word("off", duration(SECOND..=HOUR)));
        let overload = section.read("overload", word(&[("auto", true), ("off", false)]));
        let (bind, mut public_url) = (bind?, public_url?);
        if public_url.query().is_some() {
            section.problem("public_url", "found a `?` part, expected scheme, host and, where there is one, a path");
        }
        if !section.chosen("public_url") && section.chosen("bind") {
            // The default URL belongs to the default address, so it follows a changed port, and a
            // loopback address completely.
            let _ = public_url.set_port(Some(bind.port()));
            if bind.ip().is_loopback() {
                let _ = public_url.set_ip_host(bind.ip());
            } else {
                section
                    .note("public_url", "not set although server.bind can be reached from outside; carriers need it");
            }
        }
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        Some(Self {
            bind,
            public_url,
            workers: workers?.map_or_else(cores, |workers| workers as usize),
            max_calls: max_calls? as usize,
            drain_timeout: drain_timeout?,
            overload: overload?,
            watch: watch?,
        })
    }

    /// Whether carriers can reach the service only from this machine.
    pub fn is_local(&self) -> bool {
        self.outside().is_none()
    }

    /// The setting that makes the service reachable from outside this machine, if there is one.
    pub(super) fn outside(&self) -> Option<&'static str> {
        if !self.bind.ip().is_loopback() {
            Some("server.bind")
        } else if !is_loopback(&self.public_url) {
            Some("server.public_url")
        } else {
            None
        }
    }
}
