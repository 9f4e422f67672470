//! The streams of a call: opens and plays them, and sends their status callbacks.

use actix_codec::Framed;
use actix_http::ws::Codec;
use awc::BoxedSocket;
use switchboard_actors::carrier::fake::{CarrierEvent, Stage, StreamNoun, Violation};
use url::Url;

use super::{Ask, Call, EndedBy, Next, random};
use crate::tools::phone::caller::Goodbye;
use crate::tools::phone::http::Http;
use crate::tools::phone::packets::{self, PacketCodec};
use crate::tools::phone::playout::samples_in;
use crate::tools::phone::stream::{self, Stream, StreamEnd};

/// An open stream.
enum Socket {
    /// A WebSocket.
    Web(Framed<BoxedSocket, Codec>),
    /// Packets on a TCP connection.
    Packets(Framed<BoxedSocket, PacketCodec>),
}

impl Call {
    /// Opens a stream and plays it to its end. `after` names the document to request afterwards.
    pub(super) async fn connect(
        &mut self,
        http: &Http,
        url: &Url,
        noun: &StreamNoun,
        after: Option<Ask>,
    ) -> Result<Next, String> {
        let packets = self.fake.carrier().packets();
        let id = match packets {
            // It is the permit.
            Some(_) => url.path().trim_start_matches('/').to_owned(),
            None => self.fake.stream_id(&self.calling.id, random()),
        };
        let opened = match packets {
            Some(packets) => packets::connect(url, packets).await.map(Socket::Packets),
            None => {
                let request = self.fake.opens(&self.calling, url, noun);
                http.stream(&request).await.map(Socket::Web).map_err(|e| e.to_string())
            }
        };
        let socket = match opened {
            Ok(socket) => socket,
            Err(error) => {
                // Only the stream is lost: the carrier continues with the document.
                self.note("stream refused");
                self.tell(http, noun, &id, Stage::Failed(error.clone()));
                self.summary.failures.push(error);
                return Ok(after.map_or(Next::Verb, Next::Document));
            }
        };
        // The part after the `?` may contain a token.
        self.note(format!("stream {}", url.as_str().split('?').next().unwrap_or_default()));
        self.aftermath = self.summary.trail.len();
        self.summary.stream_sids.push(id.clone());
        self.tell(http, noun, &id, Stage::Started);
        let stream = Stream {
            options: &self.options,
            fake: self.fake,
            line: self.fake.line(&self.calling, &id),
            caller: &mut self.caller,
            summary: &mut self.summary,
            handset: &mut self.handset,
            dialled: self.dialled,
            origin: self.origin,
            heard: self.heard,
            parameters: noun.parameters.clone(),
        };
        let outcome = match socket {
            Socket::Web(socket) => stream::play(socket, stream).await,
            Socket::Packets(socket) => stream::play(socket, stream).await,
        };
        let origin = *self.origin.get_or_insert(outcome.started);
        self.heard = outcome.heard;
        if self.options.record {
            // Silence fills the time in which no stream was open.
            self.recording.resize(samples_in(outcome.started - origin) as usize, 0);
            self.recording.extend(outcome.recording);
        }
        self.tell(http, noun, &id, Stage::Stopped);
        if let StreamEnd::Redirected(url) = outcome.end {
            self.note("redirected over the API");
            return Ok(Next::Document(Ask::next(url)));
        }
        Ok(self.after_stream(outcome.end).map_or_else(|| after.map_or(Next::Verb, Next::Document), Next::Over))
    }

    /// Notes how a stream ended. Returns `None` if the document continues.
    fn after_stream(&mut self, end: StreamEnd) -> Option<EndedBy> {
        let mut lost = |problem: String, violation| {
            self.note("stream lost");
            let failure = format!("hold the stream: {problem}{}", self.fake.coded(violation));
            self.summary.failures.push(failure);
            None
        };
        match end {
            StreamEnd::HungUp(goodbye) => {
                self.note(match goodbye {
                    Goodbye::CarrierEvent => "caller hung up",
                    Goodbye::Answered => "caller hung up after the answer",
                    Goodbye::Unanswered => "caller hung up without an answer",
                });
                Some(EndedBy::Caller)
            }
            StreamEnd::TooLong => {
                self.note(format!("caller hung up after the longest time, {} s", self.options.longest.as_secs()));
                Some(EndedBy::Caller)
            }
            // The call continues with a different document.
            StreamEnd::Redirected(_) => None,
            StreamEnd::Closed { code, reason } => {
                let code_text = code.map_or_else(|| "no code".to_owned(), |code| code.to_string());
                let words = if reason.is_empty() { String::new() } else { format!(" {reason}") };
                self.note(format!("stream closed by the service ({code_text}{words})"));
                // 1000 and 1001 are the two codes of a normal close.
                if code.is_some_and(|code| !matches!(code, 1000 | 1001)) {
                    let carriers = self.fake.coded(Violation::StreamClosed);
                    let failure = format!("hold the stream: the service closed it with {code_text}{words}{carriers}");
                    self.summary.failures.push(failure);
                }
                None
            }
            StreamEnd::Dropped(problem) => lost(problem, Violation::StreamDropped),
            StreamEnd::Violated(problem) => lost(problem, Violation::StreamViolated),
        }
    }

    /// Sends the stream's status callback without waiting for it.
    fn tell(&mut self, http: &Http, noun: &StreamNoun, id: &str, stage: Stage) {
        let (Some(callback), Some(documents)) = (&noun.status, self.fake.documents()) else { return };
        let Ok(url) = callback.url.parse::<Url>() else {
            let problem = format!("statusCallback `{}` is not an absolute address", callback.url);
            self.complain(Violation::BadAddress, problem);
            return;
        };
        let event =
            CarrierEvent::Stream { stream: id.to_owned(), name: noun.name.clone(), stage, at: chrono::Utc::now() };
        let request = documents.request(&self.calling, &url, callback.get, &event);
        let http = http.clone();
        self.reports.push(actix_rt::spawn(async move { http.tell(&request).await }));
    }
}
