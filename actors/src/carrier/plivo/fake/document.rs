//! Documents as the carriers read them (<https://www.plivo.com/docs/voice/xml/overview>). Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::carrier::fake::xml::{Element, tree};
use crate::carrier::fake::{Callback, Complaint, Dial, Document, StreamNoun, Verb};
use crate::carrier::plivo::dialect::Which;

/// Reads a document.
///
/// # Errors
/// What is wrong with it.
pub(super) fn parse(which: Which, text: &str) -> Result<Document, String> {
    let root = tree(text)?;
    if root.name != "Response" {
        return Err(format!("the root element is <{}>, expected <Response>", root.name));
    }
    let mut document = Document { verbs: Vec::new(), complaints: Vec::new() };
    for child in &root.children {
        let known = attributes(which, &child.name).ok_or_else(|| format!("unknown element <{}>", child.name))?;
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
        "Stream" => Verb::Connect { action: None, stream: stream(element)? },
        "Speak" => Verb::Say(text.to_owned()),
        "Play" => Verb::Play(text.to_owned()),
        "Wait" => {
            let length = element.attribute("length").unwrap_or("1");
            let seconds = length.parse().map_err(|_| format!("<Wait length=\"{length}\">, expected whole seconds"))?;
            Verb::Pause(Duration::from_secs(seconds))
        }
        "Redirect" => {
            let get = element.attribute("method").is_some_and(|method| method.eq_ignore_ascii_case("GET"));
            Verb::Redirect(Callback { url: bare(element)?, get })
        }
        "Hangup" => match element.attribute("reason") {
            Some(reason) => Verb::Reject(reason.to_owned()),
            None => Verb::Hangup,
        },
        "Dial" => {
            for noun in &element.children {
                if !["Number", "User"].contains(&noun.name.as_str()) {
                    return Err(format!("<{}> in <Dial>, expected <Number> or <User>", noun.name));
                }
                let known = ["sendDigits", "sendOnPreanswer", "sipHeaders", "sendDigitsMode"];
                complaints.extend(noun.unknown_attributes(&known).map(complaint));
            }
            if element.children.is_empty() {
                return Err("<Dial> without a <Number> or a <User>".into());
            }
            if element.attribute("confirmSound").is_some() != element.attribute("confirmKey").is_some() {
                return Err("<Dial> with one of confirmSound and confirmKey, expected both".into());
            }
            Verb::Dial(Dial {
                action: element.callback("action", "method"),
                targets: element.children.iter().map(|noun| noun.text.trim().to_owned()).collect(),
                whisper: element.callback("confirmSound", ""),
                status: element.callback("callbackUrl", "callbackMethod"),
            })
        }
        "Conference" => {
            let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
            if text.is_empty() || !text.chars().all(allowed) {
                return Err(format!("<Conference> `{text}`, expected letters, digits and hyphens"));
            }
            Verb::Meet { action: element.callback("action", "method"), room: text.to_owned() }
        }
        "GetDigits" | "GetInput" | "Gather" => {
            let said = element.children.iter().filter(|child| child.name == "Speak").map(|speak| speak.text.trim());
            Verb::Gather { action: element.callback("action", "method"), words: said.collect::<Vec<_>>().join(" ") }
        }
        name => Verb::Skipped(name.to_owned()),
    })
}

fn stream(element: &Element) -> Result<StreamNoun, String> {
    if !element.children.is_empty() {
        return Err("<Stream> with elements in it, expected an address".into());
    }
    if element.attribute("bidirectional") != Some("true") {
        return Err("<Stream> without bidirectional=\"true\": nobody would hear the agent".into());
    }
    if element.attribute("keepCallAlive") != Some("true") {
        return Err("<Stream> without keepCallAlive=\"true\": the call would end at once".into());
    }
    if element.attribute("contentType") != Some("audio/x-mulaw;rate=8000") {
        return Err("<Stream> without contentType=\"audio/x-mulaw;rate=8000\": its default is disputed".into());
    }
    if element.attribute("audioTrack").is_some_and(|track| track != "inbound") {
        return Err("<Stream> of both directions takes the inbound track only".into());
    }
    Ok(StreamNoun {
        url: bare(element)?,
        status: element.callback("statusCallbackUrl", "statusCallbackMethod"),
        parameters: extra_headers(element.attribute("extraHeaders").unwrap_or_default())?,
        ..StreamNoun::default()
    })
}

/// The address in an element. White space around it has cost calls their streams.
fn bare(element: &Element) -> Result<String, String> {
    let text = element.text.as_str();
    if text.is_empty() || text.contains(char::is_whitespace) {
        return Err(format!("<{}> `{text}`, expected an address without white space", element.name));
    }
    Ok(text.to_owned())
}

fn extra_headers(text: &str) -> Result<BTreeMap<String, String>, String> {
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let pairs = text.split(',').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let good = plain(name) && plain(value) && text.len() <= 512;
        good.then(|| (name.to_owned(), value.to_owned())).ok_or_else(|| format!("extraHeaders `{text}`"))
    });
    pairs.collect()
}

fn complaint(text: String) -> Complaint {
    Complaint { code: 0, text: text + " ignored" }
}

/// The attributes of an element; `None` if there is no such element.
fn attributes(which: Which, name: &str) -> Option<&'static [&'static str]> {
    Some(match name {
        "Stream" => &[
            "bidirectional",
            "audioTrack",
            "streamTimeout",
            "statusCallbackUrl",
            "statusCallbackMethod",
            "contentType",
            "extraHeaders",
            "keepCallAlive",
            "noiseCancellation",
            "noiseCancellationLevel",
            "maxRetries",
        ],
        "Speak" => &["voice", "language", "loop"],
        "Play" => &["loop"],
        "Wait" => &["length", "silence", "minSilence", "beep"],
        "Redirect" => &["method"],
        "Hangup" => &["reason", "schedule"],
        "Dial" => &[
            "action",
            "method",
            "hangupOnStar",
            "timeLimit",
            "timeout",
            "callerId",
            "callerName",
            "confirmSound",
            "confirmTimeout",
            "confirmKey",
            "dialMusic",
            "callbackUrl",
            "callbackMethod",
            "redirect",
            "digitsMatch",
            "digitsMatchBLeg",
            "sipHeaders",
        ],
        "Conference" => &[
            "muted",
            "enterSound",
            "exitSound",
            "startConferenceOnEnter",
            "endConferenceOnExit",
            "stayAlone",
            "waitSound",
            "maxMembers",
            "record",
            "timeLimit",
            "hangupOnStar",
            "action",
            "method",
            "callbackUrl",
            "callbackMethod",
            "digitsMatch",
            "floorEvent",
            "redirect",
        ],
        "GetDigits" if which == Which::Plivo => &[
            "action",
            "method",
            "timeout",
            "digitTimeout",
            "finishOnKey",
            "numDigits",
            "retries",
            "redirect",
            "playBeep",
            "validDigits",
            "invalidDigitsSound",
            "log",
        ],
        "Gather" if which == Which::Vobiz => &[
            "action",
            "method",
            "inputType",
            "executionTimeout",
            "digitEndTimeout",
            "speechEndTimeout",
            "finishOnKey",
            "numDigits",
            "language",
            "redirect",
            "log",
        ],
        "GetInput" if which == Which::Plivo => &[],
        "Record" | "DTMF" | "PreAnswer" | "Message" | "MultiPartyCall" => &[],
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
