//! Log events and counters of deliveries, their endpoints and their queue.

use std::time::Duration;

use log::{error, info, warn};
use metrics::counter;

use crate::events::{Emit, Known, TARGET};
use crate::ids::{CallTag, logged};

/// Something that is logged and counted.
#[derive(Debug)]
pub enum Event<'a> {
    /// A receiver has accepted an event.
    WebhookDelivered {
        /// The endpoint's name.
        endpoint: &'a str,
        /// The event's id.
        event: &'a str,
        /// The carrier's id of its call, if the event is at hand. Outside input.
        carrier_call: Option<&'a str>,
        /// Tries it took.
        attempts: u32,
    },
    /// A receiver has not accepted an event yet; the delivery is tried again.
    WebhookDelayed {
        /// The endpoint's name.
        endpoint: &'a str,
        /// The event's id.
        event: &'a str,
        /// The carrier's id of its call, if the event is at hand. Outside input.
        carrier_call: Option<&'a str>,
        /// Tries so far.
        attempts: u32,
        /// The pause before the next.
        wait: Duration,
        /// Why.
        problem: &'a str,
    },
    /// An event is a dead letter: `switchboard deliveries retry` sends it again.
    WebhookGivenUp {
        /// The endpoint's name.
        endpoint: &'a str,
        /// The event's id.
        event: &'a str,
        /// The carrier's id of its call, if the event is at hand. Outside input.
        carrier_call: Option<&'a str>,
        /// Tries it took.
        attempts: u32,
        /// Why.
        problem: &'a str,
    },
    /// An endpoint answered 410: nothing more is sent to it.
    EndpointShut {
        /// Its name.
        endpoint: &'a str,
    },
    /// An endpoint failed several times in a row; its breaker is open.
    EndpointRested {
        /// Its name.
        endpoint: &'a str,
        /// How long.
        pause: Duration,
    },
    /// An endpoint works again; its breaker is closed.
    EndpointRecovered {
        /// Its name.
        endpoint: &'a str,
    },
    /// Deliveries cannot be written to disk. They continue in memory and are written later.
    DeliveryUnsaved {
        /// Why.
        problem: &'a str,
    },
    /// The queue that several nodes share does not answer. New deliveries wait on disk.
    QueueAway {
        /// Why.
        problem: &'a str,
    },
    /// It answers again.
    QueueBack,
    /// The shared queue has lost deliveries of this node; they are added again.
    QueueLost {
        /// How many.
        events: usize,
    },
    /// An event can be neither kept nor delivered.
    NoticeDropped {
        /// The event's id.
        event: &'a str,
        /// The carrier's id of its call, if the event can be read. Outside input.
        carrier_call: Option<&'a str>,
        /// Why.
        problem: &'a str,
    },
    /// An update of a call found no room; the call's record carries the same.
    UpdateDropped {
        /// The call.
        call: &'a CallTag,
    },
    /// A queue file, or its transcript, cannot be read. It is left as it is.
    QueueUnreadable {
        /// Its name.
        name: &'a str,
        /// Why.
        problem: &'a str,
    },
    /// The Delivery actor stopped without an order.
    DeliveryStopped {
        /// Deliveries that wait on disk for the next start.
        pending: usize,
    },
}

impl Emit for Event<'_> {
    fn emit(self) {
        match self {
            Self::WebhookDelivered { endpoint, event, carrier_call, attempts } => {
                webhook_counted("delivered");
                info!(target: TARGET, endpoint, event, carrier_call:% = Known(carrier_call.map(logged)), attempts; "webhook delivered");
            }
            Self::WebhookDelayed { endpoint, event, carrier_call, attempts, wait, problem } => {
                webhook_counted("retried");
                warn!(target: TARGET, endpoint, event, carrier_call:% = Known(carrier_call.map(logged)), attempts, wait_ms = wait.as_millis(), problem; "webhook delayed");
            }
            Self::WebhookGivenUp { endpoint, event, carrier_call, attempts, problem } => {
                webhook_counted("given_up");
                error!(target: TARGET, endpoint, event, carrier_call:% = Known(carrier_call.map(logged)), attempts, problem; "webhook given up; `switchboard deliveries retry` sends it again");
            }
            Self::EndpointShut { endpoint } => {
                error!(target: TARGET, endpoint; "the endpoint answered 410, so nothing more is sent to it; give it another url, or retry one of its deliveries");
            }
            Self::EndpointRested { endpoint, pause } => {
                warn!(target: TARGET, endpoint, pause_ms = pause.as_millis(); "the endpoint fails; no delivery is sent to it for a while");
            }
            Self::EndpointRecovered { endpoint } => {
                info!(target: TARGET, endpoint; "the endpoint works again");
            }
            Self::DeliveryUnsaved { problem } => {
                error!(target: TARGET, problem; "deliveries not written; look at the disk of records.dir");
            }
            Self::QueueAway { problem } => {
                error!(target: TARGET, problem; "the shared queue does not answer; deliveries wait");
            }
            Self::QueueBack => {
                info!(target: TARGET, "the shared queue answers again");
            }
            Self::QueueLost { events } => {
                warn!(target: TARGET, events; "the shared queue lost deliveries; they are given to it again");
            }
            Self::NoticeDropped { event, carrier_call, problem } => {
                webhook_counted("dropped");
                error!(target: TARGET, event, carrier_call:% = Known(carrier_call.map(logged)), problem; "webhook dropped");
            }
            Self::UpdateDropped { call } => {
                warn!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(); "the queue of notices is full; the notice is made again from the call's record");
            }
            Self::QueueUnreadable { name, problem } => {
                error!(target: TARGET, name, problem; "queue file not delivered");
            }
            Self::DeliveryStopped { pending } => {
                error!(target: TARGET, pending; "deliveries have stopped; restart the service");
            }
        }
    }
}

fn webhook_counted(result: &'static str) {
    counter!("switchboard_webhook_deliveries_total", "result" => result).increment(1);
}
