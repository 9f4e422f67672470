//! What a dialplan asks us with `CURL()`, and our answers: bare texts, because a dialplan reads no
//! documents (<https://docs.asterisk.org/Latest_API/API_Documentation/Dialplan_Functions/CURL/>). Pure.

use super::settings::STREAM_TOKEN;
use crate::carrier::control::Target;
use crate::carrier::form::Form;
use crate::carrier::token;
use crate::carrier::webhook_api::{
    Answer, DialOutcome, Direction, Document, Proof, Refused, Request, Role, StatusUpdate, StreamEnding, WebhookEvent,
};
use crate::ids::{CarrierCallId, Private};

/// The questions of a dialplan after our stream, the same for each way to us.
#[derive(Debug)]
pub(in crate::carrier) struct Dialplan {
    /// The token in its URLs; `None` only while every address is loopback.
    pub(in crate::carrier) token: Option<Private<String>>,
    /// The dial string of a telephone number, with `{number}` in its place.
    pub(in crate::carrier) dial: String,
}

impl Dialplan {
    /// How its requests are authenticated.
    pub(in crate::carrier) fn proof(&self) -> Proof {
        if self.token.is_some() { Proof::Token } else { Proof::ThisMachine }
    }

    /// Authenticates a request by the token in its URL or by its password. Returns its fields: those
    /// of the URL, then those of a form.
    ///
    /// # Errors
    /// When it is not the PBX's, or cannot be read.
    pub(in crate::carrier) fn accept(&self, request: &Request<'_>) -> Result<Fields, Refused> {
        let query = token::accept(request, self.token.as_ref(), STREAM_TOKEN, "call")?;
        Ok(Fields { query, body: Form::parse(request.body).unwrap_or_default() })
    }

    /// Reads a request about a call whose stream is over.
    ///
    /// # Errors
    /// As [`Self::accept`]; also when it names no call.
    pub(in crate::carrier) fn judge(&self, role: Role, request: &Request<'_>) -> Result<WebhookEvent, Refused> {
        let fields = self.accept(request)?;
        let call = fields.call()?;
        Ok(match role {
            Role::StreamEnded => WebhookEvent::StreamEnded(StreamEnding {
                call,
                over: false,
                // A dialplan runs as long as the caller is on the line.
                in_progress: true,
                direction: Direction::Inbound,
                from: fields.number("from"),
                to: fields.number("to"),
            }),
            Role::DialEnded => WebhookEvent::DialEnded { call, outcome: outcome(fields.value("status")) },
            Role::Status => {
                let status = fields.value("status").to_owned();
                let over = !UNDER_WAY.iter().any(|word| status.eq_ignore_ascii_case(word));
                WebhookEvent::Status(StatusUpdate { call, announced: None, unanswered: None, over, status })
            }
            Role::Stream
            | Role::Arrives
            | Role::AsksWhom
            | Role::Whisper
            | Role::WhisperTaken
            | Role::CalleeAnswered
            | Role::CalleeTaken
            | Role::CalleeStatus
            | Role::StreamStatus => WebhookEvent::Nothing,
        })
    }

    /// The text of an answer after our stream: whom to dial, the word `again` of those who come back
    /// to the agent, or nothing for a hang-up.
    pub(in crate::carrier) fn answer(&self, answer: &Answer<'_>, again: &str) -> Document {
        let text = match answer {
            Answer::Dial(dial) => self.dial_string(dial.target),
            Answer::Stream { .. } => Some(again.to_owned()),
            // The dialplan goes on with its next line, which hangs up.
            Answer::GoOn
            | Answer::HangUp
            | Answer::Refuse { .. }
            | Answer::AskToTake { .. }
            | Answer::Meet { .. }
            | Answer::Nothing => None,
        };
        match text.filter(|text| !text.is_empty()) {
            Some(text) => Document { no_store: true, ..Document::of("text/plain", text) },
            None => Document::empty(),
        }
    }

    /// The dial string of a destination. It becomes a part of a dialplan's line, so it has no
    /// character that means something there.
    fn dial_string(&self, target: &Target) -> Option<String> {
        let (number, dial) = match target {
            Target::Number(number) => (number.expose().as_str(), self.dial.clone()),
            Target::Sip(address) => (address.expose().as_str(), sip(&self.dial)?),
            // A PBX has neither.
            Target::Client(_) | Target::Carrier => return None,
        };
        let harmless = |c: char| c.is_ascii_alphanumeric() || "+-_.:@".contains(c);
        number.chars().all(harmless).then(|| dial.replace("{number}", number))
    }
}

/// The dial string of a SIP address over the endpoint of numbers: `PJSIP/{number}@trunk` dials
/// `PJSIP/trunk/sip:…`. `None` if it is of another form.
fn sip(dial: &str) -> Option<String> {
    let endpoint = dial.strip_prefix("PJSIP/{number}@")?;
    (!endpoint.contains(['/', '@'])).then(|| format!("PJSIP/{endpoint}/{{number}}"))
}

/// The fields of a request.
#[derive(Debug)]
pub(in crate::carrier) struct Fields {
    pub(in crate::carrier) query: Form,
    body: Form,
}

impl Fields {
    /// A field; empty if it is not given.
    pub(in crate::carrier) fn value(&self, name: &str) -> &str {
        self.query.value(name).or_else(|| self.body.value(name)).unwrap_or_default()
    }

    /// The dialplan's id of the call.
    ///
    /// # Errors
    /// When there is none, or it is no id.
    pub(in crate::carrier) fn call(&self) -> Result<CarrierCallId, Refused> {
        let call = self.value("call");
        if is_id(call) {
            return Ok(CarrierCallId::new(call));
        }
        Err(Refused::unreadable("expected `call`, an id of at most 64 visible ASCII characters, such as ${UNIQUEID}"))
    }

    /// A number; empty if it is not given.
    pub(in crate::carrier) fn number(&self, name: &str) -> Private<String> {
        Private::new(self.value(name).chars().take(LONGEST_NUMBER).collect())
    }

    /// The parameters of the call: all fields but the dialplan's own.
    pub(in crate::carrier) fn parameters(&self) -> Vec<(String, String)> {
        let of = |form: &Form| form.pairs().iter().filter(|(name, _)| name != "token").cloned().collect::<Vec<_>>();
        [of(&self.query), of(&self.body)].concat()
    }
}

/// Whether a text is an id of a call.
pub(super) fn is_id(text: &str) -> bool {
    (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The result of `Dial()`, by its `DIALSTATUS`. `None` if the caller has hung up.
fn outcome(status: &str) -> Option<DialOutcome> {
    Some(match status.to_ascii_uppercase().as_str() {
        "ANSWER" => DialOutcome::Bridged,
        "CANCEL" => return None,
        "BUSY" => DialOutcome::Busy,
        "NOANSWER" => DialOutcome::NoAnswer,
        "DONTCALL" | "TORTURE" => DialOutcome::NotTaken,
        _ => DialOutcome::Failed,
    })
}

/// The words of a call that goes on. Any other, or none, is from the dialplan's hang-up extension.
const UNDER_WAY: [&str; 6] = ["down", "ringing", "ring", "up", "answered", "in-progress"];
/// The longest id of a call. Asterisk's have 12 to 40 characters.
const LONGEST_ID: usize = 64;
/// The longest number, in characters.
const LONGEST_NUMBER: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_configured_targets_become_dial_strings() {
        let number = |text: &str| Target::Number(Private::new(text.to_owned()));
        let sip = Target::Sip(Private::new("sip:desk@pbx.example.com".to_owned()));
        let plan = |dial: &str| Dialplan { token: None, dial: dial.to_owned() };
        let trunk = plan("PJSIP/{number}@trunk");
        assert_eq!(trunk.dial_string(&number("+919876543210")).as_deref(), Some("PJSIP/+919876543210@trunk"));
        assert_eq!(trunk.dial_string(&sip).as_deref(), Some("PJSIP/trunk/sip:desk@pbx.example.com"));
        for wrong in ["1,30,A(x)", "1&PJSIP/2@trunk", "${SHELL(x)}", "1)"] {
            assert_eq!(trunk.dial_string(&number(wrong)), None, "{wrong}");
        }
        assert_eq!(trunk.dial_string(&Target::Carrier), None);
        let local = plan("Local/{number}@outgoing");
        assert_eq!(local.dial_string(&number("100")).as_deref(), Some("Local/100@outgoing"));
        assert_eq!(local.dial_string(&sip), None);
    }

    #[test]
    fn the_status_of_a_dial_is_its_result() {
        assert_eq!(outcome("ANSWER"), Some(DialOutcome::Bridged));
        assert_eq!(outcome("CANCEL"), None);
        for (status, expected) in [
            ("BUSY", DialOutcome::Busy),
            ("NOANSWER", DialOutcome::NoAnswer),
            ("CONGESTION", DialOutcome::Failed),
            ("CHANUNAVAIL", DialOutcome::Failed),
            ("", DialOutcome::Failed),
        ] {
            assert_eq!(outcome(status), Some(expected), "{status}");
        }
    }
}
