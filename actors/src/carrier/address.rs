//! Our addresses for a carrier. They are built from the configured public URL, never from the
//! contents of a request. Pure.

use url::Url;
use url::form_urlencoded::Serializer;

/// `path` at our public address. A path prefix of the public URL is kept.
pub fn public_url(public: &Url, path: &str) -> String {
    format!("{}{path}", public.as_str().trim_end_matches('/'))
}

/// The same with the scheme of a socket (`ws` or `wss`).
pub fn socket_url(public: &Url, path: &str) -> String {
    let url = public_url(public, path);
    match url.strip_prefix("http") {
        Some(rest) => format!("ws{rest}"),
        None => url,
    }
}

/// A URL without its query, which may carry a token.
pub fn without_query(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.to_string()
}

/// An address with this query; unchanged if that is empty.
pub fn with_query(url: String, query: &[(&str, &str)]) -> String {
    if query.is_empty() {
        return url;
    }
    format!("{url}?{}", Serializer::new(String::new()).extend_pairs(query).finish())
}
