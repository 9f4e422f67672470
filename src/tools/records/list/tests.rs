use super::*;

#[test]
fn a_table_fits_its_room_by_leaving_columns_out_and_never_cuts_an_id_before() {
    let id = "CA0123456789abcdef0123456789abcdef";
    let line =
        |agent: &str| ["2026-11-29 03:00:00", "34.0 s", id, "…0001", agent, "model_lost", "pending"].map(str::to_owned);
    let lines = [line("sales"), line("विक्रय")];
    let wide = table(&lines, None);
    assert!(wide.starts_with("STARTED (UTC)        LASTED  CALL") && wide.contains("pending"), "{wide}");
    for room in [60, 80, 100] {
        let text = table(&lines, Some(room));
        assert!(text.lines().all(|line| columns(line) <= room), "{room}\n{text}");
        assert_eq!(text.contains(id), room >= 80, "{room}\n{text}");
        assert_eq!(text.contains("model_lost"), room >= 100 || (room == 80 && text.contains("model_lost")), "{text}");
    }
}

#[test]
fn since_is_so_long_ago_or_a_moment() {
    let now = DateTime::from_timestamp_millis(1_760_700_000_000).expect("a moment");
    assert_eq!(since("1h").map(|it| it.from(now).timestamp_millis()), Ok(1_760_696_400_000));
    assert_eq!(since("2025-10-17").map(|it| it.from(now).timestamp_millis()), Ok(1_760_659_200_000));
    assert_eq!(since("2025-10-17T11:20:00+05:30").map(|it| it.from(now).timestamp_millis()), Ok(1_760_680_200_000));
    assert!(since("yesterday").is_err_and(|problem| problem.contains("1h")));
}

#[test]
fn a_number_is_masked_but_for_its_end() {
    assert_eq!((masked("+919800000001").as_str(), masked("anonymous").as_str()), ("…0001", "-"));
}
