use futures_util::StreamExt as _;
use switchboard_actors::transcript::watch::WatchEvent;

use super::*;

fn post(board: &Board, id: &str) -> Post {
    let news = Arc::new(Mutex::new(News::new(id.to_owned(), clock::now())));
    Post { news, board: Arc::clone(&board.0) }
}

fn text(frame: &Bytes) -> &str {
    std::str::from_utf8(frame).expect("text")
}

#[actix_rt::test]
async fn every_reader_gets_the_same_bytes() {
    let board = Board::default();
    let call = post(&board, "id-1");
    let mut readers = Vec::new();
    for _ in 0..3 {
        readers.push(Box::pin(board.read("event: stats\ndata: {}\n\n".to_owned(), false).expect("room")));
    }
    for reader in &mut readers {
        assert_eq!(text(&reader.next().await.expect("a frame").expect("no error")), "event: stats\ndata: {}\n\n");
    }
    call.tell(|news| news.take(WatchEvent::state("listening")));
    call.tell(|news| news.take(WatchEvent::state("thinking")));
    board.send(board.frame(clock::now()));
    let mut places = Vec::new();
    for reader in &mut readers {
        let frame = reader.next().await.expect("a frame").expect("no error");
        assert!(text(&frame).matches("event: ").count() == 1 && text(&frame).contains("thinking"), "{frame:?}");
        places.push(frame.as_ptr());
    }
    assert!(places.iter().all(|place| *place == places[0]), "the bytes are made once");
}

#[actix_rt::test]
async fn a_slow_reader_is_dropped_and_told_and_the_others_go_on() {
    let board = Board::default();
    let call = post(&board, "id-1");
    let mut slow = Box::pin(board.read(String::new(), false).expect("room"));
    let mut quick = Box::pin(board.read(String::new(), false).expect("room"));
    quick.next().await;
    for _ in 0..MOST_WAITING + 3 {
        call.tell(|news| news.take(WatchEvent::state("listening")));
        board.send(board.frame(clock::now()));
        assert!(text(&quick.next().await.expect("a frame").expect("no error")).contains("call.updated"));
    }
    let rest: Vec<_> = slow.by_ref().collect().await;
    assert_eq!(rest.len(), 1 + MOST_WAITING + 1);
    let last = rest.last().and_then(|frame| frame.as_ref().ok()).expect("a last event");
    assert_eq!(text(last), "event: dropped\ndata: {\"reason\":\"too_slow\"}\n\n");
    assert_eq!(locked(&board.0.readers).len(), 1);
    board.close();
    assert!(text(&quick.next().await.expect("a goodbye").expect("no error")).contains("stopping"));
    assert!(quick.next().await.is_none());
}

#[actix_rt::test]
async fn without_readers_nothing_is_gathered() {
    let board = Board::default();
    let call = post(&board, "id-1");
    drop(board.read(String::new(), false).expect("room"));
    call.tell(|news| news.take(WatchEvent::state("listening")));
    board.send(board.frame(clock::now()));
    assert!(!board.is_read());
    drop(call);
    assert!(board.frame(clock::now()).is_empty());
}

/// What readers of a busy service cost, as a share of one core: run it optimised, with `--ignored
/// --nocapture`. The sockets behind the readers are not in it.
#[actix_rt::test]
#[ignore = "a measurement: it prints a share and asserts nothing of it"]
async fn a_thousand_calls_for_fifty_readers() {
    let board = Board::default();
    let calls: Vec<Post> = (0..1_000).map(|n| post(&board, &format!("11111111-0000-4000-8000-{n:012}"))).collect();
    let mut readers: Vec<_> = (0..50).map(|_| Box::pin(board.read(String::new(), false).expect("room"))).collect();
    for reader in &mut readers {
        reader.next().await;
    }
    let (ticks, mut bytes) = (50_u32, 0);
    let start = clock::now();
    for tick in 0..ticks {
        for (n, call) in calls.iter().enumerate() {
            happen(call, n as u32, tick);
        }
        board.send(board.frame(clock::now()));
        for reader in &mut readers {
            bytes += reader.next().await.expect("a frame").expect("no error").len();
        }
    }
    let share = start.elapsed().as_secs_f64() / (EVERY * ticks).as_secs_f64();
    let each = bytes as f64 / 50.0 / (EVERY * ticks).as_secs_f64() / 1_000.0;
    eprintln!("1,000 calls, 50 readers: {:.2} % of a core, {each:.0} kB/s for each reader", 100.0 * share);
}

/// What happens on a call in one interval: the agent speaks half of the time, three words a second;
/// a turn takes some seconds.
fn happen(call: &Post, n: u32, tick: u32) {
    let at = n * 7 + tick;
    if at % 16 < 8 {
        let item = format!("item_{}", at / 16);
        let data = json!({ "speaker": "agent", "item": item, "text": "words of it ", "final": false });
        call.tell(|news| news.take(WatchEvent { event: "words", data }));
    }
    if at.is_multiple_of(4) {
        call.tell(|news| news.take(WatchEvent::state("speaking")));
    }
    if at.is_multiple_of(8) {
        let data = json!({ "turns": at / 8, "answer_ms": 540, "cost_usd": 0.0123 });
        call.tell(|news| news.take(WatchEvent { event: "changed", data }));
    }
}
