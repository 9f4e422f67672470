//! The console's page, simulated: it opens the socket and says which agent it wants. Pure.

mod line;

use url::Url;

use crate::carrier::Carrier;
use crate::carrier::fake::{Calling, Fake, Line, Method, Part, Request, Setup, Usage};

/// The page's side of a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct BrowserFake;

impl Fake for BrowserFake {
    fn carrier(&self) -> Carrier {
        Carrier::of_operators()
    }

    fn usage(&self) -> &'static Usage {
        &Usage {
            account: "",
            address: "the socket at the operators' listener",
            entry: "/test-call",
            over: None,
            examples: &[],
        }
    }

    fn setup(&self, _: Part<'_>) -> Setup {
        Setup::default()
    }

    /// The service names the call.
    fn call_id(&self, _: u128) -> String {
        String::new()
    }

    fn stream_at(&self, mut at: Url) -> Result<Url, String> {
        let scheme = if at.scheme() == "https" { "wss" } else { "ws" };
        at.set_scheme(scheme).map_err(|()| format!("open {at}: it is no address of a service"))?;
        Ok(at)
    }

    fn upgrade(&self, _: &Calling, stream: &Url) -> Request {
        Request { method: Method::Get, url: stream.clone(), headers: Vec::new(), body: None }
    }

    fn line(&self, _: &Calling, _: &str) -> Box<dyn Line> {
        Box::new(line::BrowserLine)
    }
}
