use super::*;

#[test]
fn it_is_decided_once_and_an_operators_word_counts() {
    let with = |set: &'static [&str]| decided(move |key| set.iter().any(|name| key == *name).then(OsString::new));
    assert!(!with(&[]));
    assert!(!with(&["PATH", "GLIBC"]));
    assert!(with(&[TUNABLES]), "an operator's own tunables, even empty ones");
    assert!(with(&[ASKED]), "started once more, and the tunables were taken away");
}

#[test]
fn a_loader_is_not_started_in_our_place() {
    for loader in ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-2.31.so", "/usr/bin/ld.so"] {
        assert!(is_loader(Path::new(loader)), "{loader}");
    }
    for program in ["/usr/local/bin/switchboard", "/opt/ld/switchboard", "old-switchboard", "/"] {
        assert!(!is_loader(Path::new(program)), "{program}");
    }
}
