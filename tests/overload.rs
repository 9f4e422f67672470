//! More callers than places: the number admitted is exact in every race, and the others get a
//! refusal.

mod common;

use std::collections::HashSet;
use std::time::Duration;

use common::{Running, start};
use futures_util::future::join_all;

/// Number of places.
const MOST: usize = 20;
/// Number of callers: 50 % more than places.
const CALLERS: usize = 30;
/// Number of rounds.
const ROUNDS: usize = 100;

#[actix_rt::test]
async fn the_count_admitted_is_exact_a_hundred_times_out_of_a_hundred() {
    let most = MOST.to_string();
    let running = start(&[("server.max_calls", &most), ("server.workers", "2")]).await;
    let base = running.service.public_url().to_string();
    let client = awc::Client::default();
    for round in 0..ROUNDS {
        let rings = join_all((0..CALLERS).map(|caller| ring(&client, &base, round, caller))).await;
        let admitted: Vec<usize> = (0..CALLERS).filter(|caller| rings[*caller].contains("<Stream")).collect();
        assert_eq!(admitted.len(), MOST, "round {round}");
        for (caller, answer) in rings.iter().enumerate() {
            let refused = answer.contains("<Say") && answer.contains("<Hangup/>");
            assert_eq!(refused, !admitted.contains(&caller), "round {round}: {answer}");
        }
        // Hang-ups and new callers race: each place is given once, and again only when it is free.
        let (gone, staying) = admitted.split_at(MOST / 2);
        let hang_ups = gone.iter().map(|caller| over(&client, &base, round, *caller));
        let again = (CALLERS..2 * CALLERS).map(|caller| ring(&client, &base, round, caller));
        let (_, late) = futures_util::future::join(join_all(hang_ups), join_all(again)).await;
        let late = late.iter().filter(|answer| answer.contains("<Stream")).count();
        assert!(late <= gone.len(), "round {round}: {late} got the {} places that became free", gone.len());
        let expected: HashSet<usize> = staying.iter().copied().collect();
        assert_eq!(expected.len(), MOST - gone.len());
        // Every place is freed for the next round.
        join_all((0..2 * CALLERS).map(|caller| over(&client, &base, round, caller))).await;
    }
    let Running { service, .. } = running;
    service.stop(Duration::ZERO).await;
}

async fn ring(client: &awc::Client, base: &str, round: usize, caller: usize) -> String {
    let form = [
        ("CallSid", call_sid(round, caller)),
        ("AccountSid", "AC00000000000000000000000000000000".to_owned()),
        ("From", "+15550100001".to_owned()),
        ("To", "+15550100002".to_owned()),
        ("CallStatus", "ringing".to_owned()),
        ("Direction", "inbound".to_owned()),
    ];
    let url = format!("{}/twilio/voice", base.trim_end_matches('/'));
    let mut answer = client.post(url).send_form(&form).await.expect("the service answers");
    assert_eq!(answer.status(), 200, "a caller is told in words that the carrier says");
    String::from_utf8(answer.body().await.expect("a body").to_vec()).expect("text")
}

/// Reports the end of a call, as the carrier does.
async fn over(client: &awc::Client, base: &str, round: usize, caller: usize) {
    let form = [("CallSid", call_sid(round, caller)), ("CallStatus", "completed".to_owned())];
    let url = format!("{}/twilio/status", base.trim_end_matches('/'));
    let answer = client.post(url).send_form(&form).await.expect("the service answers");
    assert_eq!(answer.status(), 204);
}

fn call_sid(round: usize, caller: usize) -> String {
    format!("CA{:032x}", round * 1_000 + caller)
}
