use super::*;

#[test]
fn punctuation_and_noise_descriptions_are_no_words() {
    for noise in [
        "",
        " ",
        ".",
        "…",
        "...",
        " - ",
        "—",
        "?!",
        "।",
        "、",
        "[BLANK_AUDIO]",
        "[ Silence ]",
        "(music)",
        "(music) .",
        "[inaudible]",
        "[inaudible 0:12]",
        "[00:01:07]",
        "(music, 12 s)",
        "<|12.50|>",
        "[శబ్దం 3]",
        "*cough*",
        "*cough* *cough*",
        "♪",
        "♪ la la la ♪",
        "♪♪",
        "🎵 tune 🎵",
        "<noise>",
        "<|nospeech|>",
        "{noise}",
        "（音楽）",
        "【拍手】",
        "[संगीत]",
        "👍",
        "🙂🙂",
        "🅰️",
        "🇮🇳",
        "ℹ️",
        "\u{FFFD}",
        "[BLANK",
        "(mus",
        "\"\"",
        "-- [laughs] --",
        "\u{200B}",
    ] {
        assert!(!holds_words(noise), "{noise:?}");
    }
}

#[test]
fn words_are_words_in_every_script_and_so_are_digits() {
    for said in [
        "yes",
        "Yes.",
        "7",
        "4 1 1",
        "७",
        "नमस्ते",
        "हाँ।",
        "ஆமா",
        "అవును",
        "അതെ",
        "ಹೌದು",
        "好",
        "はい",
        "نعم",
        "да",
        "ok 👍",
        "(music) hello?",
        "[inaudible] yes",
        "[inaudible 0:12] yes",
        "[speaker 1] 4",
        "I said (I think) no",
        "*cough* sorry",
        "**yes**",
        "no [laughs]",
        "½",
        "é",
        "- yes -",
    ] {
        assert!(holds_words(said), "{said:?}");
    }
}

#[test]
fn pieces_are_judged_together_and_the_last_is_everything() {
    let (mut pieces, item) = (Pieces::default(), ItemId::new("a"));
    assert!(!holds_words(pieces.join(&item, "[BLANK", false)));
    assert!(!holds_words(pieces.join(&item, "_AUDIO]", false)));
    assert!(holds_words(pieces.join(&item, " well", false)));
    assert_eq!(pieces.join(&item, "[BLANK_AUDIO]", true), "[BLANK_AUDIO]");
    assert_eq!(pieces.join(&ItemId::new("b"), "no", false), "no");
}

#[test]
fn what_is_joined_is_bounded() {
    let (mut pieces, item) = (Pieces::default(), ItemId::new("a"));
    for _ in 0..10_000 {
        pieces.join(&item, "[-", false);
    }
    assert!(pieces.text.len() <= LONGEST + 2);
}
