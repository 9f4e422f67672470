//! Whether a web page may have made a request. Pure.
//!
//! A page in a browser can reach loopback, and may open WebSockets to any host: no rule of the
//! browser prevents it. Its requests are recognised by `Origin`, by `Sec-Fetch-Site`, or by a host
//! name that the page's owner has pointed at this machine.

use std::net::IpAddr;

/// The headers that say where a request comes from and where it goes, unparsed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RequestOrigin<'r> {
    /// Every `Host`, and the host of a target that is a whole URL.
    pub(super) hosts: &'r [&'r str],
    /// Every `Origin`.
    pub(super) origins: &'r [&'r str],
    /// Every `Sec-Fetch-Site`.
    pub(super) sites: &'r [&'r str],
}

/// What indicates that a web page made, or may have made, the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Foreign {
    /// The host is not this machine.
    #[error("its Host does not name this machine's loopback address")]
    Host,
    /// The origin is another site.
    #[error("its Origin differs from its Host")]
    Origin,
    /// The browser marks the request as coming from another site.
    #[error("its Sec-Fetch-Site is neither same-origin nor none")]
    Site,
}

impl RequestOrigin<'_> {
    /// Judges a request that nothing authenticates but its network.
    pub(super) fn check_local(&self) -> Result<(), Foreign> {
        let local = |host: &&str| split(host).is_some_and(|(name, _)| is_loopback(&name));
        if self.hosts.is_empty() || !self.hosts.iter().all(local) {
            return Err(Foreign::Host);
        }
        if !self.sites.iter().all(|site| matches!(site.trim(), "same-origin" | "none")) {
            return Err(Foreign::Site);
        }
        self.check_origin()
    }

    /// Judges a request that also has a token: a page may use a token that its browser keeps.
    pub(super) fn check_origin(&self) -> Result<(), Foreign> {
        let own = |origin: &&str| {
            let Some((scheme, authority)) = origin.trim().split_once("://") else { return false };
            let usual = match scheme.to_ascii_lowercase().as_str() {
                "http" | "ws" => 80,
                "https" | "wss" => 443,
                _ => return false,
            };
            let same = |host: &&str| match (split(authority), split(host)) {
                (Some((name, port)), Some((host, host_port))) => {
                    name == host && port.unwrap_or(usual) == host_port.unwrap_or(usual)
                }
                _ => false,
            };
            self.hosts.iter().any(same)
        };
        if self.origins.iter().all(own) { Ok(()) } else { Err(Foreign::Origin) }
    }

    /// Judges the upgrade of a carrier that signs. Some clients other than browsers send the host
    /// that they dialled as their origin. `public` is that host if a proxy has changed `Host`.
    pub(super) fn check_carrier(&self, public: &str) -> Result<(), Foreign> {
        let name = |host: &str| split(host).map(|(name, _)| name);
        let own = |origin: &&str| {
            let authority = origin.trim().split_once("://").map_or(*origin, |(_, authority)| authority);
            let named = name(authority);
            named.is_some() && (named == name(public) || self.hosts.iter().any(|host| named == name(host)))
        };
        if self.origins.iter().all(own) { Ok(()) } else { Err(Foreign::Origin) }
    }
}

/// Splits `host:port`; the name in lower case and without a trailing dot.
fn split(host: &str) -> Option<(String, Option<u16>)> {
    let host = host.trim();
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let (name, port) = rest.split_once(']')?;
            (name, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
        }
        None => host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port))),
    };
    let port = match port {
        Some(port) if port.bytes().all(|sign| sign.is_ascii_digit()) => Some(port.parse().ok()?),
        Some(_) => return None,
        None => None,
    };
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    if name.is_empty() { None } else { Some((name, port)) }
}

fn is_loopback(name: &str) -> bool {
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(host: &str, origin: Option<&str>, site: Option<&str>) -> Result<(), Foreign> {
        let (origins, sites): (Vec<_>, Vec<_>) = (origin.into_iter().collect(), site.into_iter().collect());
        RequestOrigin { hosts: &[host], origins: &origins, sites: &sites }.check_local()
    }

    #[test]
    fn a_host_that_is_not_this_machine_is_foreign() {
        for host in [
            "127.0.0.1",
            "127.0.0.1:8080",
            "127.8.9.1:1",
            "localhost",
            "LocalHost:8080",
            "localhost.",
            "localhost.:8080",
            "[::1]",
            "[::1]:9090",
            "[::ffff:127.0.0.1]:80",
        ] {
            assert_eq!(local(host, None, None), Ok(()), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "evil.example.",
            "192.168.1.5",
            "0.0.0.0:8080",
            "[::]",
            "[2001:db8::1]:80",
            "::1",
            "",
            ":8080",
            "localhost:8080@evil.example",
            "localhost:80a",
            "[::1",
            "[::1]x",
            "127.1",
            "2130706433",
            "localhost..",
        ] {
            assert_eq!(local(host, None, None), Err(Foreign::Host), "{host}");
        }
        let checked = |hosts| RequestOrigin { hosts, ..RequestOrigin::default() }.check_local();
        assert_eq!(checked(&[]), Err(Foreign::Host));
        assert_eq!(checked(&["localhost", "evil.example"]), Err(Foreign::Host));
    }

    #[test]
    fn an_origin_is_its_own_only_with_the_same_name_and_port() {
        for (host, origin) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("localhost:8080", "http://LOCALHOST.:8080"),
            ("localhost", "http://localhost"),
            ("localhost", "https://localhost:443"),
            ("[::1]:9090", "http://[::1]:9090"),
        ] {
            assert_eq!(local(host, Some(origin), None), Ok(()), "{origin}");
        }
        for (host, origin) in [
            ("localhost:8080", "null"),
            ("localhost:8080", ""),
            ("localhost:8080", "https://attacker.example"),
            ("localhost:8080", "http://localhost:3000"),
            ("localhost:8080", "http://localhost"),
            ("localhost:8080", "http://127.0.0.1:8080"),
            ("localhost:8080", "http://localhost:8080.attacker.example"),
            ("localhost:8080", "file://"),
            ("localhost:8080", "chrome-extension://localhost:8080"),
            ("localhost:8080", "localhost:8080"),
        ] {
            assert_eq!(local(host, Some(origin), None), Err(Foreign::Origin), "{origin}");
        }
    }

    #[test]
    fn the_sec_fetch_site_header_is_trusted() {
        for site in ["same-origin", "none"] {
            assert_eq!(local("localhost", None, Some(site)), Ok(()));
        }
        for site in ["cross-site", "same-site", "CROSS-SITE", "something-new", ""] {
            assert_eq!(local("localhost", None, Some(site)), Err(Foreign::Site), "{site}");
        }
    }

    #[test]
    fn a_carrier_may_name_the_host_it_has_dialled() {
        let checked = |host, origin| {
            RequestOrigin { hosts: &[host], origins: &[origin], sites: &[] }.check_carrier("voice.example.com")
        };
        for (host, origin) in [
            ("voice.example.com", "https://voice.example.com"),
            ("voice.example.com", "http://Voice.example.com:80"),
            ("127.0.0.1:8080", "https://voice.example.com"),
            ("127.0.0.1:8080", "voice.example.com"),
            ("10.0.0.1", "ws://10.0.0.1"),
        ] {
            assert_eq!(checked(host, origin), Ok(()), "{origin}");
        }
        for origin in ["https://attacker.example", "null", "", "https://voice.example.com.attacker.example"] {
            assert_eq!(checked("voice.example.com", origin), Err(Foreign::Origin), "{origin}");
        }
    }
}
