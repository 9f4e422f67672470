//! TeXML as the carrier reads it
//! (<https://developers.telnyx.com/docs/voice/programmable-voice/texml-verbs>). Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::carrier::fake::xml::{Element, tree};
use crate::carrier::fake::{Callback, Complaint, Dial, Document, StreamNoun, Verb};

/// Reads a document.
///
/// # Errors
/// What is wrong with it.
pub(super) fn parse(text: &str) -> Result<Document, String> {
    let root = tree(text)?;
    if root.name != "Response" {
        return Err(format!("the root element is <{}>, expected <Response>", root.name));
    }
    let mut document = Document { verbs: Vec::new(), complaints: Vec::new() };
    for child in &root.children {
        let known = attributes(&child.name).ok_or_else(|| format!("unknown verb <{}>", child.name))?;
        document.complaints.extend(child.unknown_attributes(known).map(complaint));
        let verb = verb(child, &mut document.complaints)?;
        match (document.verbs.last_mut(), verb) {
            // The stream holds the document; what follows runs when it is over.
            (Some(Verb::Connect { action: action @ None, .. }), Verb::Redirect(next)) => *action = Some(next),
            (_, verb) => document.verbs.push(verb),
        }
    }
    Ok(document)
}

fn verb(element: &Element, complaints: &mut Vec<Complaint>) -> Result<Verb, String> {
    let text = element.text.trim();
    Ok(match element.name.as_str() {
        "Connect" => Verb::Connect { action: None, stream: stream(element, complaints)? },
        "Say" => {
            // Every other plain voice has one language.
            if element.attribute("language").is_some() && element.attribute("voice") != Some("alice") {
                complaints.push(complaint(format!("`language` of <Say> `{text}` with another voice than alice")));
            }
            Verb::Say(text.to_owned())
        }
        "Play" => Verb::Play(text.to_owned()),
        "Pause" => {
            let length = element.attribute("length").unwrap_or("1");
            let seconds = length.parse().map_err(|_| format!("<Pause length=\"{length}\">, expected whole seconds"))?;
            Verb::Pause(Duration::from_secs(seconds))
        }
        "Reject" => Verb::Reject(element.attribute("reason").unwrap_or("rejected").to_owned()),
        "Redirect" => {
            let get = element.attribute("method").is_some_and(|method| method.eq_ignore_ascii_case("GET"));
            Verb::Redirect(Callback { url: bare(element)?, get })
        }
        "Hangup" => Verb::Hangup,
        "Dial" => return dial(element, complaints),
        "Gather" => {
            let said = element.children.iter().filter(|child| child.name == "Say").map(|say| say.text.trim());
            Verb::Gather { action: element.callback("action", "method"), words: said.collect::<Vec<_>>().join(" ") }
        }
        name => Verb::Skipped(name.to_owned()),
    })
}

fn dial(element: &Element, complaints: &mut Vec<Complaint>) -> Result<Verb, String> {
    let action = element.callback("action", "method");
    for noun in &element.children {
        let known: &[&str] = match noun.name.as_str() {
            "Number" | "Sip" => &["statusCallback", "statusCallbackMethod", "statusCallbackEvent", "url", "method"],
            "Conference" => CONFERENCE_ATTRIBUTES,
            _ => return Err(format!("<{}> in <Dial>, expected <Number>, <Sip> or <Conference>", noun.name)),
        };
        complaints.extend(noun.unknown_attributes(known).map(complaint));
    }
    if let Some(timeout) = element.attribute("timeout")
        && !timeout.parse().is_ok_and(|seconds: u64| (5..=120).contains(&seconds))
    {
        return Err(format!("<Dial timeout=\"{timeout}\">, expected 5 to 120 seconds"));
    }
    if let Some(conference) = element.children.iter().find(|noun| noun.name == "Conference") {
        return Ok(Verb::Meet { action, room: conference.text.trim().to_owned() });
    }
    if element.children.is_empty() {
        return Err("<Dial> without a <Number> or a <Sip>".into());
    }
    let noun = |url, method| element.children.iter().find_map(|noun| noun.callback(url, method));
    Ok(Verb::Dial(Dial {
        action,
        targets: element.children.iter().map(|noun| noun.text.trim().to_owned()).collect(),
        whisper: noun("url", "method"),
        status: noun("statusCallback", "statusCallbackMethod"),
    }))
}

fn stream(connect: &Element, complaints: &mut Vec<Complaint>) -> Result<StreamNoun, String> {
    let Some(element) = connect.children.iter().find(|child| child.name == "Stream") else {
        return Err("<Connect> without a <Stream>".into());
    };
    complaints.extend(element.unknown_attributes(STREAM_ATTRIBUTES).map(complaint));
    if element.attribute("bidirectionalMode") != Some("rtp") {
        return Err("<Stream> without bidirectionalMode=\"rtp\": its default takes whole files of mp3 alone".into());
    }
    if element.attribute("bidirectionalCodec") != Some("PCMU") {
        return Err("<Stream> without bidirectionalCodec=\"PCMU\": the caller would hear noise".into());
    }
    if element.attribute("track").is_some_and(|track| track != "inbound_track") {
        return Err("<Stream> of more than the caller: the agent would hear itself".into());
    }
    let mut parameters = BTreeMap::new();
    for child in &element.children {
        let (Some(name), Some(value)) = (child.attribute("name"), child.attribute("value")) else {
            complaints.push(complaint(format!("<{}> without a name and a value in <Stream>", child.name)));
            continue;
        };
        parameters.insert(name.to_owned(), value.to_owned());
    }
    Ok(StreamNoun {
        url: element.attribute("url").unwrap_or_default().to_owned(),
        name: element.attribute("name").map(ToOwned::to_owned),
        track: element.attribute("track").map(ToOwned::to_owned),
        status: element.callback("statusCallback", "statusCallbackMethod"),
        parameters,
        ..StreamNoun::default()
    })
}

/// The address in an element.
fn bare(element: &Element) -> Result<String, String> {
    let text = element.text.as_str();
    if text.is_empty() || text.contains(char::is_whitespace) {
        return Err(format!("<{}> `{text}`, expected an address without white space", element.name));
    }
    Ok(text.to_owned())
}

fn complaint(text: String) -> Complaint {
    Complaint { code: 0, text: text + " ignored" }
}

/// The attributes of a verb; `None` if there is no such verb.
fn attributes(name: &str) -> Option<&'static [&'static str]> {
    Some(match name {
        // It asks nobody what follows.
        "Connect" | "Hangup" => &[],
        "Say" => &["voice", "language", "loop", "gender", "effect", "voiceSpeed", "api_key_ref"],
        "Play" => &["loop", "digits", "mediaStorage"],
        "Pause" => &["length"],
        "Reject" => &["reason"],
        "Redirect" => &["method"],
        "Dial" => &[
            "action",
            "method",
            "callerId",
            "fromDisplayName",
            "hangupOnStar",
            "timeout",
            "timeLimit",
            "record",
            "recordingChannels",
            "recordMaxLength",
            "recordingStatusCallback",
            "recordingStatusCallbackMethod",
            "recordingStatusCallbackEvent",
            "ringTone",
        ],
        "Gather" => &[
            "action",
            "method",
            "input",
            "finishOnKey",
            "numDigits",
            "minDigits",
            "maxDigits",
            "timeout",
            "validDigits",
            "language",
        ],
        "Record" | "Start" | "Stop" | "Enqueue" | "Leave" | "Refer" | "Siprec" | "HttpRequest" => &[],
        _ => return None,
    })
}

const STREAM_ATTRIBUTES: &[&str] = &[
    "url",
    "track",
    "name",
    "codec",
    "bidirectionalMode",
    "bidirectionalCodec",
    "bidirectionalSamplingRate",
    "statusCallback",
    "statusCallbackMethod",
];
const CONFERENCE_ATTRIBUTES: &[&str] = &[
    "muted",
    "startConferenceOnEnter",
    "endConferenceOnExit",
    "maxParticipants",
    "beep",
    "record",
    "recordBeep",
    "recordingStatusCallback",
    "recordingStatusCallbackEvent",
    "recordingStatusCallbackMethod",
    "recordingTimeout",
    "statusCallback",
    "statusCallbackEvent",
    "statusCallbackMethod",
    "waitUrl",
    "waitMethod",
];
