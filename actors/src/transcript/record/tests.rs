use serde_json::json;

use super::*;
use crate::incident::Incident;
use crate::latency::TurnLatency;
use crate::money::Usd;
use crate::realtime::report::{TranscriptionUsage, Usage};
use crate::transcript::happenings::Happenings;
use crate::transcript::log::{KeyPress, ToolUse, Utterance, Voice};
use crate::transcript::record::values::{DEEPEST, json_or_text, shallow};
use crate::transcript::testing::{identity, profile};

#[test]
fn the_transcript_file_is_as_the_contract_says() {
    let record = Record::new(closing(spoken()));
    let text = String::from_utf8(record.transcript_json().expect("JSON")).expect("UTF-8");
    let value: Value = serde_json::from_str(&text).expect("JSON");
    let questions = json!([
                { "key": "name", "label": "name", "value": "Asha", "status": "captured", "attempts": 2, "attempts_details": [
                    { "sequence": 1, "start_time": "2025-10-17T11:20:00.400Z", "end_time": "2025-10-17T11:20:10.000Z" },
                    { "sequence": 2, "start_time": "2025-10-17T11:20:00.400Z", "end_time": "2025-10-17T11:20:11.000Z" } ] },
                { "key": "seats", "label": "seats", "value": 4, "status": "captured", "attempts": 1, "attempts_details": [
                    { "sequence": 1, "start_time": "2025-10-17T11:20:00.400Z", "end_time": "2025-10-17T11:20:12.000Z" } ] },
    ]);
    let analytics = json!({ "turns": 1, "barge_ins": 1, "dropped_frames": 3, "first_audio_ms": 400, "total_exchanges": 2,
            "user_messages": 1, "assistant_messages": 1, "interrupted_messages": 1, "wordless_items": 2, "turns_without_words": 2, "keys_withheld": 0, "words_withheld": 0, "tools_withheld": 0, "omitted": 0,
            "completion": "complete", "drop_off": null, "question_answer_pairs": 1,
            "parameters_attempted": ["name", "seats"], "parameters_captured": ["name", "seats"],
        "questions": questions,
    });
    let expected = json!({
        "ucid": "CA1", "call_id": "CA1", "id": value["id"], "carrier": "testing",
        "timestamp": 1_760_700_067_500_i64, "duration_ms": 65_000,
        "call_start_time": 1_760_700_000_000_i64, "call_end_time": 1_760_700_065_000_i64,
        "from": "+15550100001", "to": "+15550100002",
        "agent": "reception", "language": "hi", "model_provider": "fake", "model": "spare",
        "models": [{ "provider": "openai", "model": "rehearsal-1", "from_ms": 300 }, { "provider": "fake", "model": "spare", "from_ms": 5_000 }],
        "stream_id": "MZ1", "direction": "inbound",
        "ending": { "reason": "agent_hung_up", "by": "agent" },
        "transcripts": ["नमस्ते, how can I help?", "I need a \"service\".\n"],
        "rich_transcript": [
            { "timestamp": "2025-10-17T11:20:00.400Z", "role": "assistant", "content": "नमस्ते, how can I help?" },
            { "timestamp": "2025-10-17T11:20:04.000Z", "role": "user", "content": "I need a \"service\".\n" },
        ],
        "conversation": [
            { "timestamp": "2025-10-17T11:20:00.400Z", "speaker": "assistant", "text": "नमस्ते, how can I help?",
              "heard": "नमस्ते, how", "interrupted": true, "event_type": "response_audio_transcript_done" },
            { "timestamp": "2025-10-17T11:20:04.000Z", "speaker": "user", "text": "I need a \"service\".\n",
              "heard": "I need a \"service\".\n", "interrupted": false, "event_type": "transcription_completed" },
        ],
        "tools": [
            { "timestamp": "2025-10-17T11:20:08.000Z", "name": "end_call", "arguments": {"reason": "done"}, "output": "not { json" },
        ],
        "keys": [{ "timestamp": "2025-10-17T11:20:09.000Z", "key": "#" }],
        "answers": { "name": "Asha", "seats": 4 },
        "answer_details": [
            { "timestamp": "2025-10-17T11:20:10.000Z", "key": "name", "value": "Usha", "status": "unclear" },
            { "timestamp": "2025-10-17T11:20:11.000Z", "key": "name", "value": "Asha", "status": "answered" },
            { "timestamp": "2025-10-17T11:20:12.000Z", "key": "seats", "value": 4, "status": "answered" },
        ],
        "language_switches": [{ "timestamp": "2025-10-17T11:20:05.000Z", "from": "hi", "to": "en" }],
        "transfers": [
            { "timestamp": "2025-10-17T11:20:20.000Z", "destination": "sales", "reason": "a quote", "outcome": "dialled" },
        ],
        "latency": [
            { "turn": 1, "end_of_speech_ms": 520, "first_delta_ms": 300, "first_sent_ms": 12, "first_heard_ms": null,
              "total_ms": null, "filler_ms": null },
        ],
        "incidents": [{ "timestamp": "2025-10-17T11:20:21.500Z", "at_ms": 21_500, "kind": "model_mute", "detail": "no answer", "times": 2 }],
        "usage": { "input_text": 1, "input_audio": 2, "cached_text": 3, "cached_audio": 4, "input_image": 0, "cached_image": 0, "output_text": 5, "output_audio": 6 },
        "transcription_usage": { "audio_ms": 2500, "input_text": 0, "input_audio": 16, "output_text": 5 },
        "cost_usd": 0.0125,
        "variant": null,
        "configuration": "0a1b2c3d4e5f",
        "analytics": analytics,
    });
    assert_eq!(value, expected);
}

#[test]
fn keys_stand_in_the_order_of_the_contract() {
    let record = Record::new(closing(spoken()));
    assert_eq!(
        top_level_keys(&record.transcript_json().expect("JSON")),
        [
            "ucid",
            "call_id",
            "id",
            "carrier",
            "timestamp",
            "duration_ms",
            "call_start_time",
            "call_end_time",
            "from",
            "to",
            "agent",
            "language",
            "model_provider",
            "model",
            "models",
            "stream_id",
            "direction",
            "ending",
            "transcripts",
            "rich_transcript",
            "conversation",
            "tools",
            "keys",
            "answers",
            "answer_details",
            "language_switches",
            "transfers",
            "latency",
            "incidents",
            "usage",
            "transcription_usage",
            "cost_usd",
            "variant",
            "configuration",
            "analytics"
        ]
    );
    assert_eq!(
        top_level_keys(&record.queue_json(Path::new("d")).expect("JSON")),
        [
            "id",
            "ucid",
            "call_id",
            "timestamp",
            "created_at",
            "transcript_file",
            "transcript_name",
            "status",
            "attempts",
            "priority"
        ]
    );
}

#[test]
fn the_queue_file_leads_to_the_transcript() {
    let record = Record::new(closing(spoken()));
    let queue: Value =
        serde_json::from_slice(&record.queue_json(Path::new("data/calls")).expect("JSON")).expect("JSON");
    assert_eq!(
        queue,
        json!({
            "id": queue["id"], "ucid": "CA1", "call_id": "CA1", "timestamp": 1_760_700_067_500_i64,
            "created_at": "2025-10-17T11:21:07.500Z",
            "transcript_file": "data/calls/call_CA1_1760700067500_transcript.json",
            "transcript_name": "call_CA1_1760700067500_transcript.json",
            "status": "pending", "attempts": 0, "priority": "normal",
        })
    );
    assert_eq!(record.queue_name(), "call_CA1_1760700067500_queue.json");
}

#[test]
fn filed_later_it_says_so_everywhere() {
    let mut record = Record::new(closing(spoken()));
    record.file_later();
    let queue: Value = serde_json::from_slice(&record.queue_json(Path::new("d")).expect("JSON")).expect("JSON");
    let transcript: Value = serde_json::from_slice(&record.transcript_json().expect("JSON")).expect("JSON");
    assert_eq!(record.transcript_name(), "call_CA1_1760700067501_transcript.json");
    assert_eq!(queue["transcript_name"], record.transcript_name());
    assert_eq!(queue["created_at"], "2025-10-17T11:21:07.501Z");
    assert_eq!((&queue["timestamp"], &transcript["timestamp"]), (&json!(record.filed_ms()), &json!(record.filed_ms())));
}

#[test]
fn a_call_without_words_has_a_record_too() {
    let happenings = Happenings::default();
    let nothing = Conversation { utterances: vec![], tools: vec![], keys: vec![], happenings, ..spoken() };
    let value: Value =
        serde_json::from_slice(&Record::new(closing(nothing)).transcript_json().expect("JSON")).expect("JSON");
    assert_eq!(value["answers"], json!({}));
    for list in [
        "transcripts",
        "rich_transcript",
        "conversation",
        "tools",
        "answer_details",
        "language_switches",
        "transfers",
        "latency",
        "incidents",
    ] {
        assert_eq!(value[list], json!([]), "{list}");
    }
}

#[test]
fn a_tools_json_stays_json_and_anything_else_becomes_a_string() {
    let kept = |text: &str| json_or_text(text).get().to_owned();
    assert_eq!(kept(r#"{"n":1.50}"#), r#"{"n":1.50}"#);
    assert_eq!(kept("{\"cut"), r#""{\"cut""#);
    assert_eq!(kept(""), r#""""#);
    assert!(kept(&format!("{}{}", "[".repeat(33), "]".repeat(33))).starts_with('"'));
}

#[test]
fn an_answer_nested_beyond_what_readers_bear_becomes_a_string() {
    let deep = (0..DEEPEST + 1).fold(json!(1), |inner, _| json!([inner]));
    assert!(shallow(deep).is_string());
    assert_eq!(shallow(json!({"a": [1]})), json!({"a": [1]}));
    assert_eq!(shallow(json!("[[")), json!("[["));
}

#[test]
fn an_id_is_made_safe_for_a_file_name() {
    assert_eq!(name_part("CA0123_a-b"), "CA0123_a-b");
    assert_eq!(name_part("../../etc/passwd"), "______etc_passwd");
    assert_eq!(name_part("a\0b\nc d"), "a_b_c_d");
    assert_eq!(name_part("--flag"), "--flag");
    assert_eq!(name_part(""), "unknown");
    assert_eq!(name_part("कॉल"), "___");
    assert_eq!(name_part(&"x".repeat(500)).len(), LONGEST_NAME_PART);
}

#[test]
fn the_weight_is_near_what_is_written() {
    let mut conversation = spoken();
    conversation.utterances[0].text = "word ".repeat(2_000);
    let mut asked = spoken();
    for _ in 0..20 {
        asked.happenings.answered(Duration::ZERO, "k".to_owned(), json!(["word ".repeat(500)]), "answered".to_owned());
    }
    for conversation in [conversation, asked] {
        let record = Record::new(closing(conversation));
        let written = record.transcript_json().expect("JSON").len();
        assert!(record.weight() > written / 2 && record.weight() < written * 3, "{} for {written}", record.weight());
    }
}

fn closing(conversation: Conversation) -> Closing<'static> {
    Closing {
        call: (&*Box::leak(Box::new(identity()))).into(),
        settings: Box::leak(Box::new(CallSettings::of(&profile()))),
        conversation,
        ending: Ending::AgentHungUp,
        tally: Tally {
            turns: 1,
            barge_ins: 1,
            dropped_frames: 3,
            first_audio_ms: Some(400),
            turns_without_words: 2,
            cost_usd: Usd::from_dollars(0.0125),
        },
        duration: Duration::from_secs(65),
        filed_at: DateTime::from_timestamp_millis(1_760_700_067_500).expect("a time"),
    }
}

fn spoken() -> Conversation {
    let said = |at, voice, text: &str, heard: &str, interrupted| Utterance {
        at: Duration::from_millis(at),
        voice,
        text: text.to_owned(),
        heard: Some(heard.to_owned()),
        interrupted,
    };
    Conversation {
        utterances: vec![
            said(400, Voice::Agent, "नमस्ते, how can I help?", "नमस्ते, how", true),
            said(4_000, Voice::Caller, "I need a \"service\".\n", "I need a \"service\".\n", false),
        ],
        tools: vec![ToolUse {
            at: Duration::from_secs(8),
            name: "end_call".to_owned(),
            arguments: r#"{"reason":"done"}"#.to_owned(),
            output: "not { json".to_owned(),
        }],
        keys: vec![KeyPress { at: Duration::from_secs(9), key: '#' }],
        usage: Usage {
            input_text: 1,
            input_audio: 2,
            cached_text: 3,
            cached_audio: 4,
            output_text: 5,
            output_audio: 6,
            ..Usage::default()
        },
        happenings: happenings(),
        wordless: 2,
        omitted: 0,
    }
}

fn happenings() -> Happenings {
    let seconds = Duration::from_secs;
    let mut happenings = Happenings::default();
    happenings.served(Duration::from_millis(300), "openai".to_owned(), "rehearsal-1".to_owned());
    happenings.served(seconds(5), "fake".to_owned(), "spare".to_owned());
    happenings.switched(seconds(5), "hi".to_owned(), "en".to_owned());
    happenings.answered(seconds(10), "name".to_owned(), json!("Usha"), "unclear".to_owned());
    happenings.answered(seconds(11), "name".to_owned(), json!("Asha"), "answered".to_owned());
    happenings.answered(seconds(12), "seats".to_owned(), json!(4), "answered".to_owned());
    happenings.transferred(seconds(20), "sales".to_owned(), "a quote".to_owned(), "dialled".to_owned());
    happenings.timed(TurnLatency {
        turn: 1,
        end_of_speech_ms: Some(520),
        first_delta_ms: Some(300),
        first_sent_ms: Some(12),
        ..TurnLatency::default()
    });
    for at in [21_500, 22_000] {
        happenings.incidents.met(Duration::from_millis(at), Incident::new(IncidentKind::ModelMute, "no answer"));
    }
    happenings.transcription = TranscriptionUsage { audio_ms: 2_500, input_text: 0, input_audio: 16, output_text: 5 };
    happenings
}

/// The keys of the outermost object, in the order of the file.
fn top_level_keys(json: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(json).expect("UTF-8");
    text.lines()
        .filter_map(|line| line.strip_prefix("  \""))
        .filter_map(|line| line.split_once("\": ").map(|(key, _)| key.to_owned()))
        .collect()
}
