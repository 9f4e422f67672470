use super::*;

fn seen(list: &[(&str, u64)]) -> Vec<Seen> {
    list.iter().map(|(state, at_ms)| Seen { state: (*state).to_owned(), at_ms: *at_ms }).collect()
}

#[test]
fn the_timeline_tells_how_long_each_state_took() {
    let seen = seen(&[("Connecting", 100), ("Greeting", 300), ("Listening", 3300)]);
    let text = console::strip_ansi_codes(&states(&seen, Duration::from_millis(4000))).into_owned();
    assert_eq!(text, "Connecting 0.2 ▸ Greeting 3.0 ▸ Listening 0.7");
}

#[test]
fn a_long_timeline_shows_its_end() {
    let names: Vec<(String, u64)> = (0..9).map(|number| (format!("S{number}"), number * 1000)).collect();
    let list: Vec<(&str, u64)> = names.iter().map(|(name, at)| (name.as_str(), *at)).collect();
    let text = console::strip_ansi_codes(&states(&seen(&list), Duration::from_secs(9))).into_owned();
    assert!(text.starts_with("… S4") && text.ends_with("S8 1.0"), "{text}");
}

#[test]
fn a_voice_is_drawn_louder_when_it_is() {
    assert_eq!(strip([0.0, 1.0].into_iter()), "·█");
}
