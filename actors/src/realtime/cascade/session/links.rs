//! The requests of the engines, as orders to the links. Pure.

use std::time::{Duration, Instant};

use bytes::Bytes;
use url::Url;

use crate::carrier::AudioFormat;
use crate::frame::Frame;
use crate::ids::Private;
use crate::realtime::cascade::dialogue::{Dialogue, DialogueAction};
use crate::realtime::cascade::ears::{ToEars, upload_url};
use crate::realtime::cascade::listener::{EarsEngine, ListenerAction};
use crate::realtime::cascade::mouth::{MouthAction, VoiceEngine};
use crate::realtime::cascade::plan::CascadePlan;
use crate::realtime::cascade::thinker::ThinkerAction;
use crate::realtime::conversation::{Header, Upgrade};
use crate::realtime::named::{LinkName, LinkOrder, LinkRequest, Outbound, Reading, RequestEvent, RequestId};

/// The order that an action of the ears stands for.
pub(in crate::realtime::cascade) fn of_ears(plan: &CascadePlan, action: ListenerAction) -> Option<LinkOrder> {
    let key = |engine: usize| plan.keys.ears.get(engine).and_then(Option::as_ref);
    Some(match action {
        ListenerAction::Open { engine } => {
            let EarsEngine::Socket { kind, plan: own } = plan.ears.get(engine)? else { return None };
            open(LinkName::Ears, kind.url(own), kind.key_header(), key(engine), own.format)
        }
        ListenerAction::Close => LinkOrder::Close(LinkName::Ears),
        ListenerAction::Send(ToEars::Text(text)) => LinkOrder::Send(LinkName::Ears, Outbound::Text(text)),
        ListenerAction::Send(ToEars::Audio(audio)) => LinkOrder::Send(LinkName::Ears, Outbound::AudioBytes(audio)),
        ListenerAction::Send(ToEars::AudioText(text)) => {
            LinkOrder::Send(LinkName::Ears, Outbound::AudioText(Frame::copy_of(text.as_bytes())))
        }
        ListenerAction::Upload { engine, turn } => {
            let EarsEngine::Uploads { plan: own } = plan.ears.get(engine)? else { return None };
            let id = RequestId { link: LinkName::Ears, number: turn.number };
            let headers = vec![content_type(turn.content_type)];
            let reading = Reading::Whole(LONGEST_UPLOAD);
            LinkOrder::Request(id, request(upload_url(own), headers, key(engine), turn.body.into(), reading))
        }
        ListenerAction::Turn(_)
        | ListenerAction::Complained { .. }
        | ListenerAction::TookOver { .. }
        | ListenerAction::Lost(_) => return None,
    })
}

/// The order that an action of the mind stands for.
pub(super) fn of_mind(plan: &CascadePlan, action: ThinkerAction) -> Option<LinkOrder> {
    Some(match action {
        ThinkerAction::Ask { number, engine, body } => {
            let key = plan.keys.mind.get(engine).and_then(Option::as_ref);
            let id = RequestId { link: LinkName::Mind, number };
            let headers = vec![content_type(JSON.to_owned())];
            let body = body.to_string().into();
            LinkOrder::Request(id, request(plan.mind.get(engine)?.endpoint(), headers, key, body, Reading::Stream))
        }
        ThinkerAction::Abort { number } => LinkOrder::Abort(RequestId { link: LinkName::Mind, number }),
        ThinkerAction::Say { .. }
        | ThinkerAction::CallTool { .. }
        | ThinkerAction::Ended { .. }
        | ThinkerAction::Wasted(_)
        | ThinkerAction::TookOver { .. }
        | ThinkerAction::Lost(_) => return None,
    })
}

/// The order that an action of the voice stands for.
pub(in crate::realtime::cascade) fn of_voice(plan: &CascadePlan, action: MouthAction) -> Option<LinkOrder> {
    let key = |engine: usize| plan.keys.voice.get(engine).and_then(Option::as_ref);
    Some(match action {
        MouthAction::Open { engine } => {
            let VoiceEngine::Socket { kind, plan: own } = plan.voice.get(engine)? else { return None };
            open(LinkName::Voice, kind.url(own), kind.key_header(), key(engine), own.format)
        }
        MouthAction::Close => LinkOrder::Close(LinkName::Voice),
        MouthAction::Send(text) => LinkOrder::Send(LinkName::Voice, Outbound::Text(text)),
        MouthAction::Request { number, engine, request: asked } => {
            let id = RequestId { link: LinkName::Voice, number };
            let headers = vec![content_type(JSON.to_owned())];
            let body = asked.body.to_string().into();
            LinkOrder::Request(id, request(asked.url, headers, key(engine), body, Reading::Stream))
        }
        MouthAction::Abort { number } => LinkOrder::Abort(RequestId { link: LinkName::Voice, number }),
        MouthAction::Audio { .. }
        | MouthAction::Timed { .. }
        | MouthAction::Complete { .. }
        | MouthAction::Complained { .. }
        | MouthAction::TookOver { .. }
        | MouthAction::Lost(_) => return None,
    })
}

/// What came of an upload.
pub(super) fn uploaded(
    dialogue: &mut Dialogue,
    number: u64,
    event: RequestEvent<'_>,
    now: Instant,
    out: &mut Vec<DialogueAction>,
) {
    match event {
        RequestEvent::Head(head, body) => dialogue.uploaded(number, &head, body, now, out),
        RequestEvent::Broken(problem) => dialogue.upload_broken(problem, now, out),
        // The answer is read as a whole.
        RequestEvent::Bytes(_) | RequestEvent::End => {}
    }
}

fn open(
    link: LinkName,
    url: Url,
    (name, before): (&'static str, &str),
    key: Option<&Private<String>>,
    format: AudioFormat,
) -> LinkOrder {
    let header = |key: &Private<String>| Header {
        name,
        value: Private::new(format!("{before}{}", key.expose())),
        what: "credential",
    };
    let upgrade = Upgrade { url, headers: key.map(header).into_iter().collect() };
    // Base64 makes four bytes of three.
    LinkOrder::Open { link, upgrade, most_unsent: LONGEST_UNSENT_MS * format.bytes_per_ms() * 4 / 3 }
}

fn request(
    url: Url,
    mut headers: Vec<Header>,
    key: Option<&Private<String>>,
    body: Bytes,
    reading: Reading,
) -> LinkRequest {
    if let Some(key) = key {
        let value = Private::new(format!("Bearer {}", key.expose()));
        headers.push(Header { name: "authorization", value, what: "credential" });
    }
    LinkRequest { url, headers, body, reading }
}

fn content_type(value: String) -> Header {
    Header { name: "content-type", value: Private::new(value), what: "type of a body" }
}

const JSON: &str = "application/json";
/// How long the words of an upload may take. Shorter: a slow server is given up. Longer: the caller
/// waits for nothing.
const LONGEST_UPLOAD: Duration = Duration::from_secs(6);
/// The bound for audio that an engine does not read.
const LONGEST_UNSENT_MS: usize = 5_000;
