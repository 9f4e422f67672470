use super::*;

#[test]
fn the_old_processor_finds_every_field_it_reads() {
    let ours = json!({
        "ucid": "U1", "call_id": "U1", "timestamp": 1_760_700_000_000_i64, "duration_ms": 65_000,
        "call_start_time": 1, "call_end_time": 2,
        "conversation": (0..7).map(|n| json!({ "speaker": "user", "text": n.to_string() })).collect::<Vec<_>>(),
        "analytics": { "total_exchanges": 7, "user_messages": 7, "assistant_messages": 0 },
    });
    let file: Value = serde_json::from_slice(&transcript(ours.to_string().as_bytes()).expect("JSON")).expect("JSON");
    assert_eq!(file["timestamp"], "2025-10-17T11:20:00.000Z");
    assert_eq!((&file["call_duration"], &file["call_id"]), (&json!(65_000), &json!("U1")));
    assert_eq!(file["simple_transcripts"], json!(["2", "3", "4", "5", "6"]));
    assert_eq!(file["current_sales_data"]["processing_status"], "pending");
    assert_eq!(file["analytics"]["question_answer_pairs"], 7);
    let ours = json!({ "call_id": "U1", "transcript_file": "data/x.json", "transcript_name": "x.json" });
    let file: Value = serde_json::from_slice(&queue(ours.to_string().as_bytes()).expect("JSON")).expect("JSON");
    assert_eq!((&file["transcript_file"], &file["call_id"]), (&json!("x.json"), &json!("U1")));
}
