use super::*;

#[test]
fn a_shortage_names_the_setting_and_both_numbers() {
    let problem = shortage(500, 1_024);
    assert!(
        problem.contains("server.max_calls is 500") && problem.contains("2100 open") && problem.contains("1024"),
        "{problem}"
    );
    assert_eq!(needed(usize::MAX), u64::MAX);
}

#[test]
fn idle_connections_fit_into_the_open_files_left_by_calls() {
    for (max_calls, allowed, expected) in [
        (200, Some(1_024), 64),
        (200, Some(2_000), 550),
        (200, Some(524_288), 4_096),
        (200, None, 4_096),
        (1_000, Some(1_024), 64),
        (usize::MAX, Some(u64::MAX), 64),
    ] {
        assert_eq!(share(max_calls, allowed), expected, "{allowed:?}");
    }
}
