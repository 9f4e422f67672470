//! `/v1/audio/speech`: one text for one body of audio. Pure.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::speaker::{Speaker, Timeline};
use crate::tools::rehearsal::cascade::reply::Reply;
use crate::tools::rehearsal::fault::Fault;
use crate::tools::rehearsal::memory::Memory;
use crate::tools::rehearsal::misbehaviour::Misbehaviour;
use crate::tools::rehearsal::pace::Pace;
use crate::tools::rehearsal::schema::Rule::{Number, Object, Text, Word};
use crate::tools::rehearsal::schema::{self, Rule, may, must};
use crate::tools::rehearsal::sound::Format;

/// Answers a request.
pub(in crate::tools::rehearsal::cascade) fn answer(
    body: &[u8],
    misbehaviour: &Misbehaviour,
    pace: Pace,
    memory: &Memory,
) -> Reply {
    let request: Value = match serde_json::from_slice(body) {
        Ok(request) => request,
        Err(error) => return Reply::refused(400, &Fault::request("invalid_json", error.to_string())),
    };
    if let Err(fault) = schema::check(&request, &REQUEST, "") {
        return Reply::refused(400, &fault);
    }
    let text = request["input"].as_str().unwrap_or_default();
    if text.trim().is_empty() {
        return Reply::refused(400, &Fault::request("invalid_value", "input is empty").at("input"));
    }
    if Misbehaviour::on(misbehaviour.empty_responses) {
        return Reply::streamed("audio/pcm", Vec::new());
    }
    let speaker = Speaker::at(Format::Pcm24k, None, pace, misbehaviour, memory);
    let (pieces, _) = speaker.say(text, 0, &mut Timeline::default());
    let mut sent_ms = 0;
    let mut body = Vec::new();
    let is_wav = request["response_format"] == "wav";
    if is_wav {
        body.push((Duration::ZERO, Bytes::from_static(&HEAD)));
    }
    for piece in pieces {
        body.push((Duration::from_millis(piece.at_ms - sent_ms), piece.audio));
        sent_ms = piece.at_ms;
    }
    Reply::streamed(if is_wav { "audio/wav" } else { "audio/pcm" }, body)
}

const REQUEST: Rule = Object(&[
    must("model", Text(usize::MAX)),
    must("input", Text(4_096)),
    must("voice", Text(usize::MAX)),
    may("instructions", Text(usize::MAX)),
    // This server has no other encoder.
    must("response_format", Word(&["pcm", "wav"])),
    may("speed", Number(0.25, 4.0)),
    may("stream_format", Word(&["audio"])),
]);
/// The head of a file whose length is not known yet, as streaming servers write it: one channel of 16
/// bit at 24 kHz.
const HEAD: [u8; 44] =
    *b"RIFF\xFF\xFF\xFF\xFFWAVEfmt \x10\0\0\0\x01\0\x01\0\xC0\x5D\0\0\x80\xBB\0\0\x02\0\x10\0data\xFF\xFF\xFF\xFF";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tools::rehearsal::server::RehearsalOptions;

    fn answered(request: &Value, rehearse: &str) -> Reply {
        let misbehaviour = Misbehaviour::default().with(rehearse).unwrap();
        answer(
            request.to_string().as_bytes(),
            &misbehaviour,
            Pace::of(&RehearsalOptions::default()),
            &Memory::default(),
        )
    }

    fn length(reply: &Reply) -> usize {
        reply.pieces.iter().map(|(_, bytes)| bytes.len()).sum()
    }

    #[test]
    fn a_text_is_raw_audio_or_a_file() {
        let mut request = json!({"model": "small", "input": "Alright.", "voice": "asha", "response_format": "pcm"});
        let raw = answered(&request, "");
        assert!(raw.pieces.len() > 1 && length(&raw).is_multiple_of(2));
        assert_eq!(length(&answered(&request, "answer_ms:3000")), 3_000 * 48);
        request["response_format"] = json!("wav");
        let file = answered(&request, "");
        assert_eq!((length(&file), file.content_type), (length(&raw) + 44, "audio/wav"));
        let mut head = HEAD;
        // This reader wants a length.
        head[40..].fill(0);
        let spec = hound::WavReader::new(&head[..]).map(|reader| reader.spec()).unwrap();
        assert_eq!((spec.sample_rate, spec.channels, spec.bits_per_sample), (24_000, 1, 16));
    }

    #[test]
    fn what_no_server_takes_is_refused() {
        let request = json!({"model": "small", "input": "Alright.", "voice": "asha", "response_format": "mp3"});
        assert_eq!(answered(&request, "").status, 400);
        let request = json!({"model": "small", "input": " ", "voice": "asha", "response_format": "pcm"});
        assert_eq!(answered(&request, "").status, 400);
    }
}
