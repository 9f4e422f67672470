//! The addresses of engines, and their names for languages. Pure.

use url::Url;

/// The address of a path of an API. `base` is the API's base; one that already ends in the path is
/// taken as it is. A base without any path gets all of it, another one the part behind the version.
pub fn endpoint(base: &Url, path: &str) -> Url {
    let own = base.path().trim_end_matches('/');
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    let is_version = first.strip_prefix('v').is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    let unversioned = if is_version { &path[first.len() + 1..] } else { path };
    let joined = if own.ends_with(unversioned) {
        own.to_owned()
    } else if own.is_empty() {
        path.to_owned()
    } else {
        format!("{own}{unversioned}")
    };
    let mut url = base.clone();
    url.set_path(&joined);
    with_scheme(url, &[("ws", "http"), ("wss", "https")])
}

/// The same address for a WebSocket. The base may be that of either.
pub fn socket(base: &Url, path: &str) -> Url {
    with_scheme(endpoint(base, path), &[("http", "ws"), ("https", "wss")])
}

fn with_scheme(mut url: Url, schemes: &[(&str, &str)]) -> Url {
    if let Some((_, other)) = schemes.iter().find(|(own, _)| *own == url.scheme()) {
        // All of these schemes are special, so the change is allowed.
        let _ = url.set_scheme(other);
    }
    url
}

/// A language as most engines name it: `hi`.
pub fn short(language: &str) -> &str {
    language.split(['-', '_']).next().unwrap_or_default()
}

/// A language as it is spoken in India: `hi-IN`.
pub fn indian(language: &str) -> String {
    format!("{}-IN", short(language))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_what_an_sdk_calls_one() {
        for (base, path, expected) in [
            ("https://api.example.com/v1", "/v1/chat/completions", "https://api.example.com/v1/chat/completions"),
            ("https://api.example.com/v1/", "/v1/chat/completions", "https://api.example.com/v1/chat/completions"),
            ("http://127.0.0.1:8080", "/v1/chat/completions", "http://127.0.0.1:8080/v1/chat/completions"),
            (
                "https://example.com/a/v1/chat/completions",
                "/v1/chat/completions",
                "https://example.com/a/v1/chat/completions",
            ),
            (
                "https://example.com/v1beta/compat",
                "/v1/chat/completions",
                "https://example.com/v1beta/compat/chat/completions",
            ),
            ("https://example.com/proxy", "/tts/websocket", "https://example.com/proxy/tts/websocket"),
            ("ws://127.0.0.1:8080", "/v1/chat/completions", "http://127.0.0.1:8080/v1/chat/completions"),
            ("https://example.com/v1?key=a", "/v1/audio/speech", "https://example.com/v1/audio/speech?key=a"),
        ] {
            let base = Url::parse(base).expect("a URL");
            assert_eq!(endpoint(&base, path).as_str(), expected);
        }
    }

    #[test]
    fn a_socket_has_a_scheme_of_its_own() {
        for (base, expected) in [
            ("https://api.example.com", "wss://api.example.com/v1/listen"),
            ("http://127.0.0.1:9", "ws://127.0.0.1:9/v1/listen"),
            ("wss://api.example.com/v1/listen", "wss://api.example.com/v1/listen"),
        ] {
            assert_eq!(socket(&Url::parse(base).expect("a URL"), "/v1/listen").as_str(), expected);
        }
        assert_eq!((short("hi-IN"), indian("hi").as_str(), indian("en-GB").as_str()), ("hi", "hi-IN", "en-IN"));
    }
}
