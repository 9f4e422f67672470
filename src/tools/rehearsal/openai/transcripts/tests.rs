use super::*;

fn transcript(item_id: &str) -> Transcript {
    Transcript { item_id: item_id.to_owned(), model: "m".to_owned(), ms: 1_000, text: "[a, b]".to_owned() }
}

fn order(rehearse: &str) -> Vec<String> {
    let now = Instant::now();
    let mut transcripts =
        Transcripts::new(Duration::from_millis(100), Rc::new(Misbehaviour::default().with(rehearse).unwrap()));
    for id in ["1", "2", "3", "4"] {
        transcripts.expect(transcript(id), now);
    }
    assert!(transcripts.take_due(now).is_empty());
    let due = transcripts.take_due(now + Duration::from_secs(1));
    due.into_iter().map(|transcript| transcript.item_id).collect()
}

#[test]
fn transcripts_come_in_order_shuffled_or_never() {
    assert_eq!(order(""), ["1", "2", "3", "4"]);
    assert_eq!(order("shuffle_transcripts"), ["2", "1", "4", "3"]);
    assert!(order("no_transcripts").is_empty());
}
