//! Client messages: reads a message in the spellings of proto JSON and checks its every field. Pure.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::closes::Close;
use super::shapes;
use crate::tools::rehearsal::schema;

/// A client message.
#[derive(Debug)]
pub(super) enum Incoming<'a> {
    /// `realtimeInput.audio`, by far the most frequent message. Its base64 is borrowed from the
    /// message.
    Audio(Blob<'a>),
    /// Any other message: the name of its field, and what is in it, checked.
    Message(&'static str, Value),
}

/// Audio of the client.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Blob<'a> {
    /// Base64 in either alphabet.
    #[serde(borrow)]
    pub(super) data: Cow<'a, str>,
    /// The type with its rate.
    #[serde(borrow, rename = "mimeType", alias = "mime_type")]
    pub(super) mime: Cow<'a, str>,
}

/// Reads one message.
pub(super) fn read(text: &str) -> Result<Incoming<'_>, Close> {
    if let Ok(Audio { input: AudioInput { audio } }) = serde_json::from_str(text) {
        return Ok(Incoming::Audio(audio));
    }
    let message: Value = serde_json::from_str(text).map_err(Close::payload)?;
    let Value::Object(fields) = in_camel_case(message) else {
        return Err(Close::payload("Expected an object."));
    };
    let mut fields = fields.into_iter();
    let (Some((name, body)), None) = (fields.next(), fields.next()) else {
        return Err(Close::payload("Expected exactly one field of the oneof 'message_type'."));
    };
    let unknown = || Close::payload(format_args!("Unknown name \"{name}\": Cannot find field."));
    let (name, rule) = shapes::message(&name).ok_or_else(unknown)?;
    schema::check(&body, rule, name).map_err(|fault| Close::of(&fault))?;
    Ok(Incoming::Message(name, body))
}

/// Decodes base64 in either alphabet, with or without padding.
pub(super) fn decoded(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    let standard = text.replace('-', "+").replace('_', "/");
    // A mixture of both alphabets is none.
    let mixed = text.contains(['-', '_']) && text.contains(['+', '/']);
    (!mixed).then(|| base64_simd::STANDARD_NO_PAD.decode_to_vec(standard).ok()).flatten()
}

/// The same value with its names in camel case and without nulls, which mean that a field is absent.
fn in_camel_case(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let named = |(name, value): (String, Value)| {
                let name = camel_case(&name);
                let value = if FREE.contains(&name.as_str()) { value } else { in_camel_case(value) };
                (name, value)
            };
            Value::Object(fields.into_iter().filter(|(_, value)| !value.is_null()).map(named).collect::<Map<_, _>>())
        }
        Value::Array(list) => Value::Array(list.into_iter().map(in_camel_case).collect()),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
    }
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

/// Fields whose own fields the client names.
const FREE: [&str; 7] =
    ["args", "response", "parameters", "parametersJsonSchema", "responseJsonSchema", "labels", "items"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Audio<'a> {
    #[serde(borrow, rename = "realtimeInput", alias = "realtime_input")]
    input: AudioInput<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AudioInput<'a> {
    #[serde(borrow)]
    audio: Blob<'a>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        read(text).expect_err("a close").reason
    }

    #[test]
    fn both_spellings_of_names_are_read_and_names_of_the_client_stay() {
        for text in [
            r#"{"setup":{"model":"models/x","generationConfig":{"responseModalities":["AUDIO"]}}}"#,
            r#"{"setup":{"model":"models/x","generation_config":{"response_modalities":["AUDIO"]},"tools":null}}"#,
        ] {
            let Ok(Incoming::Message("setup", setup)) = read(text) else { panic!("{text}") };
            assert_eq!(setup["generationConfig"]["responseModalities"][0], "AUDIO");
        }
        let text =
            r#"{"tool_response":{"function_responses":[{"id":"1","name":"a_b","response":{"table_free":true}}]}}"#;
        let Ok(Incoming::Message("toolResponse", body)) = read(text) else { panic!("{text}") };
        assert_eq!(body["functionResponses"][0]["response"]["table_free"], true);
    }

    #[test]
    fn audio_is_read_in_both_spellings_and_both_alphabets() {
        for text in [
            r#"{"realtimeInput":{"audio":{"data":"+/8=","mimeType":"audio/pcm;rate=16000"}}}"#,
            r#"{"realtime_input":{"audio":{"mime_type":"audio/pcm;rate=16000","data":"-_8"}}}"#,
        ] {
            let Ok(Incoming::Audio(blob)) = read(text) else { panic!("{text}") };
            assert_eq!(decoded(&blob.data).as_deref(), Some(&[0xfb, 0xff][..]));
        }
        assert!(decoded("+_8=").is_none() && decoded("ä").is_none());
    }

    #[test]
    fn what_the_api_does_not_know_is_refused_with_its_name() {
        assert!(refused(r#"{"setup":{"model":"models/x","temperatur":1}}"#).contains("\"temperatur\" at 'setup'"));
        assert!(refused(r#"{"hello":{}}"#).contains("Unknown name \"hello\""));
        assert!(refused(r#"{"setup":{"model":"models/x"},"realtimeInput":{}}"#).contains("exactly one field"));
        assert!(refused("{").starts_with("Invalid JSON payload received."));
        assert!(refused(r#"{"clientContent":{"turns":[{"role":"system","parts":[]}]}}"#).contains("Supported values"));
    }
}
