//! Addresses of ours that a carrier is given: built from the configured public URL and nothing that a request says of itself. Pure.

use url::Url;

/// `path` at our public address; a path prefix of the public URL is kept.
pub fn public_url(public: &Url, path: &str) -> String {
    format!("{}{path}", public.as_str().trim_end_matches('/'))
}

/// The same for a socket: with the scheme turned into a socket's.
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
