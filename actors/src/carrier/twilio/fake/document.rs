//! TwiML as Twilio reads it (<https://www.twilio.com/docs/voice/twiml>). Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use crate::carrier::fake::{Callback, Complaint, Dial, Document, StreamNoun, Verb};

/// Reads a document.
///
/// # Errors
/// What is wrong with it. The words follow Twilio's code 12100.
pub(super) fn parse(text: &str) -> Result<Document, String> {
    if text.find("<?xml").is_some_and(|at| at > 0) {
        return Err("the XML declaration does not stand at the first byte".into());
    }
    let root = tree(text)?;
    if root.name != "Response" {
        return Err(format!("the root element is <{}>, expected <Response>", root.name));
    }
    let mut document = Document { verbs: Vec::new(), complaints: Vec::new() };
    for child in &root.children {
        match verb(child, &mut document.complaints)? {
            Some(verb) => document.verbs.push(verb),
            None => document.complaints.push(unknown(format!("unknown verb <{}> ignored", child.name))),
        }
    }
    Ok(document)
}

fn verb(element: &Element, complaints: &mut Vec<Complaint>) -> Result<Option<Verb>, String> {
    let known: &[&str] = match element.name.as_str() {
        "Connect" => &["action", "method"],
        "Say" => &["voice", "language", "loop"],
        "Play" => &["loop", "digits"],
        "Pause" => &["length"],
        "Reject" => &["reason"],
        "Redirect" => &["method"],
        "Dial" => DIAL_ATTRIBUTES,
        "Gather" => GATHER_ATTRIBUTES,
        "Hangup" => &[],
        // Their attributes are not checked.
        name if OTHER_VERBS.contains(&name) => return Ok(Some(Verb::Skipped(name.to_owned()))),
        _ => return Ok(None),
    };
    element.complain_of_unknown(known, complaints);
    Ok(Some(match element.name.as_str() {
        "Connect" => {
            Verb::Connect { action: element.callback("action", "method"), stream: stream(element, complaints)? }
        }
        "Say" => Verb::Say(element.text.trim().to_owned()),
        "Play" => Verb::Play(element.text.trim().to_owned()),
        "Pause" => Verb::Pause(Duration::from_secs(match element.attribute("length") {
            None => 1,
            Some(length) => length
                .parse()
                .ok()
                .filter(|seconds| *seconds >= 1)
                .ok_or_else(|| format!("<Pause length=\"{length}\">, expected whole seconds from 1"))?,
        })),
        "Reject" => Verb::Reject(element.attribute("reason").unwrap_or("rejected").to_owned()),
        "Redirect" => Verb::Redirect(Callback {
            url: element.text.trim().to_owned(),
            get: element.attribute("method").is_some_and(|method| method.eq_ignore_ascii_case("GET")),
        }),
        "Dial" => {
            if let Some(conference) = element.children.iter().find(|noun| noun.name == "Conference") {
                conference.complain_of_unknown(CONFERENCE_ATTRIBUTES, complaints);
                let room = conference.text.trim().to_owned();
                return Ok(Some(Verb::Meet { action: element.callback("action", "method"), room }));
            }
            let noun = |url, method| element.children.iter().find_map(|noun| noun.callback(url, method));
            Verb::Dial(Dial {
                action: element.callback("action", "method"),
                targets: targets(element),
                whisper: noun("url", "method"),
                status: noun("statusCallback", "statusCallbackMethod"),
            })
        }
        "Gather" => {
            let said = element.children.iter().filter(|child| child.name == "Say").map(|say| say.text.trim());
            Verb::Gather { action: element.callback("action", "method"), words: said.collect::<Vec<_>>().join(" ") }
        }
        _ => Verb::Hangup,
    }))
}

fn stream(connect: &Element, complaints: &mut Vec<Complaint>) -> Result<StreamNoun, String> {
    let Some(element) = connect.children.iter().find(|child| child.name == "Stream") else {
        return Err("<Connect> without a <Stream>".into());
    };
    element.complain_of_unknown(STREAM_ATTRIBUTES, complaints);
    let mut noun = StreamNoun {
        url: element.attribute("url").unwrap_or_default().to_owned(),
        name: element.attribute("name").map(ToOwned::to_owned),
        track: element.attribute("track").map(ToOwned::to_owned),
        status: element.callback("statusCallback", "statusCallbackMethod"),
        parameters: BTreeMap::new(),
    };
    for child in &element.children {
        let (Some(name), Some(value)) = (child.attribute("name"), child.attribute("value")) else {
            complaints.push(unknown(format!("<{}> without a name and a value in <Stream> ignored", child.name)));
            continue;
        };
        if name.len() + value.len() >= LONGEST_PARAMETER {
            complaints.push(unknown(format!("<Parameter name=\"{name}\"> is {LONGEST_PARAMETER} characters or more")));
        }
        noun.parameters.insert(name.to_owned(), value.to_owned());
    }
    Ok(noun)
}

/// The targets of a `<Dial>`: its nouns, or its own text.
fn targets(dial: &Element) -> Vec<String> {
    let nouns: Vec<String> = dial
        .children
        .iter()
        .map(|noun| match noun.children.iter().find(|child| child.name == "Identity") {
            Some(identity) => identity.text.trim().to_owned(),
            None => noun.text.trim().to_owned(),
        })
        .collect();
    if nouns.is_empty() { vec![dial.text.trim().to_owned()] } else { nouns }
}

/// Something in the document that is not TwiML: ignored, with a warning.
fn unknown(text: String) -> Complaint {
    Complaint { code: 12200, text }
}

/// The limit for a parameter's name and value together.
const LONGEST_PARAMETER: usize = 500;
/// The deepest nesting of elements. TwiML needs four.
const DEEPEST: usize = 16;
const STREAM_ATTRIBUTES: &[&str] =
    &["url", "name", "track", "statusCallback", "statusCallbackMethod", "connectorName", "audioFormat", "sampleRate"];
const DIAL_ATTRIBUTES: &[&str] = &[
    "action",
    "method",
    "timeout",
    "timeLimit",
    "callerId",
    "answerOnBridge",
    "callReason",
    "hangupOnStar",
    "ringTone",
    "record",
    "recordingStatusCallback",
    "recordingStatusCallbackMethod",
    "recordingStatusCallbackEvent",
    "recordingTrack",
    "trim",
    "sequential",
    "referUrl",
    "referMethod",
    "events",
    "passports",
];
const CONFERENCE_ATTRIBUTES: &[&str] = &[
    "muted",
    "beep",
    "startConferenceOnEnter",
    "endConferenceOnExit",
    "waitUrl",
    "waitMethod",
    "maxParticipants",
    "record",
    "trim",
    "region",
    "coach",
    "participantLabel",
    "statusCallback",
    "statusCallbackEvent",
    "statusCallbackMethod",
    "jitterBufferSize",
];
const GATHER_ATTRIBUTES: &[&str] = &[
    "input",
    "action",
    "method",
    "timeout",
    "speechTimeout",
    "numDigits",
    "finishOnKey",
    "language",
    "hints",
    "bargeIn",
    "actionOnEmptyResult",
    "partialResultCallback",
];
const OTHER_VERBS: &[&str] = &["Record", "Enqueue", "Leave", "Refer", "Start", "Stop", "Prompt", "Pay", "Sms"];

/// An element of the document.
#[derive(Debug, Default)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
    children: Vec<Element>,
}

impl Element {
    fn open(start: &BytesStart<'_>) -> Result<Self, String> {
        let mut element = Self { name: start.name().as_ref().to_owned(), ..Self::default() };
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| error.to_string())?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| error.to_string())?;
            element.attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
        }
        Ok(element)
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn callback(&self, url: &str, method: &str) -> Option<Callback> {
        Some(Callback {
            url: self.attribute(url).filter(|url| !url.is_empty())?.to_owned(),
            get: self.attribute(method).is_some_and(|method| method.eq_ignore_ascii_case("GET")),
        })
    }

    fn complain_of_unknown(&self, known: &[&str], complaints: &mut Vec<Complaint>) {
        for (name, _) in self.attributes.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
            complaints.push(unknown(format!("unknown attribute `{name}` of <{}> ignored", self.name)));
        }
    }
}

fn tree(text: &str) -> Result<Element, String> {
    let mut reader = Reader::from_str(text);
    // The open elements. The first is a nameless one around the root.
    let mut open = vec![Element::default()];
    loop {
        let event = reader.read_event().map_err(|error| format!("{error} at byte {}", reader.error_position()))?;
        let depth = open.len();
        // The first one is never closed: the reader refuses an end without a start.
        let Some(current) = open.last_mut() else { return Err("an end without a start".into()) };
        match event {
            Event::Start(start) if depth > DEEPEST => {
                return Err(format!("<{}> is nested too deep", start.name().as_ref()));
            }
            Event::Start(start) => open.push(Element::open(&start)?),
            Event::Empty(start) => current.children.push(Element::open(&start)?),
            Event::End(_) => {
                if let Some(element) = open.pop()
                    && let Some(parent) = open.last_mut()
                {
                    parent.children.push(element);
                }
            }
            Event::Text(piece) => current.text.push_str(&piece.xml10_content()),
            Event::CData(piece) => current.text.push_str(&piece.xml10_content()),
            Event::GeneralRef(reference) => match reference.resolve_char_ref().map_err(|error| error.to_string())? {
                Some(character) => current.text.push(character),
                None => current.text.push_str(
                    quick_xml::escape::resolve_predefined_entity(&reference)
                        .ok_or_else(|| format!("unknown entity &{};", &*reference))?,
                ),
            },
            Event::Eof => break,
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) | Event::DocType(_) => {}
        }
    }
    let mut holder = match <[Element; 1]>::try_from(open) {
        Ok([holder]) => holder,
        Err(open) => return Err(format!("<{}> is not closed", open.last().map_or("", |element| &element.name))),
    };
    match (holder.children.pop(), holder.children.is_empty(), holder.text.trim()) {
        (Some(root), true, "") => Ok(root),
        (None, ..) => Err("no element at all".into()),
        _ => Err("more than one root element, or text next to it".into()),
    }
}

#[cfg(test)]
mod tests;
