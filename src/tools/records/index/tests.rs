use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use switchboard_actors::erasure::Erasures;

use super::entry::Entry;
use super::keeper::stamp;
use super::store::{Store, Trouble};
use super::*;

#[actix_rt::test]
async fn pages_are_newest_first_and_meet_without_a_gap() {
    let dir = tempfile::tempdir().expect("a folder");
    // Several calls of one millisecond, and a clock that went back.
    let began = |n: i64| START + if n % 10 == 3 { 5 } else { n / 4 };
    let mut expected: Vec<(i64, String)> = (0..137).map(|n| (began(n), id(n))).collect();
    for n in 0..137 {
        file(dir.path(), n, &json!({ "call_start_time": began(n) }));
    }
    let index = RecordsIndex::start(dir.path()).expect("a thread");
    until(&index, 137).await;
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = index.page(Wanted { after, most: 10, ..Wanted::default() }).await.expect("a page");
        seen.extend(page.rows.iter().map(|row| {
            let row: Value = serde_json::from_str(row).expect("JSON");
            (row["started_at"].as_str().expect("a time").to_owned(), row["id"].as_str().expect("an id").to_owned())
        }));
        after = page.cursor;
        if after.is_none() {
            break;
        }
    }
    assert!(seen.is_sorted_by(|one, next| one.0 >= next.0), "{seen:?}");
    let mut ids: Vec<String> = seen.into_iter().map(|(_, id)| id).collect();
    ids.sort();
    expected.sort_by(|one, other| one.1.cmp(&other.1));
    assert_eq!(ids, expected.into_iter().map(|(_, id)| id).collect::<Vec<_>>());
}

#[actix_rt::test]
async fn filters_and_words_find_what_they_name() {
    let dir = tempfile::tempdir().expect("a folder");
    file(dir.path(), 1, &json!({ "agent": "sales", "ending": { "reason": "model_lost", "by": "service" } }));
    file(dir.path(), 2, &said("I would like the service slot on Thursday, please."));
    file(dir.path(), 3, &said("मैं गुरुवार को सर्विस स्लॉट चाहता हूँ। \u{958}लम"));
    file(dir.path(), 4, &said("வியாழக்கிழமை ஒரு நேரம் வேண்டும்"));
    file(dir.path(), 5, &said("എനിക്ക് അവന\u{d4d}\u{200d} വിളിക്കണം"));
    file(dir.path(), 6, &said("నాకు గురువారం కావాలి"));
    file(
        dir.path(),
        7,
        &json!({ "summary": "Wants a call back", "disposition": "call_back", "answers": { "plate": "MH12" } }),
    );
    let index = RecordsIndex::start(dir.path()).expect("a thread");
    until(&index, 7).await;
    for (text, found) in [
        ("thursday", vec![2]),
        ("THURS slot", vec![2]),
        ("\"slot on thursday\"", vec![2]),
        ("\"thursday slot\"", vec![]),
        // A beginning, a whole word with vowel signs, and a word that only shares letters.
        ("गुरु", vec![3]),
        ("सर्विस स्लॉट", vec![3]),
        ("सरवस", vec![]),
        ("\u{915}\u{93c}लम", vec![3]),
        ("வியாழக்கிழமை", vec![4]),
        ("അവ\u{d7b}", vec![5]),
        ("గురువారం", vec![6]),
        ("mh12", vec![7]),
        ("+919800000004", vec![4]),
        ("CA00005", vec![5]),
        ("nowhere", vec![]),
    ] {
        let wanted = Wanted { words: search(text), most: 50, ..Wanted::default() };
        assert_eq!(found_by(&index, wanted).await, found, "{text}");
    }
    let some = |text: &str| Some(text.to_owned());
    let most = 50;
    for (wanted, found) in [
        (Wanted { agent: some("sales"), most, ..Wanted::default() }, vec![1]),
        (Wanted { ending: some("model_lost"), most, ..Wanted::default() }, vec![1]),
        (Wanted { disposition: some("call_back"), most, ..Wanted::default() }, vec![7]),
        (Wanted { carrier: some("nobody"), most, ..Wanted::default() }, vec![]),
        (Wanted { from_ms: Some(START + 6), most, ..Wanted::default() }, vec![7, 6]),
        (Wanted { to_ms: Some(START + 2), most, ..Wanted::default() }, vec![2, 1]),
        (Wanted { words: search("thursday"), agent: some("sales"), most, ..Wanted::default() }, vec![]),
    ] {
        assert_eq!(found_by(&index, wanted.clone()).await, found, "{wanted:?}");
    }
    assert_eq!(index.find("CA00005").await, Ok(Some(named(5))));
    assert_eq!(index.find(&id(6)).await, Ok(Some(named(6))));
    assert_eq!(index.find("CA1").await, Ok(None));
}

#[actix_rt::test]
async fn a_call_that_ends_is_listed_and_one_that_is_erased_is_not() {
    let dir = tempfile::tempdir().expect("a folder");
    let index = RecordsIndex::start(dir.path()).expect("a thread");
    until(&index, 0).await;
    file(dir.path(), 1, &said("remember the marmalade"));
    file(dir.path(), 2, &said("and the biscuits"));
    [1, 2].iter().for_each(|n| index.filed(&dir.path().join(named(*n))));
    until(&index, 2).await;
    // As `records erase` does it.
    Erasures::of(dir.path()).mark(&id(1)).expect("a mark");
    fs::remove_file(dir.path().join(named(1))).expect("there");
    forget(dir.path(), &[named(1)]).expect("an index");
    until(&index, 1).await;
    // A service that was just reading it enters nothing.
    index.filed(&dir.path().join(named(1)));
    file(dir.path(), 1, &said("remember the marmalade"));
    index.filed(&dir.path().join(named(1)));
    let wanted = Wanted { words: search("marmalade"), most: 50, ..Wanted::default() };
    for _ in 0..10 {
        assert_eq!(found_by(&index, wanted.clone()).await, Vec::<i64>::new());
        actix_rt::time::sleep(Duration::from_millis(20)).await;
    }
    drop(index);
    for entry in fs::read_dir(dir.path().join(FOLDER)).expect("a folder") {
        let content = fs::read(entry.expect("an entry").path()).unwrap_or_default();
        assert!(!content.windows(9).any(|bytes| bytes == b"marmalade"), "what was erased is still on the disk");
    }
}

#[actix_rt::test]
async fn a_damaged_or_missing_index_is_made_anew() {
    let dir = tempfile::tempdir().expect("a folder");
    for n in 0..200 {
        file(dir.path(), n, &said("some words of this call"));
    }
    let folder = dir.path().join(FOLDER);
    let index = RecordsIndex::start(dir.path()).expect("a thread");
    until(&index, 200).await;
    drop(index);
    for damage in ["noise", "cut", "version", "gone"] {
        let path = fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        let path =
            path.into_iter().find(|path| path.extension().is_some_and(|end| end == "sqlite")).expect("a database");
        let content = fs::read(&path).expect("readable");
        match damage {
            "noise" => fs::write(&path, b"no database at all").expect("writable"),
            "cut" => fs::write(&path, &content[..content.len() / 2]).expect("writable"),
            "version" => {
                rusqlite::Connection::open(&path).expect("open").pragma_update(None, "user_version", 99).expect("set");
            }
            _ => fs::remove_dir_all(&folder).expect("there"),
        }
        let index = RecordsIndex::start(dir.path()).expect("a thread");
        until(&index, 200).await;
        let wanted = Wanted { words: search("words"), most: 500, ..Wanted::default() };
        assert_eq!(found_by(&index, wanted).await.len(), 200, "{damage}");
    }
}

#[actix_rt::test]
async fn a_running_service_changes_over_to_an_index_that_is_made_by_hand() {
    let dir = tempfile::tempdir().expect("a folder");
    file(dir.path(), 1, &said("one"));
    let index = RecordsIndex::start(dir.path()).expect("a thread");
    until(&index, 1).await;
    let mut made = Store::aside(&dir.path().join(FOLDER)).expect("a database");
    assert_eq!(found_by(&index, Wanted { most: 5, ..Wanted::default() }).await, [1], "unseen until it is complete");
    let record: Value = serde_json::from_slice(&fs::read(dir.path().join(named(1))).expect("a file")).expect("JSON");
    let stamp = stamp(&dir.path().join(named(1))).expect("a state");
    made.put(&[(named(1), stamp, Entry::of(&record, &named(1)))]).expect("room");
    made.publish().expect("room");
    file(dir.path(), 2, &said("two"));
    index.filed(&dir.path().join(named(2)));
    until(&index, 2).await;
    let databases = fs::read_dir(dir.path().join(FOLDER)).expect("a folder");
    let names: Vec<_> =
        databases.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect();
    assert!(names.iter().all(|name| name.starts_with("calls-2")), "{names:?}");
}

#[test]
fn a_record_of_another_producer_has_a_row_too() {
    let record = json!({ "ucid": "77", "id": "not ours", "timestamp": START, "transcripts": ["Hello"] });
    let entry = Entry::of(&record, "call_77_1760700000000_transcript.json");
    assert_eq!((entry.id.as_str(), entry.began_ms, entry.said.as_str()), ("77", START, "Hello\n"));
    let nameless = Entry::of(&json!({}), "call_x_1_transcript.json");
    assert_eq!((nameless.id.as_str(), nameless.began_ms), ("call_x_1", 0));
}

#[test]
fn two_processes_may_enter_the_same_record() {
    let dir = tempfile::tempdir().expect("a folder");
    let (mut one, mut other) = (Store::open(dir.path()).expect("one"), Store::open(dir.path()).expect("other"));
    let entry = Entry::of(&record(1, &json!({})), &named(1));
    for store in [&mut one, &mut other] {
        store.put(&[(named(1), (1, 1), entry.clone())]).expect("room");
    }
    let rows = one.page(&Wanted { most: 5, ..Wanted::default() }).expect("a page").rows;
    assert_eq!(rows.len(), 1);
    assert!(matches!(Store::open(Path::new("/proc/nowhere")), Err(Trouble::Failed(_))));
}

/// How long a page takes with 100,000 calls: run it with `--ignored --nocapture`.
#[test]
#[ignore = "a measurement: it prints times and asserts nothing of them"]
fn a_page_among_a_hundred_thousand_calls() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(dir.path()).expect("a database");
    for some in (0..100_000).collect::<Vec<i64>>().chunks(5_000) {
        let entry = |n: &i64| {
            let words = if n % 1_000 == 7 { "remember the marmalade" } else { "a service slot on thursday, please" };
            (named(*n), (1, 1), Entry::of(&record(*n, &said(words)), &named(*n)))
        };
        store.put(&some.iter().map(entry).collect::<Vec<_>>()).expect("room");
    }
    for (what, text, agent) in
        [("first", "", None), ("agent", "", Some("default")), ("rare", "marmalade", None), ("common", "thursday", None)]
    {
        let wanted = Wanted { words: search(text), agent: agent.map(str::to_owned), most: 50, ..Wanted::default() };
        let times = [(); 2].map(|()| {
            let began = std::time::Instant::now();
            assert_eq!(store.page(&wanted).expect("a page").rows.len(), 50, "{what}");
            began.elapsed()
        });
        eprintln!("{what}: {times:?}");
    }
}

async fn found_by(index: &RecordsIndex, wanted: Wanted) -> Vec<i64> {
    let page = index.page(wanted).await.expect("a page");
    let number = |row: &String| {
        let row: Value = serde_json::from_str(row).expect("JSON");
        row["carrier_call_id"].as_str().and_then(|id| id.strip_prefix("CA")?.parse().ok()).expect("a number")
    };
    page.rows.iter().map(number).collect()
}

/// Waits until the index has this many calls.
async fn until(index: &RecordsIndex, calls: usize) {
    for _ in 0..1_000 {
        let page = index.page(Wanted { most: 1_000, ..Wanted::default() }).await.expect("a page");
        if page.rows.len() == calls && index.waiting() == 0 {
            return;
        }
        actix_rt::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the index never had {calls} calls");
}

const START: i64 = 1_760_700_000_000;

fn id(n: i64) -> String {
    format!("11111111-0000-4000-8000-{n:012}")
}

fn named(n: i64) -> String {
    format!("call_CA{n:05}_{}_transcript.json", START + 60_000 + n)
}

fn said(words: &str) -> Value {
    json!({ "conversation": [{ "speaker": "user", "text": words }] })
}

fn record(n: i64, more: &Value) -> Value {
    let mut record = json!({
        "ucid": format!("CA{n:05}"), "id": id(n), "carrier": "a_carrier", "from": format!("+91980000000{n}"), "to": "+912250000000",
        "agent": "default", "call_start_time": START + n, "ending": { "reason": "caller_hung_up", "by": "caller" },
    });
    for (name, value) in more.as_object().expect("an object") {
        record[name] = value.clone();
    }
    record
}

fn file(dir: &Path, n: i64, more: &Value) {
    fs::write(dir.join(named(n)), record(n, more).to_string()).expect("writable");
}
