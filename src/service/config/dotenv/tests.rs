use super::*;

fn set(text: &str) -> Vec<(String, String)> {
    let lines = read(text.as_bytes(), &ours).expect("a file");
    let pair = |line| match line {
        Line::Set { name, value } => (name, value),
        Line::Bad { name, line, why } => panic!("{name} in line {line}: {why}"),
    };
    lines.into_iter().map(pair).collect()
}

fn value(line: &str) -> String {
    let found = set(&format!("KEY={line}"));
    assert_eq!(found.len(), 1, "{line}");
    found[0].1.clone()
}

fn bad(text: &str) -> Vec<(String, usize)> {
    let lines = read(text.as_bytes(), &ours).expect("a file");
    let lines = lines.into_iter().filter_map(|line| match line {
        Line::Bad { name, line, .. } => Some((name, line)),
        Line::Set { .. } => None,
    });
    lines.collect()
}

fn ours(name: &str) -> bool {
    name == "KEY" || name == "TOKEN"
}

#[test]
fn a_value_is_taken_as_it_is_written() {
    for (line, meant) in [
        ("pa$word1234$$xyz", "pa$word1234$$xyz"),
        ("${HOME}`id`$(id)", "${HOME}`id`$(id)"),
        (r"a\nb\\c", r"a\nb\\c"),
        (r#""a\nb$c""#, r"a\nb$c"),
        ("'single $quoted'", "single $quoted"),
        (r#""double quoted""#, "double quoted"),
        (r#""with # inside""#, "with # inside"),
        (r#""quoted" # a comment"#, "quoted"),
        ("plain # a comment", "plain"),
        ("pass#word", "pass#word"),
        ("a=b==", "a=b=="),
        ("  blanks around  ", "blanks around"),
        ("two words", "two words"),
        (r#"it's "fine""#, r#"it's "fine""#),
        (r#""a"b"#, r#""a"b"#),
        (r#"{"type": "x"}"#, r#"{"type": "x"}"#),
        ("\"\"", ""),
        ("", ""),
    ] {
        assert_eq!(value(line), meant, "{line}");
    }
}

#[test]
fn byte_order_marks_line_ends_exports_and_comments_are_stripped() {
    let text = "\u{FEFF}KEY=one\r\n# TOKEN=no\r\n\r\n  export TOKEN = two\r\nexport KEY\n";
    let pairs = [("KEY".to_owned(), "one".to_owned()), ("TOKEN".to_owned(), "two".to_owned())];
    assert_eq!(set(text), pairs);
}

#[test]
fn a_lone_carriage_return_ends_a_line_and_a_tab_follows_export() {
    let pairs =
        [("A".to_owned(), "1".to_owned()), ("KEY".to_owned(), "one".to_owned()), ("TOKEN".to_owned(), "2".to_owned())];
    assert_eq!(set("A=1\rKEY=one\rexport\tTOKEN=2\r"), pairs);
    assert_eq!(set("A=1\r\nKEY=one\r\nexport \t TOKEN=2"), pairs);
}

#[test]
fn utf_16_is_refused_with_and_without_its_mark() {
    let units: Vec<u16> = "KEY=one".encode_utf16().collect();
    let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
    let marked = |mark: [u8; 2], bytes: &[u8]| [&mark, bytes].concat();
    for bytes in [little.clone(), big.clone(), marked([0xFF, 0xFE], &little), marked([0xFE, 0xFF], &big)] {
        assert!(read(&bytes, &ours).is_err_and(|why| why.contains("UTF-16")), "{bytes:?}");
    }
}

#[test]
fn foreign_lines_of_a_dotenv_file_are_ignored() {
    let text = "COMPANY=Example Motors Pvt Ltd\nCREDS={\"type\": \"x\", \"id\": 1}\nJSON={\n \"a\": \"b=c\"\n}\n\
        just some words\n=nothing\n- yaml: yes\nPEM=\"-----BEGIN\nMIIE==\n-----END\"\nSTRAY='tis\nKEY=mine\n";
    let found = set(text);
    assert_eq!(found.iter().find(|(name, _)| name == "KEY").map(|(_, value)| value.as_str()), Some("mine"));
}

#[test]
fn a_line_of_ours_that_cannot_be_read_is_named_with_its_number() {
    let name = |name: &str, line| vec![(name.to_owned(), line)];
    assert_eq!(bad("A=1\nKEY sk-secret"), name("KEY", 2));
    assert_eq!(bad("KEY: sk-secret"), name("KEY", 1));
    assert_eq!(bad("\n\nKEY"), name("KEY", 3));
    for line in
        ["set KEY=sk-secret", "setenv KEY sk-secret", "declare -x KEY=\"sk-secret\"", "$env:KEY = \"sk-secret\""]
    {
        assert_eq!(bad(&format!("A=1\n{line}\nB=2")), name("KEY", 2), "{line}");
    }
    for line in ["KEY+=sk-secret", "- KEY=sk-secret", "SET KEY=sk-secret", "export -x KEY=sk-secret"] {
        assert_eq!(bad(line), name("KEY", 1), "{line}");
    }
    assert_eq!(bad("KEY=\"sk-secret\nA=1"), name("KEY", 1));
    assert_eq!(bad("A=1\nKEY='two\nlines'\nB=1"), name("KEY", 2));
    assert_eq!(bad("STRAY=\"oops\nKEY=mine\nA=\"x\""), name("KEY", 2));
    let mut bytes = b"B=\xFF\nKEY=".to_vec();
    bytes.push(0xFF);
    assert!(matches!(&read(&bytes, &ours).expect("a file")[..], [Line::Set { .. }, Line::Bad { line: 2, .. }]));
    assert!(read(&[0xFF, 0xFE, b'K', 0], &ours).is_err());
}
