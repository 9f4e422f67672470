//! What happens to the connections of a call's sessions: dials, links that a session opens itself, and
//! losses.

use super::*;

impl Call {
    /// The socket of the session in use breaks, or all links that it has opened.
    pub(crate) fn drop_socket(&mut self) {
        let now = self.now;
        for at in 0..self.servers.len() {
            if self.servers[at].is_open && self.servers[at].server.lose_links(now) {
                continue;
            }
            if std::mem::take(&mut self.servers[at].is_open) {
                let leg = self.servers[at].leg;
                self.on_sessions(SessionsEvent::Session { leg, event: SessionEvent::Broken("gone") });
            }
        }
        self.settle();
    }

    /// What happens to the next dial of a model's server.
    pub(super) fn dial(&mut self, model: &str, is_socket: bool) -> Dial {
        let is_down = self.down.as_deref() == Some(model);
        let usual = if is_down { Dial::Fails(ms(200)) } else { Dial::Succeeds(ms(100)) };
        let next = if is_socket { self.dials.pop_front() } else { None };
        next.unwrap_or(usual)
    }

    /// A session orders something of a link that it opens itself.
    pub(super) fn order(&mut self, leg: LegId, order: LinkOrder) {
        let now = self.now;
        let Some(at) = self.servers.iter().position(|seated| seated.leg == leg && seated.is_open) else { return };
        let dial = match &order {
            LinkOrder::Open { .. } => self.dial(&self.servers[at].model.clone(), true),
            LinkOrder::Close(_)
            | LinkOrder::Send(..)
            | LinkOrder::Connect(_)
            | LinkOrder::Request(..)
            | LinkOrder::Abort(_) => self.dial(&self.servers[at].model.clone(), false),
        };
        self.servers[at].server.order(order, dial, now);
    }
}
