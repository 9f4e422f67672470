//! SingleInterface's body, version 2.0 (the receiver's own, unpublished format), exact in keys and
//! capitals. Pure.
//!
//! This body adds what the previous service could not report: the caller's number, every language,
//! attempts with their times. Where the body names no zone, its times are local times of the
//! service.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use super::{Material, completion};

#[derive(Serialize)]
pub(super) struct Body {
    id: String,
    call_ref_id: String,
    call_vendor: String,
    recording_url: &'static str,
    start_time: String,
    end_time: String,
    #[serde(rename = "Duration")]
    duration: u64,
    #[serde(rename = "Store_code")]
    store_code: u64,
    #[serde(rename = "Customer_number")]
    customer_number: u64,
    language: Languages,
    dealer_routing: Routing,
    dropoff: Dropoff,
    response_data: Vec<Response>,
}

#[derive(Serialize)]
struct Languages {
    welcome: String,
    conversational: String,
}

#[derive(Serialize)]
struct Routing {
    status: bool,
    reason: &'static str,
    time: String,
}

#[derive(Serialize)]
struct Dropoff {
    time: String,
    action: String,
}

#[derive(Serialize)]
struct Response {
    key_label: String,
    key_value: String,
    key_response: String,
    attempts: u64,
    attempts_details: Vec<Attempt>,
    remarks: String,
}

#[derive(Serialize)]
struct Attempt {
    start_time: String,
    end_time: String,
    sequence: u64,
}

/// Reads a record.
struct RecordReader<'a> {
    record: &'a Value,
    material: Material<'a>,
}

pub(super) fn body(material: Material<'_>) -> Body {
    let reader = RecordReader { record: material.record.unwrap_or(&Value::Null), material };
    let record = reader.record;
    let ucid = &material.notice.call.carrier_call_id;
    let begun = material.notice.call.started_at.unwrap_or(material.notice.at);
    let ended = record["call_end_time"].as_i64().and_then(DateTime::from_timestamp_millis);
    let responses = reader.responses();
    Body {
        id: format!("bot_{ucid}"),
        call_ref_id: ucid.clone(),
        call_vendor: vendor(&material.notice.call.carrier),
        recording_url: "",
        start_time: reader.local(begun),
        end_time: reader.local(ended.unwrap_or(material.notice.at)),
        duration: record["duration_ms"].as_u64().unwrap_or_default().saturating_add(500) / 1000,
        store_code: reader.number(&STORE).unwrap_or(DEFAULT_STORE),
        customer_number: reader.number(&CUSTOMER).unwrap_or(DEFAULT_CUSTOMER),
        language: reader.languages(),
        dealer_routing: reader.routing(&responses),
        dropoff: reader.dropoff(&responses),
        response_data: responses,
    }
}

impl RecordReader<'_> {
    fn local(&self, moment: DateTime<Utc>) -> String {
        (self.material.local)(moment).format("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// A time of the record in the body's form; empty if there is none.
    fn local_of(&self, moment: &Value) -> String {
        let moment = moment.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
        moment.map(|moment| self.local(moment.to_utc())).unwrap_or_default()
    }

    /// The digits of the first of these values that has any.
    fn number(&self, pointers: &[&str]) -> Option<u64> {
        let digits = |value: &Value| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            text.chars().filter(char::is_ascii_digit).collect::<String>().parse().ok()
        };
        pointers.iter().find_map(|pointer| digits(self.record.pointer(pointer)?))
    }

    fn list(&self, pointer: &str) -> &[Value] {
        self.record.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    fn said_by(&self, speaker: &str) -> impl Iterator<Item = &Value> {
        let speaker = speaker.to_owned();
        self.list("/conversation").iter().filter(move |entry| entry["speaker"] == speaker.as_str())
    }

    /// The first and the last language of the call.
    fn languages(&self) -> Languages {
        let begun = self.record["language"].as_str().unwrap_or("en");
        let last = self.list("/language_switches").last().and_then(|switch| switch["to"].as_str());
        Languages { welcome: language(begun), conversational: language(last.unwrap_or(begun)) }
    }

    /// The agent's questions, or the reference's three if the agent has none.
    fn responses(&self) -> Vec<Response> {
        let questions = self.list("/analytics/questions");
        if questions.is_empty() {
            let known = |(_, value, label): &(&str, &str, &str)| {
                let answer = &self.record["answers"][*value];
                let answered = answer.as_str().map(str::to_owned);
                let remarks = if answered.is_some() { "captured" } else { NOT_ATTEMPTED };
                Response::new(label, value, answered.unwrap_or_default(), remarks)
            };
            return KNOWN.iter().map(known).collect();
        }
        questions.iter().map(|question| self.response(question)).collect()
    }

    fn response(&self, question: &Value) -> Response {
        let key = question["key"].as_str().unwrap_or_default();
        let known = KNOWN.iter().find(|(alias, value, _)| key == *alias || key == *value);
        let (key, label) =
            known.map_or((key, question["label"].as_str().unwrap_or(key)), |(_, key, label)| (key, label));
        let value = match &question["value"] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => other.to_string(),
        };
        let attempts = question["attempts"].as_u64().unwrap_or_default();
        let status = question["status"].as_str().unwrap_or("not_captured");
        let remarks = if attempts == 0 && value.is_empty() { NOT_ATTEMPTED } else { status };
        let details = question["attempts_details"].as_array().map_or(&[][..], Vec::as_slice);
        let details = details.iter().map(|attempt| Attempt {
            start_time: self.local_of(&attempt["start_time"]),
            end_time: self.local_of(&attempt["end_time"]),
            sequence: attempt["sequence"].as_u64().unwrap_or_default(),
        });
        Response { attempts, attempts_details: details.collect(), ..Response::new(label, key, value, remarks) }
    }

    /// The first of the reference's reasons that applies.
    fn routing(&self, responses: &[Response]) -> Routing {
        let routing = |status, reason, time| Routing { status, reason, time };
        if let Some(time) = self.asked_for_a_person() {
            return routing(true, "User decided", time);
        }
        let completion = completion(self.material.record);
        if completion == "complete" {
            return routing(true, "call completed", String::new());
        }
        if self.is_confused(responses) {
            return routing(true, "Unable to understand answers", String::new());
        }
        match completion {
            "partial" => routing(false, "Partial data collected - call ended", String::new()),
            _ => routing(false, "No data collected - call failed", String::new()),
        }
    }

    /// When the caller asked for a person. A transfer is certain evidence, in any language. Without
    /// one, the reference's rule applies: phrases of two groups within one utterance.
    fn asked_for_a_person(&self) -> Option<String> {
        let requested = |transfer: &&Value| {
            let reason = transfer["reason"].as_str().unwrap_or_default().to_lowercase();
            ["customer_request", "customer_requested"].contains(&reason.as_str()) || reason.contains("caller ask")
        };
        if let Some(transfer) = self.list("/transfers").iter().find(requested) {
            return Some(self.local_of(&transfer["timestamp"]));
        }
        let asked = |entry: &&Value| {
            let text = entry["text"].as_str().unwrap_or_default().to_lowercase();
            REQUESTS.iter().filter(|group| group.iter().any(|phrase| text.contains(phrase))).count() >= 2
        };
        self.said_by("user").find(asked).map(|entry| self.local_of(&entry["timestamp"]))
    }

    /// Two apologies of the agent, or more than two attempts per question on average.
    fn is_confused(&self, responses: &[Response]) -> bool {
        let sorry = |entry: &&Value| {
            let text = entry["text"].as_str().unwrap_or_default().to_lowercase();
            APOLOGIES.iter().any(|phrase| text.contains(phrase))
        };
        let attempts: u64 = responses.iter().map(|response| response.attempts).sum();
        self.said_by("assistant").filter(sorry).count() >= 2 || attempts > 2 * responses.len() as u64
    }

    fn dropoff(&self, responses: &[Response]) -> Dropoff {
        let last = self.said_by("assistant").last();
        let time = last.map(|entry| self.local_of(&entry["timestamp"])).unwrap_or_default();
        let missing = responses.iter().find(|response| response.key_response.is_empty());
        let action = match (completion(self.material.record), last, missing) {
            ("complete", _, _) => String::new(),
            (_, None, _) => "ivr".to_owned(),
            (_, Some(_), missing) => missing.map(|response| response.key_value.clone()).unwrap_or_default(),
        };
        Dropoff { time, action }
    }
}

impl Response {
    fn new(label: &str, key: &str, response: String, remarks: &str) -> Self {
        Self {
            key_label: label.to_owned(),
            key_value: key.to_owned(),
            key_response: response,
            attempts: 0,
            attempts_details: Vec::new(),
            remarks: remarks.to_owned(),
        }
    }
}

/// The carrier's name with a capital, as the receiver expects it.
fn vendor(carrier: &str) -> String {
    let mut signs = carrier.chars();
    signs.next().map(|first| first.to_uppercase().chain(signs).collect()).unwrap_or_default()
}

/// A language's English name in small letters; an unknown code stays a code.
fn language(code: &str) -> String {
    let base = code.split(['-', '_']).next().unwrap_or(code).to_lowercase();
    let name = match base.as_str() {
        "en" => "english",
        "hi" => "hindi",
        "mr" => "marathi",
        "te" => "telugu",
        "ta" => "tamil",
        "ml" => "malayalam",
        "kn" => "kannada",
        "gu" => "gujarati",
        "pa" => "punjabi",
        "bn" => "bengali",
        other => other,
    };
    name.to_owned()
}

/// The reference's three questions: the key that older agents use, the key in the body, the label.
const KNOWN: [(&str, &str, &str); 3] = [
    ("full_name", "name", "What's your name"),
    ("car_model", "model", "Which model you are looking for"),
    ("email_id", "email", "What is your email id"),
];
const NOT_ATTEMPTED: &str = "not_attempted";
/// The places of a store, those of older records first.
const STORE: [&str; 4] = ["/store_code", "/Store_code", "/metadata/store_code", "/metadata/Store_code"];
const CUSTOMER: [&str; 8] = [
    "/customer_number",
    "/Customer_number",
    "/caller_id",
    "/from",
    "/did",
    "/phone_number",
    "/metadata/customer_number",
    "/metadata/did",
];
/// The receiver's value for an unknown store.
const DEFAULT_STORE: u64 = 10001;
const DEFAULT_CUSTOMER: u64 = 9_999_999_999;
/// A wish, a person, an urgency, a refusal of the machine: two groups in one utterance count as
/// asking for a person.
const REQUESTS: [&[&str]; 4] = [
    &["talk to", "speak to", "speak with", "talk with", "connect me", "transfer", "put me through"],
    &["dealer", "showroom", "agent", "human", "person", "executive", "representative", "someone"],
    &["right now", "immediately", "directly", "urgent"],
    &["not a machine", "not a bot", "no bot", "real one", "don't want to answer"],
];
const APOLOGIES: [&str; 7] =
    ["sorry", "apolog", "didn't catch", "did not catch", "could you repeat", "please repeat", "didn't understand"];

#[cfg(test)]
mod tests;
