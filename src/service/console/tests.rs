use std::fs;
use std::path::Path;

use super::*;

#[test]
fn every_file_of_the_folder_is_served_and_together_they_are_light() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/service/console/page");
    let mut on_disk: Vec<String> = fs::read_dir(folder)
        .expect("the page's folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a plain name"))
        .collect();
    let mut served: Vec<&str> = FILES.iter().map(|file| file.name).collect();
    on_disk.sort();
    served.sort_unstable();
    assert_eq!(served, on_disk);
    let weight: usize = FILES.iter().map(|file| file.body.len()).sum();
    assert!(weight <= 250 * 1024, "{weight} bytes");
}

#[test]
fn the_page_has_no_inline_code_and_names_no_other_host() {
    for file in FILES.iter() {
        let text = std::str::from_utf8(file.body).expect("text");
        // The name of SVG's vocabulary is not an address that is asked.
        let text = text.replace("http://www.w3.org/2000/svg", "");
        for foreign in ["http://", "https://", "//cdn", "@import", "innerHTML", "eval("] {
            assert!(!text.contains(foreign), "{} has {foreign}", file.name);
        }
        if file.kind == HTML {
            for inline in ["<style", " style=", " onclick=", " onload=", "javascript:"] {
                assert!(!text.contains(inline), "{} has {inline}", file.name);
            }
            assert!(text.split("<script").skip(1).all(|script| script.contains("src=\"")), "a script without a file");
        }
    }
}
