//! TwiML as Twilio reads it (<https://www.twilio.com/docs/voice/twiml>), and cXML as SignalWire does
//! (<https://developer.signalwire.com/compatibility-api/cxml/voice>). Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::carrier::fake::xml::{Element, tree};
use crate::carrier::fake::{Callback, Complaint, Dial, Document, StreamNoun, Verb};
use crate::carrier::twilio::dialect::Which;

/// Reads a document.
///
/// # Errors
/// What is wrong with it. The words follow the carrier's code, if it has one.
pub(super) fn parse(which: Which, text: &str) -> Result<Document, String> {
    if text.find("<?xml").is_some_and(|at| at > 0) {
        return Err("the XML declaration does not stand at the first byte".into());
    }
    let root = tree(text)?;
    if root.name != "Response" {
        return Err(format!("the root element is <{}>, expected <Response>", root.name));
    }
    let mut document = Document { verbs: Vec::new(), complaints: Vec::new() };
    for child in &root.children {
        match verb(which, child, &mut document.complaints)? {
            Some(verb) => match (which, document.verbs.last_mut(), verb) {
                // The stream holds the document; what follows runs when it is over.
                (Which::SignalWire, Some(Verb::Connect { action: action @ None, .. }), Verb::Redirect(next)) => {
                    *action = Some(next);
                }
                (_, _, verb) => document.verbs.push(verb),
            },
            None => document.complaints.push(unknown(format!("unknown verb <{}> ignored", child.name))),
        }
    }
    Ok(document)
}

fn verb(which: Which, element: &Element, complaints: &mut Vec<Complaint>) -> Result<Option<Verb>, String> {
    let known: &[&str] = match element.name.as_str() {
        // The other carrier's asks nobody.
        "Connect" if which == Which::SignalWire => &[],
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
    complain_of_unknown(element, known, complaints);
    Ok(Some(match element.name.as_str() {
        "Connect" => {
            let action = element.callback("action", "method").filter(|_| which == Which::Twilio);
            Verb::Connect { action, stream: stream(which, element, complaints)? }
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
            if let Some(noun) = element.children.iter().find(|noun| !nouns(which).contains(&noun.name.as_str())) {
                return Err(format!("<{}> in <Dial>, expected one of {:?}", noun.name, nouns(which)));
            }
            if let Some(conference) = element.children.iter().find(|noun| noun.name == "Conference") {
                complain_of_unknown(conference, CONFERENCE_ATTRIBUTES, complaints);
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

fn stream(which: Which, connect: &Element, complaints: &mut Vec<Complaint>) -> Result<StreamNoun, String> {
    let Some(element) = connect.children.iter().find(|child| child.name == "Stream") else {
        return Err("<Connect> without a <Stream>".into());
    };
    let known = if which == Which::Twilio { STREAM_ATTRIBUTES } else { CXML_STREAM_ATTRIBUTES };
    complain_of_unknown(element, known, complaints);
    if which == Which::SignalWire && element.attribute("codec").is_some_and(|codec| codec != "PCMU@8000h") {
        return Err("<Stream> in another codec than PCMU@8000h, which is not simulated".into());
    }
    let mut noun = StreamNoun {
        bearer: element.attribute("authBearerToken").map(ToOwned::to_owned),
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

/// What can be dialled.
const fn nouns(which: Which) -> &'static [&'static str] {
    match which {
        Which::Twilio => &["Number", "Sip", "Client", "Conference", "Queue", "Sim", "Application"],
        Which::SignalWire => &["Number", "Sip", "Conference", "Verto", "Queue"],
    }
}

fn complain_of_unknown(element: &Element, known: &[&str], complaints: &mut Vec<Complaint>) {
    complaints.extend(element.unknown_attributes(known).map(|text| unknown(format!("{text} ignored"))));
}

/// Something in the document that is not TwiML: ignored, with a warning.
fn unknown(text: String) -> Complaint {
    Complaint { code: 12200, text }
}

/// The limit for a parameter's name and value together.
const LONGEST_PARAMETER: usize = 500;
const STREAM_ATTRIBUTES: &[&str] =
    &["url", "name", "track", "statusCallback", "statusCallbackMethod", "connectorName", "audioFormat", "sampleRate"];
const CXML_STREAM_ATTRIBUTES: &[&str] =
    &["url", "codec", "realtime", "authBearerToken", "name", "track", "statusCallback", "statusCallbackMethod"];
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

#[cfg(test)]
mod tests;
