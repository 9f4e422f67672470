//! One carrier's way to write and read a stream's messages. Pure.
//!
//! A carrier is a file beside this one and a row in each `match` of this page.

use std::collections::BTreeMap;

use super::options::{Fault, PhoneOptions};
use super::summary::Warning;
use super::twilio::{self, Said};
use super::waybeo;

/// The carrier's end of one stream.
#[derive(Debug)]
pub(super) enum Line {
    /// Twilio Media Streams.
    Twilio {
        /// Writes.
        writer: twilio::Writer,
        /// The stream's id.
        stream: String,
    },
    /// Waybeo's bot stream.
    Waybeo(waybeo::Writer),
}

impl Line {
    /// For the stream with this id.
    pub(super) fn new(options: &PhoneOptions, stream: &str) -> Self {
        if options.carrier == switchboard_actors::carrier::twilio::CARRIER {
            Self::Twilio { writer: twilio::Writer::new(stream.to_owned()), stream: stream.to_owned() }
        } else {
            Self::Waybeo(waybeo::Writer::new(stream.to_owned(), &options.faults))
        }
    }

    /// Everything up to the stream's `start`.
    pub(super) fn start(
        &mut self,
        options: &PhoneOptions,
        call: &str,
        parameters: &BTreeMap<String, String>,
    ) -> Vec<String> {
        match self {
            Self::Twilio { writer, .. } => {
                vec![twilio::Writer::connected(), writer.start(&options.account_sid, call, parameters)]
            }
            Self::Waybeo(writer) => writer.start(&options.from, &options.to, parameters),
        }
    }

    /// The caller's next 20 ms, `timestamp_ms` since the stream began.
    pub(super) fn media(&mut self, samples: &[i16], timestamp_ms: u64) -> Vec<String> {
        match self {
            Self::Twilio { writer, .. } => vec![writer.media(samples, timestamp_ms)],
            Self::Waybeo(writer) => writer.media(samples),
        }
    }

    /// A key the caller pressed, where the carrier tells of keys.
    pub(super) fn dtmf(&mut self, key: char) -> Option<String> {
        match self {
            Self::Twilio { writer, .. } => Some(writer.dtmf(key)),
            Self::Waybeo(_) => None,
        }
    }

    /// Playout reached this mark, where the carrier has marks.
    pub(super) fn mark(&mut self, name: &str) -> Option<String> {
        match self {
            Self::Twilio { writer, .. } => Some(writer.mark(name)),
            Self::Waybeo(_) => None,
        }
    }

    /// The call is over, where the carrier says so.
    pub(super) fn stop(&mut self, options: &PhoneOptions, call: &str) -> Option<String> {
        match self {
            Self::Twilio { writer, .. } => Some(writer.stop(&options.account_sid, call)),
            Self::Waybeo(writer) => writer.stop(&options.from),
        }
    }

    /// Whether the carrier closes the socket of a call that is over.
    pub(super) fn closes(&self, options: &PhoneOptions) -> bool {
        match self {
            Self::Twilio { .. } => true,
            Self::Waybeo(_) => !options.faults.contains(&Fault::NoClose),
        }
    }

    /// Reads one text message of the service as strictly as the carrier does.
    ///
    /// # Errors
    /// The warning that the carrier would have; the message is ignored.
    pub(super) fn read(&self, text: &str) -> Result<Said, Warning> {
        match self {
            Self::Twilio { stream, .. } => twilio::read(text, stream),
            Self::Waybeo(writer) => writer.read(text),
        }
    }

    /// Samples that may be queued here before it is too much, where the carrier cannot be told to drop them.
    pub(super) const fn most_queued(&self) -> Option<usize> {
        match self {
            Self::Twilio { .. } => None,
            Self::Waybeo(_) => Some(MOST_QUEUED),
        }
    }
}

/// Twice the lead that is allowed (200 ms): the network may deliver the first frames late and the rest on time.
const MOST_QUEUED: usize = 3_200;
