use serde_json::json;

use super::*;

#[test]
fn a_calls_timeline_has_words_heard_parts_and_durations_in_order() {
    let at = |ms: u32| format!("2025-10-17T11:20:{:02}.{:03}Z", ms / 1_000, ms % 1_000);
    let record = json!({
        "call_start_time": 1_760_700_000_000_i64, "duration_ms": 34_000, "stream_id": "MZ1",
        "ending": { "reason": "caller_hung_up", "by": "caller" },
        "conversation": [
            { "timestamp": at(20), "speaker": "assistant", "text": "Hello, how can I help?", "heard": "Hello, how can I help?", "interrupted": false, "event_type": "response_audio_transcript_done" },
            { "timestamp": at(4_100), "speaker": "user", "text": "A car.\u{1b}[2J", "heard": null, "interrupted": false, "event_type": "transcription_completed" },
            { "timestamp": at(9_610), "speaker": "assistant", "text": "We have five of them", "heard": "We have", "interrupted": true, "event_type": "response_audio_transcript_done" },
        ],
        "tools": [{ "timestamp": at(12_770), "name": "save_answer", "arguments": { "model": "Brezza" }, "output": "ok" }],
        "keys": [{ "timestamp": at(5_000), "key": "1" }],
        "language_switches": [{ "timestamp": at(6_000), "from": "en", "to": "hi" }],
        "transfers": [{ "timestamp": at(24_770), "destination": "desk", "reason": "asked", "outcome": "busy" }],
        "incidents": [{ "timestamp": at(15_200), "at_ms": 15_200, "kind": "model_mute", "detail": "an answer was owed", "times": 2 }],
        "latency": [{ "turn": 1, "end_of_speech_ms": 460, "first_delta_ms": 0, "first_sent_ms": 10, "first_heard_ms": 50, "total_ms": 520 }],
    });
    let lines: Vec<String> = timeline(&record)
        .into_iter()
        .map(|it| format!("{:.2} {} {} | {}", it.at.expect("a time"), it.who, it.what, it.note))
        .collect();
    assert_eq!(
        lines,
        [
            "0.00 stream MZ1 | ",
            "0.02 agent Hello, how can I help? | heard 100 %",
            "4.10 caller A car.\u{fffd}[2J | ",
            "5.00 key 1 | ",
            "6.00 language en → hi | ",
            "9.61 agent We have [not heard: five of them] | 0.52 s after the last word (end of turn 0.46, model 0.00, play 0.06), heard 35 %, interrupted",
            "12.77 tool save_answer model=Brezza → ok | ",
            "15.20 ! model mute: an answer was owed (2 times) | ",
            "24.77 transfer desk → busy (asked) | ",
            "34.00 end caller_hung_up by the caller | ",
        ]
    );
}

#[test]
fn a_record_of_an_older_version_is_shown_as_far_as_possible() {
    let rich = json!({ "call_start_time": 1_760_700_000_000_i64, "rich_transcript": [
        { "timestamp": 1_760_700_001_500_i64, "role": "user", "content": "Hello?" }, { "role": "assistant", "content": "Yes" },
    ]});
    let lines: Vec<_> = timeline(&rich).into_iter().map(|it| (it.at, it.who, it.what)).collect();
    assert_eq!(lines[1], (Some(1.5), "caller", "Hello?".to_owned()));
    assert_eq!(lines[2], (None, "agent", "Yes".to_owned()), "an entry without a time keeps its place");
    for record in
        [json!({}), json!({ "transcripts": ["a", 5], "tools": {}, "keys": [7], "latency": [null], "ending": "x" })]
    {
        assert!(!timeline(&record).is_empty());
    }
}

#[test]
fn what_was_not_heard_at_all_is_said_so() {
    assert_eq!(
        heard("Good bye", Some(""), true),
        ("[not heard: Good bye]".to_owned(), Some("heard 0 %, interrupted".to_owned()))
    );
    assert_eq!(heard("नमस्ते जी", Some("नमस्ते"), false).0, "नमस्ते [not heard: जी]");
    assert_eq!(heard("abc def", Some("xyz"), false).0, "abc def [heard: xyz]", "words that do not fit are shown both");
}
