use super::*;

#[test]
fn an_unreadable_spend_file_is_not_taken_for_an_empty_day() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("spend.json");
    assert!(matches!(read_spend_store(&file), Ok(None)), "none yet");
    for broken in ["", " ", "\0\0\0\0", "garbage", "null", "[]", "{}", r#"{"day":"x"}"#, r#"{"day":1,"total"#] {
        fs::write(&file, broken).expect("written");
        let error = read_spend_store(&file).err().unwrap_or_else(|| panic!("{broken:?} is taken for a spend file"));
        assert!(error.to_string().contains("remove it"), "{error}");
        assert!(!error.to_string().contains("SpendStore"), "a name of the code: {error}");
    }
    let broken = r#"{"day":739000,"total_billionths":"5","killed":false,"callers":{}}"#;
    fs::write(&file, broken).expect("written");
    assert!(read_spend_store(&file).is_err(), "another type");
    fs::remove_file(&file).expect("removed");
    fs::create_dir(&file).expect("a folder");
    assert!(read_spend_store(&file).is_err(), "a folder in its place");
    #[cfg(unix)]
    {
        fs::remove_dir(&file).expect("removed");
        std::os::unix::fs::symlink(folder.path().join("gone"), &file).expect("a link");
        assert!(read_spend_store(&file).is_err(), "a link whose target is gone");
    }
}

#[test]
fn the_spend_file_is_written_atomically_in_order_and_privately() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("deep/er/spend.json");
    let mut writer = SpendWriter::new(Some(file.clone()));
    for day in 0..20 {
        let spend_store: SpendStore = serde_json::from_value(serde_json::json!({
            "day": day, "total_billionths": 1, "killed": false, "callers": {},
        }))
        .expect("a spend file");
        writer.write(&spend_store);
    }
    writer.flush();
    let text = fs::read_to_string(&file).expect("the spend file");
    assert!(text.contains(r#""day":19"#), "{text}");
    assert!(!file.with_extension("new").exists());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&file).expect("there").permissions().mode();
        assert_eq!(mode & 0o777 & !MODE, 0, "{mode:o}");
    }
}
