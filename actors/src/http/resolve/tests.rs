#![expect(clippy::disallowed_methods, reason = "the resolver's threads carry no calls, and one that is slow sleeps")]

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

#[actix_rt::test]
async fn a_name_is_asked_for_once_by_all_who_want_it() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    fn ask(_: &str) -> Result<Vec<IpAddr>, NotFound> {
        ASKED.fetch_add(1, Ordering::SeqCst);
        Ok(vec![IpAddr::from([192, 0, 2, 1])])
    }
    let wanted = || look_up_with("once.example", ask);
    let found = futures_util::future::join_all((0..50).map(|_| wanted())).await;
    assert!(found.iter().all(|found| found == &Ok(vec![IpAddr::from([192, 0, 2, 1])])));
    wanted().await.expect("kept");
    assert_eq!(ASKED.load(Ordering::SeqCst), 1);
}

#[actix_rt::test]
async fn a_resolver_that_is_slow_holds_few_threads() {
    static IN_USE: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    fn ask(_: &str) -> Result<Vec<IpAddr>, NotFound> {
        MOST.fetch_max(IN_USE.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(10));
        IN_USE.fetch_sub(1, Ordering::SeqCst);
        Err(NotFound::Unknown)
    }
    let names: Vec<_> = (0..100).map(|n| format!("n{n}.example")).collect();
    let found = futures_util::future::join_all(names.iter().map(|name| look_up_with(name, ask))).await;
    assert!(found.iter().all(|found| *found == Err(NotFound::Unknown)));
    assert!((1..=16).contains(&MOST.load(Ordering::SeqCst)), "{} threads", MOST.load(Ordering::SeqCst));
}

#[actix_rt::test]
async fn a_name_nobody_answers_for_holds_one_thread_however_often_it_is_asked() {
    static BEGUN: AtomicUsize = AtomicUsize::new(0);
    fn ask(_: &str) -> Result<Vec<IpAddr>, NotFound> {
        BEGUN.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(300));
        Err(NotFound::Unknown)
    }
    for _ in 0..10 {
        let asked = timeout(Duration::from_millis(10), look_up_with("silent.example", ask)).await;
        assert!(asked.is_err(), "nobody waits longer than they want to");
    }
    assert!(BEGUN.load(Ordering::SeqCst) <= 1);
    assert_eq!(look_up_with("silent.example", ask).await, Err(NotFound::Unknown));
    assert_eq!(look_up_with("silent.example", ask).await, Err(NotFound::Unknown), "what has failed is asked again");
    assert_eq!(BEGUN.load(Ordering::SeqCst), 2);
}

#[actix_rt::test]
async fn an_old_answer_is_better_than_none() {
    let address = vec![IpAddr::from([192, 0, 2, 2])];
    let old = clock::now().checked_sub(2 * FRESH).expect("a machine that runs for a minute");
    KEPT.with_borrow_mut(|kept| kept.insert("old.example".to_owned(), (address.clone(), old)));
    assert_eq!(look_up_with("old.example", |_| Err(NotFound::Unknown)).await, Ok(address));
    assert_eq!(look_up_with("new.example", |_| Err(NotFound::Unknown)).await, Err(NotFound::Unknown));
}

#[actix_rt::test]
async fn an_address_that_is_not_allowed_is_not_dialled() {
    for url in
        ["http://127.0.0.1/", "http://[::1]/", "http://localhost/", "http://[::ffff:127.0.0.1]/", "http://2130706433/"]
    {
        let url = Url::parse(url).expect("a URL");
        assert_eq!(reachable(&url, crate::tools::plan::is_public).await, Err(NotFound::Private), "{url}");
    }
}
