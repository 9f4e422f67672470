use super::*;

#[test]
fn a_minute_costs_what_the_price_list_says() {
    assert_eq!((caller_audio_tokens(60_000), model_audio_tokens(60_000)), (600, 1_200));
}

#[test]
fn cached_tokens_are_a_subset_in_steps_of_64() {
    let input = Tokens { text: 300, audio: 100 };
    let cached = input.cached(200);
    assert_eq!(cached.total(), 192);
    assert!(cached.text <= input.text && cached.audio <= input.audio);
    assert_eq!(input.cached(10_000).total(), 384);
    assert_eq!(Tokens::default().cached(64), Tokens::default());
}
