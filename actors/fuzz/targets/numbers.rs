//! Numbers as carriers, operators and SIP write them: `country\nnumber`. A number is always likely
//! to be itself, and its normal form is read as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use switchboard_actors::numbers::Numbering;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (country, written) = text.split_once('\n').unwrap_or(("", text));
    let numbering = Numbering::of(country).unwrap_or_default();
    let party = numbering.read(written);
    if let Some(number) = party.e164() {
        assert_eq!(numbering.read(number).e164(), Some(number), "{written:?}");
    }
    let _ = numbering.compare(written, "+919820000000");
    let _ = numbering.beginning(written);
});
